//! The HTTP API, as tests use it.

use super::{Mycorr, id};
use mycorr_testkit::{Cluster, Database};
use reqwest::{
    Method, RequestBuilder, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderName},
};
use serde_json::{Value, json};
use std::time::Duration;

impl Mycorr {
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request =
            self.http.request(method, self.url(&format!("/api/v1{path}"))).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        let value = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        };
        (status, value)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, value) = self.ask(Method::GET, path, None).await;
        assert!(status.is_success(), "GET {path}: {status} {value:#}");
        value
    }

    /// The whole of one cell, as it is sent.
    pub(crate) async fn cell(&self, table: &str, row: usize, column: &str) -> Vec<u8> {
        let url = self.url(&format!("/api/v1/tables/{table}/cell"));
        let url =
            Url::parse_with_params(&url, [("row", row.to_string().as_str()), ("column", column)]).unwrap();
        let answer = self.http.get(url).bearer_auth(&self.token).send().await.unwrap();
        assert!(answer.status().is_success());
        answer.bytes().await.unwrap().to_vec()
    }

    /// An export of a table, with headers of the request.
    pub(crate) async fn download(
        &self,
        table: &str,
        query: &[(&str, &str)],
        headers: &[(HeaderName, &str)],
    ) -> Response {
        let url = self.url(&format!("/api/v1/tables/{table}/export"));
        let request = self.http.get(Url::parse_with_params(&url, query).unwrap()).bearer_auth(&self.token);
        let add = |request: RequestBuilder, (name, value): &(HeaderName, &str)| request.header(name, *value);
        headers.iter().fold(request, add).send().await.unwrap()
    }

    /// A page of a table's rows, whatever it is.
    pub(crate) async fn rows(&self, table: &str, query: &[(&str, &str)]) -> Value {
        self.rows_or_not(table, query).await.1
    }

    /// The same, with the answer's status.
    pub(crate) async fn rows_or_not(&self, table: &str, query: &[(&str, &str)]) -> (StatusCode, Value) {
        let url = self.url(&format!("/api/v1/tables/{table}/rows"));
        let url = Url::parse_with_params(&url, query).unwrap();
        let answer = self.http.get(url).bearer_auth(&self.token).send().await.unwrap();
        let status = answer.status();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let (status, value) = self.ask(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "POST {path}: {status} {value:#}");
        value
    }

    /// What is filled in for a test's own database, reached through `port`.
    pub(crate) fn form(cluster: &Cluster, database: &Database<'_>, port: u16) -> Value {
        json!({
            "kind": "postgresql", "name": "Shop", "host": "localhost", "port": port, "database": database.name,
            "username": database.role, "password": database.password, "ca_certificate": cluster.authority().pem(),
        })
    }

    /// Saves a connection; its id.
    pub(crate) async fn connect(&self, cluster: &Cluster, database: &Database<'_>, port: u16) -> String {
        id(&self.post("/connections", Self::form(cluster, database, port)).await)
    }

    pub(crate) async fn model(&self) -> String {
        id(&self.post("/models", json!({"name": "Work"})).await)
    }

    /// Imports a table and waits for it; the job.
    pub(crate) async fn import(&self, model: &str, connection: &str, table: &str) -> Value {
        let body = json!({"connection_id": connection, "schema": "public", "table": table});
        let started = self.post(&format!("/models/{model}/imports"), body).await;
        self.finish(&id(&started["job"])).await
    }

    pub(crate) async fn sync(&self, table: &str) -> Value {
        let started = self.post(&format!("/tables/{table}/sync"), json!({})).await;
        self.finish(&id(&started["job"])).await
    }

    /// A job once it has ended.
    pub(crate) async fn finish(&self, job: &str) -> Value {
        loop {
            let job = self.get(&format!("/jobs/{job}")).await;
            if !matches!(job["state"].as_str(), Some("queued" | "running")) {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
