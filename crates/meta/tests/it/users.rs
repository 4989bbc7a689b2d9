use crate::{World, here, model, user, world};
use chrono::{TimeDelta, Utc};
use mycorr_domain::{Code, Email, ResourceName, UserId};
use mycorr_meta::{Administrator, NewToken, TokenScope, UserChange};

const DISABLE: UserChange = UserChange { admin: None, disabled: Some(true) };
const ENABLE: UserChange = UserChange { admin: None, disabled: Some(false) };

async fn sign_in(world: &World, user: UserId, session: u8, token: u8) {
    let later = Utc::now() + TimeDelta::hours(1);
    world.meta.create_session(user, [session; 32], later, &here()).await.unwrap();
    let name = ResourceName::parse("name", "ci").unwrap();
    let new = NewToken { name: &name, hash: [token; 32], expires_at: None, scope: TokenScope::ALL };
    world.meta.create_token(user, new).await.unwrap();
}

#[tokio::test]
async fn disabled_account_is_signed_out_and_has_no_access() {
    let world = world().await;
    let bob = user(&world.meta, "bob@example.org").await;
    let shop = model(&world.meta, &bob).await;
    sign_in(&world, bob.id, 1, 2).await;
    let session = world.meta.session([1; 32], None).await.unwrap().unwrap();
    let token = world.meta.token_holder([2; 32]).await.unwrap().unwrap();
    let ada = world.meta.administrator(world.ada.id).await.unwrap();
    assert!(world.meta.change_user(&ada, bob.id, DISABLE).await.unwrap().disabled);
    assert!(world.meta.session([1; 32], None).await.unwrap().is_none());
    assert!(world.meta.token_holder([2; 32]).await.unwrap().is_none());
    assert!(!world.meta.session_stands(session.id).await.unwrap());
    assert!(!world.meta.token_stands(token.id).await.unwrap());
    assert_eq!(world.meta.model(bob.id, shop.id).await.unwrap_err().code, Code::NotFound);
    assert!(world.meta.models(bob.id, None, 10).await.unwrap().items.is_empty());
    // Enabled again, tokens are good, and sessions are over.
    world.meta.change_user(&ada, bob.id, ENABLE).await.unwrap();
    assert!(world.meta.token_stands(token.id).await.unwrap());
    assert!(!world.meta.session_stands(session.id).await.unwrap());
    assert_eq!(world.meta.model(bob.id, shop.id).await.unwrap().id, shop.id);
}

#[tokio::test]
async fn last_administrator_stays() {
    let world = world().await;
    let bob = user(&world.meta, "bob@example.org").await;
    assert_eq!(world.meta.administrator(bob.id).await.unwrap_err().code, Code::Forbidden);
    let by = Administrator::operator();
    let demote = UserChange { admin: Some(false), disabled: None };
    for change in [DISABLE, demote] {
        let refused = world.meta.change_user(&by, world.ada.id, change).await.unwrap_err();
        assert_eq!(refused.code, Code::Conflict);
    }
    assert!(world.meta.user(world.ada.id).await.unwrap().admin);
    world.meta.change_user(&by, bob.id, UserChange { admin: Some(true), disabled: None }).await.unwrap();
    world.meta.change_user(&by, world.ada.id, DISABLE).await.unwrap();
    assert_eq!(world.meta.administrator(world.ada.id).await.unwrap_err().code, Code::Forbidden);
    // One who is disabled does not count.
    assert_eq!(world.meta.change_user(&by, bob.id, demote).await.unwrap_err().code, Code::Conflict);
}

#[tokio::test]
async fn accounts_are_found_by_a_part_of_their_text() {
    let world = world().await;
    for email in ["b_b@example.org", "bab@example.org"] {
        user(&world.meta, email).await;
    }
    let by = Administrator::operator();
    let found = async |search| {
        let users = world.meta.users(&by, Some(search), None, 10).await.unwrap().items;
        users.into_iter().map(|user| user.email).collect::<Vec<_>>()
    };
    assert_eq!(found("B_B").await, ["b_b@example.org"]);
    assert_eq!(found("b").await, ["bab@example.org", "b_b@example.org"], "newest first");
    assert_eq!(found("ADA").await.len(), 3, "all have this name");
    for none in ["%", "\\", "b%b"] {
        assert!(found(none).await.is_empty(), "{none}");
    }
    let first = world.meta.users(&by, None, None, 2).await.unwrap();
    let rest = world.meta.users(&by, None, first.next.as_deref(), 2).await.unwrap();
    assert_eq!((first.items.len(), rest.items.len(), rest.next), (2, 1, None));
}

#[tokio::test]
async fn new_password_ends_sessions_and_links() {
    let world = world().await;
    let by = Administrator::operator();
    let (ada, later) = (world.ada.id, Utc::now() + TimeDelta::hours(1));
    sign_in(&world, ada, 1, 2).await;
    sign_in(&world, ada, 3, 4).await;
    let kept = world.meta.session([3; 32], None).await.unwrap().unwrap().id;
    world.meta.create_password_reset(&by, ada, [9; 32], later).await.unwrap();
    world.meta.set_password(Some(ada), ada, "new", Some(kept)).await.unwrap();
    assert!(world.meta.session([1; 32], None).await.unwrap().is_none());
    assert!(world.meta.session([3; 32], None).await.unwrap().is_some());
    assert!(!world.meta.has_password_reset([9; 32]).await.unwrap());
    let hash = world.meta.user_by_email(&Email::parse("ada@example.org").unwrap()).await.unwrap().unwrap().1;
    assert_eq!(hash, "new");
}

#[tokio::test]
async fn password_link_is_good_once_and_until_the_next() {
    let world = world().await;
    let by = Administrator::operator();
    let (ada, later) = (world.ada.id, Utc::now() + TimeDelta::hours(1));
    let link =
        async |hash: u8, until| world.meta.create_password_reset(&by, ada, [hash; 32], until).await.unwrap();
    link(1, Utc::now() - TimeDelta::seconds(1)).await;
    assert!(!world.meta.use_password_reset([1; 32], "expired").await.unwrap());
    link(2, later).await;
    link(3, later).await;
    assert!(!world.meta.use_password_reset([2; 32], "replaced").await.unwrap());
    assert!(world.meta.has_password_reset([3; 32]).await.unwrap());
    assert!(world.meta.use_password_reset([3; 32], "new").await.unwrap());
    assert!(!world.meta.use_password_reset([3; 32], "again").await.unwrap());
}
