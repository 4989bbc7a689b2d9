//! Which worker gets which job, and how long it keeps it.

use crate::{
    connection, grant, import,
    jobs::{LEASE, claim, claim_abandoned, columns, record, succeed, told},
    model, user, world,
};
use chrono::TimeDelta;
use mycorr_domain::{Code, Problem};
use mycorr_meta::{ClaimedJob, LeaseStatus};

#[tokio::test]
async fn who_lost_the_lease_records_nothing() {
    let world = world().await;
    let (shop, source) = (model(&world.meta, &world.ada).await, connection(&world.meta, &world.ada).await);
    let (job, _) = world
        .meta
        .queue_import(&grant(&world.meta, world.ada.id, shop.id).await, import(&source))
        .await
        .unwrap();
    let dead = world.meta.claim(TimeDelta::seconds(-1)).await.unwrap().unwrap();
    assert!(world.meta.note_reading(dead.lease, &columns(), &record(), None).await.unwrap());
    let alive = claim_abandoned(&world).await;
    assert_eq!((alive.job.id, alive.attempts), (job.id, 2));
    assert!(alive.lease.fence > dead.lease.fence && alive.again && !dead.again);
    assert_eq!((alive.right.job(), alive.right.fence()), (job.id, alive.lease.fence));
    assert_eq!(alive.columns.as_deref(), Some(&columns()[..]), "what the first run read is known");
    assert_eq!(world.meta.report(dead.lease, told(1, 1), LEASE).await.unwrap(), LeaseStatus::Lost);
    assert!(!world.meta.note_reading(dead.lease, &columns(), &record(), None).await.unwrap());
    assert_eq!(succeed(&world, &dead, 0).await, None);
    assert!(!world.meta.fail(dead.lease, &Problem::bug("x")).await.unwrap());
    world.meta.release(dead.lease).await.unwrap();
    assert_eq!(world.meta.report(alive.lease, told(1, 1), LEASE).await.unwrap(), LeaseStatus::Held);
    assert_eq!(succeed(&world, &alive, 0).await, Some(1));
    assert_eq!(succeed(&world, &alive, 0).await, None, "a job ends once");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_workers_never_claim_the_same_job() {
    let world = world().await;
    let (shop, source) = (model(&world.meta, &world.ada).await, connection(&world.meta, &world.ada).await);
    for _ in 0..20 {
        world
            .meta
            .queue_import(&grant(&world.meta, world.ada.id, shop.id).await, import(&source))
            .await
            .unwrap();
    }
    let workers = (0..6).map(|_| {
        let meta = world.meta.clone();
        tokio::spawn(async move {
            let mut claimed = Vec::new();
            while let Some(work) = meta.claim(LEASE).await.unwrap() {
                claimed.push(work.job.id);
            }
            claimed
        })
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.extend(worker.await.unwrap());
    }
    // A worker that lost every race of one round stops early; nothing is claimed twice.
    let claimed = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), claimed);
    assert!(claimed > 0);
}

/// The clock that wrote a lease may have been a day ahead, or behind: what counts is whether it is kept.
#[tokio::test]
async fn lease_of_a_wrong_clock_neither_sticks_nor_is_lost() {
    let world = world().await;
    let (shop, source) = (model(&world.meta, &world.ada).await, connection(&world.meta, &world.ada).await);
    let (job, _) = world
        .meta
        .queue_import(&grant(&world.meta, world.ada.id, shop.id).await, import(&source))
        .await
        .unwrap();
    // Over by the clock, but reported all along.
    let kept = world.meta.claim(TimeDelta::days(-1)).await.unwrap().unwrap();
    for n in 0..30 {
        assert!(world.meta.claim(LEASE).await.unwrap().is_none());
        let wrong_clock = TimeDelta::days(-1) + TimeDelta::milliseconds(n);
        assert_eq!(
            world.meta.report(kept.lease, told(n as u64, 0), wrong_clock).await.unwrap(),
            LeaseStatus::Held
        );
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    // A day ahead, and never kept.
    assert_eq!(
        world.meta.report(kept.lease, told(1, 1), TimeDelta::days(1)).await.unwrap(),
        LeaseStatus::Held
    );
    let short = TimeDelta::seconds(2);
    let taken = loop {
        if let Some(work) = world.meta.claim(short).await.unwrap() {
            break work;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert_eq!(taken.job.id, job.id);
}

#[tokio::test]
async fn graceful_stops_are_no_failed_attempts() {
    let world = world().await;
    let (shop, source) = (model(&world.meta, &world.ada).await, connection(&world.meta, &world.ada).await);
    world.meta.queue_import(&grant(&world.meta, world.ada.id, shop.id).await, import(&source)).await.unwrap();
    for _ in 0..6 {
        let work = claim(&world).await;
        assert_eq!(work.attempts, 1);
        world.meta.release(work.lease).await.unwrap();
    }
    assert!(claim(&world).await.again);
}

#[tokio::test]
async fn jobs_of_a_person_with_fewer_running_come_first() {
    let world = world().await;
    let bob = user(&world.meta, "bob@example.org").await;
    let (hers, his) = (model(&world.meta, &world.ada).await, model(&world.meta, &bob).await);
    let (one, two) = (connection(&world.meta, &world.ada).await, connection(&world.meta, &world.ada).await);
    let source = connection(&world.meta, &bob).await;
    for _ in 0..5 {
        world
            .meta
            .queue_import(&grant(&world.meta, world.ada.id, hers.id).await, import(&one))
            .await
            .unwrap();
    }
    let (other_source, _) = world
        .meta
        .queue_import(&grant(&world.meta, world.ada.id, hers.id).await, import(&two))
        .await
        .unwrap();
    let (late, _) =
        world.meta.queue_import(&grant(&world.meta, bob.id, his.id).await, import(&source)).await.unwrap();
    let first = claim(&world).await;
    assert_eq!(first.job.requested_by, world.ada.id, "the oldest, since nobody has any running");
    let waits = world.meta.claim_first(LEASE).await.unwrap().unwrap();
    assert_eq!(waits.job.id, late.id);
    assert!(world.meta.claim_first(LEASE).await.unwrap().is_none(), "both have one running");
    world.meta.release(waits.lease).await.unwrap();
    assert_eq!(claim(&world).await.job.id, late.id);
    assert_eq!(claim(&world).await.job.id, other_source.id, "then the connection that has none running");
}

/// Workers that look at the same moment see the same lease run out.
#[tokio::test(flavor = "multi_thread")]
async fn abandoned_job_is_claimed_once() {
    let world = world().await;
    let (shop, source) = (model(&world.meta, &world.ada).await, connection(&world.meta, &world.ada).await);
    world.meta.queue_import(&grant(&world.meta, world.ada.id, shop.id).await, import(&source)).await.unwrap();
    let dead = world.meta.claim(TimeDelta::seconds(-1)).await.unwrap().unwrap();
    let mut claimed = Vec::new();
    while claimed.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let claims: Vec<_> = (0..24)
            .map(|_| {
                let meta = world.meta.clone();
                tokio::spawn(async move { meta.claim(LEASE).await.unwrap() })
            })
            .collect();
        for claim in claims {
            claimed.extend(claim.await.unwrap());
        }
    }
    assert_eq!(claimed.len(), 1, "{:?}", claimed.iter().map(|work| work.attempts).collect::<Vec<_>>());
    assert_eq!((claimed[0].job.id, claimed[0].attempts), (dead.job.id, 2));
}

#[tokio::test]
async fn jobs_reserve_room_for_what_they_commit() {
    let world = world().await;
    let (shop, source) = (model(&world.meta, &world.ada).await, connection(&world.meta, &world.ada).await);
    let grant = grant(&world.meta, world.ada.id, shop.id).await;
    let mut claimed = Vec::new();
    for name in ["one", "two"] {
        let name = mycorr_domain::TableName::parse(name).unwrap();
        world.meta.queue_import(&grant, mycorr_meta::NewImport { name, ..import(&source) }).await.unwrap();
        claimed.push(claim(&world).await);
    }
    let reserve =
        async |work: &ClaimedJob, bytes| world.meta.reserve_bytes(work.lease, bytes, 150).await.unwrap();
    let [one, two] = &claimed[..] else { panic!() };
    assert!(reserve(one, 100).await && !reserve(two, 51).await && reserve(two, 50).await);
    assert!(!reserve(one, 101).await && reserve(one, 100).await, "its own counts once");
    // What was reserved is stored now, and counts once too.
    succeed(&world, one, 1).await;
    assert!(!reserve(two, 51).await && reserve(two, 50).await);
    // What failed has reserved nothing any more; nor does it hold back who comes later.
    let failed = Problem::new(Code::Cancelled, "");
    world.meta.fail(two.lease, &failed).await.unwrap();
    let name = mycorr_domain::TableName::parse("three").unwrap();
    world.meta.queue_import(&grant, mycorr_meta::NewImport { name, ..import(&source) }).await.unwrap();
    assert!(reserve(&claim(&world).await, 50).await);
}
