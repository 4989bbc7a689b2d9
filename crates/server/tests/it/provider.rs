//! A real OpenID Connect provider from a Python package, in a process of its own.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
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

static INSTALLING: Mutex<()> = Mutex::new(());

/// The Python of an environment that holds the package, made once in the cache.
fn installed() -> Option<PathBuf> {
    let _turn = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let cache = env::var_os("MYCORR_CACHE").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache/mycorr")))?;
    let folder = cache.join("python").join(PACKAGE);
    let python = folder.join("bin/python");
    if folder.join("installed").exists() {
        return Some(python);
    }
    let run =
        |command: &mut Command| command.stdout(Stdio::null()).status().ok().filter(|status| status.success());
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", PACKAGE]))?;
    fs::write(folder.join("installed"), "").ok()?;
    Some(python)
}
