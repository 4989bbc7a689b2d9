//! Keys against the server: of every type that has an order, of values at its borders and at random, however they are
//! spelled. And the test against itself: with wrong keys, it fails for every type.

use super::SortKey;
use mycorr_domain::{Collation, RangeTree, Scalar, TypeTree};
use mycorr_testkit::{
    Cluster, Database,
    families::{FAMILIES, Family, SETUP, quoted},
};

fn collation() -> Collation {
    Collation { name: "C".into(), provider: 'c', locale: Some("C.UTF-8".into()), deterministic: true }
}

fn tree(pg_type: &str) -> TypeTree {
    let level = || TypeTree::Enum(["low", "medium", "high", "a peak"].map(str::to_owned).into());
    let text = || TypeTree::Text(collation());
    let pair = || TypeTree::Record(vec![TypeTree::Scalar(Scalar::Int4), text(), level()]);
    let range = |subtype| RangeTree { subtype: TypeTree::Scalar(subtype), discrete: true };
    let multirange = |subtype, discrete| {
        TypeTree::Multirange(Box::new(RangeTree { subtype: TypeTree::Scalar(subtype), discrete }))
    };
    match pg_type {
        "public.level" => level(),
        "public.address" => TypeTree::Scalar(Scalar::Inet),
        "public.level[]" => TypeTree::array(level(), ','),
        "public.pair" => pair(),
        "public.pair[]" => TypeTree::array(pair(), ','),
        "public.textrange" => TypeTree::Range(RangeTree { subtype: text(), discrete: false }.into()),
        "int4range" => TypeTree::Range(range(Scalar::Int4).into()),
        "int4multirange" => multirange(Scalar::Int4, true),
        "nummultirange" => multirange(Scalar::Numeric, false),
        "public.citext" => TypeTree::Citext { lower: collation(), collation: collation() },
        "text[]" => TypeTree::array(text(), ','),
        "text" | "varchar(20)" | "name" | "jsonb" => {
            TypeTree::built_in(pg_type.split('(').next().unwrap(), &collation())
        }
        "char(5)" => TypeTree::Bpchar(collation()),
        _ => match pg_type.strip_prefix("public.") {
            Some(name @ ("isbn" | "ean13" | "ismn" | "issn" | "upc")) => TypeTree::of_extension("isn", name),
            Some(name) => TypeTree::of_extension(name, name),
            None => TypeTree::of_name(pg_type),
        },
    }
}

/// Texts and the places of their values in PostgreSQL's order; equal values have the same place.
type Placed = Vec<(String, u32)>;

/// Lines of hexadecimal text and place.
fn placed(database: &Database<'_>, select: &str) -> Placed {
    let settings =
        "SET TimeZone='UTC'; SET IntervalStyle='postgres'; SET lc_monetary='C'; SELECT setseed(0.5) IS NULL;";
    let answer = database.sql(&format!("{settings} {select}"));
    let line = |line: &str| {
        let (text, place) = line.split_once('|')?;
        Some((String::from_utf8(hex::decode(text).unwrap()).unwrap(), place.parse().unwrap()))
    };
    answer.lines().filter_map(line).collect()
}

/// The values as they are put in and as they are printed, and in a row of two of them.
fn values(database: &Database<'_>, family: &Family) -> (Placed, Placed) {
    let Family { pg_type, odd, random, collate } = family;
    let odd: Vec<_> = odd.iter().map(|odd| format!("({0}, {0}::{pg_type})", quoted(odd))).collect();
    let odd = odd.join(", ");
    let hex = |text: &str| format!("encode(convert_to({text}, 'UTF8'), 'hex')");
    let all = format!(
        "WITH drawn AS MATERIALIZED (SELECT ({random})::{pg_type} AS v FROM generate_series(1, 60)), \
         given(t, v) AS MATERIALIZED (VALUES {odd}), \
         every(t, v) AS MATERIALIZED (SELECT t::text, v FROM given UNION ALL SELECT concat(v), v FROM given UNION ALL SELECT concat(v), v FROM drawn)"
    );
    let alone = format!("{all} SELECT {}, dense_rank() OVER (ORDER BY v{collate}) FROM every", hex("t"));
    let pairs = format!(
        "{all}, pairs AS (SELECT ROW(a.v, b.v) AS p FROM every a, every b WHERE random() < 0.02) \
         SELECT {}, dense_rank() OVER (ORDER BY p) FROM pairs",
        hex("p::text")
    );
    (placed(database, &alone), placed(database, &pairs))
}

/// The first two texts whose keys do not compare as their values do.
fn fault(placed: &Placed, key: impl Fn(&str) -> Option<Vec<u8>>) -> Option<String> {
    let keys: Vec<_> = placed.iter().map(|(text, _)| key(text)).collect();
    if let Some(at) = keys.iter().position(Option::is_none) {
        return Some(format!("{:?} is not read", placed[at].0));
    }
    for (a, (text, place)) in placed.iter().enumerate() {
        for (b, (other, other_place)) in placed.iter().enumerate().take(a) {
            if keys[a].cmp(&keys[b]) != place.cmp(other_place) {
                return Some(format!("{text:?} and {other:?}: {:?} {:?}", keys[a], keys[b]));
            }
        }
    }
    None
}

fn key(of: &SortKey, text: &str) -> Option<Vec<u8>> {
    let mut key = Vec::new();
    of.write(text, &mut key).map(|()| key)
}

#[test]
fn keys_compare_as_postgresql_compares_and_wrong_keys_are_found() {
    let database = Database::create(Cluster::shared());
    database.sql(SETUP);
    let mut faults = Vec::new();
    for family in FAMILIES.iter() {
        let tree = tree(family.pg_type);
        assert_ne!(tree, TypeTree::Unordered, "{}", family.pg_type);
        let (alone, pairs) = values(&database, family);
        let of = SortKey::new(&tree);
        let of_pair = SortKey::new(&TypeTree::Record(vec![tree.clone(), tree]));
        let right = |text: &str| key(&of, text);
        let found = fault(&alone, right).or_else(|| fault(&pairs, |text| key(&of_pair, text)));
        faults.extend(found.map(|fault| format!("{}: {fault}", family.pg_type)));

        // Faults on purpose.
        type Wrong<'a> = (&'static str, &'a dyn Fn(&str) -> Option<Vec<u8>>);
        let wrong: [Wrong<'_>; 4] = [
            ("the letters", &|text| Some(text.as_bytes().into())),
            ("downwards", &|text| right(text).map(|key| key.iter().map(|byte| !byte).collect())),
            ("all equal", &|_| Some(Vec::new())),
            ("none equal", &|text| {
                right(text).map(|mut key| {
                    key.extend(text.as_bytes());
                    key
                })
            }),
        ];
        // Of text in the C collation, and of paths of plain labels, the letters are the order.
        let by_letters = matches!(family.pg_type, "text" | "varchar(20)" | "name" | "public.ltree");
        let has_spellings =
            alone.iter().any(|(a, place)| alone.iter().any(|(b, other)| a != b && place == other));
        for (what, wrong) in wrong {
            let in_vain = (what == "the letters" && by_letters) || (what == "none equal" && !has_spellings);
            if !in_vain && fault(&alone, wrong).is_none() {
                faults.push(format!("{}: keys by {what} are not found", family.pg_type));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_is_no_value_has_no_key() {
    for (pg_type, bad) in [
        ("public.level", &["Low", "", "lowest"][..]),
        ("money", &["x", "1.2.3", "$9223372036854775808"]),
        ("inet", &["10.0.0", "10.0.0.256", "10.0.0.1/33", "::1/129", "x", "1.2.3.4/"]),
        ("cidr", &["10.0.0.1/8", "10.0.0.0/33"]),
        ("macaddr", &["08:00:2b:01:02", "08:00:2b:01:02:03:04", "0g:00:2b:01:02:03"]),
        ("pg_lsn", &["1", "1/", "/1", "123456789/0", "g/0"]),
        ("xid8", &["x"]),
        ("tid", &["1,2", "(1,65536)"]),
        ("varbit", &["2", "xg"]),
        (
            "jsonb",
            &[
                "",
                "{",
                "{a:1}",
                "[1,]",
                "01",
                "nul",
                "\"\\ud800\"",
                "\"\\u0000\"",
                "1 2",
                "[1}",
                "'a'",
                "{\"a\"}",
            ],
        ),
        ("int4range", &["[1,2", "[3,1]", "1,2", "[a,b)", "[1,2147483647]", "[1,2)x"]),
        ("int4multirange", &["[1,2)", "{[1,2),}", "{1}"]),
        ("integer[]", &["", "{1", "{1,}", "{a}", "{{1},2}", "{1}x", "[1:3]={1,2}", "{1,{2}}"]),
        ("public.pair", &["(1,a)", "(1,a,low,x)", "1,a,low", "(x,a,low)", "(1,a,lower)"]),
        ("tsvector", &["'a", "a:0", "a:x"]),
        ("public.ltree", &["a..b", ".a", "a b"]),
        ("public.cube", &["(1,2", "(1),(1,2)", "x"]),
        ("public.seg", &["x", "..", "2 .. 1"]),
        ("public.hstore", &["a", "a=>", "=>"]),
        ("public.isbn", &["0-393-04002-1", "x", ""]),
    ] {
        let of = SortKey::new(&tree(pg_type));
        for text in bad {
            assert_eq!(key(&of, text), None, "{pg_type}: {text:?}");
        }
        assert!(key(&of, &of.example()).is_some(), "{pg_type}: {}", of.example());
    }
}

/// Texts whose letters, marks, cases and signs decide at each level of a collation.
const TEXTS: &[&str] = &[
    "", "a", "A", "ä", "Ä", "a\u{308}", "aa", "Aa", "aA", "az", "Zebra", "zoo", "apple", "Äpfel", "Apfel",
    "10", "9", "010", "_x", "-x", "x-y", "xy", "x y", "ß", "ss", "SS", "œ", "oe", "ø", "o", "ö", "Ö", "å",
    "z", "ch", "ci", "cz", "ñ", "n", "nz", "é", "e", "côte", "coté", "cote", "côté", "日", "本", "ア", "あ",
    "я", "Ж", "α", "Ω", "ﬀ", "ff", "👩", "\u{200d}", "ı", "i", "I", "İ", "$1", "€1", "a'b", "a.b", "ab",
    "AB", "Ab", "aB",
];

#[test]
fn text_compares_as_its_icu_collation_compares() {
    let database = Database::create(Cluster::shared());
    database.sql("CREATE TABLE words (t text)");
    let words: Vec<_> = TEXTS.iter().map(|text| format!("({})", quoted(text))).collect();
    database.sql(&format!("INSERT INTO words VALUES {}", words.join(", ")));
    database.sql(
        "SELECT setseed(0.5); INSERT INTO words SELECT a.t || b.t || c.t FROM words a, words b, words c WHERE random() < 0.001 LIMIT 200",
    );
    let mut faults = Vec::new();
    for (at, (locale, deterministic)) in [
        ("und", true),
        ("de", true),
        ("de-u-co-phonebk", true),
        ("sv", true),
        ("da", true),
        ("es-u-co-trad", true),
        ("fr-CA", true),
        ("tr", true),
        ("cs", true),
        ("zh", true),
        ("ja", true),
        ("en-US-u-kn-true", true),
        ("en-u-kf-upper", true),
        ("und-u-ka-shifted", true),
        ("und-u-ks-level1", false),
        ("und-u-ks-level2", false),
        ("und-u-ks-level1-kc-true", false),
        ("und-u-ks-level2", true),
    ]
    .into_iter()
    .enumerate()
    {
        database.sql(&format!(
            "CREATE COLLATION of_{at} (provider = icu, locale = '{locale}', deterministic = {deterministic})"
        ));
        let placed = placed(
            &database,
            &format!(
                "SELECT encode(convert_to(t, 'UTF8'), 'hex'), dense_rank() OVER (ORDER BY t COLLATE of_{at}) FROM words"
            ),
        );
        assert!(placed.len() > 200);
        let of = SortKey::new(&TypeTree::Text(Collation {
            name: String::new(),
            provider: 'i',
            locale: Some(locale.to_owned()),
            deterministic,
        }));
        assert!(!of.is_text(), "{locale} is followed");
        faults.extend(fault(&placed, |text| key(&of, text)).map(|fault| format!("{locale}: {fault}")));
        assert!(fault(&placed, |text| Some(text.into())).is_some(), "{locale}: bytes are told from it");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
