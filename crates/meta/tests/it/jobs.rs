use crate::{World, connection, grant, import, model, user, world};
use chrono::TimeDelta;
use mycorr_domain::{
    Code, Column, ColumnType, Committed, ConnectionId, Problem, SourceChange, SourceRecord, StoreVersion,
    UniqueKey,
};
use mycorr_meta::{
    ClaimedJob, Connection, JobKind, JobProgress, JobState, LeaseStatus, Model, NewVersion, Table,
};

pub(crate) const LEASE: TimeDelta = TimeDelta::seconds(60);

pub(crate) fn told(rows: u64, bytes: u64) -> JobProgress {
    JobProgress { rows, bytes, waiting_for: None }
}

pub(crate) fn columns() -> Vec<Column> {
    vec![Column {
        name: "id".into(),
        position: 1,
        pg_type: "bigint".into(),
        stored: ColumnType::Int64,
        nullable: false,
        field: "id".into(),
        tree: None,
    }]
}

pub(crate) fn record() -> SourceRecord {
    SourceRecord {
        connection: ConnectionId::new(),
        schema: "public".into(),
        table: "orders".into(),
        oid: 4_000_000_000,
        chosen: None,
        foreign_keys: Vec::new(),
        keys: Some(vec![UniqueKey {
            name: "orders_pkey".into(),
            primary: true,
            columns: vec![1],
            not_null: true,
        }]),
        server_version: "15.10".into(),
        role: "mycorr_reader".into(),
        row_security: true,
        filter: Vec::new(),
        masks: Vec::new(),
        change: None,
    }
}

pub(crate) async fn succeed(world: &World, work: &ClaimedJob, store: i64) -> Option<i64> {
    let committed = Committed { version: StoreVersion(store), rows: 10, bytes: 100, size_bytes: 100 };
    world
        .meta
        .succeed(
            work.lease,
            NewVersion {
                columns: &columns(),
                source: work.source.as_ref(),
                committed,
                warning: None,
                checksums: None,
            },
        )
        .await
        .unwrap()
}

pub(crate) async fn claim(world: &World) -> ClaimedJob {
    world.meta.claim(LEASE).await.unwrap().expect("a job waits")
}

/// A job whose worker stopped reporting, once that is sure.
pub(crate) async fn claim_abandoned(world: &World) -> ClaimedJob {
    loop {
        if let Some(work) = world.meta.claim(LEASE).await.unwrap() {
            return work;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// A table with one version. Jobs that were queued before wait on.
pub(crate) async fn imported(world: &World, shop: &Model, source: &Connection) -> Table {
    let (job, table) = world
        .meta
        .queue_import(&grant(&world.meta, world.ada.id, shop.id).await, import(source))
        .await
        .unwrap();
    let mut older = Vec::new();
    let work = loop {
        let work = claim(world).await;
        if work.job.id == job.id {
            break work;
        }
        older.push(work.lease);
    };
    assert_eq!(succeed(world, &work, 0).await, Some(1));
    for lease in older {
        world.meta.release(lease).await.unwrap();
    }
    world.meta.table(world.ada.id, table.id).await.unwrap().0
}

#[tokio::test]
async fn an_import_becomes_version_1_and_a_sync_the_next() {
    let world = world().await;
    let (shop, source) = (model(&world.meta, &world.ada).await, connection(&world.meta, &world.ada).await);
    let (job, table) = world
        .meta
        .queue_import(&grant(&world.meta, world.ada.id, shop.id).await, import(&source))
        .await
        .unwrap();
    assert!(table.head.is_none());
    assert_eq!(table.job, Some(job.id));
    assert!(world.meta.tables(world.ada.id, shop.id, None, 10).await.unwrap().items.is_empty());

    let work = claim(&world).await;
    assert_eq!((work.job.id, work.job.kind, work.attempts), (job.id, JobKind::Import, 1));
    assert!(world.meta.claim(LEASE).await.unwrap().is_none(), "it is claimed");
    assert!(world.meta.note_reading(work.lease, &columns(), &record(), Some(12)).await.unwrap());
    assert_eq!(world.meta.report(work.lease, told(5, 50), LEASE).await.unwrap(), LeaseStatus::Held);
    let running = world.meta.job(world.ada.id, job.id).await.unwrap();
    assert_eq!((running.rows, running.bytes, running.estimated_rows), (5, 50, Some(12)));
    assert_eq!(succeed(&world, &work, 0).await, Some(1));

    let listed = world.meta.tables(world.ada.id, shop.id, None, 10).await.unwrap().items;
    let head = listed[0].head.as_ref().unwrap();
    assert_eq!((head.version, head.rows, head.columns.to_vec()), (1, 10, columns()));
    assert!(listed[0].synced_at.is_some() && listed[0].job.is_none());

    world.meta.queue_sync(&grant(&world.meta, world.ada.id, table.id).await).await.unwrap();
    assert_eq!(
        world.meta.queue_sync(&grant(&world.meta, world.ada.id, table.id).await).await.unwrap_err().code,
        Code::Conflict
    );
    let work = claim(&world).await;
    assert_eq!(succeed(&world, &work, 4).await, Some(2));
    let (table, _) = world.meta.table(world.ada.id, table.id).await.unwrap();
    let versions = world.meta.versions(&table, None, 10).await.unwrap().items;
    let numbers: Vec<_> = versions.iter().map(|v| (v.version, v.store.0, v.cause)).collect();
    assert_eq!(numbers, [(2, 4, JobKind::Sync), (1, 0, JobKind::Import)]);
    assert_eq!(world.meta.version(&table, Some(3)).await.unwrap_err().code, Code::NotFound);
}

#[tokio::test]
async fn a_failed_first_import_frees_its_name_and_keeps_its_problem() {
    let world = world().await;
    let (shop, source) = (model(&world.meta, &world.ada).await, connection(&world.meta, &world.ada).await);
    let (job, table) = world
        .meta
        .queue_import(&grant(&world.meta, world.ada.id, shop.id).await, import(&source))
        .await
        .unwrap();
    let work = claim(&world).await;
    let problem = Problem::new(Code::TableNotFound, "gone").fix("look").field("table", "gone").internal("pg");
    assert!(world.meta.fail(work.lease, &problem).await.unwrap());
    let failed = world.meta.job(world.ada.id, job.id).await.unwrap();
    assert_eq!(failed.state, JobState::Failed);
    let told = failed.problem.unwrap();
    assert_eq!((told.code, told.fix.as_deref(), told.internal), (Code::TableNotFound, Some("look"), None));
    assert_eq!(world.meta.table(world.ada.id, table.id).await.unwrap_err().code, Code::NotFound);
    let (_, again) = world
        .meta
        .queue_import(&grant(&world.meta, world.ada.id, shop.id).await, import(&source))
        .await
        .unwrap();
    assert_eq!(again.name, "orders");
}

#[tokio::test]
async fn cancelling() {
    let world = world().await;
    let bob = user(&world.meta, "bob@example.org").await;
    let (shop, source) = (model(&world.meta, &world.ada).await, connection(&world.meta, &world.ada).await);
    let (first, _) = world
        .meta
        .queue_import(&grant(&world.meta, world.ada.id, shop.id).await, import(&source))
        .await
        .unwrap();
    let (second, _) = world
        .meta
        .queue_import(&grant(&world.meta, world.ada.id, shop.id).await, import(&source))
        .await
        .unwrap();
    let work = claim(&world).await;
    let his = model(&world.meta, &bob).await;
    let other = world.meta.cancel_job(&grant(&world.meta, bob.id, his.id).await, first.id).await;
    assert_eq!(other.unwrap_err().code, Code::NotFound);
    let waiting =
        world.meta.cancel_job(&grant(&world.meta, world.ada.id, shop.id).await, second.id).await.unwrap();
    assert_eq!(waiting.state, JobState::Cancelled, "one that waits ends at once");
    let running =
        world.meta.cancel_job(&grant(&world.meta, world.ada.id, shop.id).await, first.id).await.unwrap();
    assert_eq!(running.state, JobState::Running);
    assert_eq!(world.meta.report(work.lease, told(0, 0), LEASE).await.unwrap(), LeaseStatus::Cancelled);
    world.meta.fail(work.lease, &Problem::new(Code::Cancelled, "stopped")).await.unwrap();
    let over =
        world.meta.cancel_job(&grant(&world.meta, world.ada.id, shop.id).await, first.id).await.unwrap();
    assert_eq!(over.state, JobState::Cancelled);
    assert!(world.meta.claim(LEASE).await.unwrap().is_none());
}

#[tokio::test]
async fn a_restore_holds_the_table_and_makes_a_version() {
    let world = world().await;
    let (shop, source) = (model(&world.meta, &world.ada).await, connection(&world.meta, &world.ada).await);
    let table = imported(&world, &shop, &source).await;
    let missing = world
        .meta
        .start_restore(&grant(&world.meta, world.ada.id, table.id).await, 9, LEASE)
        .await
        .unwrap_err();
    assert_eq!(missing.code, Code::NotFound);
    let work =
        world.meta.start_restore(&grant(&world.meta, world.ada.id, table.id).await, 1, LEASE).await.unwrap();
    assert_eq!((work.attempts, work.restored_version), (1, Some(1)));
    assert_eq!(
        world.meta.queue_sync(&grant(&world.meta, world.ada.id, table.id).await).await.unwrap_err().code,
        Code::Conflict
    );
    let synced = world.meta.table(world.ada.id, table.id).await.unwrap().0.synced_at;
    assert_eq!(succeed(&world, &work, 2).await, Some(2));
    let (table, _) = world.meta.table(world.ada.id, table.id).await.unwrap();
    let head = table.head.clone().unwrap();
    assert_eq!((head.cause, head.restored_version), (JobKind::Restore, Some(1)));
    assert_eq!(table.synced_at, synced, "nothing was read from the source");
    let jobs = world.meta.jobs(world.ada.id, shop.id, None, 10).await.unwrap().items;
    assert!(jobs.iter().all(|job| job.kind == JobKind::Import));
    // The files that both share are counted as long as one of them holds them.
    assert_eq!(world.meta.stored_bytes(world.ada.id).await.unwrap(), 100);
    world.meta.delete_version(&grant(&world.meta, world.ada.id, table.id).await, 1).await.unwrap();
    assert_eq!(world.meta.stored_bytes(world.ada.id).await.unwrap(), 100);
    assert_eq!(world.meta.figures().await.unwrap().stored_bytes, 100);
}

#[tokio::test]
async fn a_table_deleted_under_a_running_sync() {
    let world = world().await;
    let (shop, source) = (model(&world.meta, &world.ada).await, connection(&world.meta, &world.ada).await);
    let table = imported(&world, &shop, &source).await;
    world.meta.queue_sync(&grant(&world.meta, world.ada.id, table.id).await).await.unwrap();
    let work = claim(&world).await;
    world.meta.delete_table(&grant(&world.meta, world.ada.id, table.id).await).await.unwrap();
    assert_eq!(world.meta.report(work.lease, told(0, 0), LEASE).await.unwrap(), LeaseStatus::Cancelled);
    assert_eq!(succeed(&world, &work, 1).await, None);
    let job = world.meta.job(world.ada.id, work.job.id).await.unwrap();
    assert_eq!(job.state, JobState::Cancelled);
}

#[tokio::test]
async fn what_was_read_is_remembered_with_the_version() {
    let world = world().await;
    let (shop, source) = (model(&world.meta, &world.ada).await, connection(&world.meta, &world.ada).await);
    let (_, table) = world
        .meta
        .queue_import(&grant(&world.meta, world.ada.id, shop.id).await, import(&source))
        .await
        .unwrap();
    let dead = world.meta.claim(TimeDelta::seconds(-1)).await.unwrap().unwrap();
    let read = record();
    assert!(world.meta.note_reading(dead.lease, &columns(), &read, None).await.unwrap());
    let work = claim_abandoned(&world).await;
    assert_eq!(work.source.as_ref(), Some(&read), "the second run knows what the first one read");
    assert_eq!(succeed(&world, &work, 0).await, Some(1));
    let (table, _) = world.meta.table(world.ada.id, table.id).await.unwrap();
    assert_eq!(table.head.as_ref().unwrap().source, Some(read.clone()));

    // A table that was renamed is read under its new name from then on.
    world.meta.queue_sync(&grant(&world.meta, world.ada.id, table.id).await).await.unwrap();
    let mut work = claim(&world).await;
    let renamed = SourceRecord {
        table: "orders_2".into(),
        chosen: Some(vec!["id".into()]),
        change: Some(SourceChange::Renamed),
        ..read.clone()
    };
    work.source = Some(renamed.clone());
    assert_eq!(succeed(&world, &work, 1).await, Some(2));
    let (table, _) = world.meta.table(world.ada.id, table.id).await.unwrap();
    assert_eq!((table.source.table.as_str(), &table.source.columns), ("orders_2", &renamed.chosen));
    let versions = world.meta.versions(&table, None, 10).await.unwrap().items;
    assert_eq!([&versions[0].source, &versions[1].source], [&Some(renamed), &Some(read)]);
}
