//! Servers that speak the protocol and are not PostgreSQL, or are not as it is any more: played by a socket that says
//! what they say.

use super::{Table, connecting::port};
use crate::{
    hostile::message,
    support::{dialer, target, unsaved},
};
use mycorr_domain::{Code, Problem};
use mycorr_pgread::{Target, test};
use mycorr_testkit::{Cluster, Database};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufStream},
    net::{TcpListener, TcpStream},
};

/// A server of this version that reports this parameter, and answers every statement that holds `lacks` with `error`.
#[derive(Clone)]
struct Played {
    version: &'static str,
    parameter: &'static str,
    lacks: &'static str,
    error: Vec<u8>,
}

fn error(sqlstate: &str, text: &str, severity: &str, routine: Option<&str>) -> Vec<u8> {
    let routine = routine.map_or_else(String::new, |routine| format!("R{routine}\0"));
    message(b'E', format!("S{severity}\0V{severity}\0C{sqlstate}\0M{text}\0{routine}\0").as_bytes())
}

async fn play(server: Played) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let server = server.clone();
            tokio::spawn(async move {
                let _ = serve(BufStream::new(stream), &server).await;
            });
        }
    });
    port
}

async fn serve(mut stream: BufStream<TcpStream>, server: &Played) -> std::io::Result<()> {
    let length = stream.read_u32().await?;
    let mut start = vec![0; length as usize - 4];
    stream.read_exact(&mut start).await?;
    if server.version.is_empty() {
        stream.write_all(&server.error).await?;
        return stream.flush().await;
    }
    let status = |name: &str, value: &str| message(b'S', format!("{name}\0{value}\0").as_bytes());
    let hello = [
        message(b'R', &[0; 4]),
        status("server_version", server.version),
        status("integer_datetimes", "on"),
        status(server.parameter, "1"),
        message(b'K', &[0, 0, 16, 146, 0, 0, 0, 1]),
        message(b'Z', b"I"),
    ];
    stream.write_all(&hello.concat()).await?;
    let (mut out, mut failed, mut sql) = (Vec::new(), false, String::new());
    loop {
        stream.flush().await?;
        let tag = stream.read_u8().await?;
        let mut body = vec![0; stream.read_u32().await? as usize - 4];
        stream.read_exact(&mut body).await?;
        if tag == b'S' {
            out.extend(message(b'Z', b"I"));
            stream.write_all(&std::mem::take(&mut out)).await?;
            failed = false;
        }
        if failed {
            continue;
        }
        match tag {
            b'P' => {
                sql = String::from_utf8_lossy(body.split(|byte| *byte == 0).nth(1).unwrap()).into_owned();
                failed = sql.contains(server.lacks);
                out.extend(if failed { server.error.clone() } else { message(b'1', b"") });
            }
            b'B' => out.extend(message(b'2', b"")),
            b'D' => {
                let width = row(&sql).map_or(1, |row| row.len()) as u16;
                let column =
                    [&b"a\0"[..], &[0; 4], &[0; 2], &25u32.to_be_bytes(), &[0xff; 6], &[0; 2]].concat();
                out.extend(message(b'T', &[&width.to_be_bytes()[..], &column.repeat(width.into())].concat()));
            }
            b'E' => {
                if let Some(row) = row(&sql) {
                    let mut data = (row.len() as u16).to_be_bytes().to_vec();
                    for value in &row {
                        data.extend((value.len() as u32).to_be_bytes());
                        data.extend(value.bytes());
                    }
                    out.extend(message(b'D', &data));
                }
                out.extend(message(b'C', b"SELECT 1\0"));
            }
            b'X' => return Ok(()),
            _ => {}
        }
    }
}

/// The one row that a statement has, if it has one.
fn row(sql: &str) -> Option<Vec<&'static str>> {
    let settings = sql.matches("set_config").count();
    match sql {
        _ if settings > 0 => Some([vec!["on"], vec!["x"; settings - 1]].concat()),
        sql if sql.contains("pg_is_in_recovery") => Some(vec!["f", "f", "t", "4242"]),
        sql if sql.contains("application_name") => Some(vec!["t"]),
        _ => None,
    }
}

async fn tested(good: &Target, server: Played) -> Problem {
    let mut target = good.clone();
    target.endpoint.port = port(play(server).await);
    target.endpoint.encrypted = false;
    let report = test(&dialer(), &target, unsaved(), &mut |_| {}).await;
    report.problem.expect("it was let through")
}

pub(super) async fn rows(table: &mut Table) {
    let cluster = Cluster::shared();
    let good = target(cluster, &Database::create(cluster));
    let unknown = |sqlstate, text| error(sqlstate, text, "ERROR", Some("somewhere"));
    for (what, version, parameter, lacks, error, words) in [
        ("PostgreSQL 9.6", "9.6.24", "x", "-", vec![], &["older than PostgreSQL 10", "9.6.24"][..]),
        ("Redshift", "8.0.2", "padb_version", "-", vec![], &["Amazon Redshift", "8.0.2"]),
        ("Greenplum 6", "9.4.26", "x", "-", vec![], &["older than PostgreSQL 10"]),
        (
            "without relispartition",
            "10.0",
            "x",
            "relispartition",
            unknown("42703", "column c.relispartition does not exist"),
            &["It lacks relispartition"],
        ),
        (
            "without set_config",
            "13.14.0",
            "x",
            "set_config",
            error("XX000", "unsupported function: \"set_config\"", "ERROR", None),
            &["It lacks set_config"],
        ),
        (
            "CockroachDB",
            "13.0.0",
            "crdb_version",
            "set_config",
            unknown("42704", "unrecognized configuration parameter \"xmloption\""),
            &["CockroachDB", "It lacks xmloption"],
        ),
        (
            "without pg_is_in_recovery",
            "14.2",
            "x",
            "pg_is_in_recovery",
            unknown("42883", "function pg_is_in_recovery() does not exist"),
            &["It lacks pg_is_in_recovery"],
        ),
        (
            "in another language",
            "11.3",
            "x",
            "format_type",
            unknown("42883", "Funktion format_type(oid, integer) existiert nicht"),
            &["It lacks format_type"],
        ),
        (
            "another syntax",
            "14.0",
            "x",
            "WITH RECURSIVE",
            unknown("42601", "mismatched input"),
            &["It lacks what Mycorr needs"],
        ),
    ] {
        let problem = tested(&good, Played { version, parameter, lacks, error }).await;
        let fix = table.row(what, &problem, Code::NotSupportedServer, words);
        assert!(fix.contains("version 10 or newer"), "{fix}");
    }
    for (what, sqlstate, text, code, words) in [
        (
            "a quota",
            "XX000",
            "Your account or project has exceeded the compute time quota. Upgrade your plan to increase limits.",
            Code::QuotaExceeded,
            "provider",
        ),
        (
            "an address list",
            "XX000",
            "This IP address 192.0.2.1 is not allowed to connect to this endpoint.",
            Code::ConnectionRejected,
            "192.0.2.1 is not on it",
        ),
        ("a token", "28P01", "The access token has expired.", Code::PasswordExpired, "expired"),
    ] {
        let error = error(sqlstate, text, "FATAL", None);
        let played = Played { version: "", parameter: "", lacks: "", error };
        table.row(what, &tested(&good, played).await, code, &[words]);
    }
    // Nothing else is known of it, and what is known is said.
    let error = error("XX000", "could not do it with the secret", "ERROR", Some("SomeFunction"));
    let played = Played { version: "17.2", parameter: "x", lacks: "pg_is_in_recovery", error };
    let problem = tested(&good, played).await;
    let words = ["internal error", "XX000", "SomeFunction"];
    table.row("an internal error", &problem, Code::SourceError, &words);
    assert!(!problem.detail.contains("secret"));
    for row in [
        ("25P03", "idle_in_transaction_session_timeout", Code::ConnectionLost),
        ("57P05", "idle_session_timeout", Code::ConnectionLost),
        ("25P04", "transaction_timeout", Code::StatementTimeout),
    ] {
        let (sqlstate, word, code) = row;
        let error = self::error(sqlstate, "x", "FATAL", Some("ProcessInterrupts"));
        let played = Played { version: "17.2", parameter: "x", lacks: "pg_is_in_recovery", error };
        table.row(word, &tested(&good, played).await, code, &[word]);
    }
}
