//! Every field of the connection form, filled in badly, over HTTP: never a fault of ours, and a message beside the
//! field that is wrong.

use crate::{Caller, World};
use mycorr_testkit::{Database, counted};
use reqwest::{Method, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};
use tokio::{io::AsyncReadExt, net::TcpListener, task::JoinSet};

const RTL: &str = "\u{202e}elbadaer\u{202c}";

/// What comes of a value in a field.
#[derive(Clone, Copy, PartialEq)]
enum Comes {
    /// A message beside this field.
    Field,
    /// A test that fails with this code: the text went to the server as it is.
    Fails(&'static str),
    /// A test that goes well.
    Works,
}

use Comes::{Fails, Field, Works};

/// For every text: empty, 10 kB, NUL, control characters, a line end, emoji, right-to-left marks, quotes.
const TEXTS: [&str; 8] = ["", "10 kB", "a\0b", "a\u{1b}[31m\u{7f}b", "a\r\nb", "🐘", RTL, "'\"`;--\\"];

const FIELDS: [(&str, [Comes; 8]); 6] = [
    ("name", [Field, Field, Field, Field, Field, Works, Field, Works]),
    ("host", [Field, Field, Field, Field, Field, Fails("private_address"), Field, Field]),
    ("database", [Field, Field, Field, NO_DATABASE, NO_DATABASE, NO_DATABASE, NO_DATABASE, NO_DATABASE]),
    ("username", [Field, Field, Field, NO_ROLE, NO_ROLE, NO_ROLE, NO_ROLE, NO_ROLE]),
    ("password", [NO_ROLE, Field, Field, NO_ROLE, NO_ROLE, NO_ROLE, NO_ROLE, NO_ROLE]),
    ("ca_certificate", [Field; 8]),
];
const NO_DATABASE: Comes = Fails("database_not_found");
const NO_ROLE: Comes = Fails("authentication_failed");

fn text(field: &str, at: usize) -> String {
    match (TEXTS[at], field) {
        ("10 kB", _) => "x".repeat(10_240),
        // As a name it would be asked of somebody's DNS.
        ("🐘", "host") => "🐘.localhost".to_owned(),
        (text, _) => text.to_owned(),
    }
}

/// Asserts that a form is refused for this field and no other, and does not say the value again.
async fn refused(caller: &Caller, method: Method, path: &str, body: &Value, field: &str) {
    let answer = caller.send(caller.with_body(method, path, body)).await;
    let status = answer.response.status();
    let problem: Value = serde_json::from_str(&answer.response.text().await.unwrap()).unwrap();
    let what = format!("{field} {:.60}: {status} {problem}", body[field].to_string());
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{what}");
    let fields: Vec<_> = problem["fields"].as_array().unwrap().iter().map(|f| f["field"].clone()).collect();
    assert_eq!(fields, [field], "{what}");
    assert!(!problem["fields"][0]["message"].as_str().unwrap().is_empty(), "{what}");
    assert!(!problem.to_string().contains(&"x".repeat(100)), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_with_every_text() {
    let world = World::new().await;
    let mut tried = 0;
    for (field, outcomes) in FIELDS {
        // Failed tests are counted for each person.
        let caller = world.user(&field.replace('_', "-")).await;
        for (at, outcome) in outcomes.into_iter().enumerate() {
            let mut form = world.form();
            form[field] = json!(text(field, at));
            tried += 1;
            match outcome {
                Field => {
                    refused(&caller, Method::POST, "/connections/test", &form, field).await;
                    refused(&caller, Method::POST, "/connections", &form, field).await;
                }
                Fails(code) => {
                    let report = caller.post("/connections/test", form.clone()).await.ok().await;
                    assert_eq!(report["problem"]["code"], code, "{field} {at}: {report}");
                    assert!(report["problem"]["fix"].is_string(), "{report}");
                }
                Works => {
                    let report = caller.post("/connections/test", form).await.ok().await;
                    assert_eq!(report["ok"], true, "{field} {at}: {report}");
                }
            }
        }
        // Half of a pair of surrogates is no text, whatever field it stands in.
        let mut form = world.form();
        form[field] = json!("HERE");
        for escape in ["\\ud800", "\\udc00x", "\\ud800\\ud800"] {
            let raw = form.to_string().replace("HERE", escape);
            let request = caller.request(Method::POST, "/connections/test");
            let answer = caller.send(request.header(CONTENT_TYPE, "application/json").body(raw)).await;
            let problem = answer.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid").await;
            assert_eq!(problem["fields"][0]["field"], field, "{escape}: {problem}");
            tried += 1;
        }
    }
    let caller = world.user("others").await;
    for (field, values) in [
        (
            "port",
            json!([
                "",
                "5432",
                "x".repeat(10_240),
                "\0",
                RTL,
                0,
                -1,
                65_536,
                5432.5,
                1e99,
                null,
                [],
                {},
                true
            ]),
        ),
        ("encrypted", json!(["", "true", 1, null, [], "\0", RTL])),
        ("kind", json!(["", "mysql", "PostgreSQL", "postgresql\0", RTL, "x".repeat(10_240), 1, null, []])),
        ("name", json!([1, null, [], {}, true])),
        ("host", json!([1, null, [], {}, true])),
        ("database", json!([1, null, [], {}, true])),
        ("username", json!([1, null, [], {}, true])),
        ("password", json!([1, null, [], {}, true])),
        ("ca_certificate", json!([1, [], {}, true])),
    ] {
        for value in values.as_array().unwrap() {
            let mut form = world.form();
            form[field] = value.clone();
            refused(&caller, Method::POST, "/connections/test", &form, field).await;
            tried += 1;
        }
    }
    counted(&format!("{tried} values in the connection form's fields"));
    assert_eq!(world.nobody().get("/../../healthz").await.response.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_for_people_can_not_disguise_themselves_and_names_of_databases_are_kept() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let odd = format!("🐘 {RTL}\t'\"");
    let quoted = format!("\"{}\"", odd.replace('"', "\"\""));
    let Database { role, password, .. } = &world.database;
    let password = password.replace('\'', "''");
    world.database.cluster.sql(&format!(
        "DROP DATABASE IF EXISTS {quoted}; DROP ROLE IF EXISTS {quoted}; CREATE DATABASE {quoted}; \
         CREATE ROLE {quoted} LOGIN PASSWORD '{password}' IN ROLE {role}"
    ));
    let mut form = world.form();
    (form["database"], form["username"], form["name"]) = (json!(odd), json!(odd), json!("  Shop 🐘 "));
    let saved = ada.post("/connections", form).await.is(StatusCode::CREATED).await;
    assert_eq!((&saved["database"], &saved["username"]), (&json!(odd), &json!(odd)));
    assert_eq!(saved["name"], "Shop 🐘");

    let path = format!("/connections/{}", saved["id"].as_str().unwrap());
    for name in [
        "",
        " ",
        "a\0",
        "a\u{1b}[0m",
        "a\nb",
        RTL,
        "a\u{2066}b",
        "a\u{200b}b",
        "a\u{61c}b",
        &"x".repeat(10_240),
    ] {
        refused(&ada, Method::PATCH, &path, &json!({ "name": name }), "name").await;
        for (path, body) in [("/models", json!({ "name": name })), ("/tokens", json!({ "name": name }))] {
            refused(&ada, Method::POST, path, &body, "name").await;
        }
        let account = json!({"name": name, "email": "eve@example.org", "password": crate::PASSWORD});
        refused(&world.nobody(), Method::POST, "/sign-up", &account, "name").await;
    }
    assert_eq!(ada.get(&path).await.ok().await["name"], "Shop 🐘");
    for body in
        [json!({"password": "a\0b"}), json!({"password": "x".repeat(10_240)}), json!({"ca_certificate": RTL})]
    {
        let field = body.as_object().unwrap().keys().next().unwrap().clone();
        refused(&ada, Method::PATCH, &path, &body, &field).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_pasted_or_asked_for_is_answered() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let saved = ada.post("/connections", world.form()).await.is(StatusCode::CREATED).await;
    let path = format!("/connections/{}", saved["id"].as_str().unwrap());
    let mut texts: Vec<String> = (0..TEXTS.len()).map(|at| text("", at)).collect();
    texts.extend(
        ["postgres://u:p@h/d\0", "host=\u{202e}", "psql '", "..", "%", "a/b?c#d&e=f", "-1", "\u{ffff}"]
            .map(String::from),
    );
    for text in &texts {
        let answer = ada.post("/connections/parse", json!({ "text": text })).await;
        assert!(answer.response.status().as_u16() < 500, "{text:?}");
        // As long as a URL may be.
        let coded: String = text.bytes().take(2000).map(|byte| format!("%{byte:02X}")).collect();
        for path in [
            format!(
                "/connections/role-script?kind=postgresql&username={coded}&database={coded}&schemas={coded}"
            ),
            format!("/connections?after={coded}"),
            format!("/connections?limit={coded}"),
            format!("/connections/{coded}"),
            format!("{path}/schemas/{coded}/tables?search={coded}&after={coded}"),
            format!("{path}/schemas/public/tables/{coded}"),
            format!("{path}/schemas/{coded}/tables/{coded}/preview"),
            format!("{path}/statements?after={coded}&format={coded}"),
        ] {
            let answer = ada.get(&path).await;
            let status = answer.response.status().as_u16();
            assert!(status < 500, "{status} for {path:.200}");
        }
    }
    let mut form = world.form();
    for (pem, status, code) in [
        ("x".repeat(5 << 20), StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
        (
            form["ca_certificate"].as_str().unwrap().repeat(5 << 10),
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload_too_large",
        ),
        ("# \n".repeat(400_000), StatusCode::UNPROCESSABLE_ENTITY, "ca_certificate_invalid"),
    ] {
        form["ca_certificate"] = json!(pem);
        ada.post("/connections/test", form.clone()).await.problem(status, code).await;
    }
    // And goes on.
    assert_eq!(ada.post("/connections/test", world.form()).await.ok().await["ok"], true);
}

/// A host that takes connections and says nothing; how many of them are open at once, at most.
async fn dead() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (open, most) = (open.clone(), most.clone());
            most.fetch_max(open.fetch_add(1, SeqCst) + 1, SeqCst);
            tokio::spawn(async move {
                let mut heard = [0; 64];
                while stream.read(&mut heard).await.unwrap_or(0) > 0 {}
                open.fetch_sub(1, SeqCst);
            });
        }
    });
    (port, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_tests_of_a_dead_host_hold_up_nobody_else() {
    let (port, most) = dead().await;
    let world = World::allowing(&format!("127.0.0.1:{port}")).await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let mut tests = JoinSet::new();
    for number in 0..200 {
        let (ada, mut form) = (ada.clone(), world.form());
        form["port"] = json!(port);
        form["username"] = json!(format!("reader_{number}"));
        tests.spawn(async move {
            let answer = ada.post("/connections/test", form).await;
            let status = answer.response.status();
            (status, serde_json::from_str::<Value>(&answer.response.text().await.unwrap()).unwrap())
        });
    }
    // While they wait, somebody else is served, also with a test.
    while most.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bob.post("/connections/test", world.form()).await.ok().await["ok"], true);
    assert_eq!(bob.get("/connections").await.ok().await["items"], json!([]));
    let (mut reports, mut refused) = (0, 0);
    while let Some(answer) = tests.join_next().await {
        match answer.unwrap() {
            (StatusCode::OK, report) => {
                assert_eq!(report["problem"]["code"], "connection_timeout", "{report}");
                reports += 1;
            }
            (StatusCode::TOO_MANY_REQUESTS, problem) => {
                assert_eq!(problem["code"], "too_many_requests", "{problem}");
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(reports > 0 && refused > 0, "{reports} reports, {refused} refused");
    // Eight at once, and as many that are just being closed.
    assert!(most.load(SeqCst) <= 16, "{} at once", most.load(SeqCst));
}
