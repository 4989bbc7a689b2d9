//! Servers that mean no good: each ends in a clear error, and none is waited for without end.

use crate::support::{dialer, target_at, unsaved};
use mycorr_domain::{Code, Problem};
use mycorr_pgread::Client;
use mycorr_testkit::{Cluster, Database};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// A server that answers the first message with `first`, the second with `second`, and then waits.
pub(crate) async fn answers(first: Vec<u8>, second: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answers = [first.clone(), second.clone()];
            tokio::spawn(async move {
                let mut heard = vec![0; 65536];
                for answer in answers {
                    if stream.read(&mut heard).await.unwrap_or(0) == 0
                        || stream.write_all(&answer).await.is_err()
                    {
                        return;
                    }
                }
                while stream.read(&mut heard).await.unwrap_or(0) > 0 {}
            });
        }
    });
    port
}

pub(crate) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
}

async fn code(port: u16, encrypted: bool) -> Code {
    let cluster = Cluster::shared();
    let mut target = target_at(cluster, &Database::create(cluster), port);
    target.endpoint.encrypted = encrypted;
    match Client::connect(&dialer(), &target, unsaved()).await {
        Ok(_) => panic!("connected"),
        Err(problem) => problem.code,
    }
}

#[tokio::test]
async fn with_encryption() {
    for (what, answer, want) in [
        ("no", b"N".to_vec(), Code::EncryptionUnsupported),
        ("no and more", b"NR\0\0\0\x08\0\0\0\0".to_vec(), Code::EncryptionUnsupported),
        ("yes and bytes behind it", b"SR\0\0\0\x08\0\0\0\0".to_vec(), Code::ProtocolViolation),
        (
            "an error in clear",
            message(b'E', b"SFATAL\0C28P01\0Msend your password\0\0"),
            Code::ProtocolViolation,
        ),
        ("HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), Code::NotPostgresql),
        ("SSH", b"+SSH-2.0-x\r\n".to_vec(), Code::NotPostgresql),
        ("garbage", vec![0; 100], Code::NotPostgresql),
    ] {
        let port = answers(answer, Vec::new()).await;
        assert_eq!(code(port, true).await, want, "{what}");
    }
}

#[tokio::test]
async fn without_encryption() {
    let parameter = message(b'S', &[b"name\0".as_slice(), &[b'x'; 1000], b"\0"].concat());
    let ok = message(b'R', &[0, 0, 0, 0]);
    let sasl = |mechanisms: &[u8]| message(b'R', &[&[0, 0, 0, 10], mechanisms, b"\0"].concat());
    for (what, first, second, want) in [
        ("HTTP", b"HTTP/1.1 400 Bad Request\r\n".to_vec(), vec![], Code::NotPostgresql),
        ("a header of 2 GB", b"R\x7f\xff\xff\xff".to_vec(), vec![], Code::ProtocolViolation),
        ("a negative length", b"R\xff\xff\xff\xff".to_vec(), vec![], Code::ProtocolViolation),
        ("a length of nothing", b"R\0\0\0\0".to_vec(), vec![], Code::ProtocolViolation),
        ("endless parameters", [ok, parameter.repeat(2000)].concat(), vec![], Code::ProtocolViolation),
        ("a password in clear", message(b'R', &[0, 0, 0, 3]), vec![], Code::AuthenticationUnsupported),
        ("GSSAPI", message(b'R', &[0, 0, 0, 7]), vec![], Code::AuthenticationUnsupported),
        ("an unknown method", message(b'R', &[0, 0, 0, 99]), vec![], Code::ProtocolViolation),
        ("channel binding without TLS", sasl(b"SCRAM-SHA-256-PLUS\0"), vec![], Code::ProtocolViolation),
        ("another mechanism", sasl(b"OAUTHBEARER\0"), vec![], Code::AuthenticationUnsupported),
        (
            "a billion rounds",
            sasl(b"SCRAM-SHA-256\0"),
            message(b'R', b"\0\0\0\x0br=abc,s=QQ==,i=4000000000"),
            Code::ProtocolViolation,
        ),
        (
            "two passwords",
            message(b'R', b"\0\0\0\x05salt"),
            message(b'R', b"\0\0\0\x05salt"),
            Code::ProtocolViolation,
        ),
        ("a row at once", message(b'D', &[0, 0]), vec![], Code::NotPostgresql),
    ] {
        let port = answers(first, second).await;
        assert_eq!(code(port, false).await, want, "{what}");
    }
}

#[tokio::test]
async fn silence_has_an_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let keep = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            kept.push(stream);
        }
    });
    // Waits out the real deadline: a paused clock is a feature of tokio's that only tests would have, and all
    // that stands on tokio would be compiled a second time for them.
    let both = tokio::join!(code(port, true), code(port, false));
    assert_eq!(both, (Code::ConnectionTimeout, Code::ConnectionTimeout));
    keep.abort();
}

/// A server that takes anybody in and then answers the first question with `answer`, over and over.
async fn answers_without_end(answer: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.repeat(1000);
            tokio::spawn(async move {
                let mut heard = vec![0; 65536];
                let welcome = [message(b'R', &[0, 0, 0, 0]), message(b'Z', b"I")].concat();
                let _ = stream.read(&mut heard).await;
                let _ = stream.write_all(&welcome).await;
                let _ = stream.read(&mut heard).await;
                while stream.write_all(&answer).await.is_ok() {}
            });
        }
    });
    port
}

#[tokio::test]
async fn answers_have_an_end() {
    for (what, answer) in [
        ("rows of the settings", message(b'D', &[0, 1, 0, 0, 0, 2, b'o', b'n'])),
        ("completions", message(b'2', b"")),
        ("notices", message(b'N', b"SNOTICE\0C00000\0Mhello\0\0")),
        ("parameters", message(b'S', b"a\0b\0")),
        ("a row of 2 GB", b"D\x7f\xff\xff\xff".to_vec()),
    ] {
        let cluster = Cluster::shared();
        let port = answers_without_end(answer).await;
        let mut target = target_at(cluster, &Database::create(cluster), port);
        target.endpoint.encrypted = false;
        let mut client = Client::connect(&dialer(), &target, unsaved()).await.unwrap();
        assert_eq!(client.schemas(None, 1000).await.unwrap_err().code, Code::ProtocolViolation, "{what}");
    }
}

/// A server of `messages` that lead up to the rows of `SELECT schemas`, then `rows`, then `end` over and over.
async fn ends_without_end(end: Vec<u8>) -> u16 {
    let cell = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
    let field = [b"x\0".as_slice(), &[0; 6], &25u32.to_be_bytes(), &[0xff; 6], &[0, 0]].concat();
    let before = [
        message(b'1', b""),
        message(b'2', b""),
        message(b'D', &[&[0, 1][..], &cell(b"on")].concat()),
        message(b'C', b"SELECT 1\0"),
        message(b'1', b""),
        message(b'2', b""),
        message(b'T', &[&[0, 2][..], &field, &field].concat()),
        message(b'D', &[&[0, 2][..], &cell(b"public"), &cell(b"1")].concat()),
        message(b'C', b"SELECT 1\0"),
    ];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (before, end) = (before.concat(), end.clone());
            tokio::spawn(async move {
                let mut heard = vec![0; 65536];
                let welcome = [message(b'R', &[0, 0, 0, 0]), message(b'Z', b"I")].concat();
                let _ = stream.read(&mut heard).await;
                let _ = stream.write_all(&welcome).await;
                let _ = stream.read(&mut heard).await;
                let _ = stream.write_all(&before).await;
                while !end.is_empty() && stream.write_all(&end).await.is_ok() {}
            });
        }
    });
    port
}

#[tokio::test]
async fn after_the_last_row_comes_the_end_and_nothing_else() {
    for (what, end, want) in [
        ("the end", message(b'Z', b"I"), None),
        ("more ends", message(b'C', b"SELECT 1\0"), Some(Code::ProtocolViolation)),
        ("more rows", message(b'D', &[0, 2, 0, 0, 0, 0, 0, 0, 0, 0]), Some(Code::ProtocolViolation)),
        ("nothing", Vec::new(), Some(Code::ConnectionLost)),
    ] {
        let cluster = Cluster::shared();
        let mut target = target_at(cluster, &Database::create(cluster), ends_without_end(end).await);
        target.endpoint.encrypted = false;
        let mut client = Client::connect(&dialer(), &target, unsaved()).await.unwrap();
        assert_eq!(client.schemas(None, 1000).await.err().map(|problem| problem.code), want, "{what}");
    }
}

/// A server that takes anybody in, and answers the first question with `rows` alike.
async fn answers_rows(row: &[&[u8]], rows: usize) -> u16 {
    let cell = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
    let counted = |cells: Vec<Vec<u8>>| [&(cells.len() as u16).to_be_bytes()[..], &cells.concat()].concat();
    let field = [b"x\0".as_slice(), &[0; 6], &25u32.to_be_bytes(), &[0xff; 6], &[0, 0]].concat();
    let answer = [
        message(b'1', b""),
        message(b'2', b""),
        message(b'D', &counted(vec![cell(b"on")])),
        message(b'C', b"SELECT 1\0"),
        message(b'1', b""),
        message(b'2', b""),
        message(b'T', &counted(vec![field; row.len()])),
        message(b'D', &counted(row.iter().map(|value| cell(value)).collect())).repeat(rows),
        message(b'C', b"SELECT 1\0"),
        message(b'Z', b"I"),
    ];
    let welcome = [message(b'R', &[0, 0, 0, 0]), message(b'Z', b"I")].concat();
    answers(welcome, answer.concat()).await
}

#[tokio::test]
async fn a_catalogue_that_postgresql_can_not_have_is_refused() {
    let long = vec![b'x'; 1 << 20];
    let column: Vec<&[u8]> =
        "t 16384 r 1 1 t t f c 1 text 25 -1 t t f".split(' ').map(str::as_bytes).collect();
    let table: Vec<&[u8]> = "public t r 1 1 t t".split(' ').map(str::as_bytes).collect();
    let odd: Vec<&[u8]> = "public t q 1 1 t t".split(' ').map(str::as_bytes).collect();
    type Question = fn(&mut Client) -> std::pin::Pin<Box<dyn Future<Output = Option<Problem>> + '_>>;
    let schemas: Question = |client| Box::pin(async { client.schemas(None, 10).await.err() });
    let tables: Question = |client| Box::pin(async { client.tables("s", None, None, 10).await.err() });
    let describe: Question = |client| Box::pin(async { client.describe("public", "t").await.err() });
    for (what, question, row, rows, said) in [
        ("as many schemas as asked for", schemas, &[b"a".as_slice(), b"1"][..], 10, None),
        ("more schemas", schemas, &[b"a", b"1"], 11, Some("11 schemas")),
        ("a million schemas", schemas, &[b"a", b"1"], 1_000_000, Some("protocol")),
        ("a name without end", schemas, &[&long, b"1"], 1, Some("a name has 1048576 bytes")),
        ("an odd count", schemas, &[b"a", b"-1"], 1, Some("number")),
        ("more tables", tables, &table, 11, Some("11 tables")),
        ("an odd kind", tables, &odd, 1, Some("\"q\"")),
        ("more columns", describe, &column, 1665, Some("1665 columns")),
        ("60,000 columns", describe, &column, 60_000, Some("protocol")),
    ] {
        let cluster = Cluster::shared();
        let mut target = target_at(cluster, &Database::create(cluster), answers_rows(row, rows).await);
        target.endpoint.encrypted = false;
        let mut client = Client::connect(&dialer(), &target, unsaved()).await.unwrap();
        let problem = question(&mut client).await;
        assert_eq!(
            problem.as_ref().map(|problem| problem.code),
            said.map(|_| Code::ProtocolViolation),
            "{what}"
        );
        let detail = problem.map_or_else(String::new, |problem| problem.detail);
        assert!(detail.contains(said.unwrap_or_default()), "{what}: {detail}");
    }
}
