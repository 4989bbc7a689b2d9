//! Everything that goes wrong has its own code.

use crate::support::{begin, begun, connect, dialer, last_read, read, target, unsaved};
use mycorr_domain::{Code, DatabaseName, Port, RoleName, Secret};
use mycorr_egress::Dialer;
use mycorr_pgread::{
    Client, MemoryJournal, Outcome, Scan, ScanLimits, StepName, Target, test, tls::CaCertificate,
};
use mycorr_testkit::{Authority, Cluster, Database, Leaf, Options};
use std::sync::Arc;
use tokio::net::TcpListener;

/// The code with which connecting fails, and the step in which a test does.
async fn fails(target: &Target) -> (Code, StepName) {
    let Err(problem) = Client::connect(&dialer(), target, unsaved()).await else { panic!("connected") };
    assert!(problem.fix.is_some(), "{problem}");
    let report = test(&dialer(), target, unsaved(), &mut |_| {}).await;
    assert_eq!(report.steps.iter().map(|step| step.step).collect::<Vec<_>>(), StepName::ALL);
    let failed = report.steps.iter().find(|step| step.outcome == Outcome::Failed).unwrap().step;
    assert_eq!(report.problem.unwrap().code, problem.code);
    (problem.code, failed)
}

#[tokio::test]
async fn each_step_of_a_connection_fails_by_its_name() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let good = target(cluster, &database);
    let with = |change: &dyn Fn(&mut Target)| {
        let mut target = good.clone();
        change(&mut target);
        target
    };
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    cluster.sql("CREATE ROLE no_login PASSWORD 'x'");
    cluster.sql(&format!(
        "CREATE DATABASE \"{}_closed\"; REVOKE CONNECT ON DATABASE \"{0}_closed\" FROM PUBLIC",
        database.name
    ));
    cluster.sql(&format!("CREATE ROLE \"{}_one\" LOGIN PASSWORD 'x' CONNECTION LIMIT 0", database.role));
    let other = Authority::new("Another CA");
    for (what, target, code, step) in [
        (
            "port",
            with(&|t| t.endpoint.port = Port::parse(free.into()).unwrap()),
            Code::ConnectionRefused,
            StepName::Connect,
        ),
        (
            "host",
            with(&|t| t.endpoint.host = "no-such-host.invalid".into()),
            Code::HostNotFound,
            StepName::Address,
        ),
        ("private", with(&|t| t.endpoint.host = "10.1.2.3".into()), Code::PrivateAddress, StepName::Address),
        (
            "password",
            with(&|t| t.password = Secret::new("wrong".into())),
            Code::AuthenticationFailed,
            StepName::Authenticate,
        ),
        (
            "role",
            with(&|t| t.endpoint.username = RoleName::parse("nobody").unwrap()),
            Code::AuthenticationFailed,
            StepName::Authenticate,
        ),
        (
            "database",
            with(&|t| t.endpoint.database = DatabaseName::parse("Nothing").unwrap()),
            Code::DatabaseNotFound,
            StepName::Database,
        ),
        (
            "no connect",
            with(&|t| {
                t.endpoint.database = DatabaseName::parse(&format!("{}_closed", database.name)).unwrap()
            }),
            Code::ConnectionRejected,
            StepName::Database,
        ),
        (
            "limit",
            with(&|t| {
                t.endpoint.username = RoleName::parse(&format!("{}_one", database.role)).unwrap();
                t.password = Secret::new("x".into());
            }),
            Code::TooManyConnections,
            StepName::Database,
        ),
        ("public CAs", with(&|t| t.ca_certificate = None), Code::CertificateUntrusted, StepName::Encrypt),
        (
            "another CA",
            with(&|t| t.ca_certificate = Some(CaCertificate::parse(&other.pem()).unwrap())),
            Code::CertificateUntrusted,
            StepName::Encrypt,
        ),
    ] {
        assert_eq!(fails(&target).await, (code, step), "{what}");
    }
}

#[tokio::test]
async fn certificates_have_their_time_and_their_name() {
    let cluster = Cluster::start(&Options::default());
    let database = Database::create(&cluster);
    for (leaf, code) in [
        (Leaf { valid_from: -10, valid_to: -1, ..Leaf::default() }, Code::CertificateExpired),
        (Leaf { valid_from: 1, valid_to: 10, ..Leaf::default() }, Code::CertificateNotYetValid),
        (Leaf { dns: &["db.example.com"], ips: &[], ..Leaf::default() }, Code::CertificateWrongHost),
    ] {
        cluster.replace_certificate(&cluster.authority().issue(&leaf));
        assert_eq!(fails(&target(&cluster, &database)).await, (code, StepName::Encrypt));
    }
}

#[tokio::test]
async fn a_server_without_tls_is_not_talked_to() {
    let cluster = Cluster::start(&Options { certificate: None, ..Options::default() });
    let database = Database::create(&cluster);
    let mut target = target(&cluster, &database);
    assert_eq!(fails(&target).await, (Code::EncryptionUnsupported, StepName::Encrypt));
    target.endpoint.encrypted = false;
    let report = test(&dialer(), &target, unsaved(), &mut |_| {}).await;
    assert!(report.ok(), "{:?}", report.problem);
}

#[tokio::test]
async fn what_the_operator_did_not_allow_is_not_dialled() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let nowhere = Dialer::new("".parse().unwrap());
    let Err(problem) = Client::connect(&nowhere, &target(cluster, &database), unsaved()).await else {
        panic!()
    };
    assert_eq!(problem.code, Code::PrivateAddress);
    assert!(problem.detail.contains("connections to private/internal addresses are not allowed"));
}

#[tokio::test]
async fn a_read_that_breaks_ends_with_its_reason() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.big AS SELECT n, repeat('x', 200) AS t FROM generate_series(1, 300000) n; CREATE TABLE public.gone (a int)");

    let journal = Arc::new(MemoryJournal::default());
    let connect =
        async || Client::connect(&dialer(), &target(cluster, &database), journal.clone()).await.unwrap();

    let mut client = connect().await;
    let description = client.describe("public", "big").await.unwrap();
    let mut scan = begin(client, &description, ScanLimits::default()).await;
    scan.next().await.unwrap().unwrap();
    assert_eq!(database.kill_backends(), 1);
    let problem = loop {
        match scan.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a killed read ended well"),
            Err(problem) => break problem,
        }
    };
    // A backend that is ended while it waits for us to read cannot say so any more.
    assert!(matches!(problem.code, Code::ConnectionLost | Code::ServerShuttingDown), "{problem}");
    assert!(scan.next().await.unwrap().is_none());
    scan.close().await;
    assert_ne!(last_read(&journal).outcome, "ok");

    let mut client = connect().await;
    let description = client.describe("public", "big").await.unwrap();
    let mut scan = begin(client, &description, ScanLimits::default()).await;
    scan.next().await.unwrap().unwrap();
    scan.canceller().cancel().await;
    let problem = loop {
        match scan.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a cancelled read ended well"),
            Err(problem) => break problem,
        }
    };
    assert_eq!(problem.code, Code::StatementTimeout);

    let mut client = connect().await;
    let description = client.describe("public", "gone").await.unwrap();
    database.sql("DROP TABLE public.gone");
    let Err(problem) = begun(client, &description, None, ScanLimits::default()).await else { panic!() };
    assert_ne!(last_read(&journal).outcome, "ok");
    assert_eq!(problem.code, Code::TableNotFound);

    let mut client = connect().await;
    let description = client.describe("public", "big").await.unwrap();
    database.sql("ALTER TABLE public.big ALTER n TYPE text");
    let Err(problem) = begun(client, &description, None, ScanLimits::default()).await else { panic!() };
    assert_ne!(last_read(&journal).outcome, "ok");
    assert_eq!(problem.code, Code::SourceChanged);

    database.sql(&format!("ALTER ROLE \"{}\" SET statement_timeout = '1ms'", database.role));
    let mut client = connect().await;
    assert_eq!(client.describe("public", "big").await.unwrap_err().code, Code::StatementTimeout);
}

#[tokio::test]
async fn a_row_over_the_limit_is_named() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.t AS SELECT n AS id, CASE WHEN n = 3 THEN repeat('x', 200000) END AS blob FROM generate_series(1, 5) n");
    let mut client = connect(cluster, &database).await;
    let description = client.describe("public", "t").await.unwrap();
    let limits = ScanLimits { row: 100_000, ..ScanLimits::default() };
    let mut scan = begin(client, &description, limits).await;
    let problem = loop {
        match scan.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it was read"),
            Err(problem) => break problem,
        }
    };
    assert_eq!(problem.code, Code::RowTooLarge);
    assert!(problem.detail.contains("Row 3 of public.t") && problem.detail.contains("blob"), "{problem}");
}

#[tokio::test]
async fn a_server_that_stops_says_so_or_is_lost() {
    let cluster = Cluster::start(&Options::default());
    let database = Database::create(&cluster);
    // One table of which the buffers on the way hold only a part, so that the server has to wait for its
    // reader; and a view of which the reader has to wait for the second row.
    database.sql(
        "CREATE TABLE public.big AS SELECT n, repeat('x', 1000) AS t FROM generate_series(1, 100000) n; \
         CREATE VIEW public.slow AS SELECT repeat('x', 10000) AS t, pg_sleep(n)::text FROM generate_series(0, 3600, 3600) n",
    );
    let reading = async |table: &str| {
        let mut client = connect(&cluster, &database).await;
        let description = client.describe("public", table).await.unwrap();
        begin(client, &description, ScanLimits::default()).await
    };
    let drain = async |scan: &mut Scan| loop {
        match scan.next().await {
            Ok(Some(_)) => {}
            Ok(None) => break Ok(scan.rows()),
            Err(problem) => break Err(problem.code),
        }
    };
    // Whoever waits for the server hears why, unless there is no time to say it.
    for (table, mode, codes) in [
        ("slow", "fast", &[Code::ServerShuttingDown][..]),
        ("slow", "immediate", &[Code::ConnectionLost]),
        ("big", "fast", &[Code::ConnectionLost, Code::ServerShuttingDown]),
    ] {
        let mut scan = reading(table).await;
        cluster.stop(mode);
        let code = drain(&mut scan).await.unwrap_err();
        assert!(codes.contains(&code), "{table}, {mode}: {code:?}");
        cluster.start_again();
    }
    // Who is there may finish, and nobody else comes in.
    let mut scan = reading("big").await;
    cluster.begin_stop("smart");
    let problem = loop {
        match Client::connect(&dialer(), &target(&cluster, &database), unsaved()).await {
            Ok(client) => {
                client.close().await;
            }
            Err(problem) => break problem,
        }
    };
    assert_eq!(problem.code, Code::ServerShuttingDown);
    assert_eq!(drain(&mut scan).await, Ok(100_000));
}

#[tokio::test]
async fn a_read_that_needs_more_room_than_the_server_allows_is_told() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(&format!(
        "CREATE VIEW public.sorted AS SELECT n, repeat('x', 100) AS t FROM generate_series(1, 100000) n ORDER BY md5(n::text); \
         ALTER ROLE \"{0}\" SET work_mem = '64kB'; ALTER ROLE \"{0}\" SET temp_file_limit = '1MB'",
        database.role
    ));
    let problem = read(connect(cluster, &database).await, "public", "sorted").await.unwrap_err();
    assert_eq!(problem.code, Code::SourceError);
    assert!(problem.detail.contains("53400"), "{problem}");
}
