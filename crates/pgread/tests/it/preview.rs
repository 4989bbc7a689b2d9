//! The first rows of a table, whatever they take.

use crate::support::{dialer, target};
use mycorr_domain::{Cell, Problem};
use mycorr_pgread::{Client, MemoryJournal};
use mycorr_testkit::{Cluster, Database};
use std::sync::Arc;

async fn preview(database: &Database<'_>, table: &str) -> Result<Vec<Vec<Cell>>, Problem> {
    let journal = Arc::new(MemoryJournal::default());
    let mut client = Client::connect(&dialer(), &target(database.cluster, database), journal.clone()).await?;
    let description = client.describe("public", table).await?;
    let rows = client.preview(&description, 50).await?;
    assert_eq!(journal.statements().last().unwrap().rows, rows.len() as u64);
    client.close().await;
    Ok(rows)
}

#[tokio::test]
async fn large_cells_come_by_digest_and_beginning() {
    let database = Database::create(Cluster::shared());
    database.sql(
        "CREATE TABLE one AS SELECT 1 AS id, repeat('ab', 2150000) AS document, NULL::text AS none, 'x' AS after;
         CREATE TABLE fifty AS SELECT n AS id, lpad(n::text, 1500000, '0') AS document FROM generate_series(1, 60) n;
         CREATE TABLE huge AS SELECT n AS id, repeat('abcdefgh', 12500000) AS document FROM generate_series(1, 3) n",
    );
    let rows = preview(&database, "one").await.unwrap();
    let Cell::Large(large) = &rows[0][1] else { panic!("{:?}", rows[0]) };
    assert_eq!((large.length, &large.preview[..4], large.preview.len()), (4_300_000, "abab", 256));
    let sha256 = database.sql("SELECT encode(sha256(document::bytea), 'hex') FROM one");
    assert_eq!(hex(&large.sha256), sha256.trim());
    assert_eq!((&rows[0][2], &rows[0][3]), (&Cell::Null, &Cell::Text("x".into())));

    // More than 64 MB together.
    let rows = preview(&database, "fifty").await.unwrap();
    assert_eq!(rows.len(), 50);
    for (row, id) in rows.iter().zip(1..) {
        assert_eq!(row[0], Cell::Text(id.to_string()));
        assert!(matches!(&row[1], Cell::Large(large) if large.length == 1_500_000));
    }
    // Rows that no import takes.
    let rows = preview(&database, "huge").await.unwrap();
    assert!(matches!(&rows[2][1], Cell::Large(large) if large.length == 100_000_000));
}

#[tokio::test]
async fn what_fits_into_the_budget_comes_as_a_whole() {
    let database = Database::create(Cluster::shared());
    database.sql(
        "CREATE TABLE documents AS SELECT n AS id, lpad(n::text, 900000, '0') AS document
         FROM generate_series(1, 20) n",
    );
    let rows = preview(&database, "documents").await.unwrap();
    let whole: Vec<bool> = rows.iter().map(|row| matches!(row[1], Cell::Text(_))).collect();
    assert_eq!(whole, [vec![true; 9], vec![false; 11]].concat());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
