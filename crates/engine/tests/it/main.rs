//! The use cases against a real PostgreSQL server, with tables in memory and metadata in a SQLite file.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod browse;
mod connections;
mod imports;
mod interruptions;
mod memory;
mod outbox;
mod parallel;
mod passport;
mod people;
mod sealed;
mod slow;
mod source_limits;
mod sources;
mod versions;

use futures::StreamExt;
use mycorr_domain::{Cell, ConnectionKind, RowQuery, Secret, TableId, UserId};
use mycorr_egress::{AllowList, Dialer};
use mycorr_engine::{
    Connection, ConnectionForm, Engine, EngineDeps, Import, Job, JobState, MAX_ROW_BYTES, Model, SignUp,
    Table, Waiting, Workers,
};
use mycorr_meta::Meta;
use mycorr_testkit::{Cluster, Database, MemoryStore};
use mycorr_vault::{Keyring, Vault};
use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;

/// A Mycorr of its own, with an account, beside a database of its own.
struct World {
    engine: Engine,
    workers: Workers,
    ada: UserId,
    database: Database<'static>,
    store: MemoryStore,
    folder: TempDir,
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PASSWORD: &str = "correct horse battery staple";

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

impl World {
    async fn new() -> Self {
        Self::on(Cluster::shared()).await
    }

    async fn on(cluster: &'static Cluster) -> Self {
        Self::with(cluster, MAX_ROW_BYTES).await
    }

    async fn with_largest_row(bytes: usize) -> Self {
        Self::with(Cluster::shared(), bytes).await
    }

    async fn with(cluster: &'static Cluster, largest_row: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = MemoryStore::default();
        Keyring::create_if_missing(&folder.path().join("master.key")).unwrap();
        let allow = "127.0.0.1".to_owned();
        let engine = engine_with(&folder, &store, &allow, largest_row).await;
        let ada =
            engine.accounts.sign_up("Ada", "ada@example.org", secret(PASSWORD), HERE).await.unwrap().user.id;
        let workers = engine.start_workers(2);
        let database = tokio::task::spawn_blocking(|| Database::create(cluster)).await.unwrap();
        Self { engine, workers, ada, database, store, folder }
    }

    /// The metadata, as another process that has the folder opens it.
    async fn meta(&self) -> Meta {
        Meta::open(&database_url(&self.folder)).await.unwrap()
    }

    fn key_file(&self) -> PathBuf {
        self.folder.path().join("master.key")
    }

    fn form(&self) -> ConnectionForm {
        ConnectionForm {
            kind: ConnectionKind::Postgresql,
            name: "Shop".into(),
            host: "127.0.0.1".into(),
            port: self.database.cluster.port().into(),
            database: self.database.name.clone(),
            username: self.database.role.clone(),
            password: secret(&self.database.password),
            encrypted: true,
            ca_certificate: Some(Secret::new(self.database.cluster.authority().pem())),
        }
    }

    async fn connection(&self) -> Connection {
        self.engine
            .connections
            .create_connection(self.ada, self.form(), None)
            .await
            .map_err(|r| r.problem)
            .unwrap()
    }

    async fn model(&self) -> Model {
        self.engine.models.create_model(self.ada, "Shop").await.unwrap()
    }

    async fn start(&self, connection: &Connection, model: &Model, table: &str) -> (Job, Table) {
        let import = Import {
            connection: connection.id,
            schema: "public".into(),
            table: table.into(),
            name: None,
            columns: None,
            selection: Default::default(),
        };
        self.engine.imports.import(self.ada, model.id, import).await.unwrap()
    }

    /// The job as it ended.
    async fn ended(&self, job: &Job) -> Job {
        let states: Vec<_> = self.engine.jobs.watch_job(self.ada, job.id).collect().await;
        states.into_iter().last().unwrap().unwrap()
    }

    /// Waits until the job looks like this, and returns it.
    async fn seen(&self, job: &Job, looks: impl Fn(&Job) -> bool) -> Job {
        let mut states = Box::pin(self.engine.jobs.watch_job(self.ada, job.id));
        while let Some(state) = states.next().await {
            let state = state.unwrap();
            if looks(&state) {
                return state;
            }
        }
        panic!("the job ended and never looked like this");
    }

    /// Waits until the job has read some rows.
    async fn reading(&self, job: &Job) {
        let mut states = Box::pin(self.engine.jobs.watch_job(self.ada, job.id));
        while let Some(state) = states.next().await {
            let state = state.unwrap();
            assert!(!state.state.is_final(), "{:?}", state.problem);
            if state.rows > 0 {
                return;
            }
        }
    }

    async fn imported(&self, table: &str) -> Table {
        let (connection, model) = (self.connection().await, self.model().await);
        let (job, table) = self.start(&connection, &model, table).await;
        let job = self.ended(&job).await;
        assert_eq!(job.state, JobState::Succeeded, "{:?}", job.problem);
        self.engine.tables.table(self.ada, table.id).await.unwrap()
    }

    /// Every row of a version, NULL as `∅`.
    async fn rows(&self, table: TableId, version: Option<i64>) -> Vec<Vec<String>> {
        let query = RowQuery { limit: 1000, ..RowQuery::default() };
        let rows = self.engine.tables.rows(self.ada, table, version, query).await.unwrap();
        let text = |cell: Cell| match cell {
            Cell::Null => "∅".to_owned(),
            Cell::Text(text) => text,
            other => panic!("{other:?}"),
        };
        rows.page.rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect()
    }
}

async fn engine(folder: &TempDir, store: &MemoryStore, allow: &str) -> Engine {
    engine_with(folder, store, allow, MAX_ROW_BYTES).await
}

async fn engine_with(folder: &TempDir, store: &MemoryStore, allow: &str, largest_row: usize) -> Engine {
    let url = database_url(folder);
    Engine::new(EngineDeps {
        meta: Meta::open(&url).await.unwrap(),
        vault: Vault::new(folder.path().join("master.key")),
        dialer: Dialer::new(allow.parse::<AllowList>().unwrap()),
        provider_roots: mycorr_engine::ProviderRoots::default(),
        store: Arc::new(store.clone()),
        sign_up: SignUp::Invite,
        largest_row,
        min_free_bytes: 0,
        max_bytes_per_user: None,
        waiting: Waiting { probe_after: Duration::from_millis(200), ..Waiting::default() },
        mail: None,
    })
}

fn database_url(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("mycorr.db").display())
}
