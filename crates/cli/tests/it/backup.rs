//! Backups that are made while jobs run, and what can be restored from them.

use crate::product::{Mycorr, Second};
use mycorr_testkit::{Cluster, Database, Moto};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    hash::{BuildHasher, RandomState},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};
use tempfile::TempDir;

/// How often a backup is killed, unless `BACKUP_KILLS` says.
const KILLS: u32 = 6;
const FIRST_ROWS: u64 = 1000;

/// A table whose version v has `FIRST_ROWS` + v - 1 rows.
async fn imported(mycorr: &Mycorr, cluster: &Cluster, database: &Database<'_>) -> (String, String) {
    database.sql(&format!(
        "CREATE TABLE public.t AS SELECT n AS id, md5(n::text) AS text FROM generate_series(1, {FIRST_ROWS}) n"
    ));
    let connection = mycorr.connect(cluster, database, cluster.port()).await;
    let model = mycorr.model().await;
    let job = mycorr.import(&model, &connection, "t").await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    (connection, job["table_id"].as_str().unwrap().to_owned())
}

async fn next_version(mycorr: &Mycorr, database: &Database<'_>, table: &str) -> Value {
    database
        .cluster
        .sql_async(&database.name, "INSERT INTO public.t SELECT max(id) + 1, 'more' FROM public.t")
        .await;
    mycorr.sync(table).await
}

async fn versions(mycorr: &Mycorr, table: &str) -> Vec<u64> {
    let versions = mycorr.get(&format!("/tables/{table}/versions")).await;
    versions["items"].as_array().unwrap().iter().map(|item| item["version"].as_u64().unwrap()).collect()
}

/// Every version has its rows, the last of them too. How many versions there are.
async fn is_whole(mycorr: &Mycorr, table: &str) -> usize {
    let versions = versions(mycorr, table).await;
    for version in &versions {
        let rows = FIRST_ROWS + version - 1;
        let (version, last) = (version.to_string(), (rows - 1).to_string());
        let page = mycorr.rows(table, &[("version", &version), ("offset", &last), ("limit", "1")]).await;
        assert_eq!(
            (&page["total"], &page["rows"][0][0]),
            (&json!(rows), &json!(rows.to_string())),
            "{page:#}"
        );
    }
    versions.len()
}

fn finished(backups: &Path) -> BTreeSet<PathBuf> {
    let Ok(entries) = fs::read_dir(backups) else { return BTreeSet::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| !path.ends_with(".unfinished") && path.is_dir()).collect()
}

/// A server on what a backup brings back, with the key of `mycorr`.
async fn restored(mycorr: &Mycorr, backup: &Path) -> Mycorr {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let said = mycorr.command(&["restore", text(backup), "--data-dir", text(&data)]);
    assert!(said.contains("put the copy of"), "{said}");
    with_key(mycorr, home).await
}

async fn with_key(mycorr: &Mycorr, home: TempDir) -> Mycorr {
    fs::copy(mycorr.data().join("master.key"), home.path().join("data/master.key")).unwrap();
    Mycorr::start_with_data(home).await
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Another is begun for each that has ended; one version in three is deleted.
async fn sync_on_and_on(mycorr: Arc<Mycorr>, database: Database<'static>, table: String) {
    for round in 0_u64.. {
        let job = next_version(&mycorr, &database, &table).await;
        assert_eq!(job["state"], "succeeded", "{job:#}");
        if round % 3 == 2 {
            let oldest = versions(&mycorr, &table).await.pop().unwrap();
            mycorr.ask(Method::DELETE, &format!("/tables/{table}/versions/{oldest}"), None).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_finished_backup_restores_whole_whenever_others_are_killed() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let mycorr = Arc::new(Mycorr::start().await);
    let (_, table) = imported(&mycorr, cluster, &database).await;
    for _ in 0..20 {
        next_version(&mycorr, &database, &table).await;
    }
    let syncs = tokio::spawn(sync_on_and_on(mycorr.clone(), database, table.clone()));
    let home = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    mycorr.command(&["backup", text(&home.path().join("timed"))]);
    let whole = begun.elapsed();

    let backups = home.path().join("backups");
    let kills = std::env::var("BACKUP_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let (mut known, mut killed) = (BTreeSet::new(), 0);
    for round in 0..kills {
        // Anywhere between its first instant and long after its end, and somewhere else in each run.
        let chance = RandomState::new().hash_one(round) as f64 / u64::MAX as f64;
        let backup: Second = mycorr.spawn(&["backup", text(&backups)]);
        tokio::time::sleep(whole.mul_f64((f64::from(round) + chance) / f64::from(kills) * 2.0)).await;
        killed += u32::from(!backup.kill());
        let now = finished(&backups);
        for backup in now.difference(&known) {
            let mut restored = restored(&mycorr, backup).await;
            assert!(is_whole(&restored, &table).await > 10);
            restored.stop();
        }
        known = now;
        if backups.exists() && known.is_empty() {
            let refused = mycorr.command_fails(&["restore", text(&backups), "--check"]);
            assert!(refused.contains("interrupted") || refused.contains("no backup"), "{refused}");
            assert_eq!(refused.trim_end().lines().count(), 1, "{refused}");
        }
    }
    assert!(killed > 0, "none was killed in {whole:?}");
    // It goes on with what the killed ones left.
    mycorr.command(&["backup", text(&backups)]);
    assert!(mycorr.command(&["restore", text(&backups), "--check"]).contains("is whole"));
    assert!(!backups.join(".unfinished").exists());
    for backup in &known {
        assert!(mycorr.command(&["restore", text(backup), "--check"]).contains("is whole"));
    }
    assert!(is_whole(&restored(&mycorr, &backups).await, &table).await > 10);
    assert!(!syncs.is_finished(), "{:?}", syncs.await);
    syncs.abort();
    println!("{killed} of {kills} backups were killed, {} finished", finished(&backups).len());
}

#[tokio::test(flavor = "multi_thread")]
async fn second_backup_copies_what_is_new_and_damage_is_refused() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let mut mycorr = Mycorr::start().await;
    let (connection, table) = imported(&mycorr, cluster, &database).await;
    let backups = mycorr.data().with_file_name("backups");
    let first = mycorr.command(&["backup", text(&backups)]);
    next_version(&mycorr, &database, &table).await;
    let second = mycorr.command(&["backup", text(&backups)]);
    let third = mycorr.command(&["backup", text(&backups)]);
    let new =
        |said: &str| said.split(", ").nth(1).unwrap().split(' ').next().unwrap().parse::<u32>().unwrap();
    // The rows and entries of the log of one version.
    assert!(new(&first) >= 2 && new(&second) >= 2 && new(&second) < new(&first) + 2, "{first}{second}");
    assert_eq!(new(&third), 0, "{third}");
    let folders: Vec<_> = finished(&backups).into_iter().collect();
    let rows = |folder: &Path| {
        let mut files: Vec<_> = fs::read_dir(folder.join("tables").join(&table))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
            .collect();
        files.sort();
        files
    };
    let inode = |file: &Path| fs::metadata(file).unwrap().ino();
    assert_eq!(inode(&rows(&folders[0])[0]), inode(&rows(&folders[2])[0]), "stored once");
    for secret in
        [fs::read(mycorr.data().join("master.key")).unwrap(), database.password.clone().into_bytes()]
    {
        let metadata = fs::read(folders[2].join("metadata.db")).unwrap();
        assert!(!metadata.windows(secret.len()).any(|window| window == secret));
    }

    // A place that is not empty is left alone; each backup restores, the newest unless one is named.
    assert!(mycorr.command_fails(&["restore", text(&backups)]).contains("served by another process"));
    let before = mycorr.get(&format!("/connections/{connection}/statements")).await;
    let oldest = restored(&mycorr, &folders[0]).await;
    assert_eq!(is_whole(&oldest, &table).await, 1);
    let newest = restored(&mycorr, &backups).await;
    assert_eq!(is_whole(&newest, &table).await, 2);
    assert_eq!(newest.get(&format!("/connections/{connection}/statements")).await, before);
    // Its secrets open with the key, and its own backups go on beside the others.
    assert_eq!(next_version(&newest, &database, &table).await["version"], 3);
    newest.command(&["backup", text(&backups)]);
    assert_eq!(is_whole(&restored(&newest, &backups).await, &table).await, 3);
    // Here another version 3 is made: the log's entry of the same name is another one.
    database.sql("DELETE FROM public.t");
    assert_eq!(mycorr.sync(&table).await["version"], 3);
    mycorr.command(&["backup", text(&backups)]);
    let other = restored(&mycorr, &backups).await;
    assert_eq!(other.rows(&table, &[("version", "3")]).await["total"], 0);

    mycorr.stop();
    let full = mycorr.command_fails(&["restore", text(&backups)]);
    assert!(full.contains("is there already"), "{full}");
    // Without the key nothing starts, and it is said what is missing.
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    mycorr.command(&["restore", text(&backups), "--data-dir", text(&data)]);
    let keyless = mycorr.command_fails(&["serve", "--listen", "127.0.0.1:0", "--data-dir", text(&data)]);
    assert!(keyless.contains("the master key is missing"), "{keyless}");

    let newest = finished(&backups).pop_last().unwrap();
    let file = rows(&newest).pop().unwrap();
    let good = fs::read(&file).unwrap();
    let mut bad = good.clone();
    bad[10] ^= 1;
    for (bytes, reason) in
        [(Some(bad), "is damaged"), (Some(good[1..].to_vec()), "is damaged"), (None, "can't be read")]
    {
        fs::remove_file(&file).unwrap();
        if let Some(bytes) = bytes {
            fs::write(&file, bytes).unwrap();
        } else {
            fs::write(file.with_extension("other"), "").unwrap();
        }
        for more in [&["--check"][..], &["--data-dir", text(&home.path().join("nothing"))]] {
            let refused = mycorr.command_fails(&[&["restore", text(&newest)], more].concat());
            assert!(refused.contains(reason) && refused.contains(text(&file)), "{refused}");
        }
        if !file.exists() {
            fs::write(&file, &good).unwrap();
        }
    }
    assert!(!home.path().join("nothing").exists(), "nothing was restored");
    for (arguments, reason) in [
        (["restore", text(&home.path().join("missing"))], "there is no folder"),
        (["restore", text(home.path())], "there is no backup in"),
        (["backup", text(&backups)], ""),
    ] {
        let elsewhere = home.path().join("elsewhere");
        let arguments = [&arguments[..], &["--data-dir", text(&elsewhere)]].concat();
        let reason = if reason.is_empty() { "there is no installation" } else { reason };
        let refused = mycorr.command_fails(&arguments);
        assert!(refused.contains(reason), "{refused}");
        assert!(!elsewhere.exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_of_postgresql_and_a_bucket_restores_there_and_on_one_machine() {
    let Some(server) = Moto::shared() else { return };
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let environment = |name: &str| {
        let mut environment = server.variables();
        environment.push(("MYCORR_STORAGE_URL".into(), server.new_prefix()));
        environment.push(("MYCORR_DATABASE_URL".into(), cluster.metadata_url(name)));
        environment
    };
    let mut mycorr = Mycorr::start_with(&environment("backed_up")).await;
    let (connection, table) = imported(&mycorr, cluster, &database).await;
    for _ in 0..12 {
        assert_eq!(next_version(&mycorr, &database, &table).await["state"], "succeeded");
    }
    let policy = json!({"hold": "always"});
    mycorr.ask(Method::PUT, &format!("/tables/{table}/sync-policy"), Some(policy)).await;
    assert_eq!(next_version(&mycorr, &database, &table).await["state"], "held");
    let backups = mycorr.data().with_file_name("backups");
    mycorr.command(&["backup", text(&backups)]);
    let again = mycorr.command(&["backup", text(&backups)]);
    assert!(again.contains(", 0 of them new"), "{again}");
    let statements = mycorr.get(&format!("/connections/{connection}/statements")).await;
    // What comes later is not in it.
    mycorr.post(&format!("/tables/{table}/held/discard"), json!({})).await;
    let elsewhere = environment("restored");
    let there = mycorr.command_fails(&["restore", text(&backups)]);
    assert!(there.contains("holds an installation already") || there.contains("other tables"), "{there}");

    // On one machine, from the same backup.
    mycorr.stop();
    mycorr.set_environment(&[]);
    let single = restored(&mycorr, &backups).await;
    mycorr.set_environment(&elsewhere);
    mycorr.command(&["restore", text(&backups)]);
    mycorr.start_again().await;
    for restored in [&single, &mycorr] {
        assert_eq!(is_whole(restored, &table).await, 13);
        assert_eq!(restored.get(&format!("/connections/{connection}/statements")).await, statements);
        let held = restored.rows(&table, &[("version", "held"), ("limit", "1")]).await;
        assert_eq!(held["total"], FIRST_ROWS + 13);
        let accepted = restored.post(&format!("/tables/{table}/held/accept"), json!({})).await;
        assert_eq!(accepted["version"], 14, "{accepted:#}");
        assert_eq!(is_whole(restored, &table).await, 14);
    }
    assert_eq!(next_version(&mycorr, &database, &table).await["state"], "held");
    assert!(!mycorr.log().contains("s3-s3cret"));
}
