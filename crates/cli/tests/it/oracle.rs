//! PostgreSQL is the oracle: whatever it prints, sorts and finds, `GET /rows` prints, sorts and finds.

use crate::product::Mycorr;
use mycorr_testkit::{
    Cluster, Database,
    families::{FAMILIES, Family, SETUP, comparison, quoted},
};
use serde_json::Value;

/// Rows of a query of PostgreSQL's under the settings of the contract.
pub(crate) fn ask(database: &Database<'_>, query: &str) -> Vec<String> {
    ask_all(database, &[query.to_owned()]).remove(0)
}

/// The same for each of many, in one session: to start a client for each takes longer than to answer.
fn ask_all(database: &Database<'_>, queries: &[String]) -> Vec<Vec<String>> {
    const END: &str = "-- the end of one of them --";
    let settings =
        "SET TimeZone='UTC'; SET IntervalStyle='postgres'; SET bytea_output='hex'; SET extra_float_digits=1;";
    let script =
        queries.iter().fold(settings.to_owned(), |script, query| script + query + ";\n\\echo " + END + "\n");
    let mut answers = vec![Vec::new()];
    for line in database.sql(&script).lines() {
        match line {
            END => answers.push(Vec::new()),
            line => answers.last_mut().unwrap().push(line.to_owned()),
        }
    }
    assert_eq!(answers.pop(), Some(Vec::new()), "nothing comes behind the last one");
    assert_eq!(answers.len(), queries.len());
    answers
}

struct Imported<'a> {
    mycorr: &'a Mycorr,
    table: String,
}

impl Imported<'_> {
    /// The numbers of the rows that a query finds, in its order.
    async fn numbers(&self, query: &[(&str, &str)]) -> Vec<String> {
        let page = self.mycorr.rows(&self.table, query).await;
        let rows = page["rows"].as_array().unwrap_or_else(|| panic!("{query:?}: {page:#}"));
        assert_eq!(page["total"], rows.len(), "{query:?}");
        rows.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect()
    }

    /// Each filter finds what its query of PostgreSQL's does.
    async fn find(&self, database: &Database<'_>, pg_type: &str, filters: Vec<(String, String)>) {
        let (filters, queries): (Vec<_>, Vec<_>) = filters.into_iter().unzip();
        for (filter, expected) in filters.iter().zip(ask_all(database, &queries)) {
            let found = self.numbers(&[("limit", "1000"), ("filter", filter)]).await;
            assert_eq!(found, expected, "{pg_type}: {filter}");
        }
    }
}

async fn agrees(
    family: &Family,
    database: &Database<'_>,
    mycorr: &Mycorr,
    model: &str,
    connection: &str,
    name: &str,
) {
    let Family { pg_type, odd, random, collate } = family;
    let odd_rows: Vec<String> = odd.iter().map(|value| format!("({}::{pg_type})", quoted(value))).collect();
    database.sql(&format!(
        "SET TimeZone='UTC'; CREATE TABLE public.{name} (n int, v {pg_type}); \
         INSERT INTO public.{name} SELECT row_number() OVER () - 1, v FROM ( \
           SELECT v FROM (VALUES {0}) o(v) UNION ALL SELECT NULL UNION ALL SELECT ({random})::{pg_type} FROM generate_series(1, 300) \
           UNION ALL SELECT NULL UNION ALL SELECT v FROM (VALUES {0}) o(v)) all_of_them",
        odd_rows.join(", ")
    ));
    let job = mycorr.import(model, connection, name).await;
    assert_eq!(job["state"], "succeeded", "{pg_type}: {job:#}");
    let imported = Imported { mycorr, table: job["table_id"].as_str().unwrap().to_owned() };

    // Every cell, in the order of arrival: that of the rows' places, which is not always that of the INSERT.
    let printed = ask(
        database,
        &format!(
            "SELECT n || ':' || CASE WHEN v IS NOT DISTINCT FROM NULL THEN 'null' ELSE encode(convert_to(concat(v), 'UTF8'), 'hex') END FROM public.{name} ORDER BY ctid"
        ),
    );
    let page = mycorr.rows(&imported.table, &[("limit", "1000")]).await;
    let cell = |value: &Value| {
        value
            .as_str()
            .map_or("null".to_owned(), |text| text.bytes().map(|byte| format!("{byte:02x}")).collect())
    };
    let read: Vec<String> = page["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{}:{}", row[0].as_str().unwrap(), cell(&row[1])))
        .collect();
    assert_eq!(read.len(), printed.len(), "{pg_type}");
    for (read, printed) in read.iter().zip(&printed) {
        assert_eq!(read, printed, "{pg_type}");
    }

    for (sort, order) in [("v", "v{c}, ctid"), ("-v", "v{c} DESC, ctid"), ("-v,-n", "v{c} DESC, n DESC")] {
        let order = order.replace("{c}", collate);
        let expected = ask(database, &format!("SELECT n FROM public.{name} ORDER BY {order}"));
        assert_eq!(
            imported.numbers(&[("limit", "1000"), ("sort", sort)]).await,
            expected,
            "{pg_type} by {sort}"
        );
    }

    let some = ask(
        database,
        &format!(
            "SELECT concat(v) FROM public.{name} WHERE v IS DISTINCT FROM NULL AND concat(v) !~ '[\\n\\r]' ORDER BY md5(n::text) LIMIT 4"
        ),
    );
    let values: Vec<&str> = odd.iter().copied().chain(some.iter().map(String::as_str)).collect();
    let mut filters = Vec::new();
    for value in &values {
        for (operator, sql) in
            [("eq", "="), ("neq", "<>"), ("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<=")]
        {
            let sql = comparison(pg_type, sql);
            let condition = format!("v{collate} {sql} {}::{pg_type}", quoted(value));
            filters.push((format!("v.{operator}.{value}"), condition));
        }
    }
    let plain: Vec<&str> =
        values.iter().copied().filter(|value| !value.contains(['"', ',', '(', ')'])).collect();
    let list: Vec<String> = plain.iter().map(|value| format!("{}::{pg_type}", quoted(value))).collect();
    // SQL has no empty list; where each value has a comma, there is none to ask for here.
    let listed = match list.is_empty() {
        true => "false".to_owned(),
        false => format!("v{collate} IN ({})", list.join(", ")),
    };
    filters.push((format!("v.in.({})", plain.join(",")), listed));
    // A row of nulls IS NULL in SQL, and is a value all the same.
    for (is, sql) in [("null", "IS NOT DISTINCT FROM NULL"), ("not_null", "IS DISTINCT FROM NULL")] {
        filters.push((format!("v.is.{is}"), format!("v {sql}")));
    }
    if !collate.is_empty() {
        for pattern in ["a%", "%a", "%a%", "_", "a_%", "A%", "\\%", "a\\%b", "%", ""] {
            for (operator, sql) in [("like", "LIKE"), ("ilike", "ILIKE")] {
                // char(n) is compared without its padding, but matched with it (PostgreSQL manual, "Character Types").
                let matched = if pg_type.starts_with("char") { "rpad(v::text, 5)" } else { "v::text" };
                let condition = format!("{matched} COLLATE \"und-x-icu\" {sql} {}", quoted(pattern));
                filters.push((format!("v.{operator}.{pattern}"), condition));
            }
        }
    }
    let query = |condition: &str| format!("SELECT n FROM public.{name} WHERE {condition} ORDER BY ctid");
    let filters = filters.into_iter().map(|(filter, condition)| (filter, query(&condition))).collect();
    imported.find(database, pg_type, filters).await;
}

#[tokio::test]
async fn rows_are_printed_sorted_and_found_as_by_postgresql() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    database.sql(SETUP);
    for (at, family) in FAMILIES.iter().enumerate() {
        agrees(family, &database, &mycorr, &model, &connection, &format!("t{at}")).await;
    }
}
