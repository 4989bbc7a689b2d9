//! Queries as they come: several sorts and filters at once over a table with a column of every type that has an
//! order, filters that are nearly right, and filters that are nothing of the kind. Where the product answers
//! with rows and PostgreSQL takes the same condition, they are the same rows in the same order.

use crate::product::Mycorr;
use mycorr_testkit::{
    Cluster, Database,
    families::{FAMILIES, Family, SETUP, comparison, quoted},
};
use proptest::{
    prelude::{Strategy, any},
    strategy::ValueTree,
    test_runner::TestRunner,
};
use serde_json::Value;
use std::collections::HashMap;

const ROWS: usize = 500;

/// Random numbers: the same ones each time, or with `MYCORR_TEST_RANDOM` others in each run. What fails is printed
/// whole.
struct Random(TestRunner);

fn varied() -> bool {
    std::env::var_os("MYCORR_TEST_RANDOM").is_some()
}

impl Random {
    fn below(&mut self, end: usize) -> usize {
        any::<usize>().new_tree(&mut self.0).unwrap().current() % end
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    fn of(&mut self, strategy: impl Strategy<Value = String>) -> String {
        strategy.new_tree(&mut self.0).unwrap().current()
    }
}

/// The table `many`, with a column `c<n>` for each family, in which values repeat.
fn fill(database: &Database<'_>) {
    let columns: String = FAMILIES
        .iter()
        .enumerate()
        .map(|(at, family)| format!(", c{at} {}{}", family.pg_type, family.collate))
        .collect();
    let value = |Family { pg_type, odd, random, .. }: &Family| {
        let odd_ones = odd.iter().map(|odd| quoted(odd)).collect::<Vec<_>>().join(", ");
        format!(
            ", CASE WHEN random() < 0.1 THEN NULL WHEN random() < 0.5 THEN ((ARRAY[{odd_ones}])[1 + floor(random() * {})::int])::{pg_type} ELSE ({random})::{pg_type} END",
            odd.len()
        )
    };
    let values: String = FAMILIES.iter().map(value).collect();
    let seed = if varied() { "" } else { "SELECT setseed(0.25);" };
    database.sql(&format!(
        "{seed} SET TimeZone='UTC'; CREATE TABLE public.many (n int{columns}); INSERT INTO public.many SELECT n{values} FROM generate_series(1, {ROWS}) n; \
         CREATE FUNCTION public.answer(question text) RETURNS text LANGUAGE plpgsql AS \
           $$DECLARE answer text; BEGIN EXECUTE question INTO answer; RETURN coalesce(answer, ''); EXCEPTION WHEN OTHERS THEN RETURN 'refused'; END$$"
    ));
}

struct Question {
    sort: String,
    filters: Vec<String>,
    /// The same in SQL.
    conditions: Vec<String>,
    order: Vec<String>,
}

impl Question {
    fn sql(&self) -> String {
        let condition =
            if self.conditions.is_empty() { "true".into() } else { self.conditions.join(" AND ") };
        let order: String = self.order.iter().map(|key| format!("{key}, ")).collect();
        // Rows that are equal stay as they arrive: as they lie in the table, which is not as they were inserted.
        format!("SELECT string_agg(n::text, ' ' ORDER BY {order}ctid) FROM public.many WHERE {condition}")
    }
}

/// What PostgreSQL answers to each: the rows' numbers, or `refused`.
fn answers(database: &Database<'_>, questions: &[Question]) -> Vec<String> {
    let asked =
        questions.iter().map(|question| format!("SELECT public.answer({});\n", quoted(&question.sql())));
    let settings = "SET TimeZone='UTC'; SET DateStyle='ISO, MDY'; SET IntervalStyle='postgres'; SET bytea_output='hex'; SET extra_float_digits=1;\n";
    let answers = database.sql(&format!("{settings}{}", asked.collect::<String>()));
    let mut answers: Vec<String> = answers.split('\n').map(str::to_owned).collect();
    // Empty answers at the end are empty lines, which are cut off.
    answers.resize(questions.len(), String::new());
    answers
}

fn numbers(page: &Value) -> String {
    let rows = page["rows"].as_array().unwrap_or_else(|| panic!("{page:#}"));
    rows.iter().map(|row| row[0].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

const COMPARISONS: &[(&str, &str)] =
    &[("eq", "="), ("neq", "<>"), ("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<=")];

/// A value as a condition has it: of the type without its modifier, which would cut or round it first.
fn literal(value: &str, pg_type: &str) -> String {
    let plain = pg_type.split('(').next().unwrap_or(pg_type);
    format!("{}::{}", quoted(value), if plain == "char" { "bpchar" } else { plain })
}

/// A filter that both know, on column `at`, and its condition.
fn filter(random: &mut Random, at: usize, values: &[String]) -> (String, String) {
    let Family { pg_type, collate, .. } = &FAMILIES[at];
    let value = &values[random.below(values.len())];
    let one = |value: &str| literal(value, pg_type);
    match random.below(10) {
        0 => (format!("c{at}.is.null"), format!("c{at} IS NOT DISTINCT FROM NULL")),
        1 => (format!("c{at}.is.not_null"), format!("c{at} IS DISTINCT FROM NULL")),
        2 => {
            let some: Vec<&String> =
                (0..1 + random.below(4)).map(|_| &values[random.below(values.len())]).collect();
            let members =
                some.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect::<Vec<_>>();
            let list = some.iter().map(|value| one(value)).collect::<Vec<_>>().join(", ");
            (format!("c{at}.in.({})", members.join(",")), format!("c{at} IN ({list})"))
        }
        3 => {
            // Whatever the type, a pattern is held against what is shown.
            let letters: String = value.chars().filter(|char| char.is_alphanumeric()).take(3).collect();
            let pattern =
                format!("{}{letters}{}", random.one(&["*", "", "_", "%"]), random.one(&["*", "", "_", "%"]));
            let shown = format!("concat(c{at}) COLLATE \"und-x-icu\"");
            let (ours, sql) = if random.below(2) == 0 { ("like", "LIKE") } else { ("ilike", "ILIKE") };
            let condition = format!(
                "c{at} IS DISTINCT FROM NULL AND {shown} {sql} {}",
                quoted(&pattern.replace('*', "%"))
            );
            (format!("c{at}.{ours}.{pattern}"), condition)
        }
        _ => {
            let (ours, sql) = COMPARISONS[random.below(COMPARISONS.len())];
            let sql = comparison(pg_type, sql);
            (format!("c{at}.{ours}.{value}"), format!("c{at}{collate} {sql} {}", one(value)))
        }
    }
}

fn question(random: &mut Random, values: &[Vec<String>]) -> Question {
    let mut question = Question { sort: String::new(), filters: vec![], conditions: vec![], order: vec![] };
    let mut sorts: Vec<String> = Vec::new();
    for _ in 0..random.below(4) {
        let at = random.below(FAMILIES.len());
        if sorts.iter().any(|sort| sort.trim_start_matches('-') == format!("c{at}")) {
            continue;
        }
        let down = random.below(2) == 0;
        sorts.push(format!("{}c{at}", if down { "-" } else { "" }));
        question.order.push(format!("c{at}{}", if down { " DESC" } else { "" }));
    }
    question.sort = sorts.join(",");
    for _ in 0..random.below(4) {
        let at = random.below(FAMILIES.len());
        let (filter, condition) = filter(random, at, &values[at]);
        question.filters.push(filter);
        question.conditions.push(condition);
    }
    question
}

/// A comparison with a value that was right before some of its characters changed.
fn nearly(random: &mut Random, values: &[Vec<String>]) -> Question {
    let at = random.below(FAMILIES.len());
    let Family { pg_type, collate, .. } = &FAMILIES[at];
    let mut text: Vec<char> = values[at][random.below(values[at].len())].chars().collect();
    for _ in 0..1 + random.below(3) {
        let place = random.below(text.len() + 1);
        match random.below(3) {
            0 if place < text.len() => drop(text.remove(place)),
            1 if place < text.len() => {
                let from = random.below(text.len());
                text.swap(place, from);
            }
            _ => {
                let chars: Vec<char> = "0123456789+-.:eE TZBCinfaty'\\,x_".chars().collect();
                text.insert(place, chars[random.below(chars.len())]);
            }
        }
    }
    let text: String = text.into_iter().collect();
    let (ours, sql) = COMPARISONS[random.below(COMPARISONS.len())];
    let sql = comparison(pg_type, sql);
    Question {
        sort: String::new(),
        conditions: vec![format!("c{at}{collate} {sql} {}", literal(&text, pg_type))],
        filters: vec![format!("c{at}.{ours}.{text}")],
        order: vec![],
    }
}

fn parameters<'a>(sort: &'a str, filters: &'a [String]) -> Vec<(&'static str, &'a str)> {
    let filters = filters.iter().map(|filter| ("filter", filter.as_str()));
    [("limit", "1000"), ("sort", sort)].into_iter().chain(filters).collect()
}

#[tokio::test]
async fn whatever_is_asked_is_answered_as_by_postgresql() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(SETUP);
    fill(&database);
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let job = mycorr.import(&mycorr.model().await, &connection, "many").await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    let table = job["table_id"].as_str().unwrap();
    let all = mycorr.rows(table, &[("limit", "1000")]).await;
    let values: Vec<Vec<String>> = (1..=FAMILIES.len())
        .map(|at| {
            all["rows"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|row| row[at].as_str().map(str::to_owned))
                .collect()
        })
        .collect();

    let mut random = Random(if varied() { TestRunner::default() } else { TestRunner::deterministic() });
    let mut questions: Vec<Question> = (0..250).map(|_| question(&mut random, &values)).collect();
    let plain = questions.len();
    questions.extend((0..400).map(|_| nearly(&mut random, &values)));
    let theirs = answers(&database, &questions);
    assert_eq!(theirs.len(), questions.len());
    let mut both: HashMap<(bool, bool), usize> = HashMap::new();
    for (at, (question, theirs)) in questions.iter().zip(theirs).enumerate() {
        let (status, page) = mycorr.rows_or_not(table, &parameters(&question.sort, &question.filters)).await;
        let about = format!("sort={} filters={:?}: {}", question.sort, question.filters, question.sql());
        let refused = theirs == "refused";
        *both.entry((status.is_success(), !refused)).or_default() += 1;
        if at < plain {
            assert!(status.is_success() && !refused, "{about}: {page:#} {theirs}");
        }
        match status.is_success() {
            true if refused => {}
            true => assert_eq!(numbers(&page), theirs, "{about}"),
            false => assert_eq!(
                (status.as_u16(), &page["code"]),
                (422, &Value::from("invalid")),
                "{about}: {page:#}"
            ),
        }
    }
    assert!(both[&(true, true)] > plain && both.contains_key(&(false, false)), "{both:?}");

    // Nothing of the kind: any text at all, and pieces of the grammar in any order.
    for at in 0..400 {
        let text = match at % 2 {
            0 => random.of("\\PC{0,40}"),
            _ => {
                let pieces = [
                    "c1",
                    "c9",
                    "c18",
                    "n",
                    "\"",
                    "\"\"",
                    ".",
                    ",",
                    "(",
                    ")",
                    "eq",
                    "in",
                    "is",
                    "like",
                    "null",
                    "-",
                    "*",
                    "\\",
                    "NaN",
                    "\0",
                    "\u{feff}",
                    "1e999999999",
                    "-1",
                    "99999999999999999999",
                ];
                (0..random.below(9)).map(|_| random.one(&pieces)).collect()
            }
        };
        for (sort, filters) in [
            (text.as_str(), vec![]),
            ("", vec![text.clone()]),
            ("", vec![format!("c{}.eq.{text}", random.below(FAMILIES.len()))]),
        ] {
            let (status, page) = mycorr.rows_or_not(table, &parameters(sort, &filters)).await;
            assert!(status.is_success() || status.as_u16() == 422, "{sort:?} {filters:?}: {status} {page:#}");
        }
    }
}
