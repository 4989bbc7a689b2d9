use crate::{connection, grant, import, model, user, world};
use chrono::{TimeDelta, Utc};
use mycorr_domain::{Code, ModelId, ResourceName, TableId, TableName};
use mycorr_meta::{Access, Own, Write};

#[tokio::test]
async fn a_model_is_its_owners() {
    let world = world().await;
    let bob = user(&world.meta, "bob@example.org").await;
    let shop = model(&world.meta, &world.ada).await;
    assert_eq!((shop.access, shop.tables, shop.owner.id), (Access::Owner, 0, world.ada.id));
    for code in [
        world.meta.model(bob.id, shop.id).await.unwrap_err().code,
        world.meta.tables(bob.id, shop.id, None, 10).await.unwrap_err().code,
        world.meta.jobs(bob.id, shop.id, None, 10).await.unwrap_err().code,
        world.meta.grant::<Own, _>(bob.id, shop.id).await.unwrap_err().code,
        world.meta.grant::<Write, _>(bob.id, shop.id).await.unwrap_err().code,
        world.meta.grant::<Write, _>(bob.id, TableId::new()).await.unwrap_err().code,
        world.meta.model(world.ada.id, ModelId::new()).await.unwrap_err().code,
    ] {
        assert_eq!(code, Code::NotFound);
    }
    let name = ResourceName::parse("name", "Store").unwrap();
    assert_eq!(
        world.meta.rename_model(&grant(&world.meta, world.ada.id, shop.id).await, &name).await.unwrap().name,
        "Store"
    );
    assert!(world.meta.models(bob.id, None, 10).await.unwrap().items.is_empty());
    assert_eq!(world.meta.models(world.ada.id, None, 10).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_models_tables_go_with_it_and_their_files_later() {
    let world = world().await;
    let shop = model(&world.meta, &world.ada).await;
    let source = connection(&world.meta, &world.ada).await;
    let (job, table) = world
        .meta
        .queue_import(&grant(&world.meta, world.ada.id, shop.id).await, import(&source))
        .await
        .unwrap();
    world.meta.delete_model(&grant(&world.meta, world.ada.id, shop.id).await).await.unwrap();
    assert_eq!(world.meta.table(world.ada.id, table.id).await.unwrap_err().code, Code::NotFound);
    assert_eq!(world.meta.job(world.ada.id, job.id).await.unwrap_err().code, Code::NotFound);
    let now = Utc::now();
    assert!(world.meta.claim_removed(now).await.unwrap().is_empty(), "a worker may still be writing");
    let later = now + TimeDelta::minutes(2);
    let due = world.meta.claim_removed(later).await.unwrap();
    assert_eq!(due.iter().map(|right| right.table()).collect::<Vec<_>>(), [table.id]);
    world.meta.forget_removed(table.id).await.unwrap();
    assert!(world.meta.claim_removed(later).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_tables_name_is_unique_in_its_model() {
    let world = world().await;
    let shop = model(&world.meta, &world.ada).await;
    let source = connection(&world.meta, &world.ada).await;
    let (_, first) = world
        .meta
        .queue_import(&grant(&world.meta, world.ada.id, shop.id).await, import(&source))
        .await
        .unwrap();
    let (_, second) = world
        .meta
        .queue_import(&grant(&world.meta, world.ada.id, shop.id).await, import(&source))
        .await
        .unwrap();
    assert_eq!((first.name.as_str(), second.name.as_str()), ("orders", "orders_2"));
    let name = TableName::parse("orders").unwrap();
    let clash =
        world.meta.rename_table(&grant(&world.meta, world.ada.id, second.id).await, &name).await.unwrap_err();
    assert_eq!((clash.code, &*clash.fields[0].field), (Code::Conflict, "name"));
    let name = TableName::parse("Aufträge").unwrap();
    assert_eq!(
        world
            .meta
            .rename_table(&grant(&world.meta, world.ada.id, second.id).await, &name)
            .await
            .unwrap()
            .name,
        "Aufträge"
    );
}
