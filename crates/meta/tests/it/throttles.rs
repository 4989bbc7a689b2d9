use crate::world;
use mycorr_meta::{Charge, Rate};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const RATE: Rate = Rate { burst: 3, interval: HOUR };

#[tokio::test]
async fn burst_then_one_each_interval() {
    let world = world().await;
    let meta = &world.meta;
    for _ in 0..3 {
        assert_eq!(meta.charge("a", RATE).await.unwrap(), Charge::Taken);
    }
    for _ in 0..3 {
        let Charge::Refused(wait) = meta.charge("a", RATE).await.unwrap() else { panic!("taken") };
        assert!(wait <= HOUR && wait > HOUR - Duration::from_secs(60), "{wait:?}");
    }
    assert_eq!(meta.charge("b", RATE).await.unwrap(), Charge::Taken);
    meta.refund("a", RATE).await.unwrap();
    assert_eq!(meta.charge("a", RATE).await.unwrap(), Charge::Taken);
    assert!(matches!(meta.charge("a", RATE).await.unwrap(), Charge::Refused(_)));
}

#[tokio::test]
async fn what_is_paid_for_is_charged_anew_and_forgotten() {
    let world = world().await;
    let meta = &world.meta;
    let quick = Rate { burst: 1, interval: Duration::from_micros(1) };
    for _ in 0..5 {
        assert_eq!(meta.charge("a", quick).await.unwrap(), Charge::Taken);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    meta.charge("b", RATE).await.unwrap();
    assert_eq!(meta.delete_paid().await.unwrap(), 1);
    assert!(matches!(meta.charge("b", Rate { burst: 1, ..RATE }).await.unwrap(), Charge::Refused(_)));
}

/// A row that a machine with another clock wrote: the limit is kept, the day is not.
#[tokio::test]
async fn a_clock_ahead_does_not_hold_anybody_up() {
    let world = world().await;
    let meta = &world.meta;
    meta.remember("a", 24 * HOUR).await.unwrap();
    assert!(meta.remembers("a").await.unwrap() && !meta.remembers("b").await.unwrap());
    let rate = Rate { burst: 2, interval: Duration::from_secs(600) };
    assert_eq!(meta.charge("a", rate).await.unwrap(), Charge::Taken);
    let Charge::Refused(wait) = meta.charge("a", rate).await.unwrap() else { panic!("taken") };
    assert!(wait <= Duration::from_secs(600), "{wait:?}");
}

#[tokio::test]
async fn prices_add_up() {
    let world = world().await;
    let meta = &world.meta;
    let minute = Duration::from_secs(60);
    let first = meta.charge_price("a", minute).await.unwrap();
    let second = meta.charge_price("a", minute).await.unwrap();
    assert!(first <= minute && second > first && second <= 2 * minute, "{first:?} {second:?}");
    assert!(meta.charge_price("b", minute).await.unwrap() <= minute);
}

#[tokio::test]
async fn charges_at_once_are_all_counted() {
    let world = world().await;
    let meta = &world.meta;
    let rate = Rate { burst: 20, interval: HOUR };
    let charges = (0..40).map(|_| {
        let meta = meta.clone();
        tokio::spawn(async move { meta.charge("a", rate).await.unwrap() })
    });
    let charges: Vec<_> = charges.collect();
    let mut taken = 0;
    for charge in charges {
        taken += usize::from(charge.await.unwrap() == Charge::Taken);
    }
    assert_eq!(taken, 20);
}

#[tokio::test]
async fn slots_are_taken_once_and_come_back() {
    let world = world().await;
    let meta = &world.meta;
    let first = meta.take_slot("a", 2, HOUR).await.unwrap().unwrap();
    let second = meta.take_slot("a", 2, HOUR).await.unwrap().unwrap();
    assert!(first != second && meta.take_slot("a", 2, HOUR).await.unwrap().is_none());
    assert!(meta.take_slot("b", 2, HOUR).await.unwrap().is_some());
    meta.free_slot(&first).await.unwrap();
    // SQLite's clock tells milliseconds apart.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let third = meta.take_slot("a", 2, HOUR).await.unwrap().unwrap();
    // Who comes late gives back nothing of another's.
    assert_ne!(first, third);
    meta.free_slot(&first).await.unwrap();
    assert!(meta.take_slot("a", 2, HOUR).await.unwrap().is_none());
    // The slot of a process that died is free again, and so is one that a clock ahead took.
    meta.take_slot("c", 1, Duration::from_millis(1)).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    meta.take_slot("c", 1, 24 * HOUR).await.unwrap().unwrap();
    meta.take_slot("c", 1, HOUR).await.unwrap().unwrap();
}
