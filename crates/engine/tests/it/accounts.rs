use crate::{HERE, PASSWORD, World, engine, secret};
use chrono::{TimeDelta, Utc};
use mycorr_domain::{Code, Problem};
use mycorr_engine::{Proof, SignUpState, TokenScope};
use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_account_administers_and_closes_the_door() {
    let world = World::new().await;
    assert_eq!(
        world.engine.accounts.sign_up_state().await.unwrap(),
        SignUpState { first: false, open: false }
    );
    let refused = world.engine.accounts.sign_up("Bob", "bob@example.org", secret(PASSWORD), HERE).await;
    assert_eq!(refused.err().unwrap().code, Code::SignUpClosed);
    let bob =
        world.engine.accounts.add_user("Bob", "bob@example.org", secret(PASSWORD), false).await.unwrap();
    assert!(!bob.admin);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_says_the_same_of_a_wrong_password_and_a_stranger() {
    let world = World::new().await;
    let good = world.engine.accounts.sign_in("ADA@example.org", secret(PASSWORD), HERE).await.unwrap();
    let found = world.engine.accounts.by_session(good.session.expose(), None).await.unwrap().unwrap();
    assert_eq!(found.user.id, world.ada);
    let mut said = Vec::new();
    for (email, password) in
        [("ada@example.org", "wrong"), ("eve@example.org", PASSWORD), ("no address", PASSWORD)]
    {
        said.push(world.engine.accounts.sign_in(email, secret(password), HERE).await.err().unwrap());
    }
    assert!(said.iter().all(|problem| *problem == said[0] && problem.code == Code::SignInFailed));
    let Proof::Session(session) = found.proof else { panic!("a session") };
    world.engine.accounts.end_session(world.ada, session).await.unwrap();
    assert!(world.engine.accounts.by_session(good.session.expose(), None).await.unwrap().is_none());
}

fn address(n: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, n))
}

async fn wrong(world: &World, email: &str, from: IpAddr) -> Problem {
    world.engine.accounts.sign_in(email, secret("wrong"), from).await.err().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_for_accounts_that_exist_and_for_those_that_do_not() {
    let world = World::new().await;
    for email in ["ada@example.org", "nobody@example.org"] {
        for n in 0..10 {
            assert_eq!(wrong(&world, email, address(n)).await.code, Code::SignInFailed);
        }
        let limited =
            world.engine.accounts.sign_in(email, secret(PASSWORD), address(11)).await.err().unwrap();
        assert_eq!(limited.code, Code::TooManyRequests);
        let wait = limited.retry_after.unwrap();
        assert!(wait <= Duration::from_secs(60), "slowed, not closed: {wait:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_locked_out_of_where_they_signed_in_before() {
    let world = World::new().await;
    world.engine.accounts.sign_in("ada@example.org", secret(PASSWORD), address(1)).await.unwrap();
    for n in 2..20 {
        wrong(&world, "ada@example.org", address(n)).await;
    }
    assert_eq!(wrong(&world, "ada@example.org", address(20)).await.code, Code::TooManyRequests);
    world.engine.accounts.sign_in("ada@example.org", secret(PASSWORD), address(1)).await.unwrap();
    // Whoever shares that address has an allowance too, which ends.
    for _ in 0..10 {
        assert_eq!(wrong(&world, "ada@example.org", address(1)).await.code, Code::SignInFailed);
    }
    assert_eq!(wrong(&world, "ada@example.org", address(1)).await.code, Code::TooManyRequests);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_try_all_accounts() {
    let world = World::new().await;
    let mut refused = 0;
    for n in 0..40 {
        let problem = wrong(&world, &format!("person-{n}@example.org"), address(1)).await;
        refused += usize::from(problem.code == Code::TooManyRequests);
    }
    assert!((8..=10).contains(&refused), "{refused}");
    let other = wrong(&world, "person-1@example.org", address(2)).await;
    assert_eq!(other.code, Code::SignInFailed, "another address is not meant");
    let network = ["2001:db8::1", "2001:db8::ffff:1"].map(|text| text.parse::<IpAddr>().unwrap());
    let mut refused = false;
    for n in 0..40 {
        let problem = wrong(&world, &format!("other-{n}@example.org"), network[n % 2]).await;
        refused |= problem.code == Code::TooManyRequests;
    }
    assert!(refused, "an IPv6 network is one address");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_those_of_the_metadata() {
    let world = World::new().await;
    let again = engine(&world.folder, &world.store, "").await;
    for n in 0..10 {
        let one = if n % 2 == 0 { &world.engine } else { &again };
        one.accounts.sign_in("ada@example.org", secret("wrong"), address(n)).await.err().unwrap();
    }
    for one in [&world.engine, &again] {
        let refused =
            one.accounts.sign_in("ada@example.org", secret(PASSWORD), address(99)).await.err().unwrap();
        assert_eq!(refused.code, Code::TooManyRequests);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_acts_for_its_maker_until_it_is_revoked() {
    let world = World::new().await;
    let past = Some(Utc::now() - TimeDelta::seconds(1));
    assert_eq!(
        world.engine.accounts.create_token(world.ada, "ci", past, TokenScope::ALL).await.err().unwrap().code,
        Code::Invalid
    );
    let new = world.engine.accounts.create_token(world.ada, "ci", None, TokenScope::ALL).await.unwrap();
    assert!(new.token.expose().starts_with("myc_") && new.token.expose().len() == 47);
    let identity = world.engine.accounts.by_token(new.token.expose()).await.unwrap().unwrap();
    assert_eq!(identity.user.id, world.ada);
    assert!(matches!(identity.proof, Proof::Token(id, scope) if id == new.id && scope == TokenScope::ALL));
    assert!(world.engine.accounts.by_session(new.token.expose(), None).await.unwrap().is_none());
    world.engine.accounts.delete_token(world.ada, new.id).await.unwrap();
    assert!(world.engine.accounts.by_token(new.token.expose()).await.unwrap().is_none());
}
