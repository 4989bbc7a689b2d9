//! A column of every type that there is, imported and shown: every cell is what the server itself prints
//! under the settings of the contract, whatever the role's and the database's own settings say.

mod catalogue;
mod own;
mod texts;
mod values;

use crate::product::Mycorr;
use mycorr_testkit::{Cluster, Database, not_tested};
use serde_json::Value;
use std::{collections::HashSet, process::Command};

/// The settings under which the contract promises its cells.
pub(crate) const PINNED: &str = "SET TimeZone='UTC'; SET DateStyle='ISO, MDY'; SET IntervalStyle='postgres'; SET bytea_output='hex'; \
    SET extra_float_digits=1; SET lc_monetary='C'; SET xmloption='content'; SET quote_all_identifiers=off; SET search_path=pg_catalog; ";

/// Settings of the role and of its database that must change nothing.
const OF_THE_ROLE: &[&str] = &[
    "DateStyle='German, DMY'",
    "bytea_output='escape'",
    "TimeZone='Asia/Kathmandu'",
    "client_encoding='LATIN1'",
    "quote_all_identifiers=on",
    "search_path='evil, public'",
    "standard_conforming_strings=off",
    "default_transaction_isolation='serializable'",
    "array_nulls=off",
    "xmlbinary='hex'",
    "default_text_search_config='pg_catalog.german'",
];
const OF_THE_DATABASE: &[&str] = &[
    "IntervalStyle='iso_8601'",
    "extra_float_digits=-15",
    "xmloption='document'",
    "bytea_output='escape'",
    "DateStyle='SQL, DMY'",
    "TimeZone='America/St_Johns'",
    "enable_seqscan=off",
];

fn be_otherwise(database: &Database<'_>) {
    let mut of_the_role: Vec<String> = OF_THE_ROLE.iter().map(|&setting| setting.into()).collect();
    let locales = Command::new("locale").arg("-a").output().map(|output| output.stdout).unwrap_or_default();
    let locales = String::from_utf8_lossy(&locales);
    match locales.lines().find(|name| name.contains('_') && name.contains("utf8")) {
        Some(name) => of_the_role.push(format!("lc_monetary='{name}'")),
        None => not_tested("a role whose lc_monetary is another country's: no such locale is installed"),
    }
    let (role, name) = (&database.role, &database.name);
    let of_the_role = of_the_role.iter().map(|setting| format!("ALTER ROLE \"{role}\" SET {setting};"));
    let of_the_database =
        OF_THE_DATABASE.iter().map(|setting| format!("ALTER DATABASE \"{name}\" SET {setting};"));
    database.sql(&of_the_role.chain(of_the_database).collect::<String>());
}

/// One line of `COPY … TO STDOUT` as cells (PostgreSQL manual, "COPY", "Text Format").
fn copied(line: &str) -> Vec<Option<String>> {
    let field = |field: &str| {
        if field == "\\N" {
            return None;
        }
        let mut text = String::new();
        let mut rest = field.chars();
        while let Some(char) = rest.next() {
            text.push(match char {
                '\\' => match rest.next().unwrap() {
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\u{b}',
                    char => char,
                },
                char => char,
            });
        }
        Some(text)
    };
    line.split('\t').map(field).collect()
}

/// What PostgreSQL prints for every cell of a query.
pub(crate) fn printed(database: &Database<'_>, query: &str) -> Vec<Vec<Option<String>>> {
    let text = database.sql(&format!("{PINNED} COPY ({query}) TO STDOUT"));
    if text.is_empty() { Vec::new() } else { text.split('\n').map(copied).collect() }
}

pub(crate) fn cells(rows: &Value) -> Vec<Vec<Option<String>>> {
    let cell = |cell: &Value| match cell {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => panic!("{other}"),
    };
    let rows = rows["rows"].as_array().unwrap_or_else(|| panic!("{rows:#}"));
    rows.iter().map(|row| row.as_array().unwrap().iter().map(cell).collect()).collect()
}

fn compare(table: &str, columns: &Value, read: &[Vec<Option<String>>], printed: &[Vec<Option<String>>]) {
    assert_eq!(read.len(), printed.len(), "{table}");
    for (read, printed) in read.iter().zip(printed) {
        for (at, (read, printed)) in read.iter().zip(printed).enumerate() {
            assert_eq!(read, printed, "{table}: {}", columns[at]);
        }
        assert_eq!(read.len(), printed.len(), "{table}");
    }
}

/// Columns of one table: few enough for a page of PostgreSQL's to hold a row.
const COLUMNS: usize = 60;

#[tokio::test]
async fn every_type_is_shown_as_it_is_printed() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(own::OWN);
    let available: HashSet<String> =
        cluster.sql("SELECT name FROM pg_available_extensions").lines().map(str::to_owned).collect();
    for extension in ["citext", "hstore", "ltree", "cube", "seg", "lo", "intarray", "isn", "postgis"] {
        match available.contains(extension) {
            true => drop(database.sql(&format!("CREATE EXTENSION {extension}"))),
            false => not_tested(&format!("types of {extension}: the extension is not installed")),
        }
    }
    let types = catalogue::types(&database);
    assert!(types.len() > 400, "{}", types.len());
    let mut tables = Vec::new();
    for (at, types) in types.chunks(COLUMNS).enumerate() {
        let table = format!("t{at}");
        let columns = types.iter().enumerate().map(|(at, (name, _))| format!(", c{at} {name}"));
        let rows = types.iter().map(|(_, values)| values.len()).max().unwrap_or_default();
        let row = |n: usize| {
            let values = types.iter().map(|(_, values)| values.get(n).map_or("NULL", String::as_str));
            format!("({n}, {})", values.collect::<Vec<_>>().join(", "))
        };
        let rows: Vec<String> = (0..=rows).map(row).collect();
        database.sql(&format!(
            "SET TimeZone='UTC'; SET DateStyle='ISO, MDY'; SET xmloption='content'; CREATE TABLE public.{table} (n int{}); INSERT INTO public.{table} VALUES {}",
            columns.collect::<String>(),
            rows.join(", ")
        ));
        tables.push(table);
    }
    be_otherwise(&database);
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    for table in &tables {
        let job = mycorr.import(&model, &connection, table).await;
        assert_eq!(job["state"], "succeeded", "{table}: {job:#}");
        let page = mycorr.rows(job["table_id"].as_str().unwrap(), &[("limit", "1000")]).await;
        // Rows lie as there was room for them.
        let printed = printed(&database, &format!("SELECT * FROM public.{table} ORDER BY ctid"));
        compare(table, &page["columns"], &cells(&page), &printed);
        let preview =
            mycorr.get(&format!("/connections/{connection}/schemas/public/tables/{table}/preview")).await;
        compare(table, &preview["columns"], &cells(&preview), &printed[..printed.len().min(50)]);
    }
}

#[tokio::test]
async fn large_values_come_over_whole() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    be_otherwise(&database);
    database.sql(
        "CREATE TABLE public.large (n int, t text, b bytea, j jsonb, x numeric); \
         INSERT INTO public.large VALUES \
           (0, repeat('x', 1048576), decode(repeat('00ff', 524287), 'hex'), NULL, NULL), \
           (1, repeat('x', 1048577), decode(repeat('5c', 3000000), 'hex'), NULL, ('1e131071')::numeric + 1), \
           (2, NULL, NULL, jsonb_build_array(repeat('\"', 1000000)), ('1e-16383')::numeric), \
           (3, (SELECT string_agg(chr(n), '' ORDER BY n) FROM generate_series(1, 1114111) n WHERE n NOT BETWEEN 55296 AND 57343), NULL, NULL, NULL)",
    );
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let job = mycorr.import(&mycorr.model().await, &connection, "large").await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    let table = job["table_id"].as_str().unwrap();
    let page = mycorr.rows(table, &[]).await;
    for (column, name) in ["n", "t", "b", "j", "x"].into_iter().enumerate() {
        let printed = printed(
            &database,
            &format!(
                "SELECT encode(sha256(convert_to(concat({name}), 'UTF8')), 'hex'), octet_length(concat({name})), {name} FROM public.large ORDER BY n"
            ),
        );
        for (row, printed) in printed.iter().enumerate() {
            let cell = &page["rows"][row][column];
            let [sha256, length, text] = &printed[..] else { panic!() };
            match text {
                None => assert!(cell.is_null(), "{name}, row {row}"),
                Some(text) if text.len() <= 1 << 20 => assert!(cell == text, "{name}, row {row}"),
                Some(text) => {
                    assert_eq!(cell["sha256"].as_str(), sha256.as_deref(), "{name}, row {row}");
                    assert_eq!(cell["length"].to_string(), *length.as_ref().unwrap(), "{name}, row {row}");
                    let whole = mycorr.cell(table, row, name).await;
                    assert!(whole == text.as_bytes(), "{name}, row {row}");
                }
            }
        }
    }
}
