//! A PostgreSQL server of a test's own.

use crate::{
    authority::{Authority, Certified, Leaf},
    home::{Home, free_port},
};
use std::{
    fmt, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

/// How a cluster differs from the default one.
pub struct Options<'a> {
    /// Settings beyond the defaults, as in `postgresql.conf`.
    pub settings: &'a [(&'a str, &'a str)],
    /// Lines of `pg_hba.conf` that come before "everybody, encrypted or not, with scram-sha-256".
    pub hba: &'a [&'a str],
    /// The server's certificate, issued by [`Cluster::authority`]; `None` for a server without TLS.
    pub certificate: Option<Leaf<'a>>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { settings: &[], hba: &[], certificate: Some(Leaf::default()) }
    }
}

/// A running PostgreSQL server on a free port of 127.0.0.1, with TLS, scram-sha-256 and every statement
/// logged. It stops and its files go when this is dropped or the process ends.
pub struct Cluster {
    home: Home,
    bin: PathBuf,
    port: u16,
    authority: Authority,
}

/// A statement that the server's log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedStatement {
    pub user: String,
    pub database: String,
    /// `statement` for the simple protocol, `execute <unnamed>` or `execute name` for the extended one.
    pub how: String,
    pub text: String,
}

/// A database of a test's own, with a role that may read what is in its schema `public`.
pub struct Database<'a> {
    pub cluster: &'a Cluster,
    pub name: String,
    pub role: String,
    pub password: String,
}

const SUPERUSER: &str = "postgres";

impl Cluster {
    /// One cluster for all tests of a test binary. Each of them takes a [`Database`] of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&Options::default()))
    }

    pub fn start(options: &Options<'_>) -> Self {
        let bin = programs();
        let stop = format!("'{}' -D data -m immediate stop", bin.join("pg_ctl").display());
        let home = Home::new("mycorr-postgresql-", &stop);
        home.run(Command::new(bin.join("initdb")).args([
            "--pgdata=data",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
        ]))
        .unwrap();
        let authority = Authority::new("Test CA");
        let mut hba = String::from("local all all trust\n");
        options.hba.iter().for_each(|line| hba.extend([line, "\n"]));
        hba.push_str("host all all 127.0.0.1/32 scram-sha-256\n");
        home.write("data/pg_hba.conf", hba);

        let mut cluster = Self { home, bin, port: 0, authority };
        if let Some(leaf) = &options.certificate {
            cluster.write_certificate(&cluster.authority.issue(leaf));
        }
        // Another process may take the port just before the server does.
        let started = (0..5).any(|_| {
            cluster.port = free_port();
            cluster.configure(options);
            cluster.pg_ctl(&["start", "-l", "log"]).is_ok()
        });
        assert!(started, "the server does not start: {}", cluster.log());
        cluster
    }

    fn configure(&self, options: &Options<'_>) {
        let port = self.port.to_string();
        let socket = self.home.dir().display().to_string();
        let tls = if options.certificate.is_some() { "on" } else { "off" };
        let base = [
            ("listen_addresses", "127.0.0.1"),
            ("port", &port),
            ("unix_socket_directories", &socket),
            ("ssl", tls),
            ("password_encryption", "scram-sha-256"),
            ("shared_buffers", "32MB"),
            ("max_connections", "60"),
            ("fsync", "off"),
            ("synchronous_commit", "off"),
            ("full_page_writes", "off"),
            ("max_wal_size", "256MB"),
            ("log_statement", "all"),
            ("log_line_prefix", LOG_PREFIX),
            ("timezone", "UTC"),
        ];
        let mut text = String::new();
        for (name, value) in base.iter().chain(options.settings) {
            text += &format!("{name} = '{}'\n", value.replace('\'', "''"));
        }
        self.home.write("data/postgresql.conf", text);
    }

    /// The address to dial is 127.0.0.1, the name on the certificate `localhost`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Who issued the server's certificate.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The folder with the unix socket, through which everybody on this machine's test user may be anybody.
    pub fn socket_folder(&self) -> &Path {
        self.home.dir()
    }

    /// Runs SQL as superuser in the database `postgres`: unaligned rows, fields separated by `|`.
    pub fn sql(&self, text: &str) -> String {
        self.sql_in("postgres", text)
    }

    pub fn sql_in(&self, database: &str, text: &str) -> String {
        self.psql(database).run(text)
    }

    /// [`Cluster::sql_in`] for a test whose other tasks must go on meanwhile.
    pub async fn sql_async(&self, database: &str, text: &str) -> String {
        let (psql, text) = (self.psql(database), text.to_owned());
        tokio::task::spawn_blocking(move || psql.run(&text)).await.unwrap()
    }

    fn psql(&self, database: &str) -> Psql {
        let mut command = Command::new(self.bin.join("psql"));
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", SUPERUSER, "-f", "-"]);
        command.arg("-h").arg(self.home.dir()).args(["-p", &self.port.to_string(), "-d", database]);
        command.env_clear().env("PGCLIENTENCODING", "UTF8").env("LC_ALL", "C.UTF-8");
        Psql(command)
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.home.path("log")).unwrap_or_default()).into_owned()
    }

    /// What clients had the server do so far, in order; [`Cluster::sql`] stands there as user `postgres`.
    /// Statements that failed before they were executed are not among them: see [`Cluster::log`].
    pub fn log_statements(&self) -> Vec<LoggedStatement> {
        parse_log(&self.log())
    }

    /// Ends the connections of a role, as an operator does; how many there were.
    pub fn kill_backends(&self, role: &str) -> usize {
        let role = role.replace('\'', "''");
        let killed = self.sql(&format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{role}'"
        ));
        killed.trim().parse().unwrap()
    }

    /// Stops the server; clients lose their connections. `mode` is `smart`, `fast` or `immediate`.
    pub fn stop(&self, mode: &str) {
        self.pg_ctl(&["stop", "-m", mode]).unwrap();
    }

    /// Starts the server again, on the same port.
    pub fn start_again(&self) {
        self.pg_ctl(&["start", "-l", "log"]).unwrap();
    }

    pub fn restart(&self) {
        self.stop("fast");
        self.start_again();
    }

    /// Gives the server another certificate, whoever issued it, and restarts it.
    pub fn replace_certificate(&self, certified: &Certified) {
        self.write_certificate(certified);
        self.restart();
    }

    fn write_certificate(&self, certified: &Certified) {
        self.home.write("data/server.crt", &certified.certificate);
        self.home.write("data/server.key", &certified.key);
    }

    fn pg_ctl(&self, args: &[&str]) -> Result<String, String> {
        self.home
            .run(Command::new(self.bin.join("pg_ctl")).args(["-D", "data", "-w", "-t", "120"]).args(args))
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("port", &self.port).finish_non_exhaustive()
    }
}

struct Psql(Command);

impl Psql {
    fn run(mut self, text: &str) -> String {
        self.0.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.0.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let text = text.to_owned();
        // On a thread of its own: psql may print more than a pipe holds before it has read everything.
        let writer = std::thread::spawn(move || input.write_all(text.as_bytes()).map(|()| text));
        let output = child.wait_with_output().unwrap();
        let text = writer.join().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\nin: {}", text.unwrap_or_default());
        String::from_utf8(output.stdout).unwrap().trim_end_matches('\n').to_owned()
    }
}

impl<'a> Database<'a> {
    /// A new database, and a role made as the manual tells people to make one: it reads every table that
    /// the superuser makes in `public`.
    pub fn create(cluster: &'a Cluster) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (name, role) = (format!("shop_{number}"), format!("reader_{number}"));
        let password = format!("correct horse {number} 'staple'");
        let quoted = password.replace('\'', "''");
        cluster.sql(&format!("CREATE DATABASE {name}; CREATE ROLE {role} WITH LOGIN PASSWORD '{quoted}'"));
        let database = Self { cluster, name, role, password };
        let (name, role) = (&database.name, &database.role);
        database.sql(&format!(
            "GRANT CONNECT ON DATABASE {name} TO {role};
             GRANT USAGE ON SCHEMA public TO {role};
             GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};
             ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {role}"
        ));
        database
    }

    /// [`Cluster::sql_in`] this database.
    pub fn sql(&self, text: &str) -> String {
        self.cluster.sql_in(&self.name, text)
    }

    /// What this database's role had the server do so far.
    pub fn log_statements(&self) -> Vec<LoggedStatement> {
        let mut statements = self.cluster.log_statements();
        statements.retain(|statement| statement.user == self.role);
        statements
    }

    /// Ends all connections of this database's role; how many there were.
    pub fn kill_backends(&self) -> usize {
        self.cluster.kill_backends(&self.role)
    }
}

/// Where PostgreSQL's programs are: the folder that `MYCORR_TEST_PGBIN` names, or the newest of the distribution's.
fn programs() -> PathBuf {
    if let Some(folder) = std::env::var_os("MYCORR_TEST_PGBIN") {
        return folder.into();
    }
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.join("bin/initdb").exists())
        .max_by_key(|path| version(path))
        .expect("no PostgreSQL server: install the package postgresql, or set MYCORR_TEST_PGBIN")
        .join("bin")
}

/// User and database between marks that no name in a test holds. Further lines of an entry begin with a tab.
const LOG_PREFIX: &str = "%m [%p] <%u|%d> ";

fn parse_log(log: &str) -> Vec<LoggedStatement> {
    let mut statements: Vec<LoggedStatement> = Vec::new();
    // Whether the entry that a line with a tab goes on with is a statement.
    let mut open = false;
    for line in log.lines() {
        if let (Some(more), true) = (line.strip_prefix('\t'), open) {
            let text = &mut statements.last_mut().expect("open means that there is one").text;
            text.push('\n');
            text.push_str(more);
            continue;
        }
        let statement = statement(line);
        open = statement.is_some();
        statements.extend(statement);
    }
    statements
}

fn statement(line: &str) -> Option<LoggedStatement> {
    let (_, rest) = line.split_once("] <")?;
    let (who, rest) = rest.split_once("> LOG:  ")?;
    let (user, database) = who.split_once('|')?;
    let (how, text) = rest.split_once(": ")?;
    let known = how == "statement" || how.starts_with("execute ") || how == "fastpath function call";
    known.then(|| LoggedStatement {
        user: user.into(),
        database: database.into(),
        how: how.into(),
        text: text.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_of_a_log() {
        let log = "2026-01-01 00:00:00.000 UTC [7] <a|b> LOG:  execute <unnamed>: SELECT 1: \n\t-- x\n\
                   2026-01-01 00:00:00.000 UTC [7] <a|b> DETAIL:  parameters: $1 = 'x'\n\
                   2026-01-01 00:00:00.000 UTC [7] <a|b> ERROR:  no\n\tSTATEMENT: x\n\
                   2026-01-01 00:00:00.000 UTC [8] <|> LOG:  checkpoint starting: time\n\
                   2026-01-01 00:00:00.000 UTC [7] <c|d> LOG:  statement: COPY t TO stdout\n";
        let of = |user: &str, database: &str, how: &str, text: &str| LoggedStatement {
            user: user.into(),
            database: database.into(),
            how: how.into(),
            text: text.into(),
        };
        assert_eq!(
            parse_log(log),
            [
                of("a", "b", "execute <unnamed>", "SELECT 1: \n-- x"),
                of("c", "d", "statement", "COPY t TO stdout")
            ]
        );
    }
}
