//! Tables of any name and shape, in databases of any encoding, come over as they are.

use crate::{
    product::{Mycorr, id},
    types::{PINNED, cells, printed},
};
use mycorr_testkit::{Cluster, Database};
use serde_json::{Value, json};

struct World<'a> {
    mycorr: Mycorr,
    connection: String,
    model: String,
    database: Database<'a>,
}

impl<'a> World<'a> {
    async fn of(database: Database<'a>) -> Self {
        let mycorr = Mycorr::start().await;
        let connection = mycorr.connect(database.cluster, &database, database.cluster.port()).await;
        let model = mycorr.model().await;
        Self { mycorr, connection, model, database }
    }

    /// Imports a table found by browsing; the job and the name that was given.
    async fn import(&self, schema: &str, table: &str, name: &str) -> Value {
        // A path has no place for a step upwards, however it is written (WHATWG URL).
        if table != ".." {
            self.is_found(schema, table).await;
        }
        let body = json!({"connection_id": self.connection, "schema": schema, "table": table, "name": name});
        let started = self.mycorr.post(&format!("/models/{}/imports", self.model), body).await;
        self.mycorr.finish(&id(&started["job"])).await
    }

    async fn is_found(&self, schema: &str, table: &str) {
        let path = format!("/connections/{}/schemas/{}/tables", self.connection, escaped(schema));
        let listed = self.mycorr.get(&format!("{path}?search={}", escaped(table))).await;
        let mut names = listed["items"].as_array().unwrap().iter().map(|item| &item["name"]);
        // Partitions are found through what they are parts of.
        assert!(
            names.any(|name| name == table) || table.starts_with("parts_"),
            "{schema}.{table}: {listed:#}"
        );
        let described = self.mycorr.get(&format!("{path}/{}", escaped(table))).await;
        assert_eq!((&described["schema"], &described["name"]), (&json!(schema), &json!(table)));
    }

    /// Imports a table and wants every cell of it to be what the server prints for `SELECT *`.
    async fn comes_over(&self, schema: &str, table: &str, name: &str) -> Value {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let from = format!("{}.{}", quoted(schema), quoted(table));
        let job = self.import(schema, table, name).await;
        assert_eq!(job["state"], "succeeded", "{from}: {job:#}");
        let rows = self.mycorr.rows(job["table_id"].as_str().unwrap(), &[("limit", "1000")]).await;
        let columns = names(&rows);
        let expected = printed(&self.database, &format!("SELECT * FROM {from}"));
        if columns.is_empty() {
            let count = self.database.sql(&format!("SELECT count(*) FROM {from}"));
            assert_eq!((rows["total"].to_string(), &rows["rows"][0]), (count, &json!([])), "{from}");
            return rows;
        }
        assert_eq!(cells(&rows), expected, "{from}");
        let header =
            self.database.sql(&format!("{PINNED} COPY (SELECT * FROM {from} LIMIT 0) TO STDOUT (HEADER)"));
        let header: Vec<String> = header.split('\t').map(str::to_owned).collect();
        assert_eq!(columns, header, "{from}");
        rows
    }
}

/// For a place in an address.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn names(rows: &Value) -> Vec<String> {
    let columns = rows["columns"].as_array().unwrap();
    columns.iter().map(|column| column["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn names_of_any_kind() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let odd = [
        "it's",
        "say \"hi\"",
        "a.b.c",
        " blanks ",
        "👩‍🔬🐘",
        "MixedCase",
        "mixedcase",
        "select",
        "user",
        "50%_off*",
        "semi;colon--",
        "slash/and\\back",
        "?a=b&c#d",
        "..",
        "größe",
        "tab\there",
        "new\nline",
    ];
    let long = ["n".repeat(63), format!("{}n", "ä".repeat(31))];
    let all: Vec<&str> = odd.into_iter().chain(long.iter().map(String::as_str)).collect();
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let columns = all.iter().map(|name| format!("{} text", quoted(name))).collect::<Vec<_>>().join(", ");
    let values =
        all.iter().map(|name| format!("'{}'", name.replace('\'', "''"))).collect::<Vec<_>>().join(", ");
    for schema in ["public", "Sales dept. \"x\" 🏬"] {
        let schema = quoted(schema);
        let tables = all.iter().map(|name| {
            let name = quoted(name);
            format!("CREATE TABLE {schema}.{name} ({columns}); INSERT INTO {schema}.{name} VALUES ({values}); INSERT INTO {schema}.{name} VALUES ('{}');", schema.replace('\'', "''"))
        });
        database.sql(&format!(
            "CREATE SCHEMA IF NOT EXISTS {schema}; GRANT USAGE ON SCHEMA {schema} TO {0}; {1} GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {0}",
            database.role,
            tables.collect::<String>()
        ));
    }
    let world = World::of(database).await;
    for (at, table) in all.iter().enumerate() {
        let schemas = [("public", "a"), ("Sales dept. \"x\" 🏬", "b")];
        // Some of them from both.
        for (schema, which) in if at < 3 { &schemas[..] } else { &schemas[at % 2..][..1] } {
            // The names have tabs and line ends, which a header has to escape: told by their place instead.
            let job = world.import(schema, table, &format!("{which} {at}")).await;
            assert_eq!(job["state"], "succeeded", "{schema}.{table}: {job:#}");
            let rows = world.mycorr.rows(job["table_id"].as_str().unwrap(), &[]).await;
            assert_eq!(names(&rows), all);
            assert_eq!(rows["rows"][0], json!(all));
            assert_eq!(rows["rows"][1][0], json!(quoted(schema)));
        }
    }
    // Every column can be sorted by and filtered on.
    let job = world.import("public", "select", "once more").await;
    for name in all {
        let name = quoted(name);
        let filter = format!("{name}.is.not_null");
        let rows = world
            .mycorr
            .rows(job["table_id"].as_str().unwrap(), &[("sort", &name), ("filter", &filter)])
            .await;
        assert!(rows["total"] == 1 || rows["total"] == 2, "{name}: {rows:#}");
    }
}

#[tokio::test]
async fn tables_of_any_shape() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let wide = |of: &str| (0..1600).map(|n| format!("c{n} {of}")).collect::<Vec<_>>().join(", ");
    let folder = cluster.socket_folder().join("lines.csv").display().to_string();
    std::fs::write(&folder, "1,one\n2,\n").unwrap();
    database.sql(&format!(
        "CREATE TABLE public.bare (); INSERT INTO public.bare SELECT FROM generate_series(1, 3); CREATE TABLE public.empty (a int); \
         CREATE TABLE public.wide ({0}); INSERT INTO public.wide (c0, c799, c1599) VALUES (true, false, true), (NULL, NULL, false); \
         CREATE TABLE public.dropped (a int, b text, c int GENERATED ALWAYS AS (a * 2) STORED, d int GENERATED BY DEFAULT AS IDENTITY); \
         INSERT INTO public.dropped VALUES (1, 'gone'); ALTER TABLE public.dropped DROP b, ADD e text DEFAULT 'later', ADD \"........pg.dropped.9........\" int; \
         INSERT INTO public.dropped (a) VALUES (2); \
         CREATE TABLE public.only_dropped (a int); INSERT INTO public.only_dropped VALUES (1), (2); ALTER TABLE public.only_dropped DROP a; \
         CREATE TABLE public.mother (id int); CREATE TABLE public.daughter (more text) INHERITS (public.mother); \
         INSERT INTO public.mother VALUES (1); INSERT INTO public.daughter VALUES (2, 'x'); \
         CREATE TABLE public.parts (k text, n int) PARTITION BY LIST (k); \
         CREATE TABLE public.parts_a PARTITION OF public.parts FOR VALUES IN ('a') PARTITION BY RANGE (n); \
         CREATE TABLE public.parts_a1 PARTITION OF public.parts_a FOR VALUES FROM (0) TO (10); \
         CREATE TABLE public.parts_a2 (n int, x int, k text); ALTER TABLE public.parts_a2 DROP x; \
         ALTER TABLE public.parts_a ATTACH PARTITION public.parts_a2 DEFAULT; \
         CREATE TABLE public.parts_other PARTITION OF public.parts DEFAULT; \
         INSERT INTO public.parts VALUES ('a', 1), ('a', 100), ('b', 1), (NULL, NULL); \
         CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw; \
         CREATE FOREIGN TABLE public.lines (n int, t text) SERVER files OPTIONS (filename '{folder}', format 'csv'); \
         CREATE VIEW public.view AS SELECT n, NULL::text AS nothing, count(*) OVER () AS many FROM public.parts; \
         CREATE FUNCTION public.numbers(int) RETURNS TABLE (n int, square numeric) LANGUAGE sql STABLE AS 'SELECT g, g * g::numeric FROM generate_series(1, $1) g'; \
         CREATE VIEW public.computed AS SELECT * FROM public.numbers(5); \
         CREATE RECURSIVE VIEW public.counting (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM counting WHERE n < 4; \
         CREATE MATERIALIZED VIEW public.kept AS SELECT n, t FROM public.lines; \
         CREATE UNLOGGED TABLE public.unlogged AS SELECT 1 AS a; CREATE VIEW public.nothing AS SELECT; \
         CREATE TABLE public.\"view\"\"s\" AS TABLE public.view",
        wide("boolean")
    ));
    let world = World::of(database).await;
    for table in [
        "bare",
        "empty",
        "wide",
        "dropped",
        "only_dropped",
        "mother",
        "daughter",
        "parts",
        "parts_a",
        "parts_a2",
        "parts_other",
        "lines",
        "view",
        "computed",
        "counting",
        "kept",
        "unlogged",
        "nothing",
        "view\"s",
    ] {
        world.comes_over("public", table, table).await;
    }
    let role = &world.database.role;
    world.database.sql(&format!(
        "CREATE TABLE public.half (open int, shut text, ajar date); INSERT INTO public.half VALUES (1, 'secret', '2024-02-29'); \
         REVOKE ALL ON public.half FROM {role}; GRANT SELECT (open, ajar) ON public.half TO {role}; \
         CREATE MATERIALIZED VIEW public.unfilled AS SELECT 1 AS a WITH NO DATA; \
         CREATE TABLE public.shut (a int); REVOKE ALL ON public.shut FROM {role}"
    ));
    // What the role may not read is left out, and said before and after.
    let job = world.import("public", "half", "half").await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    let rows = world.mycorr.rows(job["table_id"].as_str().unwrap(), &[]).await;
    assert_eq!(
        (names(&rows), &rows["rows"]),
        (vec!["open".into(), "ajar".into()], &json!([["1", "2024-02-29"]]))
    );
    let described =
        world.mycorr.get(&format!("/connections/{}/schemas/public/tables/half", world.connection)).await;
    let readable: Vec<&Value> =
        described["columns"].as_array().unwrap().iter().map(|column| &column["readable"]).collect();
    assert_eq!(readable, [true, false, true]);
    for (table, code) in [("unfilled", "source_error"), ("shut", "table_permission_denied")] {
        let job = world.import("public", table, table).await;
        assert_eq!(
            (&job["state"], &job["problem"]["code"]),
            (&json!("failed"), &json!(code)),
            "{table}: {job:#}"
        );
        assert!(job["problem"]["fix"].is_string(), "{job:#}");
    }
}

/// A database in an encoding of its own, beside the test's.
fn in_encoding<'a>(database: &Database<'a>, encoding: &str) -> Database<'a> {
    let name = format!("{}_{}", database.name, encoding.to_lowercase());
    database
        .cluster
        .sql(&format!("CREATE DATABASE \"{name}\" ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"));
    Database { name, ..database.clone() }
}

#[tokio::test]
async fn databases_of_any_encoding() {
    let cluster = Cluster::shared();
    let own = Database::create(cluster);
    for (encoding, name, words) in [
        ("LATIN1", "Größe é", &["Größe", "ÿ", "¿Qué?", "a\u{a0}b", ""][..]),
        ("WIN1252", "naïve €", &["€ 12", "“quoted”", "Ÿ"]),
        ("EUC_JP", "日本 表", &["日本語", "ひらがな", "半角ｶﾅ", "plain"]),
        ("KOI8R", "Таблица", &["Привет", "ёЁ"]),
        ("EUC_KR", "한국", &["대한민국"]),
    ] {
        let database = in_encoding(&own, encoding);
        let values = words
            .iter()
            .enumerate()
            .map(|(n, word)| format!("({n}, '{word}', '{word}', ARRAY['{word}'], to_json('{word}'::text))"));
        database.sql(&format!(
            "CREATE TABLE public.\"{name}\" (n int, \"{name}\" text, c varchar(20), a text[], j json); \
             INSERT INTO public.\"{name}\" VALUES {}; GRANT SELECT ON public.\"{name}\" TO {}",
            values.collect::<Vec<_>>().join(", "),
            database.role
        ));
        let world = World::of(database).await;
        let rows = world.comes_over("public", name, name).await;
        let read: Vec<&str> =
            rows["rows"].as_array().unwrap().iter().map(|row| row[1].as_str().unwrap()).collect();
        assert_eq!(read, words, "{encoding}");
    }
}

/// Such a database holds any bytes. Those that are no UTF-8 are shown as bytes, and found and sorted as bytes.
#[tokio::test]
async fn bytes_of_no_encoding() {
    let cluster = Cluster::shared();
    let database = in_encoding(&Database::create(cluster), "SQL_ASCII");
    // All 256 bytes but the zero that no text has, alone and in company; and a "char", an array and a row of them.
    database.sql(&format!(
        "SET client_encoding='SQL_ASCII'; \
         CREATE FUNCTION public.byte(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT convert_from(set_byte('\\x00', 0, n), 'SQL_ASCII')$$; \
         CREATE TABLE public.bytes (n int, t text, v varchar, c char(3), q \"char\", a text[], m text); \
         INSERT INTO public.bytes SELECT n, public.byte(n), 'x' || public.byte(n) || 'y', public.byte(n), (CASE WHEN n > 127 THEN n - 256 ELSE n END)::\"char\", \
           ARRAY[public.byte(n), NULL], CASE WHEN n % 7 = 0 THEN E'gr\\xc3\\xbcn' WHEN n % 3 > 0 THEN public.byte(n) END FROM generate_series(1, 255) n; \
         GRANT SELECT ON public.bytes TO {}",
        database.role
    ));
    let hex = |text: &str| format!("encode(convert_to({text}, 'SQL_ASCII'), 'hex')");
    let [t, v, c, q, a, m] = ["t", "v", "concat(c)", "concat(q)", "concat(a)", "m"].map(hex);
    let expected =
        database.sql(&format!("SELECT n, {t}, {v}, {c}, {q}, {a}, {m} FROM public.bytes ORDER BY ctid"));
    let world = World::of(database).await;
    let job = world.import("public", "bytes", "bytes").await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    let table = job["table_id"].as_str().unwrap();
    let rows = world.mycorr.rows(table, &[("limit", "1000")]).await;
    let hex = |cell: &Value| match cell {
        Value::Null => String::new(),
        Value::String(text) => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        cell => cell["hex"].as_str().unwrap().to_owned(),
    };
    for (row, expected) in rows["rows"].as_array().unwrap().iter().zip(expected.lines()) {
        let row = row.as_array().unwrap();
        let read: Vec<String> =
            [row[0].as_str().unwrap().to_owned()].into_iter().chain(row[1..].iter().map(hex)).collect();
        assert_eq!(read.join("|"), expected);
    }
    assert_eq!(rows["rows"].as_array().unwrap().len(), 255);
    for (sort, order) in [("m,n", "m, n"), ("-t", "t DESC"), ("c", "c")] {
        let sorted = world.mycorr.rows(table, &[("limit", "1000"), ("sort", sort)]).await;
        let numbers: Vec<&str> =
            sorted["rows"].as_array().unwrap().iter().map(|row| row[0].as_str().unwrap()).collect();
        let theirs = world.database.sql(&format!("SELECT n FROM public.bytes ORDER BY {order}"));
        assert_eq!(numbers, theirs.lines().collect::<Vec<_>>(), "{sort}");
    }
}
