//! A disk that is full for a while.

use crate::user;
use mycorr_domain::{Code, Email, PersonName, ResourceName, Result};
use mycorr_meta::{Meta, NewUser, User};
use mycorr_testkit::SmallDisk;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

const CLIENTS: usize = 8;
const ROUNDS: usize = 50;

/// Longer than what the write-ahead log has left over.
fn long_name(client: usize, number: usize) -> ResourceName {
    ResourceName::parse("name", &format!("{client} {number} {}", "x".repeat(80))).unwrap()
}

async fn account(meta: &Meta, email: &str) -> Result<User> {
    let (name, email) = (PersonName::parse("name", "Ada").unwrap(), Email::parse(email).unwrap());
    let new = NewUser { name: &name, email: &email, password_hash: "hash", admin: false };
    meta.create_user(new, true, None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_as_stored_is_stored_after_a_full_disk() {
    let Some(disk) = SmallDisk::mount("16m") else { return };
    let url = format!("sqlite:{}", disk.path().join("meta.db").display());
    let meta = Meta::open(&url).await.unwrap();
    let ada = user(&meta, "ada@example.org").await;
    let over = Arc::new(AtomicBool::new(false));
    let refused = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (meta, ada, over, refused) = (meta.clone(), ada.id, over.clone(), refused.clone());
            tokio::spawn(async move {
                let mut stored = Vec::new();
                for number in 0.. {
                    if over.load(SeqCst) {
                        break;
                    }
                    // By a transaction, and without one; then a transaction that is given up in the middle.
                    let user = account(&meta, &format!("{client}.{number}@example.org")).await;
                    let model = meta.create_model(ada, &long_name(client, number)).await;
                    let taken = account(&meta, "ada@example.org").await;
                    let problems = [user.as_ref().err(), model.as_ref().err(), taken.as_ref().err()];
                    for problem in problems.into_iter().flatten() {
                        assert!(matches!(problem.code, Code::EmailTaken | Code::StorageFull), "{problem:?}");
                        refused.fetch_add(usize::from(problem.code == Code::StorageFull), SeqCst);
                    }
                    stored.push((user.ok().map(|user| user.email), model.ok().map(|model| model.id)));
                }
                stored
            })
        })
        .collect();
    for round in 0..ROUNDS {
        let before = refused.load(SeqCst);
        disk.fill();
        while refused.load(SeqCst) < before + CLIENTS {
            assert!(clients.iter().all(|client| !client.is_finished()), "a client met another problem");
            disk.fill();
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        disk.free();
        // The same connections, no restart.
        for number in 0..CLIENTS {
            account(&meta, &format!("round{round}.{number}@example.org")).await.unwrap();
        }
        meta.check_writable().await.unwrap();
    }
    over.store(true, SeqCst);
    let mut stored = Vec::new();
    for client in clients {
        stored.extend(client.await.unwrap());
    }
    meta.close().await.unwrap();
    let again = Meta::open(&url).await.unwrap();
    for (email, model) in stored {
        if let Some(email) = email {
            let email = Email::parse(&email).unwrap();
            assert!(again.user_by_email(&email).await.unwrap().is_some(), "{email:?} was answered as stored");
        }
        if let Some(model) = model {
            again.model(ada.id, model).await.unwrap();
        }
    }
}

#[tokio::test]
async fn nothing_can_be_written_to_a_full_disk_and_the_check_says_so() {
    let Some(disk) = SmallDisk::mount("4m") else { return };
    let meta = Meta::open(&format!("sqlite:{}", disk.path().join("meta.db").display())).await.unwrap();
    let ada = user(&meta, "ada@example.org").await;
    meta.check_writable().await.unwrap();
    disk.fill();
    let problem = loop {
        if let Err(problem) = meta.create_model(ada.id, &long_name(0, 0)).await {
            break problem;
        }
    };
    assert_eq!(problem.code, Code::StorageFull, "{problem:?}");
    assert_eq!(meta.check_writable().await.unwrap_err().code, Code::StorageFull);
    disk.free();
    meta.check_writable().await.unwrap();
    meta.create_model(ada.id, &long_name(0, 1)).await.unwrap();
}
