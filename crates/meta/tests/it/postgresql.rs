//! PostgreSQL as the back end: the whole suite again, and what several processes and a failing server make of it.

use crate::{connection, grant, import, jobs::imported, model, user, world};
use chrono::TimeDelta;
use mycorr_domain::{Code, Email, PersonName, Problem};
use mycorr_meta::{Administrator, JobProgress, LeaseStatus, Limits, Meta, NewNode, NewUser, UserChange};
use mycorr_testkit::{Cluster, Haproxy, METADATA_PASSWORD, Options};
use std::{
    env,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

const BACK_END: &str = "MYCORR_TESTED_BACK_END";
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// Whether this process runs the suite for PostgreSQL.
pub(crate) fn is_tested() -> bool {
    env::var_os(BACK_END).is_some_and(|name| name == "postgresql")
}

/// All tests but those of this file, and of SQLite's full disk.
#[test]
fn whole_suite_passes_on_postgresql() {
    let mut suite = Command::new(env::current_exe().unwrap());
    let output =
        suite.args(["--skip", "postgresql::", "--skip", "full::"]).env(BACK_END, "postgresql").output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("test result: ok") && !said.contains(" 0 passed"), "{said}");
}

/// Two processes on one database.
async fn two(name: &str) -> (Meta, Meta) {
    let url = Cluster::shared().metadata_url(name);
    (Meta::open(&url).await.unwrap(), Meta::open(&url).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn last_administrator_stays_when_two_processes_revoke_at_once() {
    let (one, other) = two("revoked").await;
    let (ada, bob) = (user(&one, "ada@example.org").await, user(&one, "bob@example.org").await);
    let operator = Administrator::operator();
    let admin = |admin| UserChange { admin: Some(admin), disabled: None };
    for _ in 0..20 {
        for id in [ada.id, bob.id] {
            one.change_user(&operator, id, admin(true)).await.unwrap();
        }
        let revoked = tokio::join!(
            one.change_user(&operator, ada.id, admin(false)),
            other.change_user(&operator, bob.id, admin(false))
        );
        let refused = [revoked.0.err(), revoked.1.err()].into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(refused.iter().map(|problem| problem.code).collect::<Vec<_>>(), [Code::Conflict]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_limit_holds_when_processes_claim_at_once() {
    let (one, other) = two("claimed").await;
    let ada = user(&one, "ada@example.org").await;
    let (shop, source) = (model(&one, &ada).await, connection(&one, &ada).await);
    one.set_limits(ada.id, source.id, Limits { imports: Some(1), ..Limits::default() }).await.unwrap();
    for _ in 0..20 {
        one.queue_import(&grant(&one, ada.id, shop.id).await, import(&source)).await.unwrap();
    }
    for _ in 0..20 {
        let (first, second) = tokio::join!(one.claim(LEASE), other.claim(LEASE));
        let claimed: Vec<_> = [first.unwrap(), second.unwrap()].into_iter().flatten().collect();
        assert_eq!(claimed.len(), 1, "one at a time, and nobody waits without a reason");
        assert!(one.fail(claimed[0].lease, &Problem::bug("enough")).await.unwrap());
    }
    assert!(one.claim(LEASE).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn fences_of_two_processes_only_grow() {
    let (one, other) = two("fenced").await;
    let ada = user(&one, "ada@example.org").await;
    let (shop, source) = (model(&one, &ada).await, connection(&one, &ada).await);
    let mut highest = 0;
    for number in 0..20 {
        one.queue_import(&grant(&one, ada.id, shop.id).await, import(&source)).await.unwrap();
        let meta = if number % 2 == 0 { &one } else { &other };
        let work = meta.claim(LEASE).await.unwrap().unwrap();
        assert!(work.lease.fence > highest);
        highest = work.lease.fence;
        let told = JobProgress::default();
        assert_eq!(one.report(work.lease, told, LEASE).await.unwrap(), LeaseStatus::Held);
        assert!(other.fail(work.lease, &Problem::bug("enough")).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invitations_and_accounts_of_two_processes_are_made_once() {
    let (one, other) = two("accounts").await;
    user(&one, "ada@example.org").await;
    let name = PersonName::parse("name", "Eve").unwrap();
    for number in 0..20 {
        let email = Email::parse(&format!("eve{number}@example.org")).unwrap();
        let eve = || NewUser { name: &name, email: &email, password_hash: "hash", admin: false };
        let made = tokio::join!(one.create_user(eve(), true, None), other.create_user(eve(), true, None));
        let refused: Vec<_> = [made.0.err(), made.1.err()].into_iter().flatten().map(|p| p.code).collect();
        assert_eq!(refused, [Code::EmailTaken]);
    }
}

#[tokio::test]
async fn connections_that_the_server_ended_are_replaced() {
    let cluster = Cluster::shared();
    let meta = Meta::open(&cluster.metadata_url("ended")).await.unwrap();
    let ada = user(&meta, "ada@example.org").await;
    for _ in 0..5 {
        assert!(cluster.kill_backends("ended") > 0);
        assert_eq!(meta.user(ada.id).await.unwrap().email, ada.email);
        model(&meta, &ada).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_in_a_failover() {
    // No commit is answered before the standby has it.
    let settings = [("synchronous_commit", "on"), ("synchronous_standby_names", "*")];
    let primary = Cluster::start(&Options { settings: &settings, ..Options::default() });
    let standby = primary.standby(&[]);
    let haproxy = Haproxy::start(&[&primary, &standby]);
    let meta = Meta::open(&primary.metadata_url_at("failover", haproxy.port())).await.unwrap();
    let ada = user(&meta, "ada@example.org").await;

    let over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (meta, over) = (meta.clone(), over.clone());
            tokio::spawn(async move {
                let (mut stored, mut refused) = (Vec::new(), 0);
                let name = PersonName::parse("name", "Eve").unwrap();
                for number in 0.. {
                    if over.load(SeqCst) {
                        break;
                    }
                    let email = Email::parse(&format!("{writer}.{number}@example.org")).unwrap();
                    let new = NewUser { name: &name, email: &email, password_hash: "hash", admin: false };
                    match meta.create_user(new, true, None).await {
                        Ok(_) => stored.push(email),
                        Err(problem) => {
                            assert_eq!(problem.code, Code::StorageUnavailable, "{problem:?}");
                            refused += 1;
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                    }
                }
                (stored, refused)
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before: usize = standby.sql_async("failover", "SELECT count(*) FROM users").await.parse().unwrap();
    primary.stop("immediate");
    standby.sql("SELECT pg_promote()");
    let after = format!("SELECT (SELECT count(*) FROM users) > {}", before + 50);
    while standby.sql_async("failover", &after).await != "t" {
        assert!(writers.iter().all(|writer| !writer.is_finished()), "a writer met another problem");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    over.store(true, SeqCst);
    let mut refusals = 0;
    for writer in writers {
        let (stored, refused) = writer.await.unwrap();
        refusals += refused;
        for email in stored {
            assert!(meta.user_by_email(&email).await.unwrap().is_some(), "{email:?} was acknowledged");
        }
    }
    assert!(refusals > 0, "the failover was not met");
    meta.check_writable().await.unwrap();
    model(&meta, &ada).await;
}

#[tokio::test]
async fn server_on_another_machine_is_verified_unless_the_url_says_otherwise() {
    let cluster = Cluster::shared();
    // No loopback address to look at, although it leads there.
    let url = cluster.metadata_url("verified") + "?host=::ffff:127.0.0.1";
    let refused = Meta::open(&url).await.expect_err("an authority that nobody knows");
    assert_eq!(refused.code, Code::StorageUnavailable);
    let cause = refused.internal.unwrap();
    assert!(cause.contains("certificate") && !cause.contains(METADATA_PASSWORD), "{cause}");
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, cluster.authority().pem()).unwrap();
    let trusted = format!("{url}&sslmode=verify-ca&sslrootcert={}", ca.display());
    Meta::open(&trusted).await.unwrap().check_writable().await.unwrap();
    Meta::open(&format!("{url}&sslmode=disable")).await.unwrap();
}

#[tokio::test]
async fn role_without_rights_is_told_what_it_lacks() {
    let cluster = Cluster::shared();
    let url = cluster.metadata_url("rightless");
    cluster.sql("ALTER DATABASE rightless OWNER TO postgres");
    let refused = Meta::open(&url).await.expect_err("it may make no tables");
    assert_eq!(refused.code, Code::StorageUnavailable);
    assert!(refused.fix.unwrap().contains("ALTER DATABASE"));
}

#[tokio::test]
async fn names_are_listed_bytewise_whatever_the_servers_locale() {
    let cluster = Cluster::shared();
    let url = cluster.metadata_url("ordered");
    Meta::open(&url).await.unwrap();
    let collation = "SELECT collation_name FROM information_schema.columns \
                     WHERE table_name = 'tables' AND column_name = 'name'";
    assert_eq!(cluster.sql_in("ordered", collation), "C");
}

#[tokio::test]
async fn everything_of_sqlite_is_moved_with_its_secrets_sealed() {
    let world = world().await;
    let (shop, source) = (model(&world.meta, &world.ada).await, connection(&world.meta, &world.ada).await);
    let table = imported(&world, &shop, &source).await;
    let (job, _) = world
        .meta
        .queue_import(&grant(&world.meta, world.ada.id, shop.id).await, import(&source))
        .await
        .unwrap();
    let target = Meta::open(&Cluster::shared().metadata_url("moved")).await.unwrap();
    assert!(world.meta.copy_to(&target).await.unwrap() > 8);

    assert_eq!(target.user(world.ada.id).await.unwrap().email, world.ada.email);
    let (moved, _) = target.table(world.ada.id, table.id).await.unwrap();
    assert_eq!(format!("{moved:?}"), format!("{table:?}"));
    let (before, after) =
        (world.meta.sealed(source.id).await.unwrap(), target.sealed(source.id).await.unwrap());
    assert_eq!((after.data_key, after.password), (before.data_key, before.password));
    // It goes on: the fence is higher than all before, the numbers of versions go on.
    let work = target.claim(LEASE).await.unwrap().unwrap();
    assert_eq!(work.job.id, job.id);
    // A second time nothing is changed.
    assert_eq!(world.meta.copy_to(&target).await.unwrap_err().code, Code::Conflict);
}

#[tokio::test]
async fn interrupted_move_leaves_an_empty_database() {
    let world = world().await;
    for _ in 0..50 {
        model(&world.meta, &world.ada).await;
    }
    let target = Meta::open(&Cluster::shared().metadata_url("interrupted")).await.unwrap();
    let copied = tokio::time::timeout(Duration::from_millis(1), world.meta.copy_to(&target)).await;
    if copied.is_err() {
        assert!(target.is_new().await.unwrap());
        world.meta.copy_to(&target).await.unwrap();
    }
    assert_eq!(target.models(world.ada.id, None, 100).await.unwrap().items.len(), 50);
}

#[tokio::test]
async fn nodes_know_one_another_until_they_stop() {
    let (one, other) = two("nodes").await;
    let node = |role, address: Option<&str>| NewNode {
        id: uuid::Uuid::now_v7(),
        role,
        host: "a".into(),
        version: "1",
        workers: 2,
        query_address: address.map(str::to_owned),
    };
    let (first, second) = (node("serve", Some("a:8421")), node("work", None));
    one.heartbeat(&first).await.unwrap();
    other.heartbeat(&second).await.unwrap();
    one.heartbeat(&first).await.unwrap();
    let known = other.nodes().await.unwrap();
    assert_eq!(
        known
            .iter()
            .map(|node| (node.id, node.role.as_str(), node.query_address.as_deref()))
            .collect::<Vec<_>>(),
        [(first.id, "serve", Some("a:8421")), (second.id, "work", None)]
    );
    other.forget_node(second.id).await.unwrap();
    // One that died is no longer counted, though it said nothing.
    Cluster::shared()
        .sql_in("nodes", &format!("UPDATE nodes SET seen_at = seen_at - 60000000 WHERE id = '{}'", first.id));
    assert!(one.nodes().await.unwrap().is_empty());
    // The first to start decides about the key.
    assert_eq!(one.agree_on_master_key("aa").await.unwrap(), "aa");
    assert_eq!(other.agree_on_master_key("bb").await.unwrap(), "aa");
}
