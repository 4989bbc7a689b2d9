//! The clients that people use.

use super::world::{EMAIL, MODEL, SHOP, World, installed, source, succeeded};
use std::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn psycopg_reads() {
    let world = World::with(SHOP, &["orders"]).await;
    assert_eq!(
        world.python("psycopg_client.py", &["psycopg[binary]==3.3.9"]).as_deref().unwrap_or("ok"),
        "ok"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn asyncpg_reads() {
    let world = World::with(SHOP, &["orders"]).await;
    assert_eq!(world.python("asyncpg_client.py", &["asyncpg==0.32.0"]).as_deref().unwrap_or("ok"), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn adbc_reads() {
    let world = World::with(SHOP, &["orders"]).await;
    let packages = ["adbc-driver-postgresql==1.13.0", "adbc-driver-manager==1.13.0", "pyarrow==26.0.1"];
    assert_eq!(world.python("adbc_client.py", &packages).as_deref().unwrap_or("ok"), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn connectorx_reads() {
    let world = World::with(SHOP, &["orders"]).await;
    assert_eq!(
        world
            .python("connectorx_client.py", &["connectorx==0.4.6", "pyarrow==26.0.1"])
            .as_deref()
            .unwrap_or("ok"),
        "ok"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_reads() {
    let world = World::with(SHOP, &["orders"]).await;
    let packages = ["duckdb==1.5.5", "duckdb-extension-postgres-scanner==1.5.5"];
    assert_eq!(world.python("duckdb_client.py", &packages).as_deref().unwrap_or("ok"), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn node_postgres_reads() {
    let world = World::with(SHOP, &["orders"]).await;
    let Some(packages) = installed("node-package", &["pg@8.23.1"]) else { return };
    let mut node = Command::new("node");
    node.arg(source("node_client.mjs")).env("NODE_PACKAGES", packages);
    assert_eq!(succeeded(&world.client(node)), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn pgbench_asks_in_its_extended_mode() {
    let world = World::with(SHOP, &["orders"]).await;
    let script = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(script.path(), "\\set id random(1, 1000)\nSELECT note FROM orders WHERE id = :id;\n")
        .unwrap();
    for mode in ["extended", "prepared"] {
        let mut pgbench = Command::new(world.cluster.program("pgbench"));
        pgbench
            .args(["-n", "-M", mode, "-c", "2", "-j", "2", "-t", "10", "-h", "127.0.0.1", "-U", EMAIL])
            .arg("-f")
            .arg(script.path());
        pgbench
            .args(["-p", &world.port.to_string(), MODEL])
            .env_clear()
            .env("PGPASSWORD", world.mycorr.token());
        let said = succeeded(&pgbench.output().unwrap());
        assert!(said.contains("number of transactions actually processed: 20/20"), "{said}");
    }
}
