//! Data folders that released binaries made: each opens, reads as it did, and goes on.

use crate::product::Mycorr;
use mycorr_testkit::Cluster;
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};
use tokio::net::{TcpListener, TcpStream};

/// The source of every golden folder's table: an address of this machine that nobody else uses.
const SOURCE: &str = "127.87.65.43:25432";

#[allow(clippy::disallowed_methods, reason = "what forwards dials the server of the test")]
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_an_older_binary_made_opens_reads_and_syncs() {
    let cluster = Cluster::start(&Default::default());
    cluster.sql("CREATE DATABASE golden");
    cluster.sql_in(
        "golden",
        "CREATE ROLE golden LOGIN PASSWORD 'golden folder';
         CREATE TABLE public.kept (id bigint PRIMARY KEY, name text NOT NULL, price numeric(12,2), at timestamptz);
         INSERT INTO public.kept VALUES (4, 'four', 4.00, NULL); GRANT SELECT ON public.kept TO golden",
    );
    let listener = TcpListener::bind(SOURCE).await.unwrap();
    let port = cluster.port();
    let forward = tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut versions = 0;
    for folder in
        fs::read_dir(golden).unwrap().map(|folder| folder.unwrap().path()).filter(|path| path.is_dir())
    {
        opens_reads_and_syncs(&folder).await;
        versions += 1;
    }
    assert!(versions > 0);
    forward.abort();
}

async fn opens_reads_and_syncs(folder: &Path) {
    let home = tempfile::tempdir().unwrap();
    copy(folder, &home.path().join("data"));
    // Git keeps no more of a file's mode than whether it can be run.
    let key = home.path().join("data/master.key");
    fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
    let mycorr = Mycorr::start_with_data(home).await;
    let model = mycorr.get("/models").await["items"][0]["id"].as_str().unwrap().to_owned();
    let table =
        mycorr.get(&format!("/models/{model}/tables")).await["items"][0]["id"].as_str().unwrap().to_owned();
    let first =
        json!([["1", "one", "1.10", "2024-02-29 10:00:00.5+00"], ["2", "zwei ö", "NaN", "infinity"],]);
    let second = json!([first[0], first[1], ["3", "three", null, null]]);
    let rows = async |version: &str| mycorr.rows(&table, &[("version", version)]).await["rows"].clone();
    assert_eq!((rows("1").await, rows("2").await), (first, second.clone()), "{folder:?}");

    let job = mycorr.sync(&table).await;
    assert_eq!((&job["state"], &job["problem"]), (&json!("succeeded"), &Value::Null), "{folder:?}: {job:#}");
    assert_eq!((rows("3").await, rows("2").await), (json!([["4", "four", "4.00", null]]), second.clone()));
    let restored = mycorr.post(&format!("/tables/{table}/restore"), json!({"version": 2})).await;
    assert_eq!((&restored["version"], rows("4").await), (&json!(4), second));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let to = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            copy(&entry, &to)
        } else {
            let _ = fs::copy(&entry, &to).unwrap();
        }
    }
}
