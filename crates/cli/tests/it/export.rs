//! Files of versions: PostgreSQL's own `COPY` says what stands in them.

use crate::{product::Mycorr, types::PINNED};
use mycorr_testkit::{
    Cluster, Database,
    families::{FAMILIES, Family, SETUP, quoted},
};
use reqwest::{
    StatusCode,
    header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE, RANGE},
};
use serde_json::Value;

/// What PostgreSQL prints as CSV.
fn copied(database: &Database<'_>, query: &str) -> String {
    let text = database.sql(&format!("{PINNED} COPY ({query}) TO STDOUT (FORMAT csv, HEADER); SELECT 'end'"));
    // What is printed last is cut of empty lines.
    text.strip_suffix("end").unwrap().to_owned()
}

fn make(database: &Database<'_>, name: &str, family: &Family) {
    let Family { pg_type, odd, random, .. } = family;
    let odd: Vec<String> = odd.iter().map(|value| format!("({}::{pg_type})", quoted(value))).collect();
    database.sql(&format!(
        "SET TimeZone='UTC'; CREATE TABLE public.{name} (n int, v {pg_type}, \"an \"\"odd\"\", name\" text); \
         INSERT INTO public.{name} SELECT row_number() OVER () - 1, v, (ARRAY['', NULL, 'a,b', E'c\\nd', 'e\"f', '\\.', E'\\r'])[(random() * 6)::int + 1] \
         FROM (SELECT v FROM (VALUES {}) o(v) UNION ALL SELECT NULL UNION ALL SELECT ({random})::{pg_type} FROM generate_series(1, 300)) all_of_them",
        odd.join(", ")
    ));
}

#[tokio::test]
async fn csv_is_what_copy_prints() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    database.sql(SETUP);
    for (at, family) in FAMILIES.iter().enumerate() {
        let (name, pg_type, collate) = (format!("t{at}"), family.pg_type, family.collate);
        make(&database, &name, family);
        let job = mycorr.import(&model, &connection, &name).await;
        assert_eq!(job["state"], "succeeded", "{pg_type}: {job:#}");
        let table = job["table_id"].as_str().unwrap();
        let odd = "\"an \"\"odd\"\", name\"";
        for (query, sql) in [
            (vec![], format!("SELECT * FROM public.{name} ORDER BY ctid")),
            (vec![("columns", "v")], format!("SELECT v FROM public.{name} ORDER BY ctid")),
            (vec![("columns", odd)], format!("SELECT {odd} FROM public.{name} ORDER BY ctid")),
            (
                vec![("sort", "-v,n"), ("columns", "v,n")],
                format!("SELECT v, n FROM public.{name} ORDER BY v{collate} DESC, n"),
            ),
            (
                vec![("filter", "n.gte.50"), ("filter", "v.is.not_null")],
                format!(
                    "SELECT * FROM public.{name} WHERE n >= 50 AND v IS DISTINCT FROM NULL ORDER BY ctid"
                ),
            ),
        ] {
            let csv = mycorr.download(table, &[&[("format", "csv")][..], &query].concat(), &[]).await;
            assert_eq!(csv.status(), StatusCode::OK);
            let csv = csv.text().await.unwrap();
            let printed = copied(&database, &sql);
            for (line, (csv, printed)) in csv.lines().zip(printed.lines()).enumerate() {
                assert_eq!(csv, printed, "{pg_type}, line {line} of {query:?}");
            }
            assert!(csv == printed, "{pg_type} {query:?}");
        }
        // The same cells as a page of rows shows, by their columns' names.
        let lines = mycorr.download(table, &[("format", "jsonl")], &[]).await.text().await.unwrap();
        let page = mycorr.rows(table, &[("limit", "1000")]).await;
        let rows = page["rows"].as_array().unwrap();
        assert_eq!(lines.lines().count(), rows.len());
        for (line, row) in lines.lines().zip(rows) {
            let line: Value = serde_json::from_str(line).unwrap();
            for (column, cell) in page["columns"].as_array().unwrap().iter().zip(row.as_array().unwrap()) {
                assert_eq!(&line[column["name"].as_str().unwrap()], cell, "{pg_type}");
            }
        }
    }
}

#[tokio::test]
async fn table_without_columns_and_one_without_rows() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    database.sql("CREATE TABLE nothing (); INSERT INTO nothing SELECT FROM generate_series(1, 3); CREATE TABLE empty (a int, b text)");
    for name in ["nothing", "empty"] {
        let job = mycorr.import(&model, &connection, name).await;
        let table = job["table_id"].as_str().unwrap();
        let csv = mycorr.download(table, &[("format", "csv")], &[]).await.text().await.unwrap();
        let rows = database.sql(&format!("SELECT count(*) FROM {name}"));
        assert_eq!(csv, if name == "empty" { "a,b\n" } else { "\n\n\n\n" });
        let lines = mycorr.download(table, &[("format", "jsonl")], &[]).await.text().await.unwrap();
        assert_eq!(lines, "{}\n".repeat(rows.parse().unwrap()));
        for format in ["parquet", "arrow"] {
            assert_eq!(
                mycorr.download(table, &[("format", format)], &[]).await.status(),
                StatusCode::OK,
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn unfiltered_parquet_is_resumed_where_it_was_broken_off() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    database.sql("CREATE TABLE numbers AS SELECT n, md5(n::text) AS h FROM generate_series(1, 20000) n");
    let job = mycorr.import(&mycorr.model().await, &connection, "numbers").await;
    let table = job["table_id"].as_str().unwrap();
    let parquet = &[("format", "parquet")][..];
    let whole = mycorr.download(table, parquet, &[]).await;
    assert_eq!(
        (whole.status(), whole.headers()[CONTENT_TYPE].to_str().unwrap()),
        (StatusCode::OK, "application/vnd.apache.parquet")
    );
    assert_eq!(whole.headers()[ACCEPT_RANGES], "bytes");
    assert!(whole.headers()[CONTENT_DISPOSITION].to_str().unwrap().contains("filename=\"numbers.parquet\""));
    let tag = whole.headers()[ETAG].to_str().unwrap().to_owned();
    let length = whole.content_length().unwrap();
    let whole = whole.bytes().await.unwrap();
    assert_eq!(whole.len() as u64, length);
    let rest = mycorr.download(table, parquet, &[(RANGE, "bytes=1000-"), (IF_RANGE, &tag)]).await;
    assert_eq!(rest.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(rest.headers()[CONTENT_RANGE], format!("bytes 1000-{}/{length}", length - 1));
    assert!(rest.bytes().await.unwrap() == whole[1000..]);
    // Another file than the one that was begun is sent whole.
    let other = mycorr.download(table, parquet, &[(RANGE, "bytes=1000-"), (IF_RANGE, "\"another\"")]).await;
    assert_eq!((other.status(), other.content_length()), (StatusCode::OK, Some(length)));
    let beyond = mycorr.download(table, parquet, &[(RANGE, &format!("bytes={length}-"))]).await;
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let problem: Value = serde_json::from_slice(&beyond.bytes().await.unwrap()).unwrap();
    assert_eq!(problem["code"], "range_not_satisfiable");
    // What is made while it is sent cannot be resumed, and says so.
    for more in [("sort", "-n"), ("filter", "n.gt.5")] {
        let made = mycorr.download(table, &[("format", "parquet"), more], &[(RANGE, "bytes=9-")]).await;
        assert_eq!(
            (made.status(), made.headers()[ACCEPT_RANGES].to_str().unwrap()),
            (StatusCode::OK, "none")
        );
        let bytes = made.bytes().await.unwrap();
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    }
    for bad in [
        &[("format", "xlsx")][..],
        &[],
        &[("format", "csv"), ("columns", "none")],
        &[("format", "csv"), ("offset", "5")],
    ] {
        assert_eq!(
            mycorr.download(table, bad, &[]).await.status(),
            StatusCode::UNPROCESSABLE_ENTITY,
            "{bad:?}"
        );
    }
}
