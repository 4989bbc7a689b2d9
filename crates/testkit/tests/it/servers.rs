//! The servers, looked at with libpq's own psql.

use mycorr_testkit::{Authority, Cluster, Database, Leaf, LoggedStatement, Options, PgBouncer, PoolMode};
use std::{fs, process::Command};

/// What psql prints, or its complaint.
fn psql(port: u16, database: &Database<'_>, parameters: &str, sql: &str) -> Result<String, String> {
    let ca = tempfile::NamedTempFile::new().unwrap();
    fs::write(ca.path(), database.cluster.authority().pem()).unwrap();
    let target = format!(
        "host=localhost hostaddr=127.0.0.1 port={port} dbname={} user={} sslrootcert={} {parameters}",
        database.name,
        database.role,
        ca.path().display()
    );
    let output = Command::new("psql")
        .args(["-X", "-q", "-A", "-t", "-c", sql, &target])
        .env("PGPASSWORD", &database.password)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[test]
fn a_role_signs_in_with_and_without_encryption() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE t AS SELECT 'grün' AS a");
    let ssl = "SELECT a, (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) FROM t";
    assert_eq!(psql(cluster.port(), &database, "sslmode=verify-full", ssl).unwrap(), "grün|t");
    assert_eq!(psql(cluster.port(), &database, "sslmode=disable", ssl).unwrap(), "grün|f");
    let refused = psql(cluster.port(), &database, "sslmode=disable", "CREATE TABLE u (a int)").unwrap_err();
    assert!(refused.contains("permission denied"), "{refused}");
    let stranger = Database {
        password: "wrong".into(),
        name: database.name.clone(),
        role: database.role.clone(),
        cluster,
    };
    let refused = psql(cluster.port(), &stranger, "sslmode=disable", "SELECT 1").unwrap_err();
    assert!(refused.contains("password authentication failed"), "{refused}");
}

#[test]
fn statements_are_seen_as_they_were_sent() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    psql(cluster.port(), &database, "", "SELECT 1,\n\t'a: b'").unwrap();
    psql(cluster.port(), &database, "", "COPY (SELECT 2) TO STDOUT").unwrap();
    let of = |text: &str| LoggedStatement {
        user: database.role.clone(),
        database: database.name.clone(),
        how: "statement".into(),
        text: text.into(),
    };
    assert_eq!(database.log_statements(), [of("SELECT 1,\n\t'a: b'"), of("COPY (SELECT 2) TO STDOUT")]);
}

#[test]
fn pgbouncer_in_every_mode() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    for mode in [PoolMode::Session, PoolMode::Transaction, PoolMode::Statement] {
        let bouncer = PgBouncer::start(cluster, mode, &[("default_pool_size", "2")]);
        for parameters in ["sslmode=verify-full", "sslmode=disable"] {
            let user = psql(bouncer.port(), &database, parameters, "SELECT current_user").unwrap();
            assert_eq!(user, database.role);
        }
        let stranger = Database {
            password: "wrong".into(),
            name: database.name.clone(),
            role: database.role.clone(),
            cluster,
        };
        assert!(psql(bouncer.port(), &stranger, "sslmode=disable", "SELECT 1").is_err());
    }
}

#[test]
fn certificates_break_the_rules_they_are_made_to_break() {
    let cluster = Cluster::start(&Options::default());
    let database = Database::create(&cluster);
    let verify = || psql(cluster.port(), &database, "sslmode=verify-full", "SELECT 1");
    assert_eq!(verify().unwrap(), "1");
    let intermediate = cluster.authority().intermediate("Between");
    cluster.replace_certificate(&intermediate.issue(&Leaf::default()));
    assert_eq!(verify().unwrap(), "1");
    for (certified, complaint) in [
        (Authority::new("Stranger").issue(&Leaf::default()), "verify failed"),
        (
            cluster.authority().issue(&Leaf { valid_from: -9, valid_to: -1, ..Leaf::default() }),
            "verify failed",
        ),
        (cluster.authority().issue(&Leaf { valid_from: 1, ..Leaf::default() }), "verify failed"),
        (
            cluster.authority().issue(&Leaf { dns: &["db.example.com"], ..Leaf::default() }),
            "does not match host name",
        ),
    ] {
        cluster.replace_certificate(&certified);
        let refused = verify().unwrap_err();
        assert!(refused.contains(complaint), "{refused}");
    }
}

#[test]
fn options_kill_stop_and_start() {
    let cluster = Cluster::start(&Options {
        certificate: None,
        hba: &["host all doorman all reject"],
        settings: &[("work_mem", "7MB"), ("max_connections", "11")],
        ..Options::default()
    });
    let database = Database::create(&cluster);
    assert_eq!(cluster.sql("SHOW work_mem; SHOW max_connections; SHOW ssl"), "7MB\n11\noff");
    let refused = psql(cluster.port(), &database, "sslmode=require", "SELECT 1").unwrap_err();
    assert!(refused.contains("does not support SSL"), "{refused}");
    assert_eq!(database.kill_backends(), 0);
    cluster.sql("CREATE ROLE doorman LOGIN");
    let doorman = Database {
        role: "doorman".into(),
        name: database.name.clone(),
        password: String::new(),
        cluster: &cluster,
    };
    assert!(psql(cluster.port(), &doorman, "", "SELECT 1").unwrap_err().contains("rejects"));
    // These servers commit asynchronously: what is not flushed is lost with an immediate stop.
    cluster.sql("CHECKPOINT");
    cluster.stop("immediate");
    assert!(psql(cluster.port(), &database, "", "SELECT 1").unwrap_err().contains("refused"));
    cluster.start_again();
    assert_eq!(psql(cluster.port(), &database, "", "SELECT 1").unwrap(), "1");
}

#[tokio::test]
async fn nothing_is_left_behind() {
    let cluster = Cluster::start(&Options::default());
    assert_eq!(cluster.sql_async("postgres", "SELECT 1").await, "1");
    let bouncer = PgBouncer::start(&cluster, PoolMode::Session, &[]);
    let (folder, ports) = (cluster.socket_folder().to_owned(), [cluster.port(), bouncer.port()]);
    drop((bouncer, cluster));
    assert!(!folder.exists());
    for port in ports {
        // The system closes a process's sockets a moment after the process said goodbye.
        let free = async {
            while std::net::TcpListener::bind(("127.0.0.1", port)).is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), free).await.unwrap();
    }
}
