use crate::{user, world};
use chrono::{TimeDelta, Utc};
use mycorr_domain::{Code, Email, PersonName, ResourceName};
use mycorr_meta::{Meta, NewToken, NewUser, TokenScope};

async fn sign_up(meta: &Meta, email: &str, anyone: bool) -> Result<bool, Code> {
    let (name, email) = (PersonName::parse("name", "Bob").unwrap(), Email::parse(email).unwrap());
    let new = NewUser { name: &name, email: &email, password_hash: "hash", admin: false };
    meta.create_user(new, anyone, None).await.map(|user| user.admin).map_err(|problem| problem.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_come_first_one_becomes_the_administrator() {
    let folder = tempfile::tempdir().unwrap();
    let meta = Meta::open(&crate::url(&folder)).await.unwrap();
    let tasks = (0..8).map(|n| {
        let meta = meta.clone();
        tokio::spawn(async move { sign_up(&meta, &format!("u{n}@example.org"), false).await })
    });
    let mut results = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        results.push(task.await.unwrap());
    }
    assert_eq!(results.iter().filter(|result| **result == Ok(true)).count(), 1);
    assert_eq!(results.iter().filter(|result| **result == Err(Code::SignUpClosed)).count(), 7);
}

#[tokio::test]
async fn later_accounts_are_no_administrators_and_addresses_are_taken_once() {
    let world = world().await;
    assert!(world.ada.admin);
    assert_eq!(sign_up(&world.meta, "bob@example.org", true).await, Ok(false));
    assert_eq!(sign_up(&world.meta, "BOB@example.org", true).await, Err(Code::EmailTaken));
    assert_eq!(sign_up(&world.meta, "eve@example.org", false).await, Err(Code::SignUpClosed));
}

#[tokio::test]
async fn a_session_ends() {
    let world = world().await;
    let later = Utc::now() + TimeDelta::hours(1);
    let here = crate::here();
    let id = world.meta.create_session(world.ada.id, [1; 32], later, &here).await.unwrap();
    let found = world.meta.session([1; 32], None).await.unwrap().unwrap();
    assert_eq!((found.id, found.user.id), (id, world.ada.id));
    assert!(world.meta.session([2; 32], None).await.unwrap().is_none());
    world.meta.delete_session(world.ada.id, id).await.unwrap();
    assert!(world.meta.session([1; 32], None).await.unwrap().is_none());
    let past = Utc::now() - TimeDelta::seconds(1);
    world.meta.create_session(world.ada.id, [3; 32], past, &here).await.unwrap();
    assert!(world.meta.session([3; 32], None).await.unwrap().is_none());
}

#[tokio::test]
async fn tokens_belong_to_one_person() {
    let world = world().await;
    let bob = user(&world.meta, "bob@example.org").await;
    let name = ResourceName::parse("name", "ci").unwrap();
    let past = Utc::now() - TimeDelta::seconds(1);
    let token = |hash, expires_at| NewToken { name: &name, hash, expires_at, scope: TokenScope::ALL };
    let good = world.meta.create_token(world.ada.id, token([1; 32], None)).await.unwrap();
    world.meta.create_token(world.ada.id, token([2; 32], Some(past))).await.unwrap();
    assert_eq!(world.meta.token_holder([1; 32]).await.unwrap().unwrap().user.id, world.ada.id);
    assert!(world.meta.token_holder([2; 32]).await.unwrap().is_none(), "expired");

    let page = world.meta.tokens(world.ada.id, None, 1).await.unwrap();
    assert_eq!(page.items.len(), 1);
    let rest = world.meta.tokens(world.ada.id, page.next.as_deref(), 1).await.unwrap();
    assert_eq!((rest.items[0].id, rest.next), (good, None));
    assert!(rest.items[0].last_used_at.is_some());
    assert_eq!(world.meta.tokens(world.ada.id, Some("x"), 1).await.unwrap_err().code, Code::Invalid);

    assert!(world.meta.tokens(bob.id, None, 10).await.unwrap().items.is_empty());
    assert_eq!(world.meta.delete_token(bob.id, good).await.unwrap_err().code, Code::NotFound);
    world.meta.delete_token(world.ada.id, good).await.unwrap();
    assert!(world.meta.token_holder([1; 32]).await.unwrap().is_none());
}
