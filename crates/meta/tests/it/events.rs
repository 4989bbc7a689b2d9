use crate::{connection, grant, import, model, user, world};
use chrono::{TimeDelta, Utc};
use mycorr_domain::ResourceName;
use mycorr_meta::{Action, Administrator, Own, UserChange};

#[tokio::test]
async fn what_was_done_is_noted_and_kept_for_400_days() {
    let world = world().await;
    let (meta, ada) = (&world.meta, world.ada.id);
    let shop = model(meta, &world.ada).await;
    let name = ResourceName::parse("name", "Store").unwrap();
    meta.rename_model(&grant(meta, ada, shop.id).await, &name).await.unwrap();
    let seen = meta.activity(&grant(meta, ada, shop.id).await, None, 10).await.unwrap().items;
    let said: Vec<_> = seen.iter().map(|event| (event.action, event.object.as_str())).collect();
    assert_eq!(said, [(Action::ModelRenamed, "Store"), (Action::ModelCreated, "Shop")]);
    assert!(seen.iter().all(|event| event.actor.as_ref().unwrap().id == ada));
    let first = meta.activity(&grant(meta, ada, shop.id).await, None, 1).await.unwrap();
    let rest = meta.activity(&grant(meta, ada, shop.id).await, first.next.as_deref(), 1).await.unwrap();
    assert_eq!((rest.items[0].action, rest.next), (Action::ModelCreated, None));
    let now = Utc::now();
    assert!(!meta.prune_events(now + TimeDelta::days(399)).await.unwrap());
    while meta.prune_events(now + TimeDelta::days(401)).await.unwrap() {}
    let none = meta.activity(&grant(meta, ada, shop.id).await, None, 10).await.unwrap();
    assert!(none.items.is_empty());
}

#[tokio::test]
async fn what_was_refused_is_not_noted() {
    let world = world().await;
    let meta = &world.meta;
    let by = Administrator::operator();
    let disable = UserChange { disabled: Some(true), admin: None };
    meta.change_user(&by, world.ada.id, disable).await.unwrap_err();
    let audit = meta.audit(&by, None, None, None, 10).await.unwrap().items;
    assert!(audit.iter().all(|event| event.action != Action::AccountDisabled));
}

#[tokio::test]
async fn audit_tells_accounts_connections_and_grants_and_names_no_model() {
    let world = world().await;
    let (meta, by) = (&world.meta, Administrator::operator());
    let bob = user(meta, "bob@example.org").await;
    let shop = model(meta, &world.ada).await;
    let source = connection(meta, &world.ada).await;
    meta.queue_import(&grant(meta, world.ada.id, shop.id).await, import(&source)).await.unwrap();
    let disable = UserChange { disabled: Some(true), admin: None };
    meta.change_user(&by, bob.id, disable).await.unwrap();
    let own = meta.grant::<Own, _>(world.ada.id, shop.id).await.unwrap();
    meta.transfer_model(&own, &mycorr_domain::Email::parse("bob@example.org").unwrap()).await.unwrap_err();
    meta.change_user(&by, bob.id, UserChange { disabled: Some(false), admin: Some(true) }).await.unwrap();
    meta.transfer_model(&own, &mycorr_domain::Email::parse("bob@example.org").unwrap()).await.unwrap();
    meta.delete_connection(world.ada.id, source.id).await.unwrap();
    let all = meta.audit(&by, None, None, None, 100).await.unwrap().items;
    let actions: Vec<_> = all.iter().rev().map(|event| event.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "account.created",
            "account.created",
            "connection.created",
            "account.disabled",
            "account.admin_granted",
            "account.enabled",
            "model.transferred",
            "connection.deleted"
        ]
    );
    assert!(all.iter().all(|event| event.object != "Shop" && !event.object.contains("db.example.com")));
    let hers = meta.audit(&by, Some(world.ada.id), None, None, 100).await.unwrap().items;
    assert_eq!(hers.len(), 4);
    let disabled = meta.audit(&by, None, Some("account.disabled"), None, 100).await.unwrap().items;
    assert_eq!((disabled.len(), disabled[0].object.as_str()), (1, "bob@example.org"));
    assert!(disabled[0].actor.is_none(), "the operator");
}
