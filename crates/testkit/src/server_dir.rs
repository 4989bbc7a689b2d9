//! The folder of a server under test, which ends with its owner, however that ends.

use std::{
    fs,
    io::Read,
    net::{TcpListener, TcpStream},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    thread,
    time::Duration,
};

/// A folder in the system's temporary folder. When this is dropped, or the process that made it is gone
/// (statics are never dropped, tests are killed), a waiting shell runs `farewell` in it and removes it.
pub(crate) struct ServerDir {
    path: PathBuf,
    /// Servers refuse to run as root: then they run as this user and group, which own the folder.
    account: Option<(u32, u32)>,
    keeper: Child,
}

impl ServerDir {
    pub(crate) fn new(prefix: &str, farewell: &str) -> Self {
        let path = tempfile::Builder::new().prefix(prefix).tempdir().unwrap().keep();
        let account = (fs::metadata(&path).unwrap().uid() == 0).then(postgres_account);
        if let Some((uid, gid)) = account {
            chown(&path, Some(uid), Some(gid)).unwrap();
        }
        // The shell reads to the end of a pipe whose other end only this process holds.
        let script = format!("cat; {farewell}; cd /; rm -rf \"$0\"");
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg(&path).current_dir(&path);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Ctrl-C on the test must not end the keeper before it has done its work.
        command.process_group(0);
        let keeper = as_account(&mut command, account).spawn().unwrap();
        Self { path, account, keeper }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.path
    }

    /// Writes a file that the server owns and nobody else can read, as PostgreSQL asks of private keys.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        if let Some((uid, gid)) = self.account {
            chown(&path, Some(uid), Some(gid)).unwrap();
        }
    }

    /// Copies the programs in `bin`, with what they look for beside it, into `server` of this folder, where
    /// the server's user gets at them; where they are then.
    pub(crate) fn copy(&self, bin: &Path) -> PathBuf {
        let tree = bin.parent().expect("programs lie in a folder bin beside lib and share");
        let copied = Command::new("cp").arg("-r").arg(tree).arg(self.path("server")).status().unwrap();
        assert!(copied.success(), "{} cannot be copied", tree.display());
        if let Some((uid, gid)) = self.account {
            // What the user does not own, the shell that tidies up could not remove.
            let owner = format!("{uid}:{gid}");
            let owned = Command::new("chown").arg("-R").arg(owner).arg(self.path("server")).status().unwrap();
            assert!(owned.success(), "{} stays root's", self.path("server").display());
        }
        self.path("server/bin")
    }

    /// Runs a program as the server's user; its output, or what it said when it failed.
    pub(crate) fn run(&self, command: &mut Command) -> Result<String, String> {
        command.current_dir(&self.path).stdin(Stdio::null());
        let output = as_account(command, self.account).output().unwrap();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(format!(
                "{command:?}: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ))
        }
    }
}

impl Drop for ServerDir {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

fn as_account(command: &mut Command, account: Option<(u32, u32)>) -> &mut Command {
    match account {
        Some((uid, gid)) => command.uid(uid).gid(gid),
        None => command,
    }
}

/// User and group of `postgres`, whom the distribution's package makes.
fn postgres_account() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<&str> = line
        .expect("PostgreSQL refuses root, and there is no user postgres to run it as")
        .split(':')
        .collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}

/// A port on which nobody listens just now. Taken below the range from which the system takes ports for
/// outgoing connections, at another place in each process, so that it stays free until the server has it.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let mut seed = [0; 2];
    fs::File::open("/dev/urandom").unwrap().read_exact(&mut seed).unwrap();
    NEXT.compare_exchange(0, u16::from_ne_bytes(seed), Ordering::Relaxed, Ordering::Relaxed).ok();
    loop {
        let port = 12_000 + NEXT.fetch_add(1, Ordering::Relaxed) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Waits until somebody listens: poolers answer their parent before they do.
#[allow(clippy::disallowed_methods, reason = "a test's own server on this machine")]
pub(crate) fn wait_for_port(port: u16, log: impl FnOnce() -> String) {
    // Those in Python take half a minute where everything else starts, too.
    for _ in 0..6000 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("nobody listens on port {port}: {}", log());
}
