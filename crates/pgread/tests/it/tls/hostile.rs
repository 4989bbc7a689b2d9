//! Servers that mean no good at any moment of the encryption: each ends in a clear code, none is waited for
//! without end, and none hears the role's name before its certificate was verified.

use super::{
    certificates::{Certified, Draft, pem},
    connect,
    server::{Shown, encrypted},
};
use mycorr_domain::Code;
use openssl::ssl::{SslContext, SslVersion};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::sleep,
};

const HOST: &str = "db.example.com";
/// Longer than any deadline.
const FOR_EVER: Duration = Duration::from_secs(86_400);

#[derive(Clone)]
struct Honest {
    root: Certified,
    shown: Shown,
}

impl Honest {
    fn new(version: SslVersion) -> Self {
        let root = Draft::authority("Root").self_signed();
        let leaf = Draft::server(HOST).signed_by(&root);
        let shown = Shown {
            chain: vec![leaf.certificate.clone(), root.certificate.clone()],
            key: leaf.key,
            versions: (version, version),
            asks_for_certificate: false,
        };
        Self { root, shown }
    }

    /// What Mycorr makes of a server that treats each connection so.
    async fn against<F: Future<Output = ()> + Send + 'static>(
        self,
        serve: impl Fn(TcpStream, SslContext) -> F + Send + 'static,
    ) -> Code {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let context = self.shown.context();
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            serve(stream, context).await;
        });
        let outcome = connect(HOST, port, Some(&pem(&[&self.root]))).await;
        server.abort();
        outcome.expect_err("an honest server").code
    }
}

/// How a server goes on after its last byte.
#[derive(Clone, Copy, Debug)]
enum Then {
    Close,
    Wait,
}

impl Then {
    async fn end(self, mut stream: TcpStream) {
        match self {
            Self::Close => {}
            Self::Wait => while matches!(stream.read(&mut [0; 1024]).await, Ok(1..)) {},
        }
    }
}

/// A TLS record.
fn record(kind: u8, version: u16, content: &[u8]) -> Vec<u8> {
    [&[kind], &version.to_be_bytes()[..], &(content.len() as u16).to_be_bytes(), content].concat()
}

/// Many of these servers are waited for until the deadline: all together, so that it is waited for once.
#[tokio::test]
async fn each_ends_with_its_code() {
    tokio::join!(
        answers_to_client_hello(),
        cut_stopped_or_slow_at_any_byte(),
        a_bit_flipped_anywhere_is_noticed(),
        after_the_handshake(),
    );
}

async fn answers_to_client_hello() {
    let honest = Honest::new(SslVersion::TLS1_3);
    let mut all = JoinSet::new();
    const HANDSHAKE: u8 = 22;
    const ALERT: u8 = 21;
    for (what, answer, then, want) in [
        ("closes", vec![], Then::Close, Code::ConnectionLost),
        ("says nothing", vec![], Then::Wait, Code::ConnectionTimeout),
        ("half a header", vec![22, 3], Then::Wait, Code::ConnectionTimeout),
        ("half a header, then closes", vec![22, 3], Then::Close, Code::ConnectionLost),
        (
            "a header of 64 kB and nothing",
            vec![22, 3, 3, 0xff, 0xff],
            Then::Wait,
            Code::EncryptionUnsupported,
        ),
        ("a header of 16 kB and nothing", vec![22, 3, 3, 0x40, 0], Then::Wait, Code::ConnectionTimeout),
        ("a header of 16 kB, then closes", vec![22, 3, 3, 0x40, 0], Then::Close, Code::ConnectionLost),
        (
            "a ServerHello of 16 MB",
            record(HANDSHAKE, 0x303, &[2, 0xff, 0xff, 0xff, 0, 0]),
            Then::Wait,
            Code::EncryptionUnsupported,
        ),
        (
            "records of nothing",
            record(HANDSHAKE, 0x303, &[]).repeat(1000),
            Then::Wait,
            Code::EncryptionUnsupported,
        ),
        (
            "warnings without end",
            record(ALERT, 0x303, &[1, 90]).repeat(1000),
            Then::Wait,
            Code::EncryptionUnsupported,
        ),
        ("alert handshake_failure", record(ALERT, 0x303, &[2, 40]), Then::Close, Code::EncryptionUnsupported),
        ("alert protocol_version", record(ALERT, 0x301, &[2, 70]), Then::Close, Code::EncryptionUnsupported),
        ("alert internal_error", record(ALERT, 0x303, &[2, 80]), Then::Wait, Code::EncryptionUnsupported),
        ("alert close_notify", record(ALERT, 0x303, &[1, 0]), Then::Close, Code::ConnectionLost),
        ("an alert of no kind", record(ALERT, 0x303, &[9, 9, 9]), Then::Wait, Code::EncryptionUnsupported),
        ("data at once", record(23, 0x303, &[0; 100]), Then::Wait, Code::EncryptionUnsupported),
        ("a record of no kind", record(99, 0x303, &[0; 100]), Then::Wait, Code::EncryptionUnsupported),
        (
            "SSL 3",
            record(HANDSHAKE, 0x300, &[&[2, 0, 0, 38, 3, 0][..], &[0; 36]].concat()),
            Then::Wait,
            Code::EncryptionUnsupported,
        ),
        (
            "the client's own hello",
            record(HANDSHAKE, 0x301, &[1, 0, 0, 2, 3, 3]),
            Then::Wait,
            Code::EncryptionUnsupported,
        ),
        ("HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), Then::Close, Code::EncryptionUnsupported),
        (
            "PostgreSQL in clear",
            b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I".to_vec(),
            Then::Wait,
            Code::EncryptionUnsupported,
        ),
        ("zeros", vec![0; 4096], Then::Wait, Code::EncryptionUnsupported),
    ] {
        let answers = move |mut stream: TcpStream, _| {
            let answer = answer.clone();
            async move {
                stream.read_exact(&mut [0; 8]).await.unwrap();
                stream.write_all(b"S").await.unwrap();
                // The whole ClientHello is taken: what is unread when a socket closes is answered by a reset.
                let _ = stream.read(&mut [0; 4096]).await.unwrap();
                let _ = stream.write_all(&answer).await;
                then.end(stream).await;
            }
        };
        let outcome = honest.clone().against(answers);
        all.spawn(async move { (what.to_owned(), outcome.await, want) });
    }
    check(all).await;
}

/// Those that wait for the deadline wait for it together.
async fn check(all: JoinSet<(String, Code, Code)>) {
    let wrong = |(what, code, want)| (code != want).then(|| format!("{what}: {code:?} instead of {want:?}"));
    let wrong: Vec<_> = all.join_all().await.into_iter().filter_map(wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What stands between Mycorr and an honest server, byte by byte of what the server sends.
#[derive(Clone, Copy, Debug)]
enum Tampering {
    /// So many bytes come through, then the connection ends.
    Cut(usize),
    /// So many bytes come through, then nothing.
    Stop(usize),
    /// One bit of this byte is another.
    Flip(usize),
    /// A byte a second from here on.
    Drip(usize),
}

async fn tamper(outside: TcpStream, context: SslContext, tampering: Tampering) {
    let (inside, server) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move { honest(server, &context).await });
    let (mut from_client, mut to_client) = outside.into_split();
    let (mut from_server, mut to_server) = tokio::io::split(inside);
    let client = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
    });
    let mut at = 0;
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
        for byte in &mut buffer[..length] {
            match tampering {
                Tampering::Cut(after) if at == after => {
                    client.abort();
                    return;
                }
                Tampering::Stop(after) if at == after => sleep(FOR_EVER).await,
                Tampering::Flip(this) if at == this => *byte ^= 0x04,
                Tampering::Drip(after) if at >= after => sleep(Duration::from_secs(1)).await,
                _ => {}
            }
            at += 1;
            if to_client.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
    }
    client.abort();
}

/// As PostgreSQL until the password is asked for, then it closes.
async fn honest(stream: tokio::io::DuplexStream, context: &SslContext) -> Option<()> {
    let mut stream = stream;
    stream.read_exact(&mut [0; 8]).await.ok()?;
    stream.write_all(b"S").await.ok()?;
    let ssl = openssl::ssl::Ssl::new(context).unwrap();
    let mut stream = Box::pin(tokio_openssl::SslStream::new(ssl, stream).unwrap());
    stream.as_mut().accept().await.ok()?;
    let mut startup = [0; 4];
    stream.read_exact(&mut startup).await.ok()?;
    stream.write_all(b"R\0\0\0\x08\0\0\0\x03").await.ok()?;
    let _ = stream.read(&mut [0; 1024]).await;
    stream.shutdown().await.ok()
}

async fn cut_stopped_or_slow_at_any_byte() {
    let mut all = JoinSet::new();
    let few = Arc::new(Semaphore::new(8));
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let honest = Honest::new(version);
        // What the server sends until the handshake is over is some 1,300 bytes.
        for at in (0..1000).step_by(37).chain([1, 2, 5, 6]) {
            for (tampering, want) in [
                (Tampering::Cut(at), Code::ConnectionLost),
                (Tampering::Stop(at), Code::ConnectionTimeout),
                (Tampering::Drip(at), Code::ConnectionTimeout),
            ] {
                let outcome =
                    honest.clone().against(move |stream, context| tamper(stream, context, tampering));
                let few = few.clone();
                all.spawn(async move {
                    // On a busy machine a hundred handshakes at once would not be over in time.
                    let _permit = match want {
                        Code::ConnectionTimeout => None,
                        _ => Some(few.acquire_owned().await.unwrap()),
                    };
                    (format!("{version:?} {tampering:?}"), outcome.await, want)
                });
            }
        }
    }
    check(all).await;
}

async fn a_bit_flipped_anywhere_is_noticed() {
    let mut all = JoinSet::new();
    let few = Arc::new(Semaphore::new(48));
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let honest = Honest::new(version);
        // Every byte would be 2,000 handshakes.
        for at in (1..1000).step_by(11) {
            let outcome =
                honest.clone().against(move |stream, context| tamper(stream, context, Tampering::Flip(at)));
            let few = few.clone();
            all.spawn(async move {
                let _permit = few.acquire_owned().await.unwrap();
                outcome.await
            });
        }
    }
    let mut codes = BTreeMap::<&str, usize>::new();
    for code in all.join_all().await {
        *codes.entry(code.as_str()).or_default() += 1;
    }
    // A length that was made longer is waited for.
    let possible = [
        "encryption_unsupported",
        "certificate_untrusted",
        "protocol_violation",
        "connection_timeout",
        "not_postgresql",
    ];
    assert!(codes.keys().all(|code| possible.contains(code)), "{codes:?}");
}

async fn after_the_handshake() {
    let honest = Honest::new(SslVersion::TLS1_3);
    let mut all = JoinSet::new();
    let parameter = [b"S\0\0\x03\xf6name\0".as_slice(), &[b'x'; 1004], b"\0"].concat();
    for (what, answer, slowly, then, want) in [
        ("closes", vec![], false, Then::Close, Code::ConnectionLost),
        ("says nothing", vec![], false, Then::Wait, Code::ConnectionTimeout),
        ("a message of 2 GB", b"R\x7f\xff\xff\xff".to_vec(), false, Then::Wait, Code::ProtocolViolation),
        (
            "endless parameters",
            [b"R\0\0\0\x08\0\0\0\0".as_slice(), &parameter.repeat(2000)].concat(),
            false,
            Then::Wait,
            Code::ProtocolViolation,
        ),
        ("endless notices", b"N\0\0\0\x05\0".repeat(300_000), false, Then::Wait, Code::ProtocolViolation),
        (
            "a message byte by byte",
            b"E\0\0\0\xffSFATAL\0M".repeat(20),
            true,
            Then::Wait,
            Code::ConnectionTimeout,
        ),
        ("notices, one a second", b"N\0\0\0\x05\0".repeat(100), true, Then::Wait, Code::ConnectionTimeout),
        ("HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), false, Then::Close, Code::NotPostgresql),
        ("a second 'S'", b"S".to_vec(), false, Then::Wait, Code::NotPostgresql),
        ("half a message", b"R\0\0\0\x17\0".to_vec(), false, Then::Close, Code::ConnectionLost),
    ] {
        let answers = move |stream: TcpStream, context| {
            let answer = answer.clone();
            async move {
                let Ok(mut stream) = encrypted(stream, &context).await else { return };
                if slowly {
                    for byte in answer {
                        sleep(Duration::from_secs(1)).await;
                        if stream.write_all(&[byte]).await.is_err() {
                            return;
                        }
                    }
                } else {
                    // The StartupMessage, before anything is said.
                    let _ = stream.read(&mut [0; 1024]).await;
                    let _ = stream.write_all(&answer).await;
                }
                if matches!(then, Then::Close) {
                    return;
                }
                while matches!(stream.read(&mut [0; 1024]).await, Ok(1..)) {}
            }
        };
        let outcome = honest.clone().against(answers);
        all.spawn(async move { (what.to_owned(), outcome.await, want) });
    }
    check(all).await;
}

#[tokio::test]
async fn before_the_handshake() {
    let honest = Honest::new(SslVersion::TLS1_3);
    let closes_at_once = |_: TcpStream, _| async {};
    assert_eq!(honest.clone().against(closes_at_once).await, Code::ConnectionLost);
    let closes_after_request = |mut stream: TcpStream, _| async move {
        stream.read_exact(&mut [0; 8]).await.unwrap();
    };
    assert_eq!(honest.clone().against(closes_after_request).await, Code::ConnectionLost);
    // A ServerHello that nobody asked for, in one packet with 'S': somebody injects (CVE-2021-23222).
    let speaks_first = |mut stream: TcpStream, _| async move {
        stream.read_exact(&mut [0; 8]).await.unwrap();
        stream.write_all(b"S\x16\x03\x03\x00\x02\x02\x00").await.unwrap();
        Then::Wait.end(stream).await;
    };
    assert_eq!(honest.clone().against(speaks_first).await, Code::ProtocolViolation);
    // The address answers 'S' to everything and then speaks PostgreSQL in clear.
    let in_clear = |mut stream: TcpStream, _| async move {
        stream.read_exact(&mut [0; 8]).await.unwrap();
        stream.write_all(b"S").await.unwrap();
        let mut hello = [0; 4096];
        let length = stream.read(&mut hello).await.unwrap();
        assert_eq!(hello[0], 22, "something else than a handshake was sent");
        assert!(!hello[..length].windows(7).any(|window| window == b"secret\0"));
        stream.write_all(b"R\0\0\0\x08\0\0\0\x03").await.unwrap();
        // Whatever comes now is an alert (21), never a password message ('p').
        let length = stream.read(&mut hello).await.unwrap_or(0);
        assert!(length == 0 || hello[0] == 21);
    };
    assert_eq!(honest.clone().against(in_clear).await, Code::EncryptionUnsupported);
}
