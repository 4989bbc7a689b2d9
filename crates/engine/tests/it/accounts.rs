use crate::{PASSWORD, World, secret};
use chrono::{TimeDelta, Utc};
use mycorr_domain::Code;
use mycorr_engine::SignUpState;
use std::net::{IpAddr, Ipv4Addr};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[tokio::test(flavor = "multi_thread")]
async fn the_first_account_administers_and_closes_the_door() {
    let world = World::new().await;
    assert_eq!(world.engine.sign_up_state().await.unwrap(), SignUpState { first: false, open: false });
    let refused = world.engine.sign_up("Bob", "bob@example.org", secret(PASSWORD)).await;
    assert_eq!(refused.err().unwrap().code, Code::SignUpClosed);
    let bob = world.engine.add_user("Bob", "bob@example.org", secret(PASSWORD), false).await.unwrap();
    assert!(!bob.admin);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_says_the_same_of_a_wrong_password_and_a_stranger() {
    let world = World::new().await;
    let good = world.engine.sign_in("ADA@example.org", secret(PASSWORD), HERE).await.unwrap();
    let found = world.engine.by_session(good.session.expose()).await.unwrap().unwrap();
    assert_eq!(found.user.id, world.ada);
    let mut said = Vec::new();
    for (email, password) in
        [("ada@example.org", "wrong"), ("eve@example.org", PASSWORD), ("no address", PASSWORD)]
    {
        said.push(world.engine.sign_in(email, secret(password), HERE).await.err().unwrap());
    }
    assert!(said.iter().all(|problem| *problem == said[0] && problem.code == Code::SignInFailed));
    world.engine.sign_out(found.session.unwrap()).await.unwrap();
    assert!(world.engine.by_session(good.session.expose()).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_ends_for_accounts_that_exist_and_for_those_that_do_not() {
    let world = World::new().await;
    for email in ["ada@example.org", "nobody@example.org"] {
        for _ in 0..10 {
            let wrong = world.engine.sign_in(email, secret("wrong"), HERE).await.err().unwrap();
            assert_eq!(wrong.code, Code::SignInFailed);
        }
        let limited = world.engine.sign_in(email, secret(PASSWORD), HERE).await.err().unwrap();
        assert_eq!(limited.code, Code::TooManyRequests);
    }
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    world.engine.sign_in("ada@example.org", secret(PASSWORD), elsewhere).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_acts_for_its_maker_until_it_is_revoked() {
    let world = World::new().await;
    let past = Some(Utc::now() - TimeDelta::seconds(1));
    assert_eq!(world.engine.create_token(world.ada, "ci", past).await.err().unwrap().code, Code::Invalid);
    let new = world.engine.create_token(world.ada, "ci", None).await.unwrap();
    assert!(new.token.expose().starts_with("myc_") && new.token.expose().len() == 47);
    let identity = world.engine.by_token(new.token.expose()).await.unwrap().unwrap();
    assert_eq!((identity.user.id, identity.session), (world.ada, None));
    assert!(world.engine.by_session(new.token.expose()).await.unwrap().is_none());
    world.engine.delete_token(world.ada, new.id).await.unwrap();
    assert!(world.engine.by_token(new.token.expose()).await.unwrap().is_none());
}
