//! Which PostgreSQL there is to test against.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

/// PostgreSQL's programs in one version.
#[derive(Clone, Debug)]
pub struct Server {
    pub(crate) bin: PathBuf,
}

impl Server {
    /// In the folder that `MYCORR_TEST_PGBIN` names, or the newest of the distribution's.
    pub fn distribution() -> Self {
        if let Some(folder) = env::var_os("MYCORR_TEST_PGBIN") {
            return Self { bin: folder.into() };
        }
        let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
        let newest = folders(Path::new("/usr/lib/postgresql"))
            .filter(|path| path.join("bin/initdb").exists())
            .max_by_key(|path| version(path))
            .expect("no PostgreSQL server: install the package postgresql, or set MYCORR_TEST_PGBIN");
        Self { bin: newest.join("bin") }
    }

    /// Those that `scripts/servers` installed, oldest first: in the folder that `MYCORR_TEST_SERVERS` names,
    /// or in Mycorr's cache. Where there are none, the test's output says so and the list is empty.
    pub fn installed() -> Vec<Self> {
        let folder = env::var_os("MYCORR_TEST_SERVERS").map(PathBuf::from);
        let folder = folder.unwrap_or_else(|| cache().join("servers/node_modules"));
        let mut servers: Vec<Self> = folders(&folder)
            .map(|server| Self { bin: server.join("native/bin") })
            .filter(|server| server.bin.join("postgres").exists())
            .collect();
        servers.sort_by_key(Self::major);
        if servers.is_empty() {
            not_tested(&format!(
                "other versions of PostgreSQL: {} holds none, scripts/servers installs them",
                folder.display()
            ));
        }
        servers
    }

    /// One of the programs of [`Server::distribution`], whose packages have more of them than others.
    pub fn distribution_program(name: &str) -> PathBuf {
        Self::distribution().bin.join(name)
    }

    /// E.g. 17.
    pub fn major(&self) -> u32 {
        let output = Command::new(self.bin.join("postgres")).arg("--version").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let major = number.and_then(|number| number.split(|c: char| !c.is_ascii_digit()).next());
        major.and_then(|major| major.parse().ok()).unwrap_or_else(|| panic!("no version in {text:?}"))
    }
}

/// A Python that knows `deltalake` and `duckdb`; `None` where `scripts/servers` has not installed them.
pub fn delta_readers() -> Option<PathBuf> {
    let python = cache().join("readers/bin/python");
    if python.exists() {
        return Some(python);
    }
    not_tested("other readers of Delta tables: scripts/servers installs deltalake and duckdb");
    None
}

/// Prometheus' own judge of metrics; `None` where `scripts/servers` has not installed it.
pub fn promtool() -> Option<Command> {
    let program = cache().join("promtool/usr/bin/promtool");
    if program.exists() {
        return Some(Command::new(program));
    }
    not_tested(&format!("promtool: {} is not there, scripts/servers installs it", program.display()));
    None
}

/// Where `scripts/` keep what can be made again.
pub(crate) fn cache() -> PathBuf {
    match env::var_os("MYCORR_CACHE") {
        Some(cache) => cache.into(),
        None => PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cache/mycorr"),
    }
}

fn folders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| entry.ok().map(|entry| entry.path()))
}

/// Says what this machine lacks for a test, where the tests' output shows it.
pub fn not_tested(what: &str) {
    assert!(env::var_os("MYCORR_REQUIRE_ALL").is_none_or(|all| all != "1"), "not tested: {what}");
    // Not with eprintln: of a test that passes, its output is hidden.
    let _ = writeln!(std::io::stderr(), "NOT TESTED: {what}.");
}

/// Says how many things a test has tried, where the tests' output shows it: so nobody has to count them.
pub fn counted(what: &str) {
    let _ = writeln!(std::io::stderr(), "COUNTED: {what}.");
}
