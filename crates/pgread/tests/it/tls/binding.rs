//! SCRAM bound to the channel (RFC 5929 tls-server-end-point): who decrypts and encrypts again in between is
//! found out by the server, even with a certificate that is valid for the host.

use super::certificates::{Certified, Draft, any_key, ec_key, pem};
use crate::support::{dialer, target_at, unsaved};
use mycorr_domain::{Code, Problem};
use mycorr_pgread::{Client, tls::CaCertificate};
use mycorr_testkit::{Certified as Installed, Cluster, Database, Options};
use openssl::{
    hash::MessageDigest,
    nid::Nid,
    pkey::{Id, PKey},
    pkey_ctx::PkeyCtx,
    rsa::Rsa,
    ssl::{Ssl, SslContext, SslMethod, SslVersion},
};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_openssl::SslStream;

type Mechanisms = fn(&[&str]) -> Vec<String>;

fn as_offered(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Decrypts with `shown`, and encrypts again towards the server.
struct Relay {
    port: u16,
    /// SASLInitialResponse: the mechanism that was chosen, and the GS2 header (`p=…`, `y` or `n`).
    chosen: Arc<Mutex<Option<(String, String)>>>,
}

impl Relay {
    async fn start(cluster: &Cluster, shown: &Certified, change: Mechanisms) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let chosen = Arc::<Mutex<Option<(String, String)>>>::default();
        let (server, noted) = (cluster.port(), chosen.clone());
        let context = super::server::Shown {
            chain: vec![shown.certificate.clone()],
            key: shown.key.clone(),
            versions: (SslVersion::TLS1_2, SslVersion::TLS1_3),
            asks_for_certificate: false,
        };
        let context = context.context();
        tokio::spawn(async move {
            let (client, _) = listener.accept().await.unwrap();
            relay(client, &context, server, change, &noted).await;
        });
        Self { port, chosen }
    }

    fn chosen(&self) -> (String, String) {
        self.chosen.lock().unwrap().clone().expect("SCRAM was not begun")
    }
}

#[allow(clippy::disallowed_methods, reason = "the relay is the attacker, who dials as it likes")]
async fn relay(
    client: TcpStream,
    context: &SslContext,
    server: u16,
    change: Mechanisms,
    chosen: &Mutex<Option<(String, String)>>,
) -> Option<()> {
    let mut client = super::server::encrypted(client, context).await.ok()?;
    let mut server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
    server.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await.unwrap();
    let mut answer = [0];
    server.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"S");
    let trusting = SslContext::builder(SslMethod::tls_client()).unwrap().build();
    let mut server = Box::pin(SslStream::new(Ssl::new(&trusting).unwrap(), server).unwrap());
    server.as_mut().connect().await.unwrap();

    let length = client.read_u32().await.ok()?;
    let mut startup = vec![0; length as usize - 4];
    client.read_exact(&mut startup).await.ok()?;
    server.write_all(&[&length.to_be_bytes(), &startup[..]].concat()).await.unwrap();

    // AuthenticationSASL: the code 10, then the mechanisms, each with a NUL behind it, and a last NUL.
    let (tag, body) = message(&mut server).await?;
    assert_eq!((tag, &body[..4]), (b'R', &[0, 0, 0, 10][..]));
    let offered = String::from_utf8(body[4..].to_vec()).unwrap();
    let offered: Vec<_> = offered.split_terminator('\0').filter(|name| !name.is_empty()).collect();
    let mut body = vec![0, 0, 0, 10];
    for name in change(&offered) {
        body.extend(name.into_bytes());
        body.push(0);
    }
    body.push(0);
    send(&mut client, b'R', &body).await?;

    let (tag, body) = message(&mut client).await?;
    let text = String::from_utf8_lossy(&body).into_owned();
    let (mechanism, rest) = text.split_once('\0')?;
    // Behind the mechanism: 4 bytes of length, then the GS2 header.
    let header = rest.chars().skip(4).collect::<String>();
    *chosen.lock().unwrap() = Some((mechanism.to_owned(), header.split(',').next()?.to_owned()));
    send(&mut server, tag, &body).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await.ok().map(drop)
}

async fn message(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<(u8, Vec<u8>)> {
    let tag = stream.read_u8().await.ok()?;
    let mut body = vec![0; stream.read_u32().await.ok()? as usize - 4];
    stream.read_exact(&mut body).await.ok()?;
    Some((tag, body))
}

async fn send(stream: &mut (impl AsyncWriteExt + Unpin), tag: u8, body: &[u8]) -> Option<()> {
    stream.write_all(&[&[tag][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()).await.ok()
}

/// A cluster whose certificate can be taken by whoever stands in between, too.
struct Bound {
    cluster: Cluster,
}

impl Bound {
    fn new() -> Self {
        Self { cluster: Cluster::start(&Options::default()) }
    }

    fn install(&self, one: &Certified) {
        let key = String::from_utf8(one.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        self.cluster.replace_certificate(&Installed { certificate: pem(&[one]), key });
    }

    async fn sign_in(&self, database: &Database<'_>, port: u16, trusted: &Certified) -> Result<(), Problem> {
        let mut target = target_at(&self.cluster, database, port);
        target.ca_certificate = Some(CaCertificate::parse(&pem(&[trusted])).unwrap());
        let client = Client::connect(&dialer(), &target, unsaved()).await?;
        client.close().await;
        Ok(())
    }
}

fn localhost() -> Draft {
    Draft::server("localhost")
}

#[tokio::test]
async fn every_kind_of_certificate_is_bound() {
    let bound = Bound::new();
    let database = Database::create(&bound.cluster);
    let rsa = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let pss = {
        let mut context = PkeyCtx::new_id(Id::RSA_PSS).unwrap();
        context.keygen_init().unwrap();
        context.set_rsa_keygen_bits(2048).unwrap();
        context.keygen().unwrap()
    };
    let rsa_root = Draft::authority("RSA root").key(&rsa).self_signed();
    for (what, one, trusted, mechanism, header) in [
        ("EC, SHA-256", localhost().self_signed(), None, PLUS, BOUND),
        (
            "EC P-384, SHA-384",
            localhost().key(&ec_key(Nid::SECP384R1)).digest(MessageDigest::sha384()).self_signed(),
            None,
            PLUS,
            BOUND,
        ),
        ("RSA, SHA-256", localhost().key(&rsa).self_signed(), None, PLUS, BOUND),
        (
            "RSA, SHA-512",
            localhost().key(&rsa).digest(MessageDigest::sha512()).self_signed(),
            None,
            PLUS,
            BOUND,
        ),
        ("RSA, SHA-1", localhost().key(&rsa).digest(MessageDigest::sha1()).self_signed(), None, PLUS, BOUND),
        ("RSA, MD5", localhost().key(&rsa).digest(MessageDigest::md5()).self_signed(), None, PLUS, BOUND),
        (
            "EC, signed with RSA and SHA-384",
            localhost().digest(MessageDigest::sha384()).signed_by(&rsa_root),
            Some(&rsa_root),
            PLUS,
            BOUND,
        ),
        ("RSA-PSS, SHA-256", localhost().key(&pss).self_signed(), None, PLUS, BOUND),
        (
            "RSA-PSS, SHA-512",
            localhost().key(&pss).digest(MessageDigest::sha512()).self_signed(),
            None,
            PLUS,
            BOUND,
        ),
        // The digest that RFC 5929 asks for does not exist: PostgreSQL itself can't compute the binding.
        ("Ed25519", localhost().key(&PKey::generate_ed25519().unwrap()).self_signed(), None, PLAIN, "n"),
    ] {
        bound.install(&one);
        // The relay has the server's own certificate and key: what it hears is what a direct connection says.
        let relay = Relay::start(&bound.cluster, &one, as_offered).await;
        let outcome = bound.sign_in(&database, relay.port, trusted.unwrap_or(&one)).await;
        assert_eq!(outcome, Ok(()), "{what}");
        assert_eq!(relay.chosen(), (mechanism.to_owned(), header.to_owned()), "{what}");
        assert_eq!(
            bound.sign_in(&database, bound.cluster.port(), trusted.unwrap_or(&one)).await,
            Ok(()),
            "{what}"
        );
    }
}

const PLUS: &str = "SCRAM-SHA-256-PLUS";
const PLAIN: &str = "SCRAM-SHA-256";
const BOUND: &str = "p=tls-server-end-point";

#[tokio::test]
async fn who_stands_in_between_is_found_out() {
    let bound = Bound::new();
    let database = Database::create(&bound.cluster);
    let root = Draft::authority("Root").self_signed();
    let real = localhost().signed_by(&root);
    let stolen = localhost().key(&any_key()).signed_by(&root);
    bound.install(&real);

    let relay = Relay::start(&bound.cluster, &stolen, as_offered).await;
    let problem = bound.sign_in(&database, relay.port, &root).await.unwrap_err();
    assert_eq!(problem.code, Code::AuthenticationFailed);
    assert!(problem.detail.contains("another certificate"), "{problem}");
    assert_eq!(relay.chosen().0, PLUS);
    assert!(bound.cluster.log().contains("SCRAM channel binding check failed"));

    // The relay hides that the server can bind: the server learns that we could have.
    let without: Mechanisms =
        |names| names.iter().filter(|name| **name != PLUS).map(|name| (*name).to_owned()).collect();
    let relay = Relay::start(&bound.cluster, &stolen, without).await;
    let problem = bound.sign_in(&database, relay.port, &root).await.unwrap_err();
    assert_eq!(problem.code, Code::AuthenticationFailed);
    assert!(problem.detail.contains("another certificate"), "{problem}");
    assert_eq!(relay.chosen(), (PLAIN.to_owned(), "y".to_owned()));
    assert!(bound.cluster.log().contains("SCRAM channel binding negotiation error"));

    // A server that offers nothing but PLUS is fine.
    let only: Mechanisms =
        |names| names.iter().filter(|name| **name == PLUS).map(|name| (*name).to_owned()).collect();
    let relay = Relay::start(&bound.cluster, &real, only).await;
    assert_eq!(bound.sign_in(&database, relay.port, &root).await, Ok(()));
}
