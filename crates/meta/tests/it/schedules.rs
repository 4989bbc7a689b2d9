use crate::{World, connection, grant, jobs::imported, model, url, user, world};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use mycorr_domain::{Code, CronSchedule, Problem, TableId};
use mycorr_meta::{DueRuns, Job, JobState, Level, MAX_FAILURES, Meta, Schedule, TestResult};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement, TransactionTrait};
use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};
use uuid::Uuid;

const LEASE: TimeDelta = TimeDelta::seconds(60);

fn minute(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A table that is due every ten minutes from 2030 on.
struct Scheduled {
    world: World,
    table: TableId,
    source: mycorr_meta::Connection,
}

const START: &str = "2030-01-01T00:00:00Z";

impl Scheduled {
    async fn new() -> Self {
        let world = world().await;
        let (shop, source) =
            (model(&world.meta, &world.ada).await, connection(&world.meta, &world.ada).await);
        let table = imported(&world, &shop, &source).await.id;
        let this = Self { world, table, source };
        this.set("*/10 * * * *", 0, false).await;
        this
    }

    async fn set(&self, cron: &str, jitter: u32, paused: bool) {
        let grant = self.grant().await;
        self.world.meta.set_schedule(&grant, (cron, "UTC", jitter), paused, minute(START)).await.unwrap();
    }

    async fn grant<L: Level>(&self) -> mycorr_meta::Grant<L, TableId> {
        grant(&self.world.meta, self.world.ada.id, self.table).await
    }

    async fn get(&self) -> Schedule {
        self.world.meta.schedule(&self.grant().await).await.unwrap()
    }

    async fn queue(&self, at: &str) -> usize {
        self.world.meta.queue_due(minute(at)).await.unwrap().queued
    }

    /// The scheduled job that waits ends like this.
    async fn end(&self, problem: Option<Problem>) -> Job {
        let work = self.world.meta.claim(LEASE).await.unwrap().expect("a job waits");
        match problem {
            Some(problem) => assert!(self.world.meta.fail(work.lease, &problem).await.unwrap()),
            None => assert!(self.world.meta.succeed_unchanged(work.lease, None, None).await.unwrap()),
        }
        self.world.meta.job(self.world.ada.id, work.job.id).await.unwrap()
    }
}

fn lasting() -> Problem {
    Problem::new(Code::TableNotFound, "There is no table orders.")
}

#[tokio::test]
async fn missed_runs_are_made_up_for_once() {
    let it = Scheduled::new().await;
    assert_eq!(it.get().await.next_run_at, Some(minute("2030-01-01T00:10:00Z")));
    assert_eq!(it.queue("2030-01-01T00:09:59Z").await, 0);
    assert_eq!(it.queue("2030-01-01T07:35:00Z").await, 1);
    assert_eq!(it.queue("2030-01-01T07:35:01Z").await, 0);
    let schedule = it.get().await;
    assert_eq!(schedule.next_run_at, Some(minute("2030-01-01T07:40:00Z")));
    assert_eq!(schedule.last_run.unwrap().state, JobState::Queued);
    it.end(None).await;
    assert_eq!(it.queue("2030-01-01T07:40:00Z").await, 1);
}

#[tokio::test]
async fn run_waits_for_the_job_before_it() {
    let it = Scheduled::new().await;
    let asked = it.world.meta.queue_sync(&it.grant().await).await.unwrap();
    assert_eq!(it.queue("2030-01-01T00:10:00Z").await, 0);
    assert_eq!(it.queue("2030-01-01T00:25:00Z").await, 0);
    assert_eq!(it.end(None).await.id, asked.id);
    assert_eq!(it.queue("2030-01-01T00:26:00Z").await, 1, "once, however often it was due");
    assert_eq!(it.queue("2030-01-01T00:26:01Z").await, 0);
    assert_eq!(it.get().await.next_run_at, Some(minute("2030-01-01T00:30:00Z")));
}

#[tokio::test]
async fn five_lasting_failures_pause_and_a_good_test_resumes() {
    let it = Scheduled::new().await;
    for n in 1..=MAX_FAILURES {
        assert_eq!(it.queue(&format!("2030-01-01T0{n}:00:00Z")).await, 1, "{n}");
        it.end(Some(lasting())).await;
    }
    let schedule = it.get().await;
    assert!(schedule.paused_at.is_some());
    assert_eq!((schedule.next_run_at, schedule.pause_problem.unwrap().code), (None, Code::TableNotFound));
    assert_eq!(it.queue("2031-01-01T00:00:00Z").await, 0);

    let test = |ok| TestResult { ok, server_version: None };
    it.world.meta.note_test(it.world.ada.id, it.source.id, test(false)).await.unwrap();
    assert!(it.get().await.paused_at.is_some());
    it.world.meta.note_test(it.world.ada.id, it.source.id, test(true)).await.unwrap();
    let resumed = it.get().await;
    assert!(resumed.paused_at.is_none() && resumed.pause_problem.is_none());
    assert_eq!(it.queue("2031-01-01T00:00:00Z").await, 1);
    it.end(Some(lasting())).await;
    assert!(it.get().await.paused_at.is_some(), "one trial");

    // A sync that goes well, by hand, says the same.
    it.world.meta.queue_sync(&it.grant().await).await.unwrap();
    it.end(None).await;
    assert!(it.get().await.paused_at.is_none());
    for n in 1..MAX_FAILURES {
        assert_eq!(it.queue(&format!("2032-01-01T0{n}:00:00Z")).await, 1);
        it.end(Some(lasting())).await;
    }
    assert!(it.get().await.paused_at.is_none(), "the count begins again");
}

#[tokio::test]
async fn pause_by_a_person_stays() {
    let it = Scheduled::new().await;
    it.set("*/10 * * * *", 0, true).await;
    assert_eq!(it.queue("2031-01-01T00:00:00Z").await, 0);
    let fine = TestResult { ok: true, server_version: None };
    it.world.meta.note_test(it.world.ada.id, it.source.id, fine).await.unwrap();
    it.world.meta.queue_sync(&it.grant().await).await.unwrap();
    it.end(None).await;
    let schedule = it.get().await;
    assert!(schedule.paused_at.is_some() && schedule.pause_problem.is_none());
    it.set("*/10 * * * *", 0, false).await;
    assert_eq!(it.queue("2031-01-01T00:00:00Z").await, 1);
}

#[tokio::test]
async fn failure_that_passes_by_itself_is_retried_with_backoff() {
    let it = Scheduled::new().await;
    // Months ahead: retries go by the clock of the job's end.
    let cron = format!("0 0 1 {} *", (Utc::now().month() + 5) % 12 + 1);
    it.world.meta.set_schedule(&it.grant().await, (&cron, "UTC", 0), false, Utc::now()).await.unwrap();
    let mut waits = Vec::new();
    let mut at = it.get().await.next_run_at.unwrap();
    for n in 0..10 {
        assert_eq!(it.world.meta.queue_due(at).await.unwrap().queued, 1, "{n}");
        let ended = it.end(Some(Problem::new(Code::ConnectionLost, "Lost."))).await.finished_at.unwrap();
        let schedule = it.get().await;
        assert_eq!((schedule.retries, schedule.paused_at), (n + 1, None));
        at = schedule.next_run_at.unwrap();
        waits.push((at - ended).num_seconds());
    }
    for (n, wait) in waits.iter().enumerate() {
        let base = (30 << n).min(3600);
        assert!((base..=base + base / 5 + 1).contains(wait), "{waits:?}");
    }
    // Others are not.
    assert_eq!(it.world.meta.queue_due(at).await.unwrap().queued, 1);
    it.end(Some(lasting())).await;
    let schedule = it.get().await;
    assert_eq!(schedule.retries, 0);
    assert!(schedule.next_run_at.unwrap() > Utc::now() + TimeDelta::hours(2));
    it.end_cancelled().await;
}

impl Scheduled {
    /// A run that somebody cancels counts for nothing.
    async fn end_cancelled(&self) {
        self.set("*/10 * * * *", 0, false).await;
        for _ in 0..=MAX_FAILURES {
            let due = self.get().await.next_run_at.unwrap();
            assert_eq!(self.world.meta.queue_due(due).await.unwrap().queued, 1);
            self.end(Some(Problem::new(Code::Cancelled, "Cancelled."))).await;
        }
        assert!(self.get().await.paused_at.is_none());
    }
}

#[tokio::test]
async fn schedule_needs_a_right_and_sense() {
    let it = Scheduled::new().await;
    let meta = &it.world.meta;
    let bob = user(meta, "bob@example.org").await;
    assert_eq!(meta.grant::<mycorr_meta::Write, _>(bob.id, it.table).await.unwrap_err().code, Code::NotFound);
    let at = minute(START);
    let bad = meta.set_schedule(&it.grant().await, ("* * *", "Nowhere", 0), false, at).await.unwrap_err();
    assert_eq!(bad.fields.len(), 2);
    assert_eq!(it.get().await.cron, "*/10 * * * *");
    meta.delete_schedule(&it.grant().await).await.unwrap();
    assert_eq!(meta.delete_schedule(&it.grant().await).await.unwrap_err().code, Code::NotFound);
    assert_eq!(meta.schedule(&it.grant().await).await.unwrap_err().code, Code::NotFound);
    assert_eq!(it.queue("2031-01-01T00:00:00Z").await, 0);
}

/// Many tables with a schedule each, and what was queued for them.
struct Fleet {
    folder: tempfile::TempDir,
    db: DatabaseConnection,
}

impl Fleet {
    /// Copies the one table `count` times, each with its schedule.
    async fn new(count: usize, cron: &str, jitter: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let meta = Meta::open(&url(&folder)).await.unwrap();
        let ada = user(&meta, "ada@example.org").await;
        let world = World { meta, ada, _folder: tempfile::tempdir().unwrap() };
        let (shop, source) =
            (model(&world.meta, &world.ada).await, connection(&world.meta, &world.ada).await);
        let first = imported(&world, &shop, &source).await.id;
        let db = Database::connect(url(&folder)).await.unwrap();
        let this = Self { folder, db };
        let copy = "INSERT INTO tables (id, model_id, name, created_at, head, connection_id, source_schema, source_table) \
            SELECT $1, model_id, $2, created_at, head, connection_id, source_schema, source_table \
            FROM tables WHERE id = $3";
        let transaction = this.db.begin().await.unwrap();
        for n in 0..count {
            let id = *TableId::new().as_uuid();
            let values = [id.into(), format!("orders {n}").into(), (*first.as_uuid()).into()];
            transaction.execute_raw(this.sql(copy, values)).await.unwrap();
            let seed = id.as_u128() as u64;
            let next =
                CronSchedule::parse(cron, "UTC", jitter, seed).unwrap().next_after(minute(START)).unwrap();
            let insert = "INSERT INTO schedules (table_id, cron, time_zone, jitter_seconds, set_by, next_at, computed_at, \
                failures, retries) VALUES ($1, $2, 'UTC', $3, $4, $5, $6, 0, 0)";
            let (jitter, ada) = (jitter as i32, *world.ada.id.as_uuid());
            let values: [sea_orm::Value; 6] = [
                id.into(),
                cron.into(),
                jitter.into(),
                ada.into(),
                next.timestamp_micros().into(),
                minute(START).timestamp_micros().into(),
            ];
            transaction.execute_raw(this.sql(insert, values)).await.unwrap();
        }
        let only = "DELETE FROM tables WHERE id = $1";
        transaction.execute_raw(this.sql(only, [(*first.as_uuid()).into()])).await.unwrap();
        transaction.commit().await.unwrap();
        this
    }

    fn sql<const N: usize>(&self, sql: &str, values: [sea_orm::Value; N]) -> Statement {
        Statement::from_sql_and_values(self.db.get_database_backend(), sql, values)
    }

    async fn ids(&self, sql: &str) -> Vec<Uuid> {
        let rows = self.db.query_all_raw(self.sql(sql, [])).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    async fn node(&self) -> Meta {
        Meta::open(&url(&self.folder)).await.unwrap()
    }

    /// What was queued: the table and the moment at which it was due.
    async fn queued(&self) -> Vec<(Uuid, i64)> {
        let sql = "SELECT table_id, scheduled_for FROM jobs WHERE scheduled_for IS NOT NULL";
        let rows = self.db.query_all_raw(self.sql(sql, [])).await.unwrap();
        rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())).collect()
    }

    /// All jobs that wait have been done.
    async fn done(&self) {
        self.db
            .execute_unprepared("UPDATE jobs SET state = 'succeeded' WHERE state = 'queued'")
            .await
            .unwrap();
    }
}

/// Numbers that are the same in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// Three nodes look at 10,000 schedules that are due in one minute, and are killed 1,000 times meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn thousand_kills_double_and_lose_none_of_ten_thousand() {
    const COUNT: usize = 10_000;
    let fleet = Fleet::new(COUNT, "5 0 * * *", 0).await;
    let at = minute("2030-01-01T00:05:00Z");
    let mut nodes = Vec::new();
    for seed in 0..3 {
        let meta = fleet.node().await;
        nodes.push(tokio::spawn(async move {
            let mut draw = Draw(seed);
            let mut kills = 0;
            while kills < 334 {
                let node = meta.clone();
                let look = tokio::spawn(async move { node.queue_due(at).await });
                tokio::time::sleep(Duration::from_micros(draw.below(8_000))).await;
                look.abort();
                kills += usize::from(look.await.is_err_and(|error| error.is_cancelled()));
                if draw.below(50) == 0 && meta.queue_due(at).await.unwrap() == DueRuns::default() {
                    // All is queued: kills go on, with nothing to lose.
                    kills += 1;
                }
            }
        }));
    }
    for node in nodes {
        node.await.unwrap();
    }
    let meta = fleet.node().await;
    while meta.queue_due(at).await.unwrap().more {}
    let queued = fleet.queued().await;
    assert_eq!(queued.len(), COUNT);
    assert_eq!(queued.iter().map(|(table, _)| table).collect::<HashSet<_>>().len(), COUNT);
    assert!(queued.iter().all(|(_, due)| *due == at.timestamp_micros()));
    fleet.done().await;
    assert_eq!(meta.queue_due(at + TimeDelta::hours(1)).await.unwrap(), DueRuns::default());
}

/// The clock goes on, is set back, and jumps ahead, 1,000 times.
#[tokio::test(flavor = "multi_thread")]
async fn clock_jumps_double_and_lose_none() {
    const COUNT: usize = 6;
    let fleet = Fleet::new(COUNT, "*/2 * * * *", 100).await;
    let nodes = [fleet.node().await, fleet.node().await];
    let timings: BTreeMap<Uuid, CronSchedule> = fleet
        .ids("SELECT id FROM tables")
        .await
        .into_iter()
        .map(|id| (id, CronSchedule::parse("*/2 * * * *", "UTC", 100, id.as_u128() as u64).unwrap()))
        .collect();
    let mut draw = Draw(7);
    let mut clock = minute(START);
    let mut known: HashSet<(Uuid, i64)> = HashSet::new();
    for jump in 0..1_000 {
        let before = clock;
        clock += match draw.below(10) {
            0 => -TimeDelta::minutes(draw.below(60) as i64),
            1 => TimeDelta::minutes(draw.below(60) as i64),
            // Less is within what clocks of two readers differ by.
            2 => -TimeDelta::seconds(6 + draw.below(30) as i64),
            _ => TimeDelta::seconds(draw.below(90) as i64),
        };
        let node = &nodes[draw.below(2) as usize];
        if draw.below(4) == 0 {
            // Killed, and started again.
            let (node, at) = (node.clone(), clock);
            let look = tokio::spawn(async move { node.queue_due(at).await });
            tokio::time::sleep(Duration::from_micros(draw.below(2_000))).await;
            look.abort();
            let _ = look.await;
        }
        node.queue_due(clock).await.unwrap();
        fleet.done().await;
        let queued = fleet.queued().await;
        let now: HashSet<(Uuid, i64)> = queued.iter().copied().collect();
        assert_eq!(now.len(), queued.len(), "nothing was due twice at one moment");
        for (table, timing) in &timings {
            let new: Vec<i64> =
                now.difference(&known).filter(|(of, _)| of == table).map(|(_, due)| *due).collect();
            assert!(new.len() <= 1, "jump {jump}: once for all that was missed");
            for due in new {
                let due = DateTime::from_timestamp_micros(due).unwrap();
                let nominal = timing.next_after(due - TimeDelta::seconds(1)).unwrap();
                assert_eq!(nominal, due, "only what the expression says");
            }
            // Whatever came due while the clock went on was done, now or before the clock was set back.
            let due = timing.next_after(before).unwrap();
            if due <= clock {
                let within = |(of, at): &&(Uuid, i64)| {
                    of == table && (due.timestamp_micros()..=clock.timestamp_micros()).contains(at)
                };
                assert!(now.iter().any(|one| within(&one)), "jump {jump}: {due} was lost at {clock}");
            }
        }
        known = now;
    }
}
