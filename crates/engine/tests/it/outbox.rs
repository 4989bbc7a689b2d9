//! Notices leave the house, whatever dies in between.

use crate::{HERE, PASSWORD, World, engine_with, secret};
use chrono::{TimeDelta, Utc};
use mycorr_delivery::{WebhookMessage, sign};
use mycorr_domain::{Code, Committed, ConnectionKind, Problem, Secret, StoreVersion};
use mycorr_engine::{ConnectionForm, Import, MAX_ROW_BYTES};
use mycorr_meta::{Meta, NewVersion};
use mycorr_testkit::{Cluster, Database, HttpReceiver, MemoryStore};
use mycorr_vault::Keyring;
use std::{collections::BTreeMap, time::Duration};

const LEASE: TimeDelta = TimeDelta::seconds(60);

/// 200 jobs end; after each the process that is to deliver is killed, before it began or in the middle.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_kills_lose_no_notice_and_keep_its_id() {
    let database = tokio::task::spawn_blocking(|| Database::create(Cluster::shared())).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    Keyring::create_if_missing(&folder.path().join("master.key")).unwrap();
    let start = async || engine_with(&folder, &MemoryStore::default(), "127.0.0.1", MAX_ROW_BYTES).await;
    let engine = start().await;
    let ada =
        engine.accounts.sign_up("Ada", "ada@example.org", secret(PASSWORD), HERE).await.unwrap().user.id;
    let form = ConnectionForm {
        kind: ConnectionKind::Postgresql,
        name: "Shop".into(),
        host: "127.0.0.1".into(),
        port: database.cluster.port().into(),
        database: database.name.clone(),
        username: database.role.clone(),
        password: secret(&database.password),
        encrypted: true,
        ca_certificate: Some(Secret::new(database.cluster.authority().pem())),
    };
    let connection =
        engine.connections.create_connection(ada, form, None).await.map_err(|r| r.problem).unwrap();
    let model = engine.models.create_model(ada, "Shop").await.unwrap();
    let receiver = HttpReceiver::start().await;
    engine.notices.set_webhook(ada, model.id, &receiver.url("/hook"), None).await.unwrap();

    // No worker runs: the jobs are ended by hand.
    let import = Import {
        connection: connection.id,
        schema: "public".into(),
        table: "orders".into(),
        name: None,
        columns: None,
        selection: Default::default(),
        verify: false,
    };
    let (_, table) = engine.imports.import(ada, model.id, import).await.unwrap();
    let meta = Meta::open(&crate::database_url(&folder)).await.unwrap();
    let work = meta.claim(LEASE).await.unwrap().unwrap();
    let committed = Committed { version: StoreVersion(0), rows: 0, bytes: 0, size_bytes: 0 };
    let new = NewVersion { columns: &[], source: None, committed, warning: None, checksums: None };
    assert_eq!(meta.succeed(work.lease, new).await.unwrap(), Some(1));

    let mut at = Utc::now() + TimeDelta::minutes(1);
    let mut kills = 0;
    for n in 0..200_u64 {
        engine.imports.sync(ada, table.id).await.unwrap();
        let work = meta.claim(LEASE).await.unwrap().unwrap();
        if n % 2 == 0 {
            let gone = Problem::new(Code::TableNotFound, "Gone.");
            assert!(meta.fail(work.lease, &gone).await.unwrap());
        } else {
            assert!(meta.succeed_unchanged(work.lease, None, None).await.unwrap());
        }
        // Nothing, a receiver that fails, and deaths at many moments.
        if n % 7 == 0 {
            receiver.answer_next(500);
        }
        let process = start().await;
        let delivering = tokio::spawn(async move { process.notices.deliver_due(at).await });
        tokio::time::sleep(Duration::from_micros(n * 97 % 9_000)).await;
        delivering.abort();
        kills += usize::from(delivering.await.is_err());
        at += TimeDelta::minutes(10);
    }
    assert!(kills > 20, "{kills} were killed in the middle");
    let process = start().await;
    for _ in 0..12 {
        at += TimeDelta::days(2);
        while process.notices.deliver_due(at).await.unwrap() > 0 {}
    }

    let mut told = Vec::new();
    let mut after = None;
    loop {
        let (listed, unread) = process.notices.list(ada, after.as_deref(), 50).await.unwrap();
        assert_eq!(unread, 200);
        told.extend(listed.items.into_iter().map(|notice| notice.id.to_string()));
        after = listed.next;
        if after.is_none() {
            break;
        }
    }
    told.sort();
    let mut received: BTreeMap<String, String> = BTreeMap::new();
    for request in receiver.requests() {
        let body =
            received.entry(request.header("webhook-id").to_owned()).or_insert_with(|| request.body.clone());
        assert_eq!(*body, request.body, "each time the same");
    }
    assert_eq!(told.len(), 200);
    assert_eq!(received.into_keys().collect::<Vec<_>>(), told);
    let webhook = process.notices.webhook(ada, model.id).await.unwrap();
    assert!(webhook.deliveries.iter().all(|one| one.state == mycorr_engine::DeliveryState::Delivered));
}

/// A rotation takes the secrets of webhooks along.
#[tokio::test(flavor = "multi_thread")]
async fn webhook_is_signed_after_the_keys_have_changed() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE orders (a int)");
    let table = world.imported("orders").await;
    let receiver = HttpReceiver::start().await;
    let notices = &world.engine.notices;
    let secret = notices.set_webhook(world.ada, table.model, &receiver.url("/a?b=c"), None).await.unwrap();
    let primary = Keyring::rotate(&world.key_file()).unwrap();
    assert_eq!(world.engine.connections.rewrap_keys().await.unwrap().unreadable, 0);
    let old: Vec<_> = Keyring::read(&world.key_file()).unwrap().ids().filter(|id| *id != primary).collect();
    assert_eq!(old.len(), 1);
    Keyring::remove(&world.key_file(), old[0]).unwrap();

    world.database.sql("DROP TABLE orders");
    let job = world.engine.imports.sync(world.ada, table.id).await.unwrap();
    world.ended(&job).await;
    let request = receiver.wait_for(1).await.remove(0);
    assert_eq!(request.line, "POST /a?b=c HTTP/1.1");
    let message = WebhookMessage {
        id: request.header("webhook-id"),
        timestamp: request.header("webhook-timestamp").parse().unwrap(),
        body: &request.body,
    };
    assert_eq!(request.header("webhook-signature"), sign(&secret, message).unwrap());
    assert!((Utc::now().timestamp() - message.timestamp).abs() < 300);
    assert_eq!(request.header("content-type"), "application/json");
    // Nothing of the source but the code.
    assert!(request.body.contains("table_not_found") && !request.body.contains("public"), "{}", request.body);
}
