//! A real OpenID Connect provider from a Python package, in a process of its own.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

const PACKAGE: &str = "oidc-provider-mock==0.3.4";

pub(crate) struct ProviderProcess {
    child: Child,
    pub(crate) port: u16,
}

impl Drop for ProviderProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl ProviderProcess {
    /// `None` where it can't be installed, unless everything is required.
    pub(crate) fn start() -> Option<Self> {
        let Some(python) = installed() else {
            mycorr_testkit::not_tested(&format!("{PACKAGE} can't be installed"));
            return None;
        };
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/provider.py");
        let mut child =
            Command::new(python).args(["-W", "ignore"]).arg(script).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Some(Self { child, port: line.trim().parse().unwrap() })
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// The Python of an environment that holds the package.
fn installed() -> Option<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/python");
    let output = Command::new(script).arg(PACKAGE).stderr(Stdio::inherit()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().into())
}
