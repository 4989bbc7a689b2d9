use crate::{HERE, PASSWORD, World, secret};
use futures::StreamExt;
use mycorr_domain::{Code, MemberId, Problem, TableId, UserId};
use mycorr_engine::{Access, Change, Engine, JobState, NewInvite, Proof, ShareWith, SyncBy, UserChange};

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

/// A sync that Bob asked for, done once `withdrawn` is over; how it ended.
async fn sync_of_a_collaborator(withdrawn: impl AsyncFnOnce(&Engine, UserId, TableId, MemberId)) -> Problem {
    let world = World::new().await;
    world.database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
    let table = world.imported("t").await;
    let bob =
        world.engine.accounts.add_user("Bob", "bob@example.org", secret(PASSWORD), false).await.unwrap().id;
    let with = ShareWith::Email("bob@example.org".into());
    let models = &world.engine.models;
    let shared = models.put_member(world.ada, table.model, with, Access::Collaborator).await.unwrap();
    let World { engine, workers, ada, database, store, folder } = world;
    workers.shut_down().await;
    let sync = engine.imports.sync(bob, table.id).await.unwrap();
    withdrawn(&engine, ada, table.id, shared.member.id.unwrap()).await;
    let sent = database.log_statements().len();
    let workers = engine.start_workers(1);
    let world = World { engine, workers, ada, database, store, folder };
    let ended = world.ended(&sync).await;
    assert_eq!(ended.state, JobState::Failed);
    assert_eq!(world.database.log_statements().len(), sent, "nothing was asked");
    ended.problem.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn job_of_who_lost_the_model_reads_nothing() {
    let problem = sync_of_a_collaborator(async |engine, ada, table, member| {
        let model = engine.tables.table(ada, table).await.unwrap().model;
        engine.models.delete_member(ada, model, member).await.unwrap();
    })
    .await;
    assert_eq!(problem.code, Code::Forbidden);
    assert!(problem.detail.contains("may not change the Model"), "{}", problem.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn job_through_a_connection_that_its_owner_closed_reads_nothing() {
    let problem = sync_of_a_collaborator(async |engine, ada, table, _| {
        let source = engine.tables.table(ada, table).await.unwrap().source;
        let change = Change { sync_by: Some(SyncBy::Owner), ..Change::default() };
        let connections = &engine.connections;
        connections.change_connection(ada, source.connection.unwrap(), change, None).await.unwrap();
    })
    .await;
    assert_eq!(problem.code, Code::Forbidden);
    assert!(problem.detail.contains("Only the owner of the connection"), "{}", problem.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn invitation_opens_a_closed_door_once() {
    let world = World::new().await;
    let accounts = &world.engine.accounts;
    let new = NewInvite { email: "bob@example.org".into(), models: Vec::new(), teams: Vec::new() };
    let (_, link) = accounts.create_invite(world.ada, new).await.unwrap();
    let sign_up = async |email: &str, invite: &str| {
        let done = accounts.sign_up_invited("Bob", email, secret(PASSWORD), invite, HERE).await;
        done.map(drop).map_err(|problem| problem.code)
    };
    let closed = accounts.sign_up("Bob", "bob@example.org", secret(PASSWORD), HERE).await;
    assert_eq!(closed.err().unwrap().code, Code::SignUpClosed);
    assert_eq!(sign_up("bob@example.org", "guess").await, Err(Code::NotFound));
    assert_eq!(sign_up("eve@example.org", link.token.expose()).await, Err(Code::Invalid));
    assert_eq!(sign_up("BOB@example.org", link.token.expose()).await, Ok(()));
    assert_eq!(sign_up("bob@example.org", link.token.expose()).await, Err(Code::NotFound));
}
