//! The API over HTTP, on a real engine and a real PostgreSQL server; tables are kept in memory.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod accounts;
mod connections;
mod diff;
mod hostile_input;
mod invitations;
mod jobs;
mod ledger;
mod limits;
mod middleware;
mod models;
mod notices;
mod oidc;
mod page;
mod people;
mod provider;
mod query_parameters;
mod retention;
mod saved_views;
mod schedules;
mod shared_connections;
mod sharing;
mod tables;
mod tokens;

use mycorr_egress::{AllowList, Dialer};
use mycorr_engine::{Engine, EngineDeps, MailSettings, SignInProviders, SignUp, Workers};
use mycorr_meta::Meta;
use mycorr_server::Settings;
use mycorr_testkit::{Cluster, Database, MemoryStore};
use mycorr_vault::{Keyring, Vault};
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode,
    header::{CONTENT_TYPE, COOKIE},
};
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;

/// A server of its own, beside a database of its own.
struct World {
    url: String,
    engine: Engine,
    database: Database<'static>,
    _workers: Workers,
    folder: TempDir,
}

fn database_url(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("mycorr.db").display())
}

const PASSWORD: &str = "correct horse battery staple";

impl World {
    async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    async fn with(settings: Settings) -> Self {
        Self::start(settings, "").await
    }

    /// One that may reach these hosts as well.
    async fn allowing(hosts: &str) -> Self {
        Self::start(Settings::default(), hosts).await
    }

    async fn start(settings: Settings, hosts: &str) -> Self {
        Self::begin(settings, hosts, SignUp::Open, SignInProviders::default(), None).await
    }

    async fn begin(
        settings: Settings,
        hosts: &str,
        sign_up: SignUp,
        providers: SignInProviders,
        mail: Option<MailSettings>,
    ) -> Self {
        let cluster = tokio::task::spawn_blocking(Cluster::shared).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("master.key");
        Keyring::create_if_missing(&keys).unwrap();
        let database = database_url(&folder);
        let allow: AllowList = format!("127.0.0.1:{},{hosts}", cluster.port()).parse().unwrap();
        let engine = Engine::new(EngineDeps {
            meta: Meta::open(&database).await.unwrap(),
            vault: Vault::new(keys),
            dialer: Dialer::new(allow),
            provider_roots: mycorr_engine::ProviderRoots::default(),
            store: Arc::new(MemoryStore::default()),
            sign_up,
            largest_row: mycorr_engine::MAX_ROW_BYTES,
            min_free_bytes: 0,
            max_bytes_per_user: None,
            waiting: mycorr_engine::Waiting::default(),
            mail,
        })
        .with_sign_in_providers(providers);
        let workers = engine.start_workers(1);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = mycorr_server::serve(listener, engine.clone(), settings, std::future::pending());
        tokio::spawn(async move { serving.await.unwrap() });
        let database = tokio::task::spawn_blocking(|| Database::create(cluster)).await.unwrap();
        Self { url, engine, database, _workers: workers, folder }
    }

    /// The metadata, as another process that has the folder opens it.
    async fn meta(&self) -> Meta {
        Meta::open(&database_url(&self.folder)).await.unwrap()
    }

    /// Changes the metadata behind the server's back.
    async fn metadata(&self, sql: &str) {
        use sea_orm::ConnectionTrait;
        let db = sea_orm::Database::connect(database_url(&self.folder)).await.unwrap();
        db.execute_unprepared(sql).await.unwrap();
        db.close().await.unwrap();
    }

    /// A caller without cookie or token.
    fn nobody(&self) -> Caller {
        Caller { url: self.url.clone(), client: Client::new(), cookie: None, token: None }
    }

    /// Somebody with an account, who shows a token.
    async fn user(&self, name: &str) -> Caller {
        let email = format!("{name}@example.org");
        let form = json!({"name": name, "email": email, "password": PASSWORD});
        self.nobody().post("/sign-up", form).await.is(StatusCode::CREATED).await;
        let token = self.engine.accounts.create_token_for(&email, "test").await.unwrap();
        Caller { token: Some(token.token.expose().to_owned()), ..self.nobody() }
    }

    fn form(&self) -> Value {
        json!({
            "kind": "postgresql",
            "name": "Shop",
            "host": "127.0.0.1",
            "port": self.database.cluster.port(),
            "database": self.database.name,
            "username": self.database.role,
            "password": self.database.password,
            "ca_certificate": self.database.cluster.authority().pem(),
        })
    }
}

#[derive(Clone)]
struct Caller {
    url: String,
    client: Client,
    cookie: Option<String>,
    token: Option<String>,
}

/// An answer, read to its end.
struct Answer {
    response: Response,
}

impl Caller {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}/api/v1{path}", self.url));
        match (&self.token, &self.cookie) {
            (Some(token), _) => request.bearer_auth(token),
            (None, Some(cookie)) => request.header(COOKIE, cookie),
            (None, None) => request,
        }
    }

    fn with_body(&self, method: Method, path: &str, body: &Value) -> RequestBuilder {
        self.request(method, path).header(CONTENT_TYPE, "application/json").body(body.to_string())
    }

    async fn send(&self, request: RequestBuilder) -> Answer {
        Answer { response: request.send().await.unwrap() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.with_body(Method::POST, path, &body)).await
    }

    async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.with_body(Method::PATCH, path, &body)).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Follows a job's events to its end.
    async fn follow(&self, job: &Value) -> Value {
        let id = job["id"].as_str().unwrap();
        let answer = self.get(&format!("/jobs/{id}/events")).await;
        assert_eq!(answer.header("content-type"), "text/event-stream");
        let text = answer.response.text().await.unwrap();
        let events = text.split("\n\n").filter_map(|event| event.strip_prefix("event: job\ndata: "));
        let last = serde_json::from_str::<Value>(events.last().unwrap()).unwrap();
        assert!(last["finished_at"].is_string(), "{last}");
        last
    }
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The session's cookie, as a browser sends it back.
    fn cookie(&self) -> Option<String> {
        self.header("set-cookie").split(';').next().map(str::to_owned)
    }

    /// Asserts the status; the body as JSON, if it is any.
    async fn is(self, status: StatusCode) -> Value {
        let got = self.response.status();
        let text = self.response.text().await.unwrap();
        assert_eq!(got, status, "{text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    async fn ok(self) -> Value {
        self.is(StatusCode::OK).await
    }

    /// Asserts that the answer is a whole problem document with this code.
    async fn problem(self, status: StatusCode, code: &str) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let request_id = self.header("x-request-id").to_owned();
        let body = self.is(status).await;
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status.as_u16());
        assert_eq!(body["type"], format!("urn:mycorr:problem:{code}"));
        assert_eq!(body["request_id"], request_id);
        for field in ["title", "detail"] {
            assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        }
        assert!(body["fields"].is_array());
        body
    }
}
