//! Differences of two versions: after random edits they are what SQL says.

use crate::{oracle::ask, product::Mycorr};
use mycorr_testkit::{Cluster, Database};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A table before and after edits, and which column was which.
struct Edited<'a> {
    database: &'a Database<'a>,
    table: String,
    /// Names now and, where the column was there, before.
    columns: Vec<(String, Option<String>)>,
    seed: u64,
}

const BEFORE: &str =
    "n int, a int, b text, c numeric(10,2), d timestamptz, e double precision, f text[], g bytea, h date";

impl<'a> Edited<'a> {
    fn new(database: &'a Database<'a>, round: u64, keyed: bool) -> Self {
        let table = format!("t{round}");
        let rows = if round == 0 { 20_000 } else { 400 };
        database.sql(&format!("CREATE TABLE public.{table} ({BEFORE})"));
        let columns = ["n", "a", "b", "c", "d", "e", "f", "g", "h"];
        let columns = columns.map(|name| (name.to_owned(), Some(name.to_owned()))).to_vec();
        let this = Self { database, table, columns, seed: round + 1 };
        this.insert(0, rows);
        if keyed {
            database.sql(&format!("ALTER TABLE public.{} ADD PRIMARY KEY (n)", this.table));
        } else {
            // Equal rows.
            database.sql(&format!("UPDATE public.{0} SET n = n % 7, a = 1, b = 'x', c = 1, d = NULL, e = 0, f = NULL, g = '', h = NULL WHERE n % 3 = 0", this.table));
        }
        this
    }

    fn random(&mut self, below: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % below
    }

    fn sql(&self, text: &str) {
        self.database
            .sql(&format!("SET TimeZone='UTC'; {}", text.replace("{t}", &format!("public.{}", self.table))));
    }

    fn insert(&self, from: u64, rows: u64) {
        self.sql(&format!(
            "INSERT INTO {{t}} (n) SELECT generate_series({from}, {to}); \
             UPDATE {{t}} SET {set} WHERE n >= {from}",
            to = from + rows - 1,
            set = self
                .columns
                .iter()
                .filter(|(name, _)| name != "n")
                .map(|(name, before)| format!("{name} = {}", value(before.as_deref())))
                .collect::<Vec<_>>()
                .join(", ")
        ));
    }

    /// Something that people do to tables.
    fn edit(&mut self, step: u64) {
        let at = 1 + self.random(self.columns.len() as u64 - 1) as usize;
        let (name, before) = self.columns[at].clone();
        let part = self.random(9) + 2;
        match self.random(10) {
            0 | 1 => self.sql(&format!("UPDATE {{t}} SET {name} = {} WHERE n % {part} = 1", value(before.as_deref()))),
            2 => self.sql(&format!("UPDATE {{t}} SET {name} = NULL WHERE n % {part} = 0")),
            3 => self.sql(&format!("DELETE FROM {{t}} WHERE n % {part} = 1 AND n > 20")),
            4 => self.insert(100_000 * (step + 1), part),
            5 => {
                let new = format!("renamed{step}");
                self.sql(&format!("ALTER TABLE {{t}} RENAME {name} TO {new}"));
                self.columns[at].0 = new;
            }
            6 if self.columns.len() > 4 => {
                self.sql(&format!("ALTER TABLE {{t}} DROP COLUMN {name}"));
                self.columns.remove(at);
            }
            7 => {
                // A name that was used before means nothing.
                let new = if self.columns.iter().any(|(name, _)| name == "b") { format!("new{step}") } else { "b".to_owned() };
                self.sql(&format!("ALTER TABLE {{t}} ADD COLUMN {new} text DEFAULT 'new'"));
                self.columns.push((new, None));
            }
            8 => self.sql(&match before.as_deref() {
                Some("a") => format!("ALTER TABLE {{t}} ALTER {name} TYPE bigint"),
                Some("c") => format!("ALTER TABLE {{t}} ALTER {name} TYPE numeric(40,{})", 2 + step % 2),
                Some("d") => format!("ALTER TABLE {{t}} ALTER {name} TYPE timestamp"),
                Some("b") => format!("ALTER TABLE {{t}} ALTER {name} TYPE varchar"),
                _ => "ALTER TABLE {t} ALTER n TYPE bigint".to_owned(),
            }),
            _ => self.sql("CREATE TABLE IF NOT EXISTS public.shuffled AS TABLE {t}; TRUNCATE {t}; INSERT INTO {t} SELECT * FROM public.shuffled ORDER BY md5(n::text); DROP TABLE public.shuffled"),
        }
    }

    /// The names before and now of the columns that were there all along.
    fn common(&self) -> Vec<(&str, &str)> {
        let both = self.columns.iter().filter_map(|(now, before)| Some((before.as_deref()?, now.as_str())));
        both.collect()
    }
}

/// A value of a column by what it was called at first.
fn value(column: Option<&str>) -> &'static str {
    match column {
        Some("a") => "CASE WHEN random() < 0.2 THEN NULL ELSE (random() * 50)::int END",
        Some("b") => "(ARRAY['', NULL, 'a,b', E'c\\nd', 'e\"->\"f', 'NULL'])[(random() * 5)::int + 1]",
        Some("c") => "(ARRAY['NaN', '1.00', '-7.5', NULL])[(random() * 3)::int + 1]::numeric",
        Some("d") => {
            "(ARRAY['infinity', '2020-01-01 00:00:00+00', '0044-03-15 00:00:00+00 BC', NULL])[(random() * 3)::int + 1]::timestamptz"
        }
        Some("e") => "(ARRAY['NaN', '-0', '0', '1e300', NULL])[(random() * 4)::int + 1]::float8",
        Some("f") => "CASE WHEN random() < 0.5 THEN ARRAY['x', NULL, 'y,'] END",
        Some("g") => "decode(md5((random() * 9)::int::text), 'hex')",
        Some("h") => {
            "(ARRAY['-infinity', '2020-02-29', '4714-11-24 BC', NULL])[(random() * 3)::int + 1]::date"
        }
        _ => "md5((random() * 9)::int::text)",
    }
}

/// A cell's text in SQL; NULL stays what it is.
fn text(column: &str) -> String {
    format!("({column})::text")
}

fn cells(cells: &Value) -> Vec<Option<String>> {
    cells.as_array().unwrap().iter().map(|cell| cell.as_str().map(str::to_owned)).collect()
}

async fn all_rows(mycorr: &Mycorr, table: &str, change: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    loop {
        let page = mycorr
            .get(&format!(
                "/tables/{table}/diff/rows?from=1&to=2&change={change}&limit=1000&offset={}",
                rows.len()
            ))
            .await;
        let more = page["rows"].as_array().unwrap().clone();
        rows.extend(more.clone());
        if rows.len() as u64 == page["total"].as_u64().unwrap() {
            return rows;
        }
        assert!(!more.is_empty());
    }
}

async fn agrees(edited: &Edited<'_>, mycorr: &Mycorr, table: &str, keyed: bool) {
    let diff = mycorr.get(&format!("/tables/{table}/diff?from=1&to=2")).await;
    let name = &edited.table;
    let ask = |query: String| ask(edited.database, &query);
    let count = |query: String| ask(query)[0].parse::<u64>().unwrap();
    let common = edited.common();
    let keyed = keyed && common.contains(&("n", "n"));
    assert_eq!(diff["key"], if keyed { serde_json::json!(["n"]) } else { Value::Null }, "{name}");
    // Columns: those of now, then those that are gone.
    let columns = diff["columns"].as_array().unwrap();
    let told: Vec<(Option<&str>, Option<&str>)> = columns
        .iter()
        .map(|column| {
            (column["pg_type"].as_str().and(column["name"].as_str()), column["name_before"].as_str())
        })
        .collect();
    let mut want: Vec<(Option<&str>, Option<&str>)> =
        edited.columns.iter().map(|(now, before)| (Some(now.as_str()), before.as_deref())).collect();
    for gone in ["n", "a", "b", "c", "d", "e", "f", "g", "h"] {
        if !edited.columns.iter().any(|(_, before)| before.as_deref() == Some(gone)) {
            want.push((None, Some(gone)));
        }
    }
    assert_eq!(told, want, "{name}");
    let list = |side: fn(&(&str, &str)) -> String| common.iter().map(side).collect::<Vec<_>>().join(", ");
    let (old, new) = (list(|(before, _)| text(before)), list(|(_, now)| text(now)));
    let (removed, added) = if keyed {
        let only = |a: &str, b: &str| {
            format!(
                "SELECT count(*) FROM public.{a} a WHERE NOT EXISTS (SELECT FROM public.{b} b WHERE a.n = b.n)"
            )
        };
        (only(&format!("{name}_before"), name), only(name, &format!("{name}_before")))
    } else {
        let (old, new) =
            (format!("SELECT {old} FROM public.{name}_before"), format!("SELECT {new} FROM public.{name}"));
        (
            format!("SELECT count(*) FROM ({old} EXCEPT ALL {new}) x"),
            format!("SELECT count(*) FROM ({new} EXCEPT ALL {old}) x"),
        )
    };
    assert_eq!(
        (diff["removed"].as_u64(), diff["added"].as_u64()),
        (Some(count(removed)), Some(count(added))),
        "{name}"
    );
    let (mut changed, mut by_column) = (BTreeSet::new(), BTreeMap::new());
    if keyed {
        for (before, now) in &common {
            let query = format!(
                "SELECT a.n FROM public.{name}_before a JOIN public.{name} b ON a.n = b.n WHERE (a.{before})::text IS DISTINCT FROM (b.{now})::text"
            );
            let rows = ask(query);
            by_column.insert(*now, rows.len() as u64);
            changed.extend(rows);
        }
    }
    assert_eq!(diff["changed"].as_u64(), Some(changed.len() as u64), "{name}");
    for column in columns {
        let name = column["name"].as_str().filter(|_| column["pg_type"].is_string());
        let rows = name.and_then(|name| by_column.get(name)).copied().unwrap_or_default();
        assert_eq!(column["changed_rows"].as_u64(), Some(rows), "{}: {column}", edited.table);
    }
    // Every row of it: its key, and its cells on both sides.
    for (change, side, table_name) in
        [("removed", "before", format!("{name}_before")), ("added", "after", name.clone())]
    {
        let rows = all_rows(mycorr, table, change).await;
        assert_eq!(rows.len() as u64, diff[change].as_u64().unwrap());
        let all: BTreeMap<Vec<Option<String>>, usize> =
            printed(edited, &table_name, side).into_iter().fold(BTreeMap::new(), |mut all, row| {
                *all.entry(row).or_default() += 1;
                all
            });
        for row in &rows {
            let cells: Vec<_> = cells(&row[side])
                .into_iter()
                .zip(&told)
                .filter(|(_, told)| if side == "after" { told.0.is_some() } else { told.1.is_some() })
                .map(|(cell, _)| cell)
                .collect();
            assert!(all.contains_key(&cells), "{name} {change}: {cells:?}");
        }
    }
    let rows = all_rows(mycorr, table, "changed").await;
    let keys: BTreeSet<String> = rows.iter().map(|row| row["key"][0].as_str().unwrap().to_owned()).collect();
    assert_eq!(keys, changed, "{name}");
    for row in &rows {
        let (before, after) = (cells(&row["before"]), cells(&row["after"]));
        let any = told
            .iter()
            .enumerate()
            .any(|(at, told)| told.0.is_some() && told.1.is_some() && before[at] != after[at]);
        assert!(any, "{name}: {row}");
    }
    // The files hold the same.
    for (format, marks) in [("csv", ["removed", "added", "before"]), ("daff", ["---", "+++", "->"])] {
        let (status, file) =
            mycorr.ask(Method::GET, &format!("/tables/{table}/diff?from=1&to=2&format={format}"), None).await;
        assert_eq!(status, StatusCode::OK);
        let lines = records(file.as_str().unwrap());
        for (mark, count) in marks.into_iter().zip(["removed", "added", "changed"]) {
            let of = |line: &&Vec<String>| line[0] == mark || (mark == "->" && line[0].ends_with("->"));
            assert_eq!(
                lines.iter().filter(of).count() as u64,
                diff[count].as_u64().unwrap(),
                "{name} {format}: {mark}"
            );
        }
        assert!(lines.iter().all(|line| line.len() == columns.len() + 1), "{name} {format}");
    }
}

/// The records of a CSV file (RFC 4180).
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => field.push(chars.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            char => field.push(char),
        }
    }
    records
}

/// The rows as PostgreSQL prints them: the columns of now, or all of before in the order in which the diff has them.
fn printed(edited: &Edited<'_>, table: &str, side: &str) -> Vec<Vec<Option<String>>> {
    let columns: Vec<String> = if side == "after" {
        edited.columns.iter().map(|(now, _)| now.clone()).collect()
    } else {
        let kept: Vec<String> = edited.columns.iter().filter_map(|(_, before)| before.clone()).collect();
        let gone = ["n", "a", "b", "c", "d", "e", "f", "g", "h"]
            .iter()
            .map(|name| (*name).to_owned())
            .filter(|name| !kept.contains(name))
            .collect::<Vec<_>>();
        kept.into_iter().chain(gone).collect()
    };
    crate::types::printed(edited.database, &format!("SELECT {} FROM public.{table}", columns.join(", ")))
}

#[tokio::test]
async fn random_edits_are_told_as_sql_tells_them() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let mycorr = Mycorr::start().await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    for round in 0..16 {
        let keyed = round % 3 != 2;
        let mut edited = Edited::new(&database, round, keyed);
        let job = mycorr.import(&model, &connection, &edited.table).await;
        assert_eq!(job["state"], "succeeded", "{job:#}");
        let table = job["table_id"].as_str().unwrap().to_owned();
        edited.sql("CREATE TABLE {t}_before AS TABLE {t}");
        for step in 0..1 + round % 6 {
            edited.edit(step);
        }
        // So that there always is a second version.
        edited.sql("DELETE FROM {t} WHERE ctid IN (SELECT ctid FROM {t} LIMIT 1)");
        let job = mycorr.sync(&table).await;
        assert_eq!((&job["state"], &job["version"]), (&"succeeded".into(), &2.into()), "{job:#}");
        agrees(&edited, &mycorr, &table, keyed).await;
    }
}
