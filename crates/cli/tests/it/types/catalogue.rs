//! Every type that there is, and values of it.

use super::values::BASES;
use mycorr_testkit::Database;
use std::collections::HashMap;

const SOME: usize = 12;

/// Every type that can be a column's, with values as SQL expressions.
pub(super) fn types(database: &Database<'_>) -> Vec<(String, Vec<String>)> {
    let mut known: HashMap<String, Vec<String>> = BASES
        .iter()
        .map(|(name, odd, random)| {
            let odd = odd.iter().map(|value| match value.strip_prefix("sql:") {
                Some(expression) => format!("({expression})::{name}"),
                None => format!("'{}'::{name}", value.replace('\'', "''")),
            });
            let random = (!random.is_empty()).then(|| format!("({random})::{name}"));
            ((*name).to_owned(), odd.chain(random.into_iter().cycle().take(SOME)).collect())
        })
        .collect();
    // Elements before their arrays, subtypes before their ranges, ranges before their multiranges.
    let found = database.sql(
        "SET search_path = pg_catalog; \
         SELECT t.oid::regtype, CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 AND t.typlen = -1 AND t.oid = e.typarray THEN 'A' ELSE t.typtype::text END, \
           coalesce(e.oid::regtype::text, r.rngsubtype::regtype::text, m.rngtypid::regtype::text, c.oid::regclass::text), \
           coalesce(r.rngcanonical <> 0, c.relkind = 'c' OR t.typnamespace = 'information_schema'::regnamespace, false) \
         FROM pg_type t LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typelem <> 0 AND e.typarray = t.oid LEFT JOIN pg_range r ON r.rngtypid = t.oid \
           LEFT JOIN pg_range m ON m.rngmultitypid = t.oid \
           LEFT JOIN pg_class c ON c.oid = t.typrelid \
         WHERE t.typisdefined AND t.typtype <> 'p' AND t.typnamespace::regnamespace::text NOT IN ('pg_toast') \
           AND coalesce(e.typtype <> 'p', true) \
           AND t.typname NOT IN ('pg_statistic_ext_data', '_pg_statistic_ext_data') \
           AND NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_type p ON p.oid = a.atttypid \
             WHERE a.attrelid = coalesce(nullif(t.typrelid, 0), e.typrelid) AND p.typtype = 'p') \
         ORDER BY e.oid IS NOT NULL, t.typtype = 'm', t.typtype = 'r', t.typtype, t.oid",
    );
    let mut types: Vec<(String, Vec<String>)> = Vec::new();
    for line in found.lines() {
        let fields: Vec<&str> = line.split('|').collect();
        let [name, kind, of, particular] = fields[..] else { panic!("{line}") };
        let known_of =
            || known.get(of).unwrap_or_else(|| panic!("{name} is made of {of}, which has no values"));
        let values = match (kind, known.get(name)) {
            (_, Some(values)) => values.clone(),
            ("A", None) => arrays(name, known_of()),
            ("r", None) => ranges(name, known_of(), particular == "t"),
            ("m", None) => multiranges(name, known_of()),
            ("c", None) if particular == "t" => vec![format!("json_populate_record(NULL::{name}, '{{}}')")],
            ("c", None) => rows(of),
            _ => panic!("no values of the type {name}: add it to the list"),
        };
        known.insert(name.to_owned(), values.clone());
        types.push((name.to_owned(), values));
    }
    let listed = |name: &str| types.iter().any(|(known, _)| known == name);
    let forms = BASES
        .iter()
        .map(|(name, ..)| *name)
        .filter(|name| name.contains('(') || *name == "interval year to month");
    let forms: Vec<_> =
        forms.filter(|name| !listed(name)).map(|name| (name.to_owned(), known[name].clone())).collect();
    types.extend(forms);
    types
}

fn arrays(name: &str, of: &[String]) -> Vec<String> {
    if name == "int2vector[]" || name == "oidvector[]" {
        // An array of them would be taken for an array of what they hold.
        return vec![format!("'{{\"1 2\",NULL,\"\"}}'::{name}")];
    }
    let mut arrays = vec![format!("'{{}}'::{name}"), format!("'{{NULL}}'::{name}")];
    if let [first, .., last] | [first @ last] = of {
        arrays.push(format!("ARRAY[{}]::{name}", of.join(", ")));
        arrays.push(format!("ARRAY[ARRAY[{first}, NULL], ARRAY[{last}, {first}]]::{name}"));
        arrays.push(format!("ARRAY[ARRAY[ARRAY[{last}]]]::{name}"));
        arrays.push(format!("array_fill({last}, ARRAY[2, 1], ARRAY[-3, 7])::{name}"));
    }
    arrays
}

fn ranges(name: &str, of: &[String], canonical: bool) -> Vec<String> {
    let mut ranges = vec![format!("'empty'::{name}"), format!("'(,)'::{name}")];
    let bounds = if canonical { &["[)"][..] } else { &["[)", "()", "[]", "(]"] };
    for (at, pair) in of.windows(2).enumerate() {
        let [low, high] = ["least", "greatest"].map(|of| format!("{of}(x, y)"));
        let bound = bounds[at % bounds.len()];
        ranges.push(format!(
            "(SELECT {name}({low}, {high}, '{bound}') FROM (SELECT {}, {}) AS b(x, y))",
            pair[0], pair[1]
        ));
        ranges.push(format!("{name}({}, NULL, '[)')", pair[0]));
        ranges.push(format!("{name}(NULL, {}, '()')", pair[1]));
    }
    ranges
}

fn multiranges(name: &str, of: &[String]) -> Vec<String> {
    let of: Vec<&String> = of.iter().take(9).collect();
    let mut all = vec![format!("'{{}}'::{name}")];
    all.extend(of.windows(2).map(|pair| format!("{name}({}, {})", pair[0], pair[1])));
    all
}

/// Rows of a table, mostly a catalogue's, as values of its row type.
fn rows(relation: &str) -> Vec<String> {
    (0..3).map(|at| format!("(SELECT r FROM {relation} AS r OFFSET {at} LIMIT 1)")).collect()
}
