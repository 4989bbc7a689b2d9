//! Every value arrives as PostgreSQL prints it: the server itself is the oracle.

use crate::support::{connect, read};
use mycorr_domain::Cell;
use mycorr_testkit::{Cluster, Database};

/// The settings under which the contract promises its cells.
const PINNED: &str = "SET TimeZone='UTC'; SET DateStyle='ISO, MDY'; SET IntervalStyle='postgres'; SET bytea_output='hex'; \
    SET extra_float_digits=1; SET lc_monetary='C'; SET search_path=pg_catalog; ";

/// Settings of a role that must not change anything.
const HOSTILE: &[&str] = &[
    "DateStyle='German, DMY'",
    "IntervalStyle='iso_8601'",
    "bytea_output='escape'",
    "extra_float_digits=-15",
    "TimeZone='Asia/Kathmandu'",
    "client_encoding='LATIN1'",
    "quote_all_identifiers=on",
    "xmloption='document'",
    "search_path='evil, pg_catalog'",
    "default_transaction_read_only=off",
];

/// Makes a table with one column `v` of a type and these values (SQL expressions), and compares.
async fn compare(database: &Database<'_>, pg_type: &str, values: &[&str]) {
    let rows: Vec<String> =
        values.iter().enumerate().map(|(at, value)| format!("({at}, {value}::{pg_type})")).collect();
    database.sql(&format!(
        "DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (n int, v {pg_type}); INSERT INTO public.t VALUES {}",
        rows.join(", ")
    ));
    compare_table(database, pg_type).await;
}

/// `concat` calls the type's output function, which a cast to text does not always do.
async fn compare_table(database: &Database<'_>, what: &str) {
    let printed = database.sql(&format!(
        "{PINNED} SELECT n || ':' || CASE WHEN v IS NOT DISTINCT FROM NULL THEN 'null' \
             ELSE encode(convert_to(concat(v), 'UTF8'), 'hex') END FROM public.t ORDER BY n"
    ));
    let printed: Vec<&str> = printed.lines().filter(|line| line.contains(':')).collect();
    let (_, mut rows) = read(connect(Cluster::shared(), database).await, "public", "t").await.unwrap();
    let text = |cell: &Cell| match cell {
        Cell::Null => "null".to_owned(),
        Cell::Text(text) => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        other => panic!("{other:?}"),
    };
    rows.sort_by_key(|row| match &row[0] {
        Cell::Text(n) => n.parse::<i32>().unwrap(),
        other => panic!("{other:?}"),
    });
    let read: Vec<String> =
        rows.iter().enumerate().map(|(n, row)| format!("{n}:{}", text(&row[1]))).collect();
    assert_eq!(read, printed, "{what}");
}

#[tokio::test]
async fn every_type_arrives_as_it_is_printed() {
    let database = Database::create(Cluster::shared());
    for setting in HOSTILE {
        database.sql(&format!("ALTER ROLE \"{}\" SET {setting}", database.role));
    }
    database.sql(
        "CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'Ä happy'); CREATE DOMAIN public.price AS numeric(8,2); \
         CREATE DOMAIN public.dear AS public.price CHECK (VALUE > 10); \
         CREATE TYPE public.pair AS (a int, b text, c timestamptz)",
    );
    for (pg_type, values) in [
        ("boolean", &["true", "false", "null"][..]),
        ("smallint", &["'-32768'", "32767", "0", "null"]),
        ("integer", &["'-2147483648'", "2147483647", "0", "-1", "null"]),
        ("bigint", &["'-9223372036854775808'", "9223372036854775807", "0", "1000000000000000000", "null"]),
        ("oid", &["0", "'4294967295'", "null"]),
        (
            "real",
            &[
                "'0'",
                "'-0'",
                "'NaN'",
                "'Infinity'",
                "'-Infinity'",
                "1e-45",
                "3.4028235e38",
                "0.1",
                "1e6",
                "123456",
                "1e-5",
                "null",
            ],
        ),
        (
            "double precision",
            &[
                "'0'",
                "'-0'",
                "'NaN'",
                "'Infinity'",
                "'-Infinity'",
                "5e-324",
                "1.7976931348623157e308",
                "0.1",
                "1e15",
                "1e14",
                "0.0001",
                "1e23",
                "9007199254740993",
                "1e-5",
                "null",
            ],
        ),
        ("numeric(12,2)", &["0", "'-0.01'", "9999999999.99", "-9999999999.99", "'NaN'", "0.5", "null"]),
        (
            "numeric(38,0)",
            &["99999999999999999999999999999999999999", "-99999999999999999999999999999999999999", "0"],
        ),
        (
            "numeric(38,38)",
            &["0.99999999999999999999999999999999999999", "-0.00000000000000000000000000000000000001", "0"],
        ),
        ("numeric(18,4)", &["99999999999999.9999", "-0.0001", "0.1", "1"]),
        ("numeric(3,5)", &["0.00999", "0", "'NaN'"]),
        ("numeric(3,-2)", &["12300", "'NaN'", "-100"]),
        (
            "numeric",
            &[
                "0",
                "0.00",
                "1e1000",
                "1e-1000",
                "'NaN'",
                "'Infinity'",
                "'-Infinity'",
                "repeat('9', 1000)",
                "-1.50",
                "null",
            ],
        ),
        ("public.price", &["12.50", "null"]),
        ("public.dear", &["12.50", "null"]),
        (
            "date",
            &[
                "'1970-01-01'",
                "'infinity'",
                "'-infinity'",
                "'0044-03-15 BC'",
                "'4713-11-24 BC'",
                "'5874897-12-31'",
                "'2024-02-29'",
                "'12345-06-07'",
                "null",
            ],
        ),
        (
            "timestamp",
            &[
                "'1970-01-01 00:00:00'",
                "'infinity'",
                "'-infinity'",
                "'0044-03-15 12:00 BC'",
                "'294276-12-31 23:59:59.999999'",
                "'294247-01-10 04:00:54.775807'",
                "'294247-01-10 04:00:54.775808'",
                "'4713-11-24 00:00:00 BC'",
                "'2024-02-29 23:59:59.1'",
                "'1969-12-31 23:59:59.999999'",
                "null",
            ],
        ),
        (
            "timestamptz",
            &[
                "'2024-03-31 02:30:00+02'",
                "'infinity'",
                "'-infinity'",
                "'294276-12-31 23:59:59.999999Z'",
                "'0001-01-01 00:00:00 BC'",
                "null",
            ],
        ),
        ("timestamp(3)", &["'2024-01-01 00:00:00.123456'", "null"]),
        ("time", &["'24:00:00'", "'00:00:00.000001'", "null"]),
        ("timetz", &["'12:00:00+05:30'", "'24:00:00-15:59:59'", "null"]),
        ("interval", &["'1 year -2 days 03:04:05.678901'", "'-178000000 years'", "'0'", "null"]),
        (
            "uuid",
            &[
                "'00000000-0000-0000-0000-000000000000'",
                "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
                "'0189dc53-a1b2-7c3d-8e4f-5a6b7c8d9e0f'",
                "null",
            ],
        ),
        ("bytea", &["''", "'\\x00ff10'", "decode(repeat('00ff', 1000), 'hex')", "null"]),
        (
            "text",
            &[
                "''",
                "'null'",
                "'NULL'",
                "E'line\\nbreak\\ttab\\\\'",
                "'Größe 👩‍🔬 مرحبا'",
                "repeat('x', 100000)",
                "E'\\x01'",
                "null",
            ],
        ),
        ("varchar(5)", &["''", "'abc  '", "'äöüß€'", "null"]),
        ("char(5)", &["''", "'abc'", "'  x'", "null"]),
        ("\"char\"", &["'a'", "''", "null"]),
        ("name", &["'n'", "repeat('n', 63)", "null"]),
        ("json", &["'{\"a\" : 1, \"a\":2}'", "'null'", "null"]),
        ("jsonb", &["'{\"b\": 1.50, \"a\": [1,2,null]}'", "'\"x\"'", "null"]),
        ("jsonpath", &["'$.a[*] ? (@ > 1)'"]),
        ("xml", &["'<a>b</a>'", "'text'"]),
        ("int[]", &["'{}'", "'{1,NULL,3}'", "'[2:3]={7,8}'", "'{{1,2},{3,4}}'", "null"]),
        ("text[]", &["'{\"a,b\",\"NULL\",NULL,\"\"}'"]),
        ("timestamptz[]", &["'{2024-01-01 00:00+02}'"]),
        ("float8[]", &["'{0.1,NaN,-0,1e23}'"]),
        ("public.mood", &["'sad'", "'Ä happy'", "null"]),
        ("public.pair", &["ROW(1, 'x,\"y', '2024-01-01Z')", "ROW(null, null, null)", "null"]),
        ("int4range", &["'[1,5)'", "'empty'", "'(,)'"]),
        ("int4multirange", &["'{[1,3),[5,7)}'", "'{}'"]),
        ("tstzrange", &["'[2024-01-01 00:00+02,)'"]),
        ("inet", &["'192.0.2.1/24'", "'::1'"]),
        ("cidr", &["'192.0.2.0/24'"]),
        ("macaddr", &["'08:00:2b:01:02:03'"]),
        ("macaddr8", &["'08:00:2b:01:02:03:04:05'"]),
        ("bit(3)", &["B'101'"]),
        ("varbit", &["B''", "B'1'"]),
        ("money", &["'-1234.56'", "'92233720368547758.07'"]),
        ("point", &["'(1.5,-0)'"]),
        ("line", &["'{1,2,3}'"]),
        ("lseg", &["'[(1,2),(3,4)]'"]),
        ("box", &["'(3,4),(1,2)'"]),
        ("path", &["'[(1,2),(3,4)]'", "'((1,2),(3,4))'"]),
        ("polygon", &["'((1,2),(3,4))'"]),
        ("circle", &["'<(1,2),3>'"]),
        ("tsvector", &["'fat:2 cat:1A'"]),
        ("tsquery", &["'fat & !cat'"]),
        ("pg_lsn", &["'16/B374D848'"]),
        ("xid8", &["'18446744073709551615'"]),
        ("regclass", &["'pg_catalog.pg_class'", "'public.t'"]),
        ("regtype", &["'public.mood'", "'int'"]),
    ] {
        // `public.t` does not exist before its own table does.
        compare(&database, pg_type, values).await;
    }
}

#[tokio::test]
async fn a_companion_comes_late_and_stays() {
    let database = Database::create(Cluster::shared());
    database.sql(
        "CREATE TABLE public.t AS SELECT n, CASE WHEN n = 150000 THEN 'infinity' ELSE '2024-01-01'::timestamp + n * interval '1 s' END AS v \
         FROM generate_series(0, 199999) n",
    );
    compare_table(&database, "timestamp").await;
}

#[tokio::test]
async fn bytes_that_are_no_utf8_are_kept() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let ascii = format!("{}_ascii", database.name);
    cluster.sql(&format!(
        "CREATE DATABASE \"{ascii}\" ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    ));
    cluster.sql_in(
        &ascii,
        "SET client_encoding='SQL_ASCII'; CREATE TABLE public.t (n int, v text); GRANT SELECT ON public.t TO PUBLIC; \
         INSERT INTO public.t VALUES (0, E'gr\\xfcn'), (1, 'plain'), (2, ''), (3, null), (4, E'\\xc3\\xbc'), (5, E'\\xff')",
    );
    let mut target = crate::support::target(cluster, &database);
    target.endpoint.database = mycorr_domain::DatabaseName::parse(&ascii).unwrap();
    let client = mycorr_pgread::Client::connect(&crate::support::dialer(), &target).await.unwrap();
    let (_, rows) = read(client, "public", "t").await.unwrap();
    let values: Vec<Cell> = rows.into_iter().map(|mut row| row.remove(1)).collect();
    assert_eq!(
        values,
        [
            Cell::Bytes(b"gr\xfcn".to_vec()),
            Cell::Text("plain".into()),
            Cell::Text(String::new()),
            Cell::Null,
            Cell::Text("ü".into()),
            Cell::Bytes(b"\xff".to_vec()),
        ]
    );
}

#[tokio::test]
async fn tables_of_any_shape() {
    let database = Database::create(Cluster::shared());
    let wide: Vec<String> = (0..1600).map(|n| format!("c{n} int")).collect();
    database.sql(&format!(
        "CREATE TABLE public.none (); INSERT INTO public.none SELECT FROM generate_series(1, 3); \
         CREATE TABLE public.wide ({}); INSERT INTO public.wide (c0, c1599) VALUES (1, 2); \
         CREATE TABLE public.\"O'Brien \"\"x\"\".y 👩‍🔬\" (\"SELECT\" int, \"a.b\" text, \"Ä\" int, \"ä\" int); \
         INSERT INTO public.\"O'Brien \"\"x\"\".y 👩‍🔬\" VALUES (1, 'x', 2, 3); \
         CREATE TABLE public.dropped (a int, b int, c int GENERATED ALWAYS AS (a * 2) STORED); \
         ALTER TABLE public.dropped DROP b; INSERT INTO public.dropped VALUES (4); \
         CREATE TABLE public.parent (id int) PARTITION BY LIST (id); \
         CREATE TABLE public.child PARTITION OF public.parent FOR VALUES IN (1, 2); INSERT INTO public.parent VALUES (1), (2); \
         CREATE VIEW public.view AS SELECT generate_series(1, 3) AS n; \
         CREATE MATERIALIZED VIEW public.matview AS SELECT 1 AS one; \
         CREATE TABLE public.empty (a int)",
        wide.join(", ")
    ));
    let text = |cell: &Cell| match cell {
        Cell::Null => "-".to_owned(),
        Cell::Text(text) => text.clone(),
        other => format!("{other:?}"),
    };
    for (table, columns, rows) in [
        ("none", vec![], vec!["", "", ""]),
        ("O'Brien \"x\".y 👩‍🔬", vec!["SELECT", "a.b", "Ä", "ä"], vec!["1,x,2,3"]),
        ("dropped", vec!["a", "c"], vec!["4,8"]),
        ("parent", vec!["id"], vec!["1", "2"]),
        ("child", vec!["id"], vec!["1", "2"]),
        ("view", vec!["n"], vec!["1", "2", "3"]),
        ("matview", vec!["one"], vec!["1"]),
        ("empty", vec!["a"], vec![]),
    ] {
        let (found, read) = read(connect(Cluster::shared(), &database).await, "public", table).await.unwrap();
        assert_eq!(found.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), columns, "{table}");
        let read: Vec<String> =
            read.iter().map(|row| row.iter().map(text).collect::<Vec<_>>().join(",")).collect();
        assert_eq!(read, rows, "{table}");
    }
    let (columns, rows) = read(connect(Cluster::shared(), &database).await, "public", "wide").await.unwrap();
    assert_eq!((columns.len(), rows[0].len()), (1600, 1600));
    assert_eq!(
        (&rows[0][0], &rows[0][1], &rows[0][1599]),
        (&Cell::Text("1".into()), &Cell::Null, &Cell::Text("2".into()))
    );
}
