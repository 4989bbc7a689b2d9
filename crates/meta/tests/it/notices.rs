use crate::{connection, grant, jobs::imported, model, user, world};
use chrono::{TimeDelta, Utc};
use mycorr_domain::{Code, Email, Problem};
use mycorr_meta::{Access, InviteLink, MAX_FAILURES, NewMember, NoticeKind};

const LEASE: TimeDelta = TimeDelta::seconds(60);

fn link() -> InviteLink {
    InviteLink { hash: [7; 32], expires_at: Utc::now() + TimeDelta::days(1) }
}

#[tokio::test]
async fn ends_of_syncs_are_told_once_to_who_may_change_the_model() {
    let world = world().await;
    let meta = &world.meta;
    let (shop, source) = (model(meta, &world.ada).await, connection(meta, &world.ada).await);
    let table = imported(&world, &shop, &source).await.id;
    let (bob, eve, zoe) = (
        user(meta, "bob@example.org").await,
        user(meta, "eve@example.org").await,
        user(meta, "zoe@example.org").await,
    );
    for (who, access) in [("bob@example.org", Access::Collaborator), ("eve@example.org", Access::Viewer)] {
        let email = Email::parse(who).unwrap();
        for _ in 0..2 {
            let new = NewMember::Email(&email, link());
            meta.put_member(&grant(meta, world.ada.id, shop.id).await, new, access).await.unwrap();
        }
    }
    let kinds = async |who: &mycorr_meta::User| -> Vec<NoticeKind> {
        let listed = meta.notices(who.id, None, 100).await.unwrap();
        listed.items.into_iter().rev().map(|notice| notice.kind).collect()
    };
    use NoticeKind::{Shared, SyncFailed, SyncRecovered, TableStale};
    assert_eq!((kinds(&bob).await, kinds(&eve).await), (vec![Shared], vec![Shared]), "told once");

    let sync = async |problem: Option<Code>| {
        meta.queue_sync(&grant(meta, world.ada.id, table).await).await.unwrap();
        let work = meta.claim(LEASE).await.unwrap().unwrap();
        match problem {
            Some(code) => assert!(meta.fail(work.lease, &Problem::new(code, "Why.")).await.unwrap()),
            None => assert!(meta.succeed_unchanged(work.lease, None, None).await.unwrap()),
        }
    };
    sync(None).await;
    sync(Some(Code::Cancelled)).await;
    assert_eq!(kinds(&world.ada).await, []);
    for _ in 0..3 {
        sync(Some(Code::TableNotFound)).await;
    }
    sync(None).await;
    sync(None).await;
    sync(Some(Code::ConnectionLost)).await;
    assert_eq!(kinds(&world.ada).await, [SyncFailed, SyncRecovered, SyncFailed]);
    assert_eq!(kinds(&bob).await, [Shared, SyncFailed, SyncRecovered, SyncFailed]);
    assert_eq!((kinds(&eve).await, kinds(&zoe).await), (vec![Shared], vec![]));

    let newest = meta.notices(world.ada.id, None, 1).await.unwrap();
    let (one, rest) = (&newest.items[0], newest.next.as_deref());
    assert_eq!((one.code, one.table, one.model), (Some(Code::ConnectionLost), Some(table), Some(shop.id)));
    assert_eq!(meta.notices(world.ada.id, rest, 100).await.unwrap().items.len(), 2);
    assert_eq!(meta.unread_notices(world.ada.id).await.unwrap(), 3);
    meta.read_notice(world.ada.id, Some(one.id)).await.unwrap();
    assert_eq!(meta.read_notice(zoe.id, Some(one.id)).await.unwrap_err().code, Code::NotFound);
    assert_eq!(meta.unread_notices(world.ada.id).await.unwrap(), 2);
    assert_eq!(meta.unread_notices(bob.id).await.unwrap(), 4, "each reads for themselves");
    meta.read_notice(bob.id, None).await.unwrap();
    assert_eq!(meta.unread_notices(bob.id).await.unwrap(), 0);

    // Who may see the Model no more reads nothing of it.
    let members = meta.members(&grant(meta, world.ada.id, shop.id).await).await.unwrap();
    for member in members.into_iter().filter_map(|member| member.id) {
        meta.delete_member(&grant(meta, world.ada.id, shop.id).await, member).await.unwrap();
    }
    assert_eq!((kinds(&bob).await, kinds(&eve).await), (vec![], vec![]));

    // A schedule that pauses itself leaves a stale table.
    sync(None).await;
    let at = Utc::now();
    let timing = ("0 0 1 1 *", "UTC", 0);
    meta.set_schedule(&grant(meta, world.ada.id, table).await, timing, false, at).await.unwrap();
    for year in 1..=MAX_FAILURES {
        let due = at + TimeDelta::days(366 * i64::from(year));
        assert_eq!(meta.queue_due(due).await.unwrap().queued, 1);
        let work = meta.claim(LEASE).await.unwrap().unwrap();
        assert!(meta.fail(work.lease, &Problem::new(Code::TableNotFound, "Why.")).await.unwrap());
    }
    sync(None).await;
    let told = kinds(&world.ada).await;
    assert_eq!(told[3..], [SyncRecovered, SyncFailed, TableStale, SyncRecovered]);
}

#[tokio::test]
async fn run_that_is_tried_again_is_told_when_it_does_not_pass() {
    let world = world().await;
    let meta = &world.meta;
    let (shop, source) = (model(meta, &world.ada).await, connection(meta, &world.ada).await);
    let table = imported(&world, &shop, &source).await.id;
    let at = Utc::now();
    meta.set_schedule(&grant(meta, world.ada.id, table).await, ("0 0 1 1 *", "UTC", 0), false, at)
        .await
        .unwrap();
    let mut due = at + TimeDelta::days(366);
    for attempt in 0..4 {
        assert_eq!(meta.queue_due(due).await.unwrap().queued, 1);
        let work = meta.claim(LEASE).await.unwrap().unwrap();
        assert!(meta.fail(work.lease, &Problem::new(Code::ConnectionLost, "Why.")).await.unwrap());
        let told = meta.notices(world.ada.id, None, 10).await.unwrap().items.len();
        assert_eq!(told, usize::from(attempt >= 2), "attempt {attempt}");
        due = meta.schedule(&grant(meta, world.ada.id, table).await).await.unwrap().next_run_at.unwrap();
    }
}
