//! Takes traces by OTLP: a receiver around OpenTelemetry's Python package, which `scripts/servers` installs.

use crate::{
    kept_server::KeptServer,
    server_dir::{free_port, wait_for_port},
    servers::{cache, not_tested},
};
use std::{fs, process::Command};
use tempfile::TempDir;

/// Ends with the test, however that ends.
pub struct OtlpReceiver {
    port: u16,
    folder: TempDir,
    _server: KeptServer,
}

impl OtlpReceiver {
    /// `None` where the package is not installed, which the test's output says.
    pub fn start() -> Option<Self> {
        let packages = cache().join("otlp");
        if !packages.join("opentelemetry").exists() {
            not_tested("traces: scripts/servers installs what decodes them");
            return None;
        }
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let mut receiver = Command::new("python3");
        receiver.args([concat!(env!("CARGO_MANIFEST_DIR"), "/otlp/receiver.py"), &port.to_string()]);
        receiver.arg(folder.path().join("spans")).env("PYTHONPATH", packages);
        let server = KeptServer::start(&receiver);
        wait_for_port(port, || "the receiver of traces did not start".to_owned());
        Some(Self { port, folder, _server: server })
    }

    /// As a setting.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The spans that were received so far, each as a line of JSON.
    pub fn spans(&self) -> String {
        fs::read_to_string(self.folder.path().join("spans")).unwrap_or_default()
    }
}
