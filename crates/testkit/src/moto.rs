//! An S3 server: moto, or the one that `MYCORR_TEST_S3` names.

use crate::{
    kept_server::KeptServer,
    server_dir::{free_port, wait_for_port},
    servers::{cache, not_tested},
};
use std::{
    env, fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};
use tempfile::TempDir;

/// A running server on a free port of 127.0.0.1, with one bucket. It stops when this is dropped or the process ends.
pub struct Moto {
    _server: KeptServer,
    port: u16,
    prefixes: AtomicUsize,
    /// Of s3s-fs, whose buckets are folders.
    _folder: Option<TempDir>,
}

const BUCKET: &str = "mycorr";
const ACCESS_KEY: &str = "test";
const SECRET_KEY: &str = "s3-s3cret";

impl Moto {
    /// One for all tests of a test binary; `None` where `scripts/servers` has not installed it.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Moto>> = OnceLock::new();
        SHARED
            .get_or_init(|| match env::var("MYCORR_TEST_S3").as_deref() {
                Ok("s3s-fs") => Self::start_s3s_fs(),
                _ => Self::start("moto"),
            })
            .as_ref()
    }

    /// One that can be stopped.
    pub fn alone() -> Option<Self> {
        Self::start("moto")
    }

    /// One that is so old that it ignores `If-None-Match`.
    pub fn without_conditional_writes() -> Option<Self> {
        Self::start("moto4")
    }

    fn start(version: &str) -> Option<Self> {
        let program = cache().join(version).join("bin/moto_server");
        if !program.exists() {
            not_tested(&format!("S3: {} is not there, scripts/servers installs it", program.display()));
            return None;
        }
        let port = free_port();
        let this = Self::run(&program, port, &["-H", "127.0.0.1", "-p", &port.to_string()], None);
        this.make_bucket();
        Some(this)
    }

    /// One over a folder, which `scripts/test s3s` builds.
    fn start_s3s_fs() -> Option<Self> {
        let program = cache().join("tools/bin/s3s-fs");
        if !program.exists() {
            not_tested(&format!("s3s-fs: {} is not there", program.display()));
            return None;
        }
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let place = ["--host", "127.0.0.1", "--port", &port.to_string()];
        let keys = ["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY];
        let root = folder.path().to_str().unwrap().to_owned();
        Some(Self::run(&program, port, &[&place[..], &keys, &[&root]].concat(), Some(folder)))
    }

    fn run(program: &Path, port: u16, arguments: &[&str], folder: Option<TempDir>) -> Self {
        let server = KeptServer::start(Command::new(program).args(arguments));
        wait_for_port(port, || format!("{} said nothing", program.display()));
        Self { _server: server, port, prefixes: AtomicUsize::new(1), _folder: folder }
    }

    #[allow(clippy::disallowed_methods, reason = "the server of the test")]
    fn make_bucket(&self) {
        let mut server = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!(
            "PUT /{BUCKET} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            self.port
        );
        server.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        server.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// A URL below which there is nothing yet.
    pub fn new_prefix(&self) -> String {
        format!("s3://{BUCKET}/tables/{}", self.prefixes.fetch_add(1, Relaxed))
    }

    /// What AWS's own tools would read from the environment.
    pub fn variables(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port).as_str()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}
