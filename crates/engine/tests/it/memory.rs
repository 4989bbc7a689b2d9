//! A password is in memory for as long as it is used.

use crate::World;
use mycorr_engine::{ConnectionForm, JobState};
use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
};

/// Backwards, so that the password itself is nowhere in the program.
const BACKWARDS: &str = "x7-elpats-yrettab-esroh-kQ9tcerro~";

fn password() -> mycorr_domain::Secret {
    let mut text = String::with_capacity(64);
    text.extend(BACKWARDS.chars().rev());
    mycorr_domain::Secret::new(text)
}

/// Where this process's writable memory holds the password in clear.
fn copies() -> Vec<String> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let memory = File::open("/proc/self/mem").unwrap();
    let mut found = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let (from, to) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
        let mut bytes = vec![0; (to - from) as usize];
        // Some regions can't be read, and others are unmapped meanwhile.
        if memory.read_exact_at(&mut bytes, from).is_err() {
            continue;
        }
        let length = BACKWARDS.len();
        let first = BACKWARDS.as_bytes()[length - 1];
        let mut at = 0;
        while let Some(next) = memchr::memchr(first, &bytes[at..]) {
            let window = bytes[at + next..].iter().take(length).rev();
            if window.eq(BACKWARDS.as_bytes()) {
                found.push(line.to_owned());
            }
            at += next + 1;
        }
        // Not to be found in turn.
        bytes.fill(0);
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_import_only_the_sealed_password_is_left() {
    let world = World::new().await;
    let role = &world.database.role;
    world.database.sql("CREATE TABLE t AS SELECT 1 AS id");
    // The server turns it round, so that psql's command does not hold it either.
    world.database.sql(&format!(
        "DO $$BEGIN EXECUTE format('ALTER ROLE {role} PASSWORD %L', reverse('{BACKWARDS}')); END$$"
    ));
    let held = password();
    assert!(!copies().is_empty(), "a copy that is there is found");
    drop(held);
    assert_eq!(copies(), Vec::<String>::new(), "what is dropped is gone");

    let form = ConnectionForm { password: password(), ..world.form() };
    let connection = world
        .engine
        .connections
        .create_connection(world.ada, form, None)
        .await
        .map_err(|r| r.problem)
        .unwrap();
    let model = world.model().await;
    let (job, table) = world.start(&connection, &model, "t").await;
    let ended = world.ended(&job).await;
    assert_eq!(ended.state, JobState::Succeeded, "{:?}", ended.problem);
    let job = world.engine.imports.sync(world.ada, table.id).await.unwrap();
    assert_eq!(world.ended(&job).await.state, JobState::Succeeded);
    world.engine.connections.schemas(world.ada, connection.id, None, 1000).await.unwrap();
    assert_eq!(copies(), Vec::<String>::new());
    let report = world.engine.connections.test_connection(world.ada, connection.id, None).await.unwrap();
    assert!(report.ok());
    assert_eq!(copies(), Vec::<String>::new());
}
