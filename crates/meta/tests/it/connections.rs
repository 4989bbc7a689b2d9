use crate::{connection, endpoint, grant, import, model, user, world};
use chrono::Utc;
use mycorr_domain::{Code, ConnectionName, UserId};
use mycorr_meta::{CaSummary, JobState, NewStatement, Purpose, Sealed, TestResult};

fn statement(text: &str, actor: mycorr_domain::UserId) -> NewStatement {
    NewStatement {
        at: Utc::now(),
        template: "schemas".into(),
        statement: text.into(),
        parameters: vec!["public".into(), "it's".into()],
        purpose: Purpose::Browse,
        actor,
        job: None,
        rows: 3,
        bytes: 120,
        milliseconds: 4,
        outcome: "ok".into(),
    }
}

#[tokio::test]
async fn to_anyone_but_their_owner_they_do_not_exist() {
    let world = world().await;
    let bob = user(&world.meta, "bob@example.org").await;
    let made = connection(&world.meta, &world.ada).await;
    assert_eq!(made.endpoint, endpoint());
    assert_eq!((made.last_test_ok, made.used_by), (Some(true), 0));
    let name = ConnectionName::parse("Mine").unwrap();
    let sealed = Sealed { data_key: vec![], password: vec![], ca_certificate: None };
    for code in [
        world.meta.connection(bob.id, made.id).await.unwrap_err().code,
        world.meta.rename_connection(bob.id, made.id, &name).await.unwrap_err().code,
        world.meta.reseal_connection(bob.id, made.id, &sealed, sealed.clone(), None).await.unwrap_err().code,
        world.meta.statements(bob.id, made.id, None, None, 10).await.unwrap_err().code,
        world.meta.delete_connection(bob.id, made.id).await.unwrap_err().code,
    ] {
        assert_eq!(code, Code::NotFound);
    }
    assert!(world.meta.connections(bob.id, None, 10).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn what_changes_and_what_stays() {
    let world = world().await;
    let made = connection(&world.meta, &world.ada).await;
    let ca = CaSummary { subject: "CN=Shop CA".into(), not_after: made.created_at, sha256: "ab".into() };
    let sealed = Sealed { data_key: vec![7], password: vec![8], ca_certificate: Some(vec![9]) };
    let before = world.meta.sealed(made.id).await.unwrap();
    let changed =
        |old| world.meta.reseal_connection(world.ada.id, made.id, old, sealed.clone(), Some(ca.clone()));
    assert!(changed(&before).await.unwrap());
    // Of two changes that began with the same secrets the second does not undo the first.
    assert!(!changed(&before).await.unwrap());
    let failed = TestResult { ok: false, server_version: None };
    world.meta.note_test(world.ada.id, made.id, failed).await.unwrap();
    let name = ConnectionName::parse("Replica").unwrap();
    world.meta.rename_connection(world.ada.id, made.id, &name).await.unwrap();
    let now = world.meta.connection(world.ada.id, made.id).await.unwrap();
    assert_eq!((now.name.as_str(), now.ca_certificate, now.last_test_ok), ("Replica", Some(ca), Some(false)));
    assert_eq!(now.server_version.as_deref(), Some("15.10"), "what was learned is kept");
    let sealed = world.meta.sealed(made.id).await.unwrap();
    assert_eq!((sealed.data_key, sealed.password), (vec![7], vec![8]));
}

#[tokio::test]
async fn the_ledger_is_looked_through_for_a_purpose_a_part_at_a_time() {
    let world = world().await;
    let made = connection(&world.meta, &world.ada).await;
    let of = |text, purpose| NewStatement { purpose, ..statement(text, world.ada.id) };
    let sent =
        vec![of("SELECT 1", Purpose::Test), of("SELECT 2", Purpose::Sync), of("SELECT 3", Purpose::Test)];
    world.meta.record_statements(made.id, sent).await.unwrap();
    let part = |from: Option<String>, limit| {
        let (meta, ada) = (&world.meta, world.ada.id);
        async move {
            let part =
                meta.statements(ada, made.id, Some(Purpose::Test), from.as_deref(), limit).await.unwrap();
            let texts: Vec<_> = part.items.into_iter().map(|sent| sent.statement).collect();
            (texts, part.next)
        }
    };
    let (texts, next) = part(None, 1).await;
    assert_eq!(texts, ["SELECT 3"]);
    assert_eq!(part(next, 1).await, (vec!["SELECT 1".to_owned()], None));
    // So many of another purpose that they are not looked through at once.
    for _ in 0..20 {
        let many = (0..1000).map(|_| of("SELECT 4", Purpose::Browse)).collect();
        world.meta.record_statements(made.id, many).await.unwrap();
    }
    let (texts, next) = part(None, 10).await;
    assert!(texts.is_empty() && next.is_some());
    assert_eq!(part(next, 10).await, (vec!["SELECT 3".to_owned(), "SELECT 1".to_owned()], None));
    let foreign = world.meta.statements(UserId::new(), made.id, Some(Purpose::Test), None, 10).await;
    assert_eq!(foreign.unwrap_err().code, Code::NotFound);
}

#[tokio::test]
async fn the_ledger_is_newest_first_and_goes_with_the_connection() {
    let world = world().await;
    let made = connection(&world.meta, &world.ada).await;
    let sent = ["SELECT 1", "SELECT 2", "SELECT 3"].map(|text| statement(text, world.ada.id));
    world.meta.record_statements(made.id, sent.into()).await.unwrap();
    let page = world.meta.statements(world.ada.id, made.id, None, None, 2).await.unwrap();
    let texts: Vec<_> = page.items.iter().map(|s| s.statement.as_str()).collect();
    assert_eq!(texts, ["SELECT 3", "SELECT 2"]);
    assert_eq!(page.items[0].parameters, ["public", "it's"]);
    assert_eq!(page.items[0].actor.as_deref(), Some("ada@example.org"));
    let rest = world.meta.statements(world.ada.id, made.id, None, page.next.as_deref(), 2).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (1, None));

    world.meta.delete_connection(world.ada.id, made.id).await.unwrap();
    let late = vec![statement("SELECT 4", world.ada.id)];
    world.meta.record_statements(made.id, late).await.expect("a statement that ends late is no failure");
}

#[tokio::test]
async fn deleting_one_stops_its_jobs_and_keeps_its_tables() {
    let world = world().await;
    let shop = model(&world.meta, &world.ada).await;
    let made = connection(&world.meta, &world.ada).await;
    let (job, _) = world
        .meta
        .queue_import(&grant(&world.meta, world.ada.id, shop.id).await, import(&made))
        .await
        .unwrap();
    let table = crate::jobs::imported(&world, &shop, &made).await;
    assert_eq!(world.meta.connection(world.ada.id, made.id).await.unwrap().used_by, 1);
    world.meta.delete_connection(world.ada.id, made.id).await.unwrap();
    assert_eq!(world.meta.job(world.ada.id, job.id).await.unwrap().state, JobState::Cancelled);
    let (kept, _) = world.meta.table(world.ada.id, table.id).await.unwrap();
    assert_eq!((kept.source.connection, kept.head.unwrap().version), (None, 1));
    assert_eq!(
        world.meta.queue_sync(&grant(&world.meta, world.ada.id, table.id).await).await.unwrap_err().code,
        Code::Conflict
    );
}
