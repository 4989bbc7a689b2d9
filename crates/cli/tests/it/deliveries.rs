//! What people are told of leaves the house, whatever becomes of the process, and over TLS only to who it is meant for.

use crate::product::{Mycorr, id};
use mycorr_testkit::{Authority, Certified, Cluster, Database, HttpReceiver, Leaf, MailSink};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, time::Duration};
use tempfile::TempDir;

/// How often the process is killed, unless `MYCORR_KILLS` says otherwise.
const KILLS: u64 = 12;

/// A table whose syncs can be made to fail, in a Model with a webhook.
struct Told<'a> {
    mycorr: Mycorr,
    database: Database<'a>,
    model: String,
    table: String,
}

impl<'a> Told<'a> {
    async fn new(environment: &[(String, String)], hook: Option<&str>) -> Told<'a> {
        let cluster = Cluster::shared();
        let database = Database::create(cluster);
        database.sql("CREATE TABLE t (a int)");
        let mycorr = Mycorr::start_with(environment).await;
        let connection = mycorr.connect(cluster, &database, cluster.port()).await;
        let model = mycorr.model().await;
        let table = mycorr.import(&model, &connection, "t").await["table_id"].as_str().unwrap().to_owned();
        if let Some(url) = hook {
            let path = format!("/models/{model}/webhook");
            let (status, set) = mycorr.ask(Method::PUT, &path, Some(json!({"url": url}))).await;
            assert!(status.is_success(), "{set:#}");
        }
        Self { mycorr, database, model, table }
    }

    /// The end of the job makes a notice: each failure follows a success.
    async fn sync(&self, fails: bool) {
        self.database.sql(if fails { "DROP TABLE t" } else { "CREATE TABLE t (a int)" });
        let started = self.mycorr.post(&format!("/tables/{}/sync", self.table), json!({})).await;
        let job = self.mycorr.finish(&id(&started["job"])).await;
        assert_eq!(job["state"], if fails { "failed" } else { "succeeded" }, "{job:#}");
    }

    async fn notices(&self) -> Vec<Value> {
        let mut found = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.mycorr.get(&format!("/notices?limit=100{after}")).await;
            found.extend(page["items"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next"].as_str() else { return found };
            after = format!("&after={next}");
        }
    }

    /// The newest delivery of the webhook, once it was tried.
    async fn tried(&self) -> Value {
        loop {
            let hook = self.mycorr.get(&format!("/models/{}/webhook", self.model)).await;
            let delivery = &hook["deliveries"][0];
            if delivery["attempts"].as_u64() > Some(0)
                && (delivery["problem"] != json!(null) || delivery["state"] != "pending")
            {
                return delivery.clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Each kill comes a little later after the end of a job: before its delivery, in the middle of it, after it.
#[tokio::test(flavor = "multi_thread")]
async fn every_notice_arrives_under_one_id_however_often_the_process_is_killed() {
    let kills = std::env::var("MYCORR_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let receiver = HttpReceiver::start().await;
    let mut it = Told::new(&[], Some(&receiver.url("/hook"))).await;
    for n in 0..kills {
        it.sync(n % 2 == 0).await;
        if n % 9 == 0 {
            receiver.answer_next(500);
        }
        tokio::time::sleep(Duration::from_millis(n * 131 % 1_200)).await;
        it.mycorr.kill();
        it.mycorr.start_again().await;
    }
    let told = it.notices().await;
    assert_eq!(told.len() as u64, kills);
    let mut told: Vec<String> = told.iter().map(id).collect();
    told.sort();
    // What was under way at a kill is tried again when the time that an attempt may take is over.
    let mut received = BTreeMap::new();
    for _ in 0..4_000 {
        for request in receiver.requests() {
            let key = request.header("webhook-id").to_owned();
            let body = received.entry(key).or_insert_with(|| request.body.clone());
            assert_eq!(*body, request.body, "each time the same");
        }
        if received.len() == told.len() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(received.into_keys().collect::<Vec<_>>(), told);
    mycorr_testkit::counted(&format!(
        "{kills} kills, {} notices in {} requests",
        told.len(),
        receiver.requests().len()
    ));
}

/// A certificate for 127.0.0.1 and what a process has to be told to trust its authority.
struct Trusted {
    authority: Authority,
    folder: TempDir,
}

impl Trusted {
    fn new() -> Self {
        let (authority, folder) = (Authority::new("Post office"), tempfile::tempdir().unwrap());
        fs::write(folder.path().join("roots.pem"), authority.pem()).unwrap();
        Self { authority, folder }
    }

    fn environment(&self) -> Vec<(String, String)> {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        vec![("SSL_CERT_FILE".into(), file("roots.pem")), ("SSL_CERT_DIR".into(), file("none"))]
    }

    fn mail(&self, url: &str) -> Vec<(String, String)> {
        let mut environment = self.environment();
        environment.extend(
            [
                ("MYCORR_SMTP_URL", url),
                ("MYCORR_MAIL_FROM", "Mycorr <mycorr@example.com>"),
                ("MYCORR_PUBLIC_URL", "https://mycorr.example.com"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        environment
    }
}

fn expired(authority: &Authority) -> Certified {
    authority.issue(&Leaf { valid_from: -9, valid_to: -1, ..Leaf::default() })
}

fn of_another_host(authority: &Authority) -> Certified {
    authority.issue(&Leaf { dns: &["elsewhere.example.com"], ips: &[], ..Leaf::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn webhook_goes_over_tls_only_to_who_proves_its_name() {
    let trusted = Trusted::new();
    let own = Authority::new("Somebody's own").issue(&Leaf::default());
    let cases = [
        (trusted.authority.issue(&Leaf::default()), None),
        (own, Some(("certificate_untrusted", "is not trusted"))),
        (expired(&trusted.authority), Some(("certificate_expired", "has expired"))),
        (
            of_another_host(&trusted.authority),
            Some(("certificate_wrong_host", "is for another name than 127.0.0.1")),
        ),
    ];
    for (certified, refused) in cases {
        let receiver = HttpReceiver::start_tls(&certified).await;
        let it = Told::new(&trusted.environment(), Some(&receiver.url("/hook"))).await;
        it.sync(true).await;
        let delivery = it.tried().await;
        match refused {
            None => {
                assert_eq!((&delivery["state"], &delivery["status"]), (&json!("delivered"), &json!(204)));
                assert_eq!(receiver.requests()[0].header("webhook-id"), id(&it.notices().await[0]));
            }
            Some((code, words)) => {
                assert_eq!(
                    (&delivery["state"], &delivery["problem"]["code"]),
                    (&json!("pending"), &json!(code))
                );
                let problem = &delivery["problem"];
                assert!(problem["detail"].as_str().unwrap().contains(words), "{problem:#}");
                assert_eq!(receiver.requests().len(), 0, "nothing was sent");
            }
        }
    }
    // Who speaks no TLS where it was asked for waits for a request that never comes.
    let plain = HttpReceiver::start().await;
    let it = Told::new(&trusted.environment(), Some(&plain.url("/hook").replace("http:", "https:"))).await;
    it.sync(true).await;
    assert_eq!(it.tried().await["problem"]["code"], "connection_timeout");
    assert_eq!(plain.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_over_tls_only_to_who_proves_its_name() {
    let trusted = Trusted::new();
    let own = Authority::new("Somebody's own").issue(&Leaf::default());
    for implicit in [false, true] {
        let cases = [
            (trusted.authority.issue(&Leaf::default()), None),
            (own.clone(), Some("certificate_untrusted")),
            (expired(&trusted.authority), Some("certificate_expired")),
            (of_another_host(&trusted.authority), Some("certificate_wrong_host")),
        ];
        for (certified, refused) in cases {
            let Some(sink) = MailSink::start_tls(&certified, implicit) else { return };
            let it = Told::new(&trusted.mail(&sink.url()), None).await;
            it.sync(true).await;
            let Some(code) = refused else {
                sink.wait_for("The sync of t failed").await;
                continue;
            };
            // Mail has no log of deliveries for people: the operator's log says why.
            let line = format!("code=\"{code}\"");
            for _ in 0..400 {
                if it.mycorr.log().contains(&line) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let log = it.mycorr.log();
            let told = log.lines().find(|line| line.contains("a notice was not delivered"));
            assert!(told.is_some_and(|told| told.contains(code)), "{implicit} {code}: {told:?}");
            assert_eq!(sink.mails().len(), 0, "nothing was sent");
        }
    }
    // Encryption that is required and not offered.
    let Some(plain) = MailSink::start() else { return };
    let it = Told::new(&trusted.mail(&format!("{}?tls=required", plain.url())), None).await;
    it.sync(true).await;
    for _ in 0..400 {
        if it.mycorr.log().contains("encryption_unsupported") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(it.mycorr.log().contains("encryption_unsupported"));
    assert_eq!(plain.mails().len(), 0);
}
