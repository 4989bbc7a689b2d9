//! What keeps Mycorr out of a server.

use super::{Table, connects, connects_soon, copied, refused};
use crate::support::unsaved;
use crate::{
    hostile::{answers, message},
    support::target,
};
use mycorr_domain::{Code, DatabaseName, Port, RoleName, Secret};
use mycorr_pgread::{Client, Target, tls::CaCertificate};
use mycorr_testkit::{Authority, Cluster, Database, Leaf, Options};
use std::fs;
use tokio::net::TcpListener;

pub(super) fn with(good: &Target, change: impl Fn(&mut Target)) -> Target {
    let mut target = good.clone();
    change(&mut target);
    target
}

fn as_role(good: &Target, role: &str) -> Target {
    with(good, |t| {
        t.endpoint.username = RoleName::parse(role).unwrap();
        t.password = Secret::new("x".into());
    })
}

pub(super) fn port(number: u16) -> Port {
    Port::parse(number.into()).unwrap()
}

pub(super) async fn rows(table: &mut Table) {
    let cluster = Cluster::start(&Options {
        settings: &[("max_connections", "8"), ("superuser_reserved_connections", "3"), ("autovacuum", "off")],
        hba: &[
            "host all \"Turned Away\" all reject",
            "hostssl all kerberos all gss",
            "hostssl all \"with certificate\" all cert",
            "hostnossl all in_clear all password",
        ],
        ..Options::default()
    });
    // pg_hba.conf asks for certificates, for which the server has to have an authority first.
    let bare = Database::create(&cluster);
    let mut target_of_bare = target(&cluster, &bare);
    target_of_bare.endpoint.username = RoleName::parse("with certificate").unwrap();
    let problem = refused(&target_of_bare).await;
    table.row(
        "a mistake in the configuration",
        &problem,
        Code::AuthenticationUnsupported,
        &["configuration", "F0000"],
    );
    fs::write(cluster.data_file("root.crt"), cluster.authority().pem()).unwrap();
    cluster.sql("ALTER SYSTEM SET ssl_ca_file = 'root.crt'");
    cluster.restart();
    let database = Database::create(&cluster);
    let good = target(&cluster, &database);
    addresses(table, &good).await;
    roles(table, &cluster, &database, &good).await;
    limits(table, &cluster, &database, &good).await;
    certificates(table, &cluster, &good).await;
    servers(table, &cluster, &good).await;
}

async fn addresses(table: &mut Table, good: &Target) {
    let private = refused(&with(good, |t| t.endpoint.host = "10.1.2.3".into())).await;
    let words = "connections to private/internal addresses are not allowed";
    table.row("a private address", &private, Code::PrivateAddress, &[words]);
    let unknown = refused(&with(good, |t| t.endpoint.host = "no-such-host.invalid".into())).await;
    table.row(
        "an unknown name",
        &unknown,
        Code::HostNotFound,
        &["failed to lookup address", "no-such-host.invalid"],
    );
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let closed = refused(&with(good, |t| t.endpoint.port = port(free))).await;
    table.row("nobody listens", &closed, Code::ConnectionRefused, &["connection refused", &free.to_string()]);
    // Waits out the real deadline, as hostile.rs does.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = silent.local_addr().unwrap().port();
    let silence = refused(&with(good, |t| t.endpoint.port = port(at))).await;
    table.row("silence", &silence, Code::ConnectionTimeout, &["in time"]);
    drop(silent);
}

async fn roles(table: &mut Table, cluster: &Cluster, database: &Database<'_>, good: &Target) {
    for role in ["Turned Away", "kerberos", "with certificate", "in_clear", "sealed"] {
        cluster.sql(&format!("CREATE ROLE \"{role}\" LOGIN PASSWORD 'x'"));
    }
    let wrong = with(good, |t| t.password = Secret::new("wrong".into()));
    let problem = refused(&wrong).await;
    let words = format!("password authentication failed for user \"{}\"", database.role);
    let fix = table.row("a wrong password", &problem, Code::AuthenticationFailed, &[&words]);
    assert!(!fix.contains('<'), "a placeholder: {fix}");
    // A server takes an expired password for a wrong one. The SQL that comes with it makes it good again.
    cluster.sql("CREATE ROLE expired LOGIN PASSWORD 'x' VALID UNTIL '2020-01-01'");
    let expired = as_role(good, "expired");
    let problem = refused(&expired).await;
    let fix = table.row("an expired password", &problem, Code::AuthenticationFailed, &["expired"]);
    cluster.sql(copied(&fix));
    connects(&expired).await;

    let nobody = refused(&as_role(good, "nobody")).await;
    table.row(
        "an unknown role",
        &nobody,
        Code::AuthenticationFailed,
        &["password authentication failed", "nobody"],
    );

    cluster.sql("ALTER ROLE sealed NOLOGIN");
    let target = as_role(good, "sealed");
    let fix = table.row(
        "a role that may not sign in",
        &refused(&target).await,
        Code::AuthenticationFailed,
        &["sealed"],
    );
    cluster.sql(copied(&fix));
    connects(&target).await;

    for (encrypted, says) in [(true, "with encryption"), (false, "without encryption")] {
        let mut target = as_role(good, "Turned Away");
        target.endpoint.encrypted = encrypted;
        let problem = refused(&target).await;
        let fix = table.row(
            "pg_hba.conf",
            &problem,
            Code::ConnectionRejected,
            &["pg_hba.conf", "Turned Away", says],
        );
        assert_eq!(fix.contains("Switch Require encrypted connection on"), !encrypted, "{fix}");
        assert!(fix.contains("127.0.0.1/32"), "the server told our address: {fix}");
        cluster.prepend_hba(copied(&fix));
        connects_soon(&target).await;
        // The line of `host` covers both ways: one that is turned away must stand above it again.
        cluster.prepend_hba("host all \"Turned Away\" all reject");
        while Client::connect(&crate::support::dialer(), &target, unsaved()).await.is_ok() {}
    }
    for (role, encrypted, words) in [
        ("kerberos", true, "GSSAPI"),
        ("with certificate", true, "client certificate"),
        ("in_clear", false, "in clear"),
    ] {
        let mut target = as_role(good, role);
        target.endpoint.encrypted = encrypted;
        let problem = refused(&target).await;
        let fix = table.row(role, &problem, Code::AuthenticationUnsupported, &[words]);
        if encrypted {
            cluster.prepend_hba(copied(&fix));
            connects_soon(&target).await;
        } else {
            connects(&with(&target, |t| t.endpoint.encrypted = true)).await;
        }
    }

    let nothing = with(good, |t| t.endpoint.database = DatabaseName::parse("Nothing").unwrap());
    let problem = refused(&nothing).await;
    table.row(
        "an unknown database",
        &problem,
        Code::DatabaseNotFound,
        &["database \"Nothing\" does not exist"],
    );
    cluster.sql("CREATE DATABASE \"Nothing\" ALLOW_CONNECTIONS false");
    let fix = table.row(
        "a closed database",
        &refused(&nothing).await,
        Code::ConnectionRejected,
        &["takes no connections"],
    );
    cluster.sql(copied(&fix));
    connects(&nothing).await;
}

async fn limits(table: &mut Table, cluster: &Cluster, database: &Database<'_>, good: &Target) {
    for (what, limit) in [("of a role", "ROLE sealed"), ("of a database", "DATABASE \"Nothing\"")] {
        cluster.sql(&format!("ALTER {limit} CONNECTION LIMIT 0"));
        let mut target = as_role(good, "sealed");
        target.endpoint.database = DatabaseName::parse("Nothing").unwrap();
        let problem = refused(&target).await;
        let fix = table.row(what, &problem, Code::TooManyConnections, &["as many connections"]);
        cluster.sql(copied(&fix));
        connects(&target).await;
    }
    let mut open = Vec::new();
    let problem = loop {
        match Client::connect(&crate::support::dialer(), good, unsaved()).await {
            Ok(client) => open.push(client),
            Err(problem) => break problem,
        }
    };
    assert!((1..=5).contains(&open.len()));
    table.row("reserved slots", &problem, Code::TooManyConnections, &["keeps for administrators"]);
    let _ = database;
    for client in open {
        client.close().await;
    }
}

async fn certificates(table: &mut Table, cluster: &Cluster, good: &Target) {
    const FAILED: &str = "SSL error: certificate verify failed";
    let Err(problem) = CaCertificate::parse("-----BEGIN CERTIFICATE-----\nx") else { panic!() };
    table.row("a broken PEM", &problem, Code::CaCertificateInvalid, &[]);
    let problem = refused(&with(good, |t| t.ca_certificate = None)).await;
    table.row("a private CA", &problem, Code::CertificateUntrusted, &[FAILED, "public trust store"]);
    let other = Authority::new("Another CA").pem();
    let problem =
        refused(&with(good, |t| t.ca_certificate = Some(CaCertificate::parse(&other).unwrap()))).await;
    table.row("another CA", &problem, Code::CertificateUntrusted, &[FAILED, "pasted"]);
    for (what, leaf, code, words) in [
        (
            "expired",
            Leaf { valid_from: -10, valid_to: -1, ..Leaf::default() },
            Code::CertificateExpired,
            "expired",
        ),
        (
            "not yet valid",
            Leaf { valid_from: 1, valid_to: 10, ..Leaf::default() },
            Code::CertificateNotYetValid,
            "not valid yet",
        ),
        (
            "of another host",
            Leaf { dns: &["db.example.com"], ips: &[], ..Leaf::default() },
            Code::CertificateWrongHost,
            "db.example.com",
        ),
    ] {
        cluster.replace_certificate(&cluster.authority().issue(&leaf));
        table.row(what, &refused(good).await, code, &[FAILED, words]);
    }
    cluster.replace_certificate(&cluster.authority().issue(&Leaf::default()));
    connects(good).await;
}

async fn servers(table: &mut Table, cluster: &Cluster, good: &Target) {
    cluster.sql("ALTER SYSTEM SET ssl = off");
    cluster.restart();
    let problem = refused(good).await;
    table.row("no TLS", &problem, Code::EncryptionUnsupported, &["does not offer encryption"]);
    cluster.sql("ALTER SYSTEM RESET ssl");
    cluster.restart();
    connects(good).await;

    // What PostgreSQL does not do is done by a socket of our own.
    let error = |sqlstate: &str| {
        message(b'E', format!("SFATAL\0VFATAL\0C{sqlstate}\0Mno\0Rsomewhere\0\0").as_bytes())
    };
    for (what, answer, code, words) in [
        ("HTTP", b"HTTP/1.1 400 Bad Request\r\n".to_vec(), Code::NotPostgresql, "not a PostgreSQL server"),
        ("a message of 2 GB", b"R\x7f\xff\xff\xff".to_vec(), Code::ProtocolViolation, "protocol"),
        (
            "another's statement",
            error("42P05"),
            Code::PoolerConflict,
            "prepared statement \"...\" already exists",
        ),
        ("starting up", error("57P03"), Code::ServerShuttingDown, "starting"),
        ("a full disk", error("53100"), Code::SourceError, "disk is full"),
        ("no memory", error("53200"), Code::SourceError, "memory"),
        ("an unheard-of error", error("ZZ999"), Code::SourceError, "ZZ999"),
    ] {
        let at = answers(answer, Vec::new()).await;
        let target = with(good, |t| {
            t.endpoint.port = port(at);
            t.endpoint.encrypted = false;
        });
        table.row(what, &refused(&target).await, code, &[words]);
    }
    let hangs_up = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = hangs_up.local_addr().unwrap().port();
    let hang_up = tokio::spawn(async move { drop(hangs_up.accept().await) });
    let problem = refused(&with(good, |t| t.endpoint.port = port(at))).await;
    table.row("it hangs up", &problem, Code::ConnectionLost, &["was lost"]);
    hang_up.await.unwrap();
}
