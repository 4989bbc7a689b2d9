//! TLS as libpq: every situation is tried with the installed `psql` under `sslmode=verify-full` and with Mycorr,
//! against the same server, and both must come to the same verdict or stand in [`DIFFERENCES`].

mod binding;
mod certificates;
mod chains;
mod hostile;
mod keys;
mod manual;
mod names;
mod pasted;
mod providers;
mod public;
mod server;

use crate::support::unsaved;
use async_trait::async_trait;
use certificates::{Certified, pem};
use mycorr_domain::{Code, DatabaseName, Endpoint, Port, Problem, RoleName, Secret};
use mycorr_egress::{Dialer, Host, Resolver};
use mycorr_pgread::{
    Client, Target,
    tls::{CaCertificate, ProviderRoots},
};
use mycorr_testkit::{Cluster, counted};
use openssl::ssl::SslVersion;
use server::{REACHED, Seen, Shown, TlsServer};
use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{sync::Semaphore, task::JoinSet};

/// Where the verdicts differ, what Mycorr's is, and why that is right. Nothing else may differ, and these must.
const DIFFERENCES: &[(&str, &str)] = &[
    // Mycorr takes the root's dot off a host: both spellings are one name (RFC 1034), and certificates have no such
    // dot (RFC 5280).
    ("name: host with the root's dot", "taken"),
    ("name: root's dot on both sides", "refused"),
    // Mycorr maps a host as browsers do (UTS #46); certificates hold the mapped form (RFC 5280). libpq compares bytes.
    ("name: Unicode host, punycode certificate", "taken"),
    ("name: Unicode host, UTF-8 common name", "refused"),
    // What comes from a mail or an editor.
    ("pasted: indented", "taken"),
    // A private key has no place in a form, nor has a megabyte.
    ("pasted: private key behind", "refused"),
    ("pasted: private key before", "refused"),
    ("pasted: private key indented", "refused"),
    ("pasted: private key of old", "refused"),
    ("pasted: private key encrypted", "refused"),
    ("pasted: more than 1 MiB", "refused"),
    // Trust settings of OpenSSL's own make an intermediate an anchor for libpq. Mycorr asks for the root.
    ("pasted: trusted certificate, an intermediate", "refused"),
];

/// What a server shows to a client that trusts something and wants to reach a host.
struct Situation {
    what: String,
    /// As a person types it.
    host: String,
    shown: Shown,
    /// PEM, the same text for both.
    trusted: String,
    /// Mycorr's verdict: the code of a refusal.
    verdict: Result<(), Code>,
}

impl Situation {
    /// The server shows `chain`, its own certificate first, and has that one's key.
    fn new(
        what: impl Into<String>,
        host: &str,
        chain: &[&Certified],
        trusted: &[&Certified],
        verdict: Result<(), Code>,
    ) -> Self {
        Self {
            what: what.into(),
            host: host.into(),
            shown: Shown {
                chain: chain.iter().map(|one| one.certificate.clone()).collect(),
                key: chain[0].key.clone(),
                versions: (SslVersion::TLS1_2, SslVersion::TLS1_3),
                asks_for_certificate: false,
            },
            trusted: pem(trusted),
            verdict,
        }
    }

    fn versions(mut self, least: SslVersion, most: SslVersion) -> Self {
        self.shown.versions = (least, most);
        self
    }
}

const TAKEN: Result<(), Code> = Ok(());
const UNTRUSTED: Result<(), Code> = Err(Code::CertificateUntrusted);
const EXPIRED: Result<(), Code> = Err(Code::CertificateExpired);
const NOT_YET_VALID: Result<(), Code> = Err(Code::CertificateNotYetValid);
const WRONG_HOST: Result<(), Code> = Err(Code::CertificateWrongHost);
const NO_ENCRYPTION: Result<(), Code> = Err(Code::EncryptionUnsupported);

/// Tries them all, and panics with a list of what was not as it should be.
async fn compare(situations: Vec<Situation>) {
    let few = Arc::new(Semaphore::new(8));
    let mut running = JoinSet::new();
    let count = situations.len();
    for situation in situations {
        let few = few.clone();
        running.spawn(async move {
            let _permit = few.acquire_owned().await.unwrap();
            tried(&situation, true).await
        });
    }
    static SO_FAR: AtomicUsize = AtomicUsize::new(0);
    let so_far = SO_FAR.fetch_add(count, Ordering::Relaxed) + count;
    counted(&format!("{count} certificate situations against psql, {so_far} so far"));
    let complaints: Vec<String> = running.join_all().await.into_iter().flatten().collect();
    assert!(complaints.is_empty(), "{} of {count}:\n{}", complaints.len(), complaints.join("\n"));
}

/// What is wrong with the outcome of one situation. With `paste` Mycorr is given the CA, else it has the public store.
async fn tried(situation: &Situation, paste: bool) -> Option<String> {
    let Situation { what, host, shown, trusted, verdict } = situation;
    let literal = Host::parse(host).unwrap().address();
    let address = literal.map_or_else(|| "127.0.0.1".into(), |address| address.to_canonical().to_string());
    let server = TlsServer::start(&address, shown).await;

    let said = psql(host, &address, server.port, trusted).await;
    let libpq = server.seen();
    // Without a line from the server, a refusal was not told from a server that was never asked.
    let [libpq] = &libpq[..] else { return Some(format!("{what}: psql did not connect: {said}")) };
    if libpq.went_on != said.contains("the certificate was taken") {
        return Some(format!("{what}: psql says {said}"));
    }
    let outcome = connect(host, server.port, paste.then_some(trusted.as_str())).await;
    let ours = server.seen().get(1).cloned().unwrap_or_default();
    if outcome.is_ok() != ours.went_on {
        return Some(format!("{what}: Mycorr says {outcome:?}, the server saw {ours:?}"));
    }
    let code = outcome.as_ref().map(|_| ()).map_err(|problem| problem.code);
    let told = outcome.map_or_else(|problem| problem.to_string(), |()| "the certificate was taken".into());
    if code != *verdict {
        return Some(format!("{what}: Mycorr: {told}; wanted {verdict:?}; {said}"));
    }
    let ours_is = if ours.went_on { "taken" } else { "refused" };
    let listed = DIFFERENCES.contains(&(what.as_str(), ours_is));
    let differs = libpq.went_on != ours.went_on;
    (differs != listed || !differs && !same_name(libpq, &ours))
        .then(|| format!("{what}: Mycorr: {told} ({ours:?}), {said} ({libpq:?}); listed: {listed}"))
}

/// Both ask for the same name (SNI), as far as the handshake came.
fn same_name(libpq: &Seen, ours: &Seen) -> bool {
    let lower = |seen: &Seen| seen.name.as_ref().map(|name| name.to_ascii_lowercase());
    !libpq.went_on || lower(libpq) == lower(ours)
}

/// What psql printed.
async fn psql(host: &str, address: &str, port: u16, trusted: &str) -> String {
    let program = Cluster::shared().program("psql");
    let home = tempfile::tempdir().unwrap();
    let roots = home.path().join("roots.pem");
    std::fs::write(&roots, trusted).unwrap();
    // Whatever this machine's default is: Mycorr's own security level.
    let settings = home.path().join("openssl.cnf");
    std::fs::write(&settings, OPENSSL_CONF).unwrap();
    let quote = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    let conninfo = format!(
        "host='{}' hostaddr='{address}' port={port} user=u dbname=d sslmode=verify-full sslrootcert='{}' \
         gssencmode=disable connect_timeout=20",
        quote(host),
        quote(path(&roots)),
    );
    tokio::task::spawn_blocking(move || {
        let mut command = Command::new(program);
        command.args(["-X", "-w", "-c", "SELECT 1", "-d", &conninfo]).env_clear();
        command.env("HOME", home.path()).env("OPENSSL_CONF", settings).env("LC_ALL", "C.UTF-8");
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).trim().to_owned()
    })
    .await
    .unwrap()
}

const OPENSSL_CONF: &str =
    "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nCipherString = DEFAULT@SECLEVEL=2\n";

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// `Ok` if Mycorr went on to its StartupMessage.
async fn connect(host: &str, port: u16, trusted: Option<&str>) -> Result<(), Problem> {
    connect_with(host, port, trusted, ProviderRoots::default()).await
}

async fn connect_with(
    host: &str,
    port: u16,
    trusted: Option<&str>,
    provider_roots: ProviderRoots,
) -> Result<(), Problem> {
    let ca_certificate = trusted.map(CaCertificate::parse).transpose()?;
    let target = Target {
        endpoint: Endpoint {
            // As `engine` stores it.
            host: Host::parse(host).unwrap().to_string(),
            port: Port::parse(port.into()).unwrap(),
            database: DatabaseName::parse("d").unwrap(),
            username: RoleName::parse("u").unwrap(),
            encrypted: true,
        },
        password: Secret::new("secret".into()),
        ca_certificate,
        provider_roots,
    };
    match Client::connect(&dialer(), &target, unsaved()).await {
        Ok(_) => panic!("a server that only reports errors let us in"),
        Err(problem) if problem.detail.contains(REACHED) => Ok(()),
        Err(problem) => Err(problem),
    }
}

/// Every name leads to this machine.
struct Loopback;

#[async_trait]
impl Resolver for Loopback {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![Ipv4Addr::LOCALHOST.into()])
    }
}

fn dialer() -> Dialer {
    let allowed = "127.0.0.0/8, ::1, ::ffff:127.0.0.0/104, localhost";
    Dialer::with_resolver(allowed.parse().unwrap(), Arc::new(Loopback))
}
