//! What the tests share: a connection to a test's own database, and tables read back as PostgreSQL's text.

use arrow_array::{BinaryArray, RecordBatch, cast::AsArray};
use mycorr_domain::{
    AnswerBudget, Cell, Column, DatabaseName, Endpoint, Port, Problem, RoleName, Secret, output,
};
use mycorr_egress::Dialer;
use mycorr_pgread::{
    Client, Journal, MemoryJournal, Scan, ScanLimits, Statement, TableDescription, Target, sql,
    tls::{CaCertificate, ProviderRoots},
};
use mycorr_testkit::{Cluster, Database};
use std::sync::Arc;

pub(crate) fn dialer() -> Dialer {
    Dialer::new("127.0.0.0/8, localhost".parse().unwrap())
}

/// As [`target_at`] the cluster itself.
pub(crate) fn target(cluster: &Cluster, database: &Database<'_>) -> Target {
    target_at(cluster, database, cluster.port())
}

/// verify-full with the cluster's authority, on a port that leads to the cluster.
pub(crate) fn target_at(cluster: &Cluster, database: &Database<'_>, port: u16) -> Target {
    Target {
        endpoint: Endpoint {
            host: "localhost".into(),
            port: Port::parse(port.into()).unwrap(),
            database: DatabaseName::parse(&database.name).unwrap(),
            username: RoleName::parse(&database.role).unwrap(),
            encrypted: true,
        },
        password: Secret::new(database.password.clone()),
        ca_certificate: Some(CaCertificate::parse(&cluster.authority().pem()).unwrap()),
        provider_roots: ProviderRoots::default(),
    }
}

/// A journal that nobody reads.
pub(crate) fn unsaved() -> Arc<dyn Journal> {
    Arc::new(MemoryJournal::default())
}

pub(crate) async fn connect(cluster: &Cluster, database: &Database<'_>) -> Client {
    Client::connect(&dialer(), &target(cluster, database), unsaved()).await.unwrap()
}

/// Starts to read all columns of a table.
pub(crate) async fn begin(client: Client, description: &TableDescription, limits: ScanLimits) -> Scan {
    begun(client, description, None, limits).await.unwrap()
}

/// Starts to read, or does not; the connection is closed then.
pub(crate) async fn begun(
    client: Client,
    description: &TableDescription,
    names: Option<&[String]>,
    limits: ScanLimits,
) -> Result<Scan, Problem> {
    let mut scan = client.read(description, names, limits).await?;
    match scan.begin().await {
        Ok(()) => Ok(scan),
        Err(problem) => {
            scan.close().await;
            Err(problem)
        }
    }
}

/// Reads a whole table and prints every cell.
pub(crate) async fn read(
    mut client: Client,
    schema: &str,
    table: &str,
) -> Result<(Vec<Column>, Vec<Vec<Cell>>), Problem> {
    let description = client.describe(schema, table).await?;
    let mut scan = client.read(&description, None, ScanLimits::default()).await?;
    let columns = scan.columns().to_vec();
    let mut rows = Vec::new();
    while let Some(batch) = scan.next().await? {
        rows.extend((0..batch.num_rows()).map(|row| cells(&columns, &batch, row)));
    }
    assert_eq!(scan.rows(), rows.len() as u64);
    scan.close().await;
    Ok((columns, rows))
}

fn cells(columns: &[Column], batch: &RecordBatch, row: usize) -> Vec<Cell> {
    let cell = |(at, column): (usize, &Column)| {
        let exact: Option<&BinaryArray> =
            batch.column_by_name(&column.exact_name()).map(|exact| exact.as_binary());
        output::cell_of(column, batch.column(at), exact, row, &mut AnswerBudget::new(columns.len()))
    };
    columns.iter().enumerate().map(cell).collect()
}

/// The newest read in the ledger: what is looked up for advice comes after it.
pub(crate) fn last_read(journal: &MemoryJournal) -> Statement {
    journal.take().into_iter().rfind(|statement| statement.template == sql::SELECT).unwrap()
}
