//! What people are told of: in the page, by webhook and by mail.

use crate::{Caller, PASSWORD, World, models::imported};
use mycorr_engine::{MailServer, MailSettings, Mailer};
use mycorr_server::Settings;
use mycorr_testkit::{HttpReceiver, MailSink};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// A table whose syncs can be made to fail.
struct Told {
    world: World,
    ada: Caller,
    model: String,
    table: String,
}

impl Told {
    async fn new(world: World) -> Self {
        world.database.sql("CREATE TABLE t (a int)");
        let ada = world.user("ada").await;
        let begun = imported(&world, &ada, "t").await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (model, table) = (text(&begun["table"]["model_id"]), text(&begun["table"]["id"]));
        Self { world, ada, model, table }
    }

    async fn sync(&self, state: &str) {
        let begun = self.ada.post(&format!("/tables/{}/sync", self.table), json!({})).await;
        let begun = begun.is(StatusCode::ACCEPTED).await;
        assert_eq!(self.ada.follow(&begun["job"]).await["state"], state);
    }

    async fn fail(&self) {
        self.world.database.sql("DROP TABLE IF EXISTS t");
        self.sync("failed").await;
    }

    async fn recover(&self) {
        self.world.database.sql("CREATE TABLE t (a int)");
        self.sync("succeeded").await;
    }

    async fn share(&self, email: &str, access: &str) {
        let body = json!({"email": email, "access": access});
        self.put(&self.ada, "members", body).await.ok().await;
    }

    async fn put(&self, who: &Caller, of: &str, body: Value) -> crate::Answer {
        who.send(who.with_body(Method::PUT, &format!("/models/{}/{of}", self.model), &body)).await
    }

    async fn webhook(&self) -> Value {
        self.ada.get(&format!("/models/{}/webhook", self.model)).await.ok().await
    }
}

async fn notices(who: &Caller) -> (Vec<Value>, Value) {
    let listed = who.get("/notices").await.ok().await;
    (listed["items"].as_array().unwrap().clone(), listed["unread"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_told_in_the_page_until_they_are_read() {
    let it = Told::new(World::new().await).await;
    let (bob, eve) = (it.world.user("bob").await, it.world.user("eve").await);
    it.share("bob@example.org", "collaborator").await;
    it.fail().await;
    it.fail().await;
    it.recover().await;
    let (told, unread) = notices(&it.ada).await;
    let kinds: Vec<_> = told.iter().map(|notice| notice["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds, unread), (vec!["sync_recovered", "sync_failed"], json!(2)));
    let failed = &told[1];
    assert_eq!((&failed["code"], &failed["table_name"]), (&json!("table_not_found"), &json!("t")));
    assert_eq!((&failed["model_id"], &failed["table_id"]), (&json!(it.model), &json!(it.table)));
    // A collaborator is told what happened, and nothing of the source.
    let (bobs, _) = notices(&bob).await;
    assert_eq!(bobs.len(), 3);
    assert_eq!((&bobs[2]["kind"], &bobs[2]["actor"]), (&json!("shared"), &json!("ada")));
    assert_eq!(bobs[1]["id"], failed["id"], "one notice, told to both");
    assert!(!json!(bobs).to_string().contains("public"));

    let read = format!("/notices/{}/read", failed["id"].as_str().unwrap());
    eve.post(&read, json!({})).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    it.ada.post(&read, json!({})).await.is(StatusCode::NO_CONTENT).await;
    let (told, unread) = notices(&it.ada).await;
    assert!(told[1]["read_at"].is_string() && told[0]["read_at"].is_null());
    assert_eq!(unread, 1);
    it.ada.post("/notices/read", json!({})).await.is(StatusCode::NO_CONTENT).await;
    assert_eq!(notices(&it.ada).await.1, 0);
    assert_eq!(notices(&bob).await.1, 3);
    assert_eq!(notices(&eve).await.0, Vec::<Value>::new());
    let first = it.ada.get("/notices?limit=1").await.ok().await;
    let next = first["next"].as_str().unwrap();
    let second = it.ada.get(&format!("/notices?limit=1&after={next}")).await.ok().await;
    assert_eq!((&second["items"][0]["id"], &second["next"]), (&failed["id"], &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn webhook_gets_what_it_wants_and_is_tried_again() {
    let receiver = HttpReceiver::start().await;
    let it = Told::new(World::allowing(&format!("127.0.0.1:{}", receiver.port())).await).await;
    let (bob, eve) = (it.world.user("bob").await, it.world.user("eve").await);
    it.share("bob@example.org", "collaborator").await;
    let fine = json!({"url": receiver.url("/hook?x=1"), "kinds": ["sync_failed"]});

    for (who, status, code) in
        [(&eve, StatusCode::NOT_FOUND, "not_found"), (&bob, StatusCode::FORBIDDEN, "forbidden")]
    {
        it.put(who, "webhook", fine.clone()).await.problem(status, code).await;
        who.get(&format!("/models/{}/webhook", it.model)).await.problem(status, code).await;
        who.delete(&format!("/models/{}/webhook", it.model)).await.problem(status, code).await;
    }
    it.ada
        .get(&format!("/models/{}/webhook", it.model))
        .await
        .problem(StatusCode::NOT_FOUND, "not_found")
        .await;
    for (bad, field) in [
        (json!({"url": "nonsense"}), "url"),
        (json!({"url": "ftp://example.com/"}), "url"),
        (json!({"url": "https://u:p@example.com/"}), "url"),
        (json!({"url": "https://example.com/", "kinds": []}), "kinds"),
        (json!({"url": "https://example.com/", "kinds": ["nonsense"]}), "kinds[0]"),
        (json!({}), "url"),
    ] {
        let problem = it.put(&it.ada, "webhook", bad.clone()).await;
        let problem = problem.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
        assert_eq!(problem["fields"][0]["field"], field, "{bad}");
    }
    for private in [
        "http://127.0.0.1:9/",
        "http://10.0.0.1/",
        "http://localhost/",
        "http://[::1]/",
        "http://0x7f.1/",
        "http://169.254.169.254/latest",
    ] {
        let refused = it.put(&it.ada, "webhook", json!({"url": private})).await;
        let refused = refused.is(StatusCode::UNPROCESSABLE_ENTITY).await;
        assert!(
            matches!(refused["code"].as_str(), Some("private_address" | "invalid")),
            "{private}: {refused}"
        );
    }

    let secret = it.put(&it.ada, "webhook", fine).await.ok().await;
    assert!(secret["secret"].as_str().unwrap().starts_with("whsec_"));
    let shown = it.webhook().await;
    assert_eq!((&shown["kinds"], &shown["deliveries"]), (&json!(["sync_failed"]), &json!([])));
    assert!(!shown.to_string().contains(secret["secret"].as_str().unwrap()), "shown once");

    receiver.answer_next(500);
    it.fail().await;
    let first = receiver.wait_for(1).await.remove(0);
    let failed = loop {
        let delivery = it.webhook().await["deliveries"][0].clone();
        if delivery["status"] == 500 {
            break delivery;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!((&failed["state"], &failed["attempts"]), (&json!("pending"), &json!(1)));
    assert!(failed["next_attempt_at"].is_string());
    assert!(failed["problem"]["detail"].as_str().unwrap().contains("500"));
    // A redirect leads where nobody has looked.
    receiver.answer_next(302);
    let again = format!("/models/{}/webhook/redeliver/{}", it.model, failed["id"].as_str().unwrap());
    bob.post(&again, json!({})).await.problem(StatusCode::FORBIDDEN, "forbidden").await;
    it.ada.post(&again, json!({})).await.is(StatusCode::ACCEPTED).await;
    receiver.wait_for(2).await;
    it.ada.post(&again, json!({})).await.is(StatusCode::ACCEPTED).await;
    let requests = receiver.wait_for(3).await;
    let told = notices(&it.ada).await.0;
    for request in &requests {
        assert_eq!(request.header("webhook-id"), told[0]["id"].as_str().unwrap());
        assert_eq!(request.body, first.body);
        assert_eq!(request.line, "POST /hook?x=1 HTTP/1.1");
    }
    let body: Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!((&body["type"], &body["data"]["table_id"]), (&json!("sync_failed"), &json!(it.table)));
    it.recover().await;
    it.fail().await;
    // The recovery was not wanted.
    let requests = receiver.wait_for(4).await;
    assert!(requests[3].body.contains("sync_failed"));
    it.ada.delete(&format!("/models/{}/webhook", it.model)).await.is(StatusCode::NO_CONTENT).await;
    it.ada
        .get(&format!("/models/{}/webhook", it.model))
        .await
        .problem(StatusCode::NOT_FOUND, "not_found")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_brings_notices_new_passwords_and_invitations() {
    let Some(sink) = MailSink::start() else { return };
    let mailer = Mailer::new(MailServer::parse(&sink.url()).unwrap(), "Mycorr <mycorr@example.com>").unwrap();
    let public_url = "https://mycorr.example.com".to_owned();
    let mail = MailSettings { mailer, public_url: public_url.clone() };
    let settings = Settings { public_url: Some(public_url), ..Settings::default() };
    let it = Told::new(
        World::begin(
            settings,
            "",
            mycorr_engine::SignUp::Open,
            mycorr_engine::SignInProviders::default(),
            Some(mail),
        )
        .await,
    )
    .await;
    let token = |mail: &str, page: &str| -> String {
        let start = format!("https://mycorr.example.com/{page}/");
        let rest = &mail[mail.find(&start).unwrap() + start.len()..];
        rest.split_whitespace().next().unwrap().to_owned()
    };

    it.fail().await;
    let told = notices(&it.ada).await.0[0].clone();
    let mail = sink.wait_for("The sync of t failed").await;
    for part in [
        &format!("<{}@example.com>", told["id"].as_str().unwrap()),
        "To: ada@example.org",
        "From: Mycorr <mycorr@example.com>",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "Table not found",
        &format!("https://mycorr.example.com/models/{}?table={}", it.model, it.table),
    ] {
        assert!(mail.contains(part), "{part}: {mail}");
    }

    // Whoever asks, for whomever.
    for who in ["ada@example.org", "nobody@example.org"] {
        let asked = it.world.nobody().post("/password-resets", json!({"email": who})).await;
        asked.is(StatusCode::ACCEPTED).await;
    }
    let mail = sink.wait_for("Set a new password").await;
    let path = format!("/password-resets/{}", token(&mail, "password-reset"));
    let new = json!({"password": "another sentence to keep"});
    it.world.nobody().post(&path, new.clone()).await.is(StatusCode::NO_CONTENT).await;
    it.world.nobody().post(&path, new).await.problem(StatusCode::NOT_FOUND, "not_found").await;
    let form = json!({"email": "ada@example.org", "password": PASSWORD});
    it.world.nobody().post("/sign-in", form).await.problem(StatusCode::UNAUTHORIZED, "sign_in_failed").await;

    let invited = it.ada.post("/invites", json!({"email": "new@example.org"})).await;
    let invited = invited.is(StatusCode::CREATED).await;
    let mail = sink.wait_for("To: new@example.org").await;
    let secret = token(&mail, "invite");
    assert_eq!(invited["url"], format!("https://mycorr.example.com/invite/{secret}"));
    let form = json!({"name": "New", "email": "new@example.org", "password": PASSWORD, "invite": secret});
    it.world.nobody().post("/sign-up", form).await.is(StatusCode::CREATED).await;
    // By sharing, too.
    it.share("shared@example.org", "viewer").await;
    let mail = sink.wait_for("To: shared@example.org").await;
    let waiting = token(&mail, "invite");

    assert!(sink.mails().iter().all(|mail| !mail.contains("nobody@example.org")));
    // No link lies in the database.
    for file in ["mycorr.db", "mycorr.db-wal"] {
        let bytes = std::fs::read(it.world.folder.path().join(file)).unwrap_or_default();
        for secret in [&secret, &waiting] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{file}");
        }
    }
}
