//! The public trust store: what the system names, or `SSL_CERT_FILE`.

use super::{
    EXPIRED, Situation, TAKEN, UNTRUSTED, WRONG_HOST,
    certificates::{Draft, pem},
    tried,
};
use std::{env, fs, process::Command};

const HOST: &str = "db.example.com";
/// Set in the process that has a trust store of its own.
const INSIDE: &str = "MYCORR_TEST_TRUST_STORE";

/// The store is named in the environment, which a process can't safely change: this test runs itself again.
#[tokio::test]
async fn stands_where_nothing_is_pasted() {
    if env::var_os(INSIDE).is_some() {
        return inside().await;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut again = Command::new(env::current_exe().unwrap());
    again.args(["--exact", "tls::public::stands_where_nothing_is_pasted", "--nocapture"]).env(INSIDE, "yes");
    again.env("SSL_CERT_FILE", folder.path().join("public.pem")).env("SSL_CERT_DIR", folder.path());
    let output = tokio::task::spawn_blocking(move || again.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn inside() {
    let roots: Vec<_> = (0..20).map(|n| Draft::authority(&format!("Public {n}")).self_signed()).collect();
    let old = Draft::authority("Public of old").valid(-10, -1).self_signed();
    let mut public: Vec<_> = roots.iter().collect();
    public.push(&old);
    let middle = Draft::authority("Middle").signed_by(&roots[7]);
    let private = Draft::authority("Private").self_signed();
    let leaf = Draft::server(HOST).signed_by(&middle);
    let alone = Draft::server(HOST).self_signed();
    fs::write(env::var_os("SSL_CERT_FILE").unwrap(), pem(&public)).unwrap();
    for situation in [
        Situation::new("public: known", HOST, &[&leaf, &middle], &public, TAKEN),
        Situation::new("public: intermediate missing", HOST, &[&leaf], &public, UNTRUSTED),
        Situation::new("public: another host", "x", &[&leaf, &middle], &public, WRONG_HOST),
        Situation::new(
            "public: private authority",
            HOST,
            &[&Draft::server(HOST).signed_by(&private)],
            &public,
            UNTRUSTED,
        ),
        Situation::new("public: self-signed", HOST, &[&alone], &public, UNTRUSTED),
        Situation::new(
            "public: expired root",
            HOST,
            &[&Draft::server(HOST).signed_by(&old)],
            &public,
            EXPIRED,
        ),
        Situation::new(
            "public: expired leaf",
            HOST,
            &[&Draft::server(HOST).valid(-9, -1).signed_by(&roots[0])],
            &public,
            EXPIRED,
        ),
    ] {
        assert_eq!(tried(&situation, false).await, None);
    }
    // A pasted authority replaces the store.
    let ours = Draft::server(HOST).signed_by(&private);
    for situation in [
        Situation::new("public and pasted: of the pasted one", HOST, &[&ours], &[&private], TAKEN),
        Situation::new("public and pasted: of a public one", HOST, &[&leaf, &middle], &[&private], UNTRUSTED),
    ] {
        assert_eq!(tried(&situation, true).await, None);
    }
}
