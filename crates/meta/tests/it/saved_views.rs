//! Ways to look at a table that were given names.

use crate::{connection, grant, jobs::imported, model, user, world};
use mycorr_domain::{Code, Look, SavedView, ViewId};
use mycorr_meta::{MAX_VIEWS, Read, Write};

fn view(name: &str, sort: &str) -> SavedView {
    SavedView::parse(name, Look { sort: sort.into(), ..Look::default() }).unwrap()
}

#[tokio::test]
async fn a_name_stands_for_one_view_of_its_table() {
    let world = world().await;
    let shop = model(&world.meta, &world.ada).await;
    let source = connection(&world.meta, &world.ada).await;
    let table = imported(&world, &shop, &source).await;
    let write = grant::<Write, _>(&world.meta, world.ada.id, table.id).await;
    let read = grant::<Read, _>(&world.meta, world.ada.id, table.id).await;

    let first = world.meta.save_view(&write, &view("b", "x")).await.unwrap();
    world.meta.save_view(&write, &view("a", "")).await.unwrap();
    assert_eq!(world.meta.save_view(&write, &view("b", "-y")).await.unwrap(), first);
    let saved = world.meta.saved_views(&read).await.unwrap();
    assert_eq!(saved.iter().map(|one| &one.view).collect::<Vec<_>>(), [&view("a", ""), &view("b", "-y")]);
    assert_eq!((saved[1].id, saved[1].saved_by.as_deref()), (first, Some("Ada")));

    for n in 2..MAX_VIEWS {
        world.meta.save_view(&write, &view(&format!("v{n}"), "")).await.unwrap();
    }
    let full = world.meta.save_view(&write, &view("one more", "")).await.unwrap_err();
    assert_eq!(full.code, Code::Conflict);
    world.meta.save_view(&write, &view("b", "z")).await.unwrap();

    assert_eq!(world.meta.delete_view(&write, ViewId::new()).await.unwrap_err().code, Code::NotFound);
    world.meta.delete_view(&write, first).await.unwrap();
    assert_eq!(world.meta.saved_views(&read).await.unwrap().len(), MAX_VIEWS as usize - 1);

    // They go with the table, and a right that was withdrawn saves nothing.
    let eve = user(&world.meta, "eve@example.org").await;
    assert_eq!(world.meta.grant::<Read, _>(eve.id, table.id).await.unwrap_err().code, Code::NotFound);
    world.meta.delete_table(&write).await.unwrap();
    assert_eq!(world.meta.save_view(&write, &view("late", "")).await.unwrap_err().code, Code::NotFound);
}
