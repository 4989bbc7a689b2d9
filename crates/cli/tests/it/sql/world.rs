//! A product with its door open, and what asks it.

use crate::product::Mycorr;
use mycorr_testkit::{Cluster, Database, not_tested};
use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

pub(super) const EMAIL: &str = "ada@example.org";
pub(super) const MODEL: &str = "Work";

/// A product with its door open, and a source of which tables are imported.
pub(super) struct World {
    pub(super) cluster: &'static Cluster,
    pub(super) database: Database<'static>,
    pub(super) mycorr: Mycorr,
    pub(super) model: String,
    pub(super) port: u16,
}

impl World {
    pub(super) async fn with(sql: &str, tables: &[&str]) -> Self {
        Self::start(sql, tables, &[]).await
    }

    /// The same with more settings.
    pub(super) async fn start(sql: &str, tables: &[&str], settings: &[(&str, &str)]) -> Self {
        let cluster = Cluster::shared();
        let database = Database::create(cluster);
        database.sql(sql);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listen = format!("127.0.0.1:{port}");
        let settings = settings.iter().copied().chain([("MYCORR_SQL_LISTEN", listen.as_str())]);
        let settings: Vec<_> = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mycorr = Mycorr::start_with(&settings).await;
        let connection = mycorr.connect(cluster, &database, cluster.port()).await;
        let model = mycorr.model().await;
        for table in tables {
            let job = mycorr.import(&model, &connection, table).await;
            assert_eq!(job["state"], "succeeded", "{job:#}");
        }
        Self { cluster, database, mycorr, model, port }
    }

    pub(super) fn psql(&self) -> Command {
        let mut psql = Command::new(self.cluster.program("psql"));
        psql.args(["-X", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", EMAIL])
            .args(["-p", &self.port.to_string()]);
        psql.env_clear().env("PGPASSWORD", self.mycorr.token()).env("LC_ALL", "C.UTF-8");
        psql
    }

    /// Rows of statements in a database, unaligned, fields separated by `|`.
    pub(super) fn ask(&self, database: &str, sql: &str) -> Result<String, String> {
        let output = self
            .psql()
            .args(["-q", "-A", "-t", "-v", "VERBOSITY=verbose", "-d", database, "-c", sql])
            .output()
            .unwrap();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(text(&output.stderr)),
        }
    }

    pub(super) fn says(&self, sql: &str) -> String {
        self.ask(MODEL, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub(super) fn refuses(&self, sql: &str, state: &str) {
        match self.ask(MODEL, sql) {
            Ok(said) => panic!("{sql}: {said}"),
            Err(error) => assert!(error.contains(state), "{sql}: {error}"),
        }
    }

    /// What every client is told.
    pub(super) fn client(&self, mut program: Command) -> Output {
        program
            .env("DOOR_PORT", self.port.to_string())
            .env("DOOR_TOKEN", self.mycorr.token())
            .env("DOOR_USER", EMAIL)
            .env("DOOR_DATABASE", MODEL)
            .env("SOURCE_HOST", self.cluster.socket_folder())
            .env("SOURCE_PORT", self.cluster.port().to_string())
            .env("SOURCE_DATABASE", &self.database.name);
        program.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
    }

    /// Runs a script under `tests/it/sql` by a Python that has these packages; what it prints.
    pub(super) fn python(&self, script: &str, packages: &[&str]) -> Option<String> {
        let python = installed("python", packages)?;
        let mut program = Command::new(python);
        program.args(["-W", "ignore"]).arg(source(script));
        Some(succeeded(&self.client(program)))
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

pub(super) fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

pub(super) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/sql").join(name)
}

/// What `scripts/python` or `scripts/node-package` has installed.
pub(super) fn installed(script: &str, packages: &[&str]) -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts").join(script);
    let output = Command::new(script).args(packages).stderr(Stdio::inherit()).output().unwrap();
    if !output.status.success() {
        not_tested(&format!("{packages:?} could not be installed"));
        return None;
    }
    Some(text(&output.stdout).into())
}

pub(super) const SHOP: &str = "
    CREATE TABLE orders (
        id int PRIMARY KEY, customer varchar(20) NOT NULL, total numeric(12,2), placed_at timestamptz(3), note text,
        code char(3), \"Odd name\" boolean
    );
    INSERT INTO orders
        SELECT n, 'c' || n % 7, n * 1.25, '2026-01-01'::timestamptz + n * interval '1 hour', 'note ' || n,
               chr(65 + n % 26), n % 2 = 0
        FROM generate_series(1, 1000) AS n;
    CREATE TABLE \"Customers\" (name text PRIMARY KEY, since date);
    INSERT INTO \"Customers\" VALUES ('c1', '2020-02-29'), ('c2', NULL);";
