//! PostgreSQL itself says how values print, how they sort and which of them a comparison picks.

use crate::open;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    Int16Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use mycorr_domain::{
    Cell, ColumnType, Filter, FilterGroup, Operator, RowQuery, Snapshot, Sort, TableId, TableStore, output,
};
use mycorr_tables::{DeltaStore, WriteOptions};
use mycorr_testkit::{Cluster, Database, store_suite};
use proptest::{
    collection::vec,
    option::weighted,
    prelude::{Strategy, any, prop_oneof},
    sample::Index,
    strategy::{BoxedStrategy, Just, ValueTree},
    test_runner::TestRunner,
};
use std::sync::Arc;

/// A type of PostgreSQL's: how literals of it are made, and which of them the stored type holds itself.
struct Family {
    pg_type: &'static str,
    stored: ColumnType,
    literals: BoxedStrategy<String>,
}

fn families() -> Vec<Family> {
    use ColumnType::*;
    let few = || -8i64..8;
    let number = |digits: &'static str| {
        prop_oneof![
            4 => digits.prop_map(|text: String| text),
            2 => few().prop_map(|n| n.to_string()),
            1 => prop_oneof![Just("NaN"), Just("0.000"), Just("10.0")].prop_map(str::to_owned),
        ]
        .boxed()
    };
    let moment = || {
        prop_oneof![
            4 => "(19[0-9]{2}|20[0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])",
            1 => "(0[1-9][0-9]{2}|[1-9][0-9]{4})-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])",
        ]
    };
    let ends = || prop_oneof![Just("infinity"), Just("-infinity")].prop_map(str::to_owned);
    let clock = || "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,6})?)?";
    let era = || prop_oneof![9 => Just(""), 1 => Just(" BC")];
    let instant = (moment(), clock(), era())
        .prop_map(move |(day, clock, era)| dated(&day, &format!(" {clock}"), era))
        .boxed();
    let far = Just("294276-12-31 23:59:59.999999".to_owned());
    let zone = "[+-](0[0-9]|1[0-5])(:[0-5][0-9])?";
    let words = "[ aAbBäÄ%_\\\\\\*'\"é🐘]{0,5}";
    let of = |pg_type, stored, literals| Family { pg_type, stored, literals };
    vec![
        of("boolean", Boolean, any::<bool>().prop_map(|b| b.to_string()).boxed()),
        of("smallint", Int16, any::<i16>().prop_map(|n| n.to_string()).boxed()),
        of("integer", Int32, prop_oneof![any::<i32>(), -8..8].prop_map(|n| n.to_string()).boxed()),
        of("bigint", Int64, any::<i64>().prop_map(|n| n.to_string()).boxed()),
        of("real", Float32, any::<u32>().prop_map(|bits| special(f32::from_bits(bits).into())).boxed()),
        of(
            "double precision",
            Float64,
            prop_oneof![
                any::<u64>().prop_map(|bits| special(f64::from_bits(bits))),
                few().prop_map(|n| n.to_string()),
                Just("-0".to_owned())
            ]
            .boxed(),
        ),
        of("numeric(9,3)", Decimal { precision: 9, scale: 3 }, number("-?[0-9]{1,6}\\.[0-9]{3}")),
        of("numeric(38,10)", Decimal { precision: 38, scale: 10 }, number("-?[0-9]{1,28}\\.[0-9]{10}")),
        of(
            "numeric",
            Numeric,
            prop_oneof![
                number("-?[0-9]{1,60}(\\.[0-9]{0,60})?"),
                number("-?[0-9]e-?[1-9][0-9]{0,2}"),
                ends()
            ]
            .boxed(),
        ),
        of(
            "date",
            Date,
            prop_oneof![6 => (moment(), era()).prop_map(move |(day, era)| dated(&day, "", era)), 1 => ends()]
                .boxed(),
        ),
        of("timestamp", Timestamp, prop_oneof![6 => instant.clone(), 1 => ends(), 1 => far.clone()].boxed()),
        of("timestamp without time zone", Timestamp, instant.clone()),
        of("timestamptz", TimestampTz, prop_oneof![6 => instant, 1 => ends(), 1 => far].boxed()),
        of(
            "time",
            Time,
            prop_oneof![9 => clock().prop_map(|t: String| t), 1 => Just("24:00".to_owned())].boxed(),
        ),
        of(
            "timetz",
            TimeTz,
            prop_oneof![(clock(), zone).prop_map(|(t, z)| t + &z), "1[0-2]:00[+-]0[0-2]"].boxed(),
        ),
        of(
            "interval",
            Interval,
            (few(), few(), -50i64..50, few())
                .prop_map(|(y, m, d, h)| format!("{y} years {m} months {d} days {h} hours"))
                .boxed(),
        ),
        of("uuid", Uuid, "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}".boxed()),
        of("bytea", Bytea, vec(any::<u8>(), 0..4).prop_map(|b| format!("\\x{}", hex::encode(b))).boxed()),
        of("text", Text, words.boxed()),
        of("character(6)", Char, words.boxed()),
    ]
}

/// PostgreSQL's years end in 4714 BC.
fn dated(day: &str, rest: &str, era: &str) -> String {
    let era = if day.len() == "2000-01-01".len() { era } else { "" };
    format!("{day}{rest}{era}")
}

fn special(value: f64) -> String {
    if value.is_nan() { "NaN".into() } else { format!("{value:e}").replace("inf", "Infinity") }
}

/// What PostgreSQL printed, stored as the import would, and the companion if a value needs it.
fn stored(stored: ColumnType, texts: &[Option<String>]) -> (ArrayRef, Option<BinaryArray>) {
    fn parsed<T: std::str::FromStr>(texts: &[Option<String>]) -> Vec<Option<T>> {
        texts.iter().map(|text| text.as_ref().and_then(|text| text.parse().ok())).collect()
    }
    let native: ArrayRef = match stored {
        ColumnType::Boolean => {
            Arc::new(texts.iter().map(|text| text.as_ref().map(|t| t == "t")).collect::<BooleanArray>())
        }
        ColumnType::Int16 => Arc::new(Int16Array::from(parsed(texts))),
        ColumnType::Int32 => Arc::new(Int32Array::from(parsed(texts))),
        ColumnType::Int64 => Arc::new(Int64Array::from(parsed(texts))),
        ColumnType::Float32 => Arc::new(Float32Array::from(parsed(texts))),
        ColumnType::Float64 => Arc::new(Float64Array::from(parsed(texts))),
        ColumnType::Decimal { precision, scale } => {
            let units = texts.iter().map(|text| text.as_ref()?.replace('.', "").parse().ok());
            let array = units.collect::<Decimal128Array>();
            Arc::new(array.with_precision_and_scale(precision, scale as i8).unwrap())
        }
        ColumnType::Date => Arc::new(texts.iter().map(|text| days(text.as_ref()?)).collect::<Date32Array>()),
        ColumnType::Timestamp | ColumnType::TimestampTz => {
            let array: TimestampMicrosecondArray = texts.iter().map(|text| micros(text.as_ref()?)).collect();
            match stored {
                ColumnType::TimestampTz => Arc::new(array.with_timezone("UTC")),
                _ => Arc::new(array),
            }
        }
        ColumnType::Bytea => {
            Arc::new(texts.iter().map(|text| hex::decode(&text.as_ref()?[2..]).ok()).collect::<BinaryArray>())
        }
        _ => Arc::new(StringArray::from(texts.to_vec())),
    };
    let exact: BinaryArray = (0..texts.len())
        .map(|row| texts[row].as_ref().filter(|_| native.is_null(row)).map(String::as_bytes))
        .collect();
    (native, (exact.null_count() < exact.len()).then_some(exact))
}

/// By chrono, so that our own calendar is not its own judge.
fn days(text: &str) -> Option<i32> {
    let (text, era) = text.strip_suffix(" BC").map_or((text, false), |text| (text, true));
    let mut parts = text.split('-').map(|part| part.parse::<i32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let date = chrono::NaiveDate::from_ymd_opt(if era { 1 - year } else { year }, month as u32, day as u32)?;
    Some(date.signed_duration_since(chrono::NaiveDate::default()).num_days() as i32)
}

fn micros(text: &str) -> Option<i64> {
    let (text, era) = text.strip_suffix(" BC").map_or((text, ""), |text| (text, " BC"));
    let (day, clock) = text.trim_end_matches("+00").split_once(' ')?;
    let clock = clock.parse::<chrono::NaiveTime>().ok()?;
    let of_day = clock.signed_duration_since(chrono::NaiveTime::MIN).num_microseconds()?;
    i64::from(days(&format!("{day}{era}"))?).checked_mul(86_400_000_000)?.checked_add(of_day)
}

/// A query both ways: the store's sort and filters, and PostgreSQL's.
struct Question {
    sort: &'static str,
    filters: Vec<FilterGroup>,
    condition: String,
    order: &'static str,
}

async fn ours(store: &DeltaStore, at: &Snapshot, question: &Question) -> Vec<usize> {
    let sort = Sort::parse_list(question.sort).unwrap();
    let query = RowQuery { offset: 0, limit: 1000, sort, filters: question.filters.clone(), columns: None };
    let row = |row: Vec<Cell>| match &row[1] {
        Cell::Text(text) => text.parse().unwrap(),
        other => panic!("{other:?}"),
    };
    store.page(at, &query).await.unwrap().rows.into_iter().map(row).collect()
}

/// The rows' numbers that PostgreSQL answers to each question.
fn theirs(database: &Database<'_>, table: &str, questions: &[Question]) -> Vec<Vec<usize>> {
    let sql: String = questions
        .iter()
        .map(|Question { condition, order, .. }| {
            format!(
                "SELECT concat('rows ', string_agg(row::text, ' ' ORDER BY {order})) FROM \"{table}\" WHERE {condition};\n"
            )
        })
        .collect();
    let answers = database.sql(&sql);
    // Each answer begins with a word: what is printed loses empty lines at its end.
    let rows = |line: &str| line.split_whitespace().skip(1).map(|row| row.parse().unwrap()).collect();
    answers.lines().map(rows).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_agrees() {
    let database = Database::create(Cluster::shared());
    let folder = tempfile::tempdir().unwrap();
    let mut runner = TestRunner::default();
    for family in families() {
        let make = (vec(weighted(0.9, &family.literals), 1..120), vec(any::<Index>(), 6));
        let (literals, picks) = make.new_tree(&mut runner).unwrap().current();
        check(&database, folder.path(), &family, &literals, &picks).await;
    }
}

async fn check(
    database: &Database<'_>,
    folder: &std::path::Path,
    family: &Family,
    literals: &[Option<String>],
    picks: &[Index],
) {
    let Family { pg_type, stored: as_stored, .. } = *family;
    let collate =
        if matches!(as_stored, ColumnType::Text | ColumnType::Char) { " COLLATE \"C\"" } else { "" };
    let name = format!("values of {pg_type}");
    let rows: Vec<_> = literals
        .iter()
        .enumerate()
        .map(|(row, literal)| match literal {
            Some(literal) => format!("({row}, $q${literal}$q$)"),
            None => format!("({row}, NULL)"),
        })
        .collect();
    database.sql(&format!(
        "CREATE TABLE \"{name}\" (row integer, v {pg_type}{collate}); INSERT INTO \"{name}\" VALUES {};",
        rows.join(",")
    ));
    let printed = database.sql(&format!("SELECT v IS NULL, v FROM \"{name}\" ORDER BY row;"));
    let texts: Vec<Option<String>> =
        printed.lines().map(|line| line.strip_prefix("f|").map(str::to_owned)).collect();
    assert_eq!(texts.len(), literals.len());

    let columns = store_suite::columns(&[("v", as_stored), ("row", ColumnType::Int32)]);
    let (native, exact) = stored(as_stored, &texts);
    let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(0..texts.len() as i32));
    let exact = exact.map(|exact| ("v", exact));
    let batch = store_suite::batch(&columns, vec![native, numbers], texts.len(), exact.as_slice());
    let store = open(folder).with_write_options(WriteOptions { group_rows: 50, ..WriteOptions::default() });
    let table = TableId::new();
    let at =
        store_suite::snapshot(table, store_suite::write(&store, table, &columns, [batch]).await, &columns);

    let page = store.page(&at, &RowQuery { limit: 1000, ..RowQuery::default() }).await.unwrap();
    let cells: Vec<_> = page.rows.into_iter().map(|mut row| row.swap_remove(0)).collect();
    let want: Vec<_> = texts.iter().map(|text| text.clone().map_or(Cell::Null, Cell::Text)).collect();
    assert_eq!(cells, want, "{pg_type}");

    let question = |sort, order| Question { sort, filters: vec![], condition: "true".into(), order };
    let mut questions = vec![
        question("v", "v ASC, row"),
        question("-v", "v DESC, row"),
        question("-v,-row", "v DESC, row DESC"),
    ];
    let known: Vec<_> = texts.iter().flatten().collect();
    for pick in picks.iter().filter(|_| !known.is_empty()) {
        let value = known[pick.index(known.len())];
        // A star is a per cent sign of ours, and a backslash at the end is refused by both.
        let pattern = as_stored == ColumnType::Text && !value.contains('*') && !value.ends_with('\\');
        for (operator, sql) in [
            (Operator::Eq, "="),
            (Operator::Neq, "<>"),
            (Operator::Gt, ">"),
            (Operator::Gte, ">="),
            (Operator::Lt, "<"),
            (Operator::Lte, "<="),
            (Operator::Like, "LIKE"),
        ] {
            if operator != Operator::Like || pattern {
                let filter = Filter { column: "v".into(), operator, values: vec![value.clone()] };
                let alone = format!("v {sql} $q${value}$q$");
                // Beside alternatives that are true, false and unknown elsewhere.
                let quoted = filter.to_string().replace('"', "\"\"");
                let or = FilterGroup::parse(&format!("or.(\"{quoted}\",row.lt.9)")).unwrap();
                let null = FilterGroup::parse("or.(v.is.null,row.gte.4)").unwrap();
                for (filters, condition) in [
                    (vec![filter.into()], alone.clone()),
                    (vec![or.clone()], format!("{alone} OR row < 9")),
                    (vec![or, null], format!("({alone} OR row < 9) AND (v IS NULL OR row >= 4)")),
                ] {
                    questions.push(Question { sort: "", filters, condition, order: "row" });
                }
            }
        }
    }
    let answers = theirs(database, &name, &questions);
    assert_eq!(answers.len(), questions.len());
    for (question, answer) in questions.iter().zip(answers) {
        let Question { condition, order, .. } = question;
        let ours = ours(&store, &at, question).await;
        assert_eq!(ours, answer, "{pg_type} WHERE {condition} ORDER BY {order}: {texts:?}");
    }
}

/// Random bits, powers of two and their neighbours, whole numbers, and decimals that lie between two values.
#[test]
fn floats_print_alike() {
    let mut runner = TestRunner::default();
    let mut random = || any::<u64>().new_tree(&mut runner).unwrap().current();
    let mut doubles: Vec<f64> =
        (0..2046u64).flat_map(|e| [e << 52, (e << 52) + 1]).map(f64::from_bits).collect();
    let mut singles: Vec<f32> =
        (0..254u32).flat_map(|e| [e << 23, (e << 23) + 1]).map(f32::from_bits).collect();
    for at in 0..10_000 {
        let digits = random() % 10u64.pow(1 + at % 17);
        let exponent = random() as i32 % 40;
        doubles.push(f64::from_bits(random()));
        doubles.push(format!("{digits}e{exponent}").parse().unwrap());
        doubles.push((random() >> (random() % 64)) as f64);
        singles.push(f32::from_bits(random() as u32));
        singles.push(format!("{}e{}", digits % 10_000_000, exponent / 3).parse().unwrap());
    }
    doubles.retain(|value| value.is_finite());
    singles.retain(|value| value.is_finite());
    let doubles = doubles.iter().map(|value| {
        let mut text = String::new();
        output::float8(&mut text, *value);
        (format!("('{value:e}'::float8::text)"), text)
    });
    let singles = singles.iter().map(|value| {
        let mut text = String::new();
        output::float4(&mut text, *value);
        (format!("('{value:e}'::float4::text)"), text)
    });
    let (literals, want): (Vec<_>, Vec<_>) = doubles.chain(singles).unzip();
    let sql = format!("VALUES {};", literals.join(","));
    let got = Cluster::shared().sql(&sql);
    for ((got, want), literal) in got.lines().zip(&want).zip(&literals) {
        assert_eq!(got, want, "{literal}");
    }
    assert_eq!(got.lines().count(), want.len());
}
