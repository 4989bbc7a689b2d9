use crate::{HERE, PASSWORD, World, secret};
use futures::StreamExt;
use mycorr_domain::Code;
use mycorr_engine::{JobState, Proof, UserChange};

const DISABLE: UserChange = UserChange { admin: None, disabled: Some(true) };

#[tokio::test(flavor = "multi_thread")]
async fn job_of_a_disabled_person_reads_nothing() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
    let table = world.imported("t").await;
    let accounts = &world.engine.accounts;
    let bob = accounts.add_user("Bob", "bob@example.org", secret(PASSWORD), true).await.unwrap().id;
    let World { engine, workers, ada, database, store, folder } = world;
    // Queued while nobody works.
    workers.shut_down().await;
    let sync = engine.imports.sync(ada, table.id).await.unwrap();
    engine.accounts.change_user(bob, ada, DISABLE).await.unwrap();
    let sent = database.log_statements().len();
    let workers = engine.start_workers(1);
    let world = World { engine, workers, ada, database, store, folder };
    let meta = world.meta().await;
    while !meta.job_counts().await.unwrap().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    world.engine.accounts.set_disabled_of("ada@example.org", false).await.unwrap();
    let ended = world.ended(&sync).await;
    let problem = ended.problem.unwrap();
    assert_eq!((ended.state, problem.code), (JobState::Failed, Code::Forbidden));
    assert!(problem.detail.contains("disabled"), "{}", problem.detail);
    assert_eq!(world.database.log_statements().len(), sent, "nothing was asked");
    let head = world.engine.tables.table(ada, table.id).await.unwrap().head.unwrap();
    assert_eq!(head.version, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_person_sees_no_job_and_signs_in_nowhere() {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
    let (connection, model) = (world.connection().await, world.model().await);
    let (job, _) = world.start(&connection, &model, "t").await;
    world.ended(&job).await;
    let accounts = &world.engine.accounts;
    let bob = accounts.add_user("Bob", "bob@example.org", secret(PASSWORD), true).await.unwrap().id;
    let signed_in = accounts.sign_in("ada@example.org", secret(PASSWORD), HERE).await.unwrap();
    let identity = accounts.by_session(signed_in.session.expose(), None).await.unwrap().unwrap();
    assert!(accounts.stands(identity.proof).await.unwrap());
    accounts.change_user(bob, world.ada, DISABLE).await.unwrap();
    assert!(!accounts.stands(identity.proof).await.unwrap());
    let mut seen = Box::pin(world.engine.jobs.watch_job(world.ada, job.id));
    assert_eq!(seen.next().await.unwrap().unwrap_err().code, Code::NotFound);
    let right = accounts.sign_in("ada@example.org", secret(PASSWORD), HERE).await.err().unwrap();
    assert_eq!(right.code, Code::Forbidden);
    let wrong = accounts.sign_in("ada@example.org", secret("wrong"), HERE).await.err().unwrap();
    assert_eq!(wrong.code, Code::SignInFailed, "who does not know the password learns nothing");
    // An administrator is none any more.
    assert_eq!(accounts.users(world.ada, None, None, 10).await.unwrap_err().code, Code::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_password_takes_the_current_one() {
    let world = World::new().await;
    let accounts = &world.engine.accounts;
    let signed_in = accounts.sign_in("ada@example.org", secret(PASSWORD), HERE).await.unwrap();
    let other = accounts.sign_in("ada@example.org", secret(PASSWORD), HERE).await.unwrap();
    let identity = accounts.by_session(signed_in.session.expose(), None).await.unwrap().unwrap();
    let Proof::Session(kept) = identity.proof else { panic!("a session") };
    let user = identity.user;
    let change = async |current: &str, new: &str| {
        accounts.change_password(&user, secret(current), secret(new), Some(kept), HERE).await
    };
    let wrong = change("wrong", "another sentence").await.unwrap_err();
    assert_eq!((wrong.code, &*wrong.fields[0].field), (Code::Invalid, "password.current"));
    let short = change(PASSWORD, "short").await.unwrap_err();
    assert_eq!(&*short.fields[0].field, "password.new");
    change(PASSWORD, "another sentence").await.unwrap();
    assert!(accounts.by_session(other.session.expose(), None).await.unwrap().is_none());
    assert!(accounts.by_session(signed_in.session.expose(), None).await.unwrap().is_some());
    accounts.sign_in("ada@example.org", secret("another sentence"), HERE).await.unwrap();
    // Who has a session does not guess the password.
    for _ in 0..9 {
        assert_eq!(change("wrong", "another sentence").await.unwrap_err().code, Code::Invalid);
    }
    assert_eq!(change("wrong", "another sentence").await.unwrap_err().code, Code::TooManyRequests);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_links_is_slowed() {
    let world = World::new().await;
    let accounts = &world.engine.accounts;
    let link = accounts.create_password_reset(world.ada, world.ada).await.unwrap();
    let guess = async |token: &str| accounts.use_password_reset(token, secret(PASSWORD), HERE).await;
    for _ in 0..30 {
        assert_eq!(guess("guess").await.unwrap_err().code, Code::NotFound);
    }
    assert_eq!(guess("guess").await.unwrap_err().code, Code::TooManyRequests);
    let elsewhere = std::net::IpAddr::from([192, 0, 2, 1]);
    accounts.use_password_reset(link.token.expose(), secret("another sentence"), elsewhere).await.unwrap();
    accounts.sign_in("ada@example.org", secret("another sentence"), HERE).await.unwrap();
    let again = accounts.use_password_reset(link.token.expose(), secret(PASSWORD), elsewhere).await;
    assert_eq!(again.unwrap_err().code, Code::NotFound);
}
