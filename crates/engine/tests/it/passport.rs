use crate::{World, secret};
use mycorr_domain::Code;
use mycorr_engine::{JobState, StepOutcome};
use tokio::sync::mpsc;

#[tokio::test(flavor = "multi_thread")]
async fn it_is_seen_at_the_test_and_its_changes_at_a_sync() {
    let world = World::new().await;
    let role = world.database.role.clone();
    world.database.sql("CREATE TABLE t AS SELECT 1 AS id");
    let table = world.imported("t").await;
    let id = table.source.connection.unwrap();
    let seen =
        world.engine.connections.passport(world.ada, id).await.unwrap().expect("seen when it was tested");
    assert_eq!((seen.passport.excess.len(), seen.changes.len()), (0, 0), "{seen:#?}");

    world.database.sql(&format!(
        "GRANT DELETE ON t TO \"{role}\"; CREATE TABLE shut (); REVOKE ALL ON shut FROM \"{role}\""
    ));
    let job = world.engine.imports.sync(world.ada, table.id).await.unwrap();
    assert_eq!(world.ended(&job).await.state, JobState::Succeeded);
    let changed = world.engine.connections.passport(world.ada, id).await.unwrap().unwrap();
    let told: Vec<_> = changed.changes.iter().map(|change| change.what.as_str()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("New: ") && told[0].contains("may change 1 table of the schema"), "{told:?}");
    assert!(told[1].contains("can read 1 of the 2 tables"), "{told:?}");

    for excess in &changed.passport.excess {
        world.database.sql(excess.revoke.as_ref().unwrap());
    }
    let mended = world.engine.connections.check_passport(world.ada, id).await.unwrap();
    assert_eq!(mended.passport.excess, []);
    assert!(mended.changes[0].what.starts_with("No longer so: "), "{:?}", mended.changes);
    let bob = world
        .engine
        .accounts
        .add_user("Bob", "bob@example.org", secret(crate::PASSWORD), true)
        .await
        .unwrap()
        .id;
    assert_eq!(world.engine.connections.passport(bob, id).await.unwrap_err().code, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_tells_each_step_and_all_it_found() {
    let world = World::new().await;
    world.database.sql(&format!("CREATE TABLE t (); GRANT INSERT ON t TO \"{}\"", world.database.role));
    let (told, mut steps) = mpsc::unbounded_channel();
    let report = world.engine.connections.test_form(world.ada, world.form(), Some(told)).await.unwrap();
    let mut live = Vec::new();
    while let Some(step) = steps.recv().await {
        live.push(step);
    }
    assert_eq!(live, report.steps);
    assert_eq!(report.authentication, Some("SCRAM-SHA-256-PLUS"));
    assert_eq!(report.tls.as_ref().unwrap().version, "TLS 1.3");
    assert_eq!(report.addresses.len(), 1);
    let chain: Vec<_> = report.certificates.iter().map(|one| one.issuer.as_str()).collect();
    assert!(chain.len() == 2 && chain.iter().all(|issuer| issuer.contains("Test CA")), "{chain:?}");
    let privileges = report.steps.last().unwrap();
    assert_eq!(privileges.outcome, StepOutcome::Warned);
    assert!(privileges.fix.as_ref().unwrap().starts_with("REVOKE INSERT"), "{privileges:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_role_signs_in_with_its_password_alone() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t AS SELECT 1 AS id");
    let name = format!("{} \"new\"", world.database.role);
    let role = world.engine.connections.new_role(&name, &world.database.name, &["public".into()]).unwrap();
    assert!(!role.sql.contains(role.password.expose()) && role.handout.contains(&role.sql));
    world.database.sql(&role.sql);
    let mut form = world.form();
    (form.username, form.password) = (name.clone(), role.password);
    let report = world.engine.connections.test_form(world.ada, form, None).await.unwrap();
    assert!(report.ok(), "{:?}", report.problem);
    world.database.sql(&format!("DROP OWNED BY \"{0}\"; DROP ROLE \"{0}\"", name.replace('"', "\"\"")));
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_a_password_ends() {
    let world = World::new().await;
    let mut codes = Vec::new();
    for _ in 0..11 {
        let mut form = world.form();
        form.password = secret("wrong");
        codes.push(match world.engine.connections.test_form(world.ada, form, None).await {
            Ok(report) => report.problem.unwrap().code,
            Err(problem) => problem.code,
        });
    }
    assert_eq!(codes[..10], [Code::AuthenticationFailed; 10]);
    assert_eq!(codes[10], Code::TooManyRequests);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_that_was_probably_meant_is_named() {
    let world = World::new().await;
    let mut form = world.form();
    form.database = world.database.name.to_uppercase();
    let report = world.engine.connections.test_form(world.ada, form, None).await.unwrap();
    let problem = report.problem.unwrap();
    assert_eq!(problem.code, Code::DatabaseNotFound);
    let meant = format!("There is a database \"{}\"", world.database.name);
    assert!(problem.fix.as_ref().unwrap().starts_with(&meant), "{problem:?}");
    assert!(problem.fields.iter().any(|field| field.message.starts_with(&meant)), "{problem:?}");
}
