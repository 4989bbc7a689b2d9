//! A running `mycorr serve` and its HTTP API.

use mycorr_testkit::{Cluster, Database, SmallDisk};
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderName},
};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::{Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

pub(crate) struct Mycorr {
    child: Child,
    home: TempDir,
    port: u16,
    token: String,
    http: Client,
}

const EMAIL: &str = "ada@example.org";
/// The file beside a data directory with more of its environment, `NAME=value` a line.
const ENVIRONMENT: &str = "environment";

fn binary(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mycorr"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("MYCORR_DATA_DIR", data);
    let more = fs::read_to_string(data.with_file_name(ENVIRONMENT)).unwrap_or_default();
    command.envs(more.lines().filter_map(|line| line.split_once('=')));
    command
}

fn run(command: &mut Command, input: &str) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn write_environment(home: &Path, environment: &[(String, String)]) {
    let lines: String = environment.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    fs::write(home.join(ENVIRONMENT), lines).unwrap();
}

impl Mycorr {
    /// On an empty data directory, with an administrator, who holds a token.
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    /// The same with more settings, for every command.
    pub(crate) async fn start_with(environment: &[(String, String)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        write_environment(home.path(), environment);
        Self::start_in(home).await
    }

    /// Every command has these settings from now on.
    pub(crate) fn set_environment(&self, environment: &[(String, String)]) {
        write_environment(self.home.path(), environment);
    }

    /// Another command on the same data, that goes on.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Second {
        let log = File::options().create(true).append(true).open(self.home.path().join("log")).unwrap();
        let mut command = binary(&self.data());
        command.args(arguments).env("MYCORR_ALLOW_HOSTS", "127.0.0.1, localhost").env("RUST_LOG", "trace");
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        Second { child, port: 0 }
    }

    /// The same with the data on a disk of its own.
    pub(crate) async fn start_on(disk: &SmallDisk) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(disk.path(), home.path().join("data")).unwrap();
        Self::start_in(home).await
    }

    async fn start_in(home: TempDir) -> Self {
        let data = home.path().join("data");
        let mut create = binary(&data);
        create.args(["user", "create", "--email", EMAIL, "--name", "Ada", "--password-stdin", "--admin"]);
        run(&mut create, "correct horse battery staple\n");
        Self::start_with_data(home).await
    }

    /// On the data directory `data` in `home`, which has Ada's account.
    pub(crate) async fn start_with_data(home: TempDir) -> Self {
        let data = home.path().join("data");
        let token = run(binary(&data).args(["token", "create", "--email", EMAIL, "--name", "test"]), "");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Self::serve(&data, home.path(), port, &[]);
        // One idle connection at most, so that the server's sockets can be counted.
        let http = Client::builder()
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_secs(5))
            .build()
            .unwrap();
        let this = Self { child, home, port, token: token.trim().to_owned(), http };
        this.ready().await;
        this
    }

    fn serve(data: &Path, home: &Path, port: u16, more: &[&str]) -> Child {
        let log = File::options().create(true).append(true).open(home.join("log")).unwrap();
        binary(data)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .args(more)
            .env("MYCORR_ALLOW_HOSTS", "127.0.0.1, localhost, 127.87.65.43")
            // All that the product ever says: nothing of it may tell a secret.
            .env("RUST_LOG", "trace")
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    pub(crate) async fn ready_again(&self) {
        self.ready().await;
    }

    async fn ready(&self) {
        for _ in 0..200 {
            if self
                .http
                .get(self.url("/readyz"))
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not ready: {}", self.log());
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap()
    }

    /// Every file that the product keeps, but for the key and the tables.
    pub(crate) fn metadata(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let data = self.home.path().join("data");
        let files =
            fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        files
            .map(|path| {
                let mut bytes = Vec::new();
                File::open(&path).unwrap().read_to_end(&mut bytes).unwrap();
                (path, bytes)
            })
            .collect()
    }

    /// How many sockets the process has open.
    pub(crate) fn sockets(&self) -> usize {
        let open = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let socket = |path: PathBuf| path.to_string_lossy().starts_with("socket:");
        open.filter(|file| fs::read_link(file.as_ref().unwrap().path()).is_ok_and(socket)).count()
    }

    /// How many bytes of memory the process holds.
    pub(crate) fn resident(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let kilobytes =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()).unwrap();
        kilobytes.parse::<usize>().unwrap() << 10
    }

    /// How many files of rows there are, of versions or left over.
    pub(crate) fn parquet_files(&self) -> usize {
        let mut folders = vec![self.home.path().join("data/tables")];
        let mut found = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    // The log keeps its checkpoints in this format, too.
                    if !path.ends_with("_delta_log") {
                        folders.push(path);
                    }
                } else if path.extension().is_some_and(|extension| extension == "parquet") {
                    found += 1;
                }
            }
        }
        found
    }

    fn key_file(&self) -> PathBuf {
        self.home.path().join("data/master.key")
    }

    /// The keys in the key file, a line each.
    pub(crate) fn keys(&self) -> String {
        let file = fs::read_to_string(self.key_file()).unwrap();
        let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| format!("{line}\n")).collect()
    }

    pub(crate) fn put_keys(&self, keys: &str) {
        fs::write(self.key_file(), keys).unwrap();
    }

    /// Another command on the same data, while the server runs; what it prints.
    pub(crate) fn command(&self, arguments: &[&str]) -> String {
        self.command_with(arguments, "")
    }

    /// The same with something on its standard input.
    pub(crate) fn command_with(&self, arguments: &[&str], input: &str) -> String {
        run(binary(&self.home.path().join("data")).args(arguments), input)
    }

    /// The same for a command that fails; what it says.
    pub(crate) fn command_fails(&self, arguments: &[&str]) -> String {
        let output = binary(&self.home.path().join("data")).args(arguments).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    }

    /// As a power cut does it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) async fn start_again(&mut self) {
        self.start_again_with(&[]).await;
    }

    pub(crate) async fn start_again_with(&mut self, more: &[&str]) {
        self.child = Self::serve(&self.data(), self.home.path(), self.port, more);
        self.ready().await;
    }

    /// Another server on the same data, through which `ask` and its kind go.
    pub(crate) async fn second(&self, more: &[&str]) -> Second {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Self::serve(&self.data(), self.home.path(), port, more);
        Second { child, port }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// SIGSTOP, SIGCONT …
    pub(crate) fn signal(&self, signal: &str) {
        send(&self.child, signal);
    }

    /// What a monitor reads.
    pub(crate) async fn metrics(&self) -> String {
        self.http.get(self.url("/metrics")).send().await.unwrap().text().await.unwrap()
    }

    /// The status of /readyz.
    pub(crate) async fn readiness(&self) -> u16 {
        self.http.get(self.url("/readyz")).send().await.unwrap().status().as_u16()
    }

    /// From now on questions go to that one; the port that was asked before.
    pub(crate) fn ask_at(&mut self, port: u16) -> u16 {
        std::mem::replace(&mut self.port, port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

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

    /// Stops as an operator does, and wants it to end well.
    pub(crate) fn stop(&mut self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(asked.success());
        assert!(self.child.wait().unwrap().success(), "{}", self.log());
    }
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// A server beside a [`Mycorr`].
pub(crate) struct Second {
    child: Child,
    pub(crate) port: u16,
}

impl Second {
    /// The number of its process.
    #[cfg(feature = "sql")]
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: &str) {
        send(&self.child, signal);
    }

    /// As a power cut ends it. Whether it had ended by itself, and well.
    pub(crate) fn kill(mut self) -> bool {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none_or(|status| status.success()));
        ended.is_some()
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Mycorr {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value:#}")).to_owned()
}
