//! The state machine of jobs on the real metadata and the real store: several workers, any order of what can happen to
//! them. A job commits at most once, and no two write a table at the same time.

use arrow_array::{Int32Array, RecordBatch};
use arrow_schema::Schema;
use chrono::TimeDelta;
use mycorr_domain::{
    Code, Column, ColumnType, ConnectionId, ConnectionKind, ConnectionName, DatabaseName, Email, Endpoint,
    HoldCode, HoldReason, PersonName, Port, Problem, ResourceName, RoleName, RowQuery, Snapshot,
    SourceRecord, TableId, TableName, TableStore, TableWriter, UserId,
};
use mycorr_meta::{
    ClaimedJob, JobProgress, JobState, LeaseStatus, Meta, NewConnection, NewImport, NewUser, NewVersion,
    Sealed, Write,
};
use mycorr_tables::DeltaStore;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use std::{collections::HashMap, sync::Arc};
use tempfile::TempDir;
use tokio::task::LocalSet;

const WORKERS: usize = 3;
const WORLDS: usize = 8;
const STEPS: usize = 80;

#[derive(Clone, Copy, Debug)]
enum Step {
    Queue,
    Claim(usize),
    Report(usize),
    /// All that a run does, or a part of it, after which the worker is paused or gone.
    Commit(usize),
    CommitWithoutRecord(usize),
    Hold(usize),
    HoldWithoutRecord(usize),
    Fail(usize),
    Release(usize),
    /// The leases of all workers run out.
    Expire,
    Accept(usize),
    Discard,
    Cancel,
    Sweep,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let worker = || 0..WORKERS;
    let step = prop_oneof![
        4 => Just(Step::Queue),
        8 => worker().prop_map(Step::Claim),
        2 => worker().prop_map(Step::Report),
        3 => worker().prop_map(Step::Commit),
        2 => worker().prop_map(Step::CommitWithoutRecord),
        5 => worker().prop_map(Step::Hold),
        2 => worker().prop_map(Step::HoldWithoutRecord),
        1 => worker().prop_map(Step::Fail),
        1 => worker().prop_map(Step::Release),
        2 => Just(Step::Expire),
        4 => worker().prop_map(Step::Accept),
        1 => Just(Step::Discard),
        1 => Just(Step::Cancel),
        2 => Just(Step::Sweep),
    ];
    prop::collection::vec(step, STEPS)
}

struct Run {
    work: ClaimedJob,
    /// None for one that only has to record what was done before.
    writer: Option<Box<dyn TableWriter>>,
    number: i32,
}

struct World {
    meta: Meta,
    store: DeltaStore,
    user: UserId,
    table: TableId,
    columns: Vec<Column>,
    workers: Vec<Option<Run>>,
    written: i32,
    /// What each job's version has to hold.
    numbers: HashMap<mycorr_domain::JobId, Vec<i32>>,
    ended: HashMap<mycorr_domain::JobId, JobState>,
    _folder: TempDir,
}

const LEASE: TimeDelta = TimeDelta::milliseconds(1);

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let meta = Meta::open(&format!("sqlite:{}", folder.path().join("meta.db").display())).await.unwrap();
        let store = DeltaStore::open(folder.path().join("tables").to_str().unwrap()).unwrap();
        let (name, email) =
            (PersonName::parse("name", "Ada").unwrap(), Email::parse("ada@example.org").unwrap());
        let new = NewUser { name: &name, email: &email, password_hash: "hash", admin: false };
        let user = meta.create_user(new, true, None).await.unwrap().id;
        let model = meta.create_model(user, &ResourceName::parse("name", "Shop").unwrap()).await.unwrap();
        let endpoint = Endpoint {
            host: "db.example.com".into(),
            port: Port::parse(5432).unwrap(),
            database: DatabaseName::parse("shop").unwrap(),
            username: RoleName::parse("reader").unwrap(),
            encrypted: true,
        };
        let connection = NewConnection {
            id: ConnectionId::new(),
            kind: ConnectionKind::Postgresql,
            name: &ConnectionName::parse("Prod").unwrap(),
            endpoint: &endpoint,
            sealed: Sealed { data_key: vec![1], password: vec![2], ca_certificate: None },
            ca_certificate: None,
            server_version: None,
        };
        let connection = meta.create_connection(user, connection).await.unwrap().id;
        let import = NewImport {
            connection,
            schema: "public".into(),
            table: "t".into(),
            name: TableName::parse("t").unwrap(),
            columns: None,
            selection: Default::default(),
            verify: false,
        };
        let grant = meta.grant::<Write, _>(user, model.id).await.unwrap();
        let (_, table) = meta.queue_import(&grant, import).await.unwrap();
        let columns = vec![Column {
            name: "n".into(),
            position: 1,
            pg_type: "integer".into(),
            stored: ColumnType::Int32,
            nullable: true,
            field: "n".into(),
            tree: None,
        }];
        let mut world = Self {
            meta,
            store,
            user,
            table: table.id,
            columns,
            workers: (0..WORKERS).map(|_| None).collect(),
            written: 0,
            numbers: HashMap::new(),
            ended: HashMap::new(),
            _folder: folder,
        };
        world.step(Step::Claim(0)).await;
        world.step(Step::Commit(0)).await;
        world
    }

    fn source(&self) -> SourceRecord {
        SourceRecord {
            connection: ConnectionId::from_uuid(uuid::Uuid::nil()),
            schema: "public".into(),
            table: "t".into(),
            oid: 1,
            chosen: None,
            keys: None,
            foreign_keys: Vec::new(),
            server_version: String::new(),
            role: String::new(),
            row_security: false,
            filter: Vec::new(),
            masks: Vec::new(),
            change: None,
        }
    }

    /// As a worker begins a job that it has claimed.
    /// A run's files are swept by who has taken the right from it, and by nobody else.
    async fn assert_lost(&self, run: &Run, problem: &Problem) {
        let status = self.meta.report(run.work.lease, JobProgress::default(), LEASE).await.unwrap();
        assert_eq!(status, LeaseStatus::Lost, "{problem:?}");
    }

    async fn begin(&mut self, worker: usize, work: ClaimedJob) {
        let mut run = Run { work, writer: None, number: 0 };
        let right = run.work.right;
        if run.work.again {
            // Another may have claimed it since.
            match self.store.take_over(right).await {
                Ok(Some(committed)) => {
                    self.record(&run, committed).await;
                    return;
                }
                Ok(None) => {}
                Err(_) => return,
            }
            if let Some(staged) = run.work.accepted {
                if let Ok(committed) = self.store.commit_staged(right, staged).await {
                    self.record(&run, committed).await;
                }
                return;
            }
            self.store.sweep(right).await.unwrap();
        }
        self.written += 1;
        run.number = self.written;
        if !self.meta.note_reading(run.work.lease, &self.columns, &self.source(), None).await.unwrap() {
            return;
        }
        let Ok(mut writer) = self.store.write(right, &self.columns).await else { return };
        let schema = Arc::new(Schema::new(vec![self.columns[0].arrow_field()]));
        let numbers = Arc::new(Int32Array::from(vec![run.number]));
        writer.write(RecordBatch::try_new(schema, vec![numbers]).unwrap()).await.unwrap();
        self.numbers.entry(run.work.job.id).or_default().push(run.number);
        run.writer = Some(writer);
        self.workers[worker] = Some(run);
    }

    async fn record(&self, run: &Run, committed: mycorr_domain::Committed) {
        let source = self.source();
        let new = NewVersion {
            columns: &self.columns,
            source: Some(&source),
            committed,
            warning: None,
            checksums: None,
        };
        self.meta.succeed(run.work.lease, new).await.unwrap();
    }

    async fn step(&mut self, step: Step) {
        let grant = self.meta.grant::<Write, TableId>(self.user, self.table).await.unwrap();
        let reasons = [HoldReason { code: HoldCode::NoRows, message: "It is empty.".to_owned() }];
        match step {
            Step::Queue => drop(self.meta.queue_sync(&grant).await),
            Step::Claim(worker) => {
                // A worker that does something else is taken for a new one: the old run is paused for good.
                if let Some(work) = self.meta.claim(LEASE).await.unwrap() {
                    self.begin(worker, work).await;
                }
            }
            Step::Accept(worker) => {
                if let Ok(work) = self.meta.accept_held(&grant, LEASE).await {
                    assert!(work.accepted.is_some());
                    // Half of the time the process dies before it did anything about it.
                    if worker != 0 {
                        self.begin(worker, work).await;
                    }
                }
            }
            Step::Report(worker) => {
                if let Some(run) = &self.workers[worker] {
                    let status =
                        self.meta.report(run.work.lease, JobProgress::default(), LEASE).await.unwrap();
                    if status == LeaseStatus::Lost {
                        self.workers[worker] = None;
                    }
                }
            }
            Step::Commit(worker) | Step::CommitWithoutRecord(worker) => {
                let Some(mut run) = self.workers[worker].take() else { return };
                let Some(writer) = run.writer.take() else { return };
                match writer.commit().await {
                    Ok(committed) if matches!(step, Step::Commit(_)) => self.record(&run, committed).await,
                    Ok(_) => {}
                    Err(problem) if problem.code == Code::StorageConflict => {}
                    Err(problem) => self.assert_lost(&run, &problem).await,
                }
            }
            Step::Hold(worker) | Step::HoldWithoutRecord(worker) => {
                let Some(mut run) = self.workers[worker].take() else { return };
                let Some(writer) = run.writer.take() else { return };
                let staged = match writer.stage().await {
                    Ok(staged) => staged,
                    Err(problem) => return self.assert_lost(&run, &problem).await,
                };
                if matches!(step, Step::Hold(_)) {
                    self.meta.hold(run.work.lease, staged, &reasons, None).await.unwrap();
                }
            }
            Step::Fail(worker) => {
                let Some(run) = self.workers[worker].take() else { return };
                drop(run.writer);
                if self
                    .meta
                    .fail(run.work.lease, &Problem::new(Code::StorageUnavailable, "It broke."))
                    .await
                    .unwrap()
                {
                    self.store.sweep(run.work.right).await.unwrap();
                }
            }
            Step::Release(worker) => {
                let Some(run) = self.workers[worker].take() else { return };
                self.meta.release(run.work.lease).await.unwrap();
            }
            Step::Expire => {
                // Two looks at a lease, between which it is not kept.
                if let Some(work) = self.meta.claim(LEASE).await.unwrap() {
                    self.begin(0, work).await;
                }
                tokio::time::sleep(std::time::Duration::from_millis(1600)).await;
                if let Some(work) = self.meta.claim(LEASE).await.unwrap() {
                    self.begin(1, work).await;
                }
            }
            Step::Discard => drop(self.meta.discard_held(&grant).await),
            Step::Cancel => {
                let table = self.meta.table(self.user, self.table).await.unwrap().0;
                let grant = self.meta.grant(self.user, table.model).await.unwrap();
                if let Some(job) = table.held.or(table.job) {
                    self.meta.cancel_job(&grant, job).await.unwrap();
                }
            }
            Step::Sweep => {
                let dropped = self.meta.claim_dropped(self.table).await.unwrap();
                for (right, staged) in dropped.staged {
                    self.store.discard(right, staged).await.unwrap();
                    self.meta.forget_dropped(self.table, &[staged]).await.unwrap();
                }
                if let Some((right, staged)) = self.meta.claim_leftovers(self.table).await.unwrap() {
                    self.store.sweep_all(right, &staged.unwrap()).await.unwrap();
                }
            }
        }
    }

    /// What has to hold at every moment.
    async fn check(&mut self, done: &[Step]) {
        let (table, _) = self.meta.table(self.user, self.table).await.unwrap();
        let jobs = self.meta.jobs(self.user, table.model, None, 1000).await.unwrap().items;
        let of = |states: &[JobState]| jobs.iter().filter(|job| states.contains(&job.state)).count();
        assert!(of(&[JobState::Queued, JobState::Running]) <= 1, "two would write: {done:?}");
        assert!(of(&[JobState::Held]) <= 1, "{done:?}");
        for job in &jobs {
            if let Some(before) = self.ended.get(&job.id) {
                assert_eq!(job.state, *before, "a job ended twice: {done:?}");
            }
            if matches!(job.state, JobState::Succeeded | JobState::Failed | JobState::Cancelled) {
                self.ended.insert(job.id, job.state);
            }
            // Only a job that may still be recorded has a commit of which the metadata knows nothing.
            let committed = self.store.committed(self.table, job.id).await.unwrap();
            assert!(job.version.is_none() || committed.is_some(), "{done:?}");
            assert!(!matches!(job.state, JobState::Held) || committed.is_none(), "{done:?}");
        }
        let versions = self.meta.versions(&table, None, 1000).await.unwrap().items;
        let made: Vec<_> = jobs.iter().filter_map(|job| job.version).collect();
        assert_eq!(versions.len(), made.len(), "a job made more than one version: {done:?}");
        let columns: Arc<[Column]> = self.columns.clone().into();
        let read = async |store_version| {
            let at = Snapshot { table: self.table, version: store_version, columns: columns.clone() };
            let page = self.store.page(&at, &RowQuery { limit: 9, ..RowQuery::default() }).await;
            let page = page.unwrap_or_else(|problem| panic!("{problem:?}: {done:?}"));
            assert_eq!(page.total, 1, "{done:?}");
            format!("{:?}", page.rows[0][0])
        };
        for version in &versions {
            let job = jobs.iter().find(|job| job.version == Some(version.version)).unwrap();
            let (found, mut numbers) = (read(version.store).await, self.numbers[&job.id].iter());
            assert!(numbers.any(|n| found == format!("Text(\"{n}\")")), "{found}: {done:?}");
        }
        let grant = self.meta.grant::<Write, TableId>(self.user, self.table).await.unwrap();
        if let Ok(held) = self.meta.held_sync(&grant).await {
            assert_eq!(Some(held.job), table.held);
            read(held.version.store).await;
        }
    }
}

#[tokio::test]
async fn a_job_commits_at_most_once_whatever_its_workers_do() {
    let mut runner = TestRunner::deterministic();
    let worlds = LocalSet::new();
    let ended: Vec<_> = (0..WORLDS)
        .map(|_| {
            let steps = steps().new_tree(&mut runner).unwrap().current();
            worlds.spawn_local(async move {
                let mut world = World::new().await;
                for at in 0..steps.len() {
                    world.step(steps[at]).await;
                    world.check(&steps[..=at]).await;
                }
                world.ended.len()
            })
        })
        .collect();
    worlds.await;
    let mut total = 0;
    for world in ended {
        total += world.await.unwrap();
    }
    assert!(total > WORLDS * 3, "too little happened: {total} jobs ended");
}
