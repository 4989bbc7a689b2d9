use crate::{PASSWORD, World, engine, secret};
use mycorr_domain::Code;
use mycorr_engine::{Change, ConnectionForm, Purpose, StepName, StepOutcome};
use mycorr_testkit::Authority;
use mycorr_vault::Keyring;

/// What a form that is changed like this ends in; nothing may be stored.
async fn refused(world: &World, change: impl FnOnce(&mut ConnectionForm)) -> (Code, Option<StepName>) {
    let mut form = world.form();
    change(&mut form);
    let refused =
        world.engine.connections.create_connection(world.ada, form, None).await.expect_err("refused");
    assert!(world.engine.connections.connections(world.ada, None, 10).await.unwrap().items.is_empty());
    assert!(refused.problem.fix.is_some() || !refused.problem.fields.is_empty(), "{:?}", refused.problem);
    let steps = refused.test.as_ref().map(|test| test.steps.as_slice()).unwrap_or_default();
    let failed = steps.iter().find(|step| step.outcome == StepOutcome::Failed);
    (refused.problem.code, failed.map(|step| step.step))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_has_its_code_and_stores_nothing() {
    let world = World::new().await;
    let password = refused(&world, |form| form.password = secret("wrong")).await;
    assert_eq!(password, (Code::AuthenticationFailed, Some(StepName::Authenticate)));
    let database = refused(&world, |form| form.database = "nowhere".into()).await;
    assert_eq!(database, (Code::DatabaseNotFound, Some(StepName::Database)));
    let other = Authority::new("Another CA").pem();
    let ca = refused(&world, |form| form.ca_certificate = Some(secret(&other))).await;
    assert_eq!(ca, (Code::CertificateUntrusted, Some(StepName::Encrypt)));
    let public = refused(&world, |form| form.ca_certificate = None).await;
    assert_eq!(public, (Code::CertificateUntrusted, Some(StepName::Encrypt)));
    let private = refused(&world, |form| form.host = "10.0.0.1".into()).await;
    assert_eq!(private, (Code::PrivateAddress, Some(StepName::Address)));
    let pem = refused(&world, |form| form.ca_certificate = Some(secret("no PEM"))).await;
    assert_eq!(pem, (Code::CaCertificateInvalid, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_wrong_fields_are_told_at_once() {
    let world = World::new().await;
    let mut form = world.form();
    (form.name, form.host, form.port) = (" ".into(), "postgres://x".into(), 70_000);
    let problem =
        world.engine.connections.create_connection(world.ada, form, None).await.expect_err("refused").problem;
    let fields: Vec<_> = problem.fields.iter().map(|field| &*field.field).collect();
    assert_eq!((problem.code, fields), (Code::Invalid, vec!["name", "host", "port"]));
    let mut form = world.form();
    form.encrypted = false;
    let problem = world.engine.connections.test_form(world.ada, form, None).await.err().unwrap();
    assert_eq!(&*problem.fields[0].field, "ca_certificate", "of no use without encryption");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_one_is_its_owners_and_keeps_a_ledger_of_its_tests() {
    let world = World::new().await;
    let saved = world.connection().await;
    assert_eq!((saved.last_test_ok, saved.endpoint.encrypted), (Some(true), true));
    assert!(saved.ca_certificate.as_ref().unwrap().subject.contains("Test CA"));
    assert!(saved.server_version.is_some());
    let bob =
        world.engine.accounts.add_user("Bob", "bob@example.org", secret(PASSWORD), true).await.unwrap().id;
    assert_eq!(world.engine.connections.connection(bob, saved.id).await.unwrap_err().code, Code::NotFound);
    assert_eq!(
        world.engine.connections.schemas(bob, saved.id, None, 200).await.unwrap_err().code,
        Code::NotFound
    );
    assert_eq!(
        world.engine.connections.test_connection(bob, saved.id, None).await.err().unwrap().code,
        Code::NotFound
    );

    assert!(world.engine.connections.test_connection(world.ada, saved.id, None).await.unwrap().ok());
    let ledger =
        world.engine.connections.statements(world.ada, saved.id, None, None, 100).await.unwrap().items;
    assert!(!ledger.is_empty());
    assert!(ledger.iter().all(|sent| sent.purpose == Purpose::Test && sent.outcome == "ok"));
    assert!(ledger.iter().all(|sent| sent.actor.as_deref() == Some("ada@example.org")));
}

#[tokio::test(flavor = "multi_thread")]
async fn new_secrets_are_tested_before_they_replace_the_old_ones() {
    let world = World::new().await;
    let saved = world.connection().await;
    let wrong = Change { password: Some(secret("wrong")), ..Change::default() };
    let refused = world
        .engine
        .connections
        .change_connection(world.ada, saved.id, wrong, None)
        .await
        .expect_err("refused");
    assert_eq!(refused.problem.code, Code::AuthenticationFailed);
    assert!(
        world.engine.connections.test_connection(world.ada, saved.id, None).await.unwrap().ok(),
        "the old one still opens"
    );

    let role = &world.database.role;
    world.database.sql(&format!("ALTER ROLE {role} PASSWORD 'brand new'"));
    let renamed =
        Change { name: Some("Replica".into()), password: Some(secret("brand new")), ..Change::default() };
    let changed =
        world.engine.connections.change_connection(world.ada, saved.id, renamed, None).await.unwrap();
    assert_eq!(changed.name, "Replica");
    assert!(changed.ca_certificate.is_some(), "what was not named stays");
    assert!(world.engine.connections.test_connection(world.ada, saved.id, None).await.unwrap().ok());

    let removed = Change { ca_certificate: Some(None), ..Change::default() };
    let refused = world
        .engine
        .connections
        .change_connection(world.ada, saved.id, removed, None)
        .await
        .expect_err("refused");
    assert_eq!(refused.problem.code, Code::CertificateUntrusted);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_key_file_only_the_secrets_are_out_of_reach() {
    let world = World::new().await;
    let saved = world.connection().await;
    std::fs::remove_file(world.key_file()).unwrap();
    let missing = world.engine.connections.schemas(world.ada, saved.id, None, 200).await.unwrap_err();
    assert_eq!(missing.code, Code::SecretUnreadable);
    Keyring::create_if_missing(&world.key_file()).unwrap();
    let other = world.engine.connections.schemas(world.ada, saved.id, None, 200).await.unwrap_err();
    assert_eq!(other.code, Code::SecretUnreadable);
    assert_eq!(world.engine.connections.connection(world.ada, saved.id).await.unwrap().name, "Shop");
    // Entering both again is the way out.
    let again = Change {
        password: Some(secret(&world.database.password)),
        ca_certificate: Some(Some(secret(&world.database.cluster.authority().pem()))),
        ..Change::default()
    };
    world.engine.connections.change_connection(world.ada, saved.id, again, None).await.unwrap();
    assert!(
        !world.engine.connections.schemas(world.ada, saved.id, None, 200).await.unwrap().items.is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_is_checked_at_every_use() {
    let world = World::new().await;
    let saved = world.connection().await;
    let strict = engine(&world.folder, &world.store, "").await;
    assert_eq!(
        strict.connections.schemas(world.ada, saved.id, None, 200).await.unwrap_err().code,
        Code::PrivateAddress
    );
    let report = strict.connections.test_connection(world.ada, saved.id, None).await.unwrap();
    assert_eq!(report.problem.unwrap().code, Code::PrivateAddress);
    let noted = world.engine.connections.connection(world.ada, saved.id).await.unwrap();
    assert_eq!(noted.last_test_ok, Some(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_at_a_database_ends_and_locks_nobody_out() {
    let world = World::new().await;
    let bob =
        world.engine.accounts.add_user("Bob", "bob@example.org", secret(PASSWORD), false).await.unwrap().id;
    let eve =
        world.engine.accounts.add_user("Eve", "eve@example.org", secret(PASSWORD), false).await.unwrap().id;
    let guess = || ConnectionForm { password: secret("wrong"), ..world.form() };
    assert!(world.engine.connections.test_form(world.ada, world.form(), None).await.unwrap().ok());
    for _ in 0..10 {
        let report = world.engine.connections.test_form(eve, guess(), None).await.unwrap();
        assert_eq!(report.problem.unwrap().code, Code::AuthenticationFailed);
    }
    for user in [eve, bob] {
        let refused = world.engine.connections.test_form(user, guess(), None).await.unwrap_err();
        assert_eq!(refused.code, Code::TooManyRequests);
        assert!(refused.retry_after.is_some());
    }
    assert!(
        world.engine.connections.test_form(world.ada, world.form(), None).await.unwrap().ok(),
        "she signed in before"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn scanning_ends_for_the_person_who_scans() {
    let world = World::new().await;
    let eve =
        world.engine.accounts.add_user("Eve", "eve@example.org", secret(PASSWORD), false).await.unwrap().id;
    let closed = |port: i64| ConnectionForm { port, username: format!("role{port}"), ..world.form() };
    for port in 1..=40 {
        world.engine.connections.test_form(eve, closed(port), None).await.unwrap();
    }
    let refused = world.engine.connections.test_form(eve, closed(41), None).await.unwrap_err();
    assert_eq!(refused.code, Code::TooManyRequests);
    world.engine.connections.test_form(world.ada, closed(41), None).await.unwrap();
    for _ in 0..50 {
        assert!(world.engine.connections.test_form(world.ada, world.form(), None).await.unwrap().ok());
    }
}
