//! docs/statements.md says what Mycorr can send, from the source itself.

use mycorr_domain::{ColumnType, Filter, Mask, TextHash};
use mycorr_pgread::sql::{self, TEMPLATES};
use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

const SOURCE: &str = concat!(
    include_str!("../../src/sql.rs"),
    include_str!("../../src/sql/advice.rs"),
    include_str!("../../src/sql/browse.rs"),
    include_str!("../../src/sql/ranges.rs"),
    include_str!("../../src/sql/checksums.rs"),
    include_str!("../../src/sql/statistics.rs"),
    include_str!("../../src/sql/wanted.rs")
);

const HEAD: &str = "# What Mycorr sends to a database

Every statement, made from `crates/pgread/src/sql.rs` and `sql/` by a test that fails when this page differs; `make statements` writes it again.
There is no other statement: no `BEGIN`, `SET`, `COPY`, `DECLARE`, `PREPARE` or `DISCARD`. Before each of them goes `settings`, in the
same pipeline of unnamed messages with a single Sync, so that the server runs both in one read-only transaction. What a person types is only
ever a parameter (`$1`); names of tables and columns are those that `describe` found in the catalogue, quoted. The ledger of a connection
shows what was sent, under these names, with parameters, time, rows, bytes and outcome.

Statements are shown in lines; they are sent in one.
";

#[test]
fn the_statements_of_the_documentation_are_those_of_the_source() {
    let made = page();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/statements.md");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == made, "docs/statements.md is not what the source says: run `make statements`");
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for template in TEMPLATES {
        let constant = format!("pub const {}: Template =", template.name.to_uppercase());
        let at = SOURCE.find(&constant).unwrap_or_else(|| panic!("no {constant} in sql.rs"));
        section(&mut page, template.name, &comment_before(at), template.text, &cost(template.text));
    }
    let columns = ["id", "total"];
    let whole = sql::select("shop", "orders", columns, None);
    let first = sql::select("shop", "orders", columns, Some(50));
    section(
        &mut page,
        sql::SELECT,
        "An import or a sync of the table `orders` in the schema `shop`: the columns that were chosen, or all that the role may \
         read. Parents of inheritance trees and partitioned tables are read with all that belongs to them.",
        &whole,
        "one read of the whole table or view, from its first page on; nothing is sorted and nothing is counted.",
    );
    section(
        &mut page,
        sql::PREVIEW,
        "The first rows of it, to look at.",
        &first,
        "the first pages of a table; of a view, what it computes before its first rows.",
    );
    let mut wanted = sql::SelectList {
        columns: columns.into_iter().map(|column| (column.to_owned(), None)).collect(),
        conditions: Default::default(),
    };
    let pages = sql::Pages { only: false, from: 4096, to: Some(8192) };
    let range = sql::select_rows("shop", "orders", &wanted, Some(pages));
    let condition = Filter::parse("placed_at.gte.2026-01-01").unwrap();
    wanted.conditions.add(&condition, ColumnType::TimestampTz, "pg_catalog").unwrap();
    wanted.columns.extend([("email".to_owned(), Some(Mask::Hash)), ("note".to_owned(), Some(Mask::Redact))]);
    section(
        &mut page,
        "select, of some rows and with masks",
        "Where a table is imported with conditions, their values are parameters, which the server reads as the type of their \
         column. Values of a column that is hashed (`hashed`) are hashed before anything is stored; of one that is redacted \
         (`redacted`), only whether there is a value is read.",
        &sql::select_rows("shop", "orders", &wanted, None),
        "as `select`, or what an index makes of the conditions.",
    );
    section(
        &mut page,
        sql::CHECK_FILTER,
        "Whether the server takes the conditions of an import, before it is read. Reads no row.",
        &sql::check_filter("shop", "orders", &wanted.conditions),
        "planning the statement.",
    );
    section(
        &mut page,
        "select, through several connections",
        "Where the owner of the connection allows several, each reads a range of pages, under a snapshot that all of them \
         prove to share with `snapshot`; the last range has no upper end. Of partitions, each is read by itself (`ONLY`).",
        &range,
        "one read of these pages, in their order.",
    );
    let hashing = sql::Hashing { hash: TextHash::Lookup3, convert: false };
    let stored = [ColumnType::Int64, ColumnType::Decimal { precision: 12, scale: 2 }];
    wanted.columns.truncate(2);
    section(
        &mut page,
        sql::CHECKSUMS,
        "A comparison of the table `orders` with what is stored of it: how many rows there are, and for each column how many \
         values and the sum of the hashes of their texts (by `md5` before PostgreSQL 11, or where the encoding is not UTF-8). An import that \
         proves itself, and may open more than one connection, sends it beside its reads, under their snapshot.",
        &sql::checksums("shop", "orders", &wanted, &stored, hashing),
        "one read of the whole table at the server, which sends one row.",
    );
    section(
        &mut page,
        sql::PARTITION_ORDER,
        "In which order the partitions of a table are read, so that several connections give the order that one does.",
        &sql::partition_order("shop", "orders"),
        "the first page of each partition.",
    );
    alternatives(&mut page);
    page
}

fn alternatives(page: &mut String) {
    page.push_str(
        "\n## Without a part of the catalogue\n\nWhere an administrator took a part of PostgreSQL's catalogue away from PUBLIC, a \
         statement is sent again without it, and the test of the connection says which part that is and the GRANT that gives \
         it back. What is unknown then is null.\n\n| kept from the role | left out | sent instead |\n| --- | --- | --- |\n",
    );
    let code = |text: &str| match text.split_whitespace().collect::<Vec<_>>().join(" ") {
        text if text.is_empty() => "nothing".to_owned(),
        text => format!("`{}`", text.replace('|', "\\|")),
    };
    for sql::Alternative { objects, part, instead } in sql::ALTERNATIVES {
        let objects: Vec<String> = objects.iter().map(|object| code(object)).collect();
        writeln!(page, "| {} | {} | {} |", objects.join(", "), code(part), code(instead)).unwrap();
    }
}

fn section(page: &mut String, name: &str, purpose: &str, text: &str, cost: &str) {
    let parameters = (1..).take_while(|number| text.contains(&format!("${number}"))).count();
    let parameters = match parameters {
        0 => "none".to_owned(),
        1 => "`$1`".to_owned(),
        last => format!("`$1` to `${last}`"),
    };
    writeln!(page, "\n## {name}\n\n{purpose}\n\n```sql\n{}\n```\n", in_lines(text)).unwrap();
    writeln!(page, "Parameters: {parameters}. Cost: {cost}").unwrap();
}

/// The comment that ends before a place in the source, without the links that only Rust understands.
fn comment_before(at: usize) -> String {
    let lines = SOURCE[..at].lines().rev().map_while(|line| line.strip_prefix("/// "));
    let mut lines: Vec<&str> = lines.collect();
    lines.reverse();
    assert!(!lines.is_empty(), "a template without a comment");
    lines.join(" ").replace("[`", "`").replace("`]", "`")
}

/// Which catalogues it reads. A statement that names anything else would touch somebody's table.
fn cost(text: &str) -> String {
    let mut read = BTreeSet::new();
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',')).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    for pair in words.windows(2) {
        let [word, name] = pair else { continue };
        match (*word, name.split_once('.')) {
            // A setting's value; a query within the statement, or a table that it makes itself.
            ("FROM", Some((_, rest))) if rest.starts_with("current_setting") => {}
            ("FROM", None) if matches!(*name, "aclexplode" | "pg_options_to_table" | "pg_sleep") => {}
            ("FROM" | "JOIN", Some(("pg_catalog" | "information_schema", _))) => drop(read.insert(*name)),
            ("FROM" | "JOIN", None)
                if matches!(
                    *name,
                    "SELECT" | "LATERAL" | "WITH" | "base" | "tree" | "beneath" | "used" | "wait"
                ) => {}
            ("FROM" | "JOIN", _) => panic!("what is {name:?} in: {text}"),
            _ => {}
        }
    }
    if read.is_empty() {
        return "reads nothing; a fraction of a millisecond.".to_owned();
    }
    let names: Vec<String> = read.iter().map(|name| format!("`{name}`")).collect();
    format!("reads the catalogue only ({}); no table of anybody's is touched.", names.join(", "))
}

/// Broken at blanks, but not within quotes, where a blank is not like another.
fn in_lines(text: &str) -> String {
    const WIDTH: usize = 120;
    let mut out = String::new();
    let (mut line, mut quoted) = (0, false);
    for word in text.split(' ') {
        let length = word.chars().count();
        if line > 0 {
            let clause = matches!(word, "FROM" | "WHERE" | "GROUP" | "ORDER" | "LEFT" | "JOIN") && line > 60;
            let full = line + 1 + length > WIDTH;
            let breaks = !quoted && (clause || full);
            out.push_str(if breaks { "\n  " } else { " " });
            line = if breaks { 2 } else { line + 1 };
        }
        quoted ^= word.matches('\'').count() % 2 == 1;
        out.push_str(word);
        line += length;
    }
    out
}
