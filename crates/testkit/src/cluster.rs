//! A PostgreSQL server of a test's own.

use crate::{
    authority::{Authority, Certified, Leaf},
    log::{LOG_PREFIX, LoggedStatement, parse_log},
    server_dir::{ServerDir, free_port},
    server_log::{ReceivedStatement, received_statements},
    servers::Server,
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
    thread,
    time::Duration,
};

/// How a cluster differs from the default one.
pub struct Options<'a> {
    /// Settings beyond the defaults, as in `postgresql.conf`.
    pub settings: &'a [(&'a str, &'a str)],
    /// Lines of `pg_hba.conf` that come before "everybody, encrypted or not, with scram-sha-256".
    pub hba: &'a [&'a str],
    /// The server's certificate, issued by [`Cluster::authority`]; `None` for a server without TLS.
    pub certificate: Option<Leaf<'a>>,
    /// Another version than the distribution's.
    pub server: Option<&'a Server>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { settings: &[], hba: &[], certificate: Some(Leaf::default()), server: None }
    }
}

/// A running PostgreSQL server on a free port of 127.0.0.1, with TLS, scram-sha-256 and every statement
/// logged. It stops and its files go when this is dropped or the process ends.
pub struct Cluster {
    server_dir: ServerDir,
    bin: PathBuf,
    port: u16,
    authority: Authority,
}

/// A database of a test's own, with a role that may read what is in its schema `public`.
#[derive(Clone)]
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
        let (server_dir, bin) = Self::server_dir(options.server);
        server_dir
            .run(Command::new(bin.join("initdb")).args([
                "--pgdata=data",
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ]))
            .unwrap();
        let authority = Authority::new("Test CA");
        let mut hba = String::from("local all all trust\nlocal replication all trust\n");
        options.hba.iter().for_each(|line| hba.extend([line, "\n"]));
        hba.push_str("host all all 127.0.0.1/32 scram-sha-256\n");
        server_dir.write("data/pg_hba.conf", hba);

        let mut cluster = Self { server_dir, bin, port: 0, authority };
        if let Some(leaf) = &options.certificate {
            cluster.write_certificate(&cluster.authority.issue(leaf));
        }
        cluster.start_somewhere(options);
        cluster
    }

    /// A hot standby of this server, with all that is in it: the same databases, roles and certificate.
    pub fn standby(&self, settings: &[(&str, &str)]) -> Self {
        let (server_dir, bin) = Self::server_dir(None);
        let mut copy = Command::new(bin.join("pg_basebackup"));
        copy.args(["--pgdata=data", "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]);
        copy.arg("-h").arg(self.server_dir.dir()).args(["-p", &self.port.to_string(), "-U", SUPERUSER]);
        server_dir.run(&mut copy).unwrap();
        let mut standby = Self { server_dir, bin, port: 0, authority: self.authority.clone() };
        standby.start_somewhere(&Options { settings, ..Options::default() });
        standby
    }

    /// Waits until this standby has replayed what its primary has done by now, also what that has not flushed yet.
    pub fn catch_up(&self, primary: &Self) {
        let written = primary.sql("SELECT pg_current_wal_insert_lsn()");
        self.wait_for(&format!("SELECT pg_last_wal_replay_lsn() >= '{written}'"));
    }

    /// Waits until a question (SQL, as superuser) is answered with true.
    pub fn wait_for(&self, question: &str) {
        for _ in 0..1500 {
            if self.sql(question) == "t" {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("never true: {question}\n{}", self.log());
    }

    fn server_dir(server: Option<&Server>) -> (ServerDir, PathBuf) {
        // Installed by root below root's own folder, programs would be out of reach for whom they run as.
        let copy = server.map(|server| (server, PathBuf::from("server/bin")));
        let bin = copy.as_ref().map_or_else(|| Server::distribution().bin, |(_, bin)| bin.clone());
        let stop = format!("'{}' -D data -m immediate stop", bin.join("pg_ctl").display());
        let server_dir = ServerDir::new("mycorr-postgresql-", &stop);
        let bin = copy.map_or(bin, |(server, _)| server_dir.copy(&server.bin));
        (server_dir, bin)
    }

    fn start_somewhere(&mut self, options: &Options<'_>) {
        // Another process may take the port just before the server does.
        let started = (0..5).any(|_| {
            self.port = free_port();
            self.configure(options);
            self.pg_ctl(&["start", "-l", "log"]).is_ok()
        });
        assert!(started, "the server does not start: {}", self.log());
    }

    fn configure(&self, options: &Options<'_>) {
        let port = self.port.to_string();
        let socket = self.server_dir.dir().display().to_string();
        let tls = if options.certificate.is_some() { "on" } else { "off" };
        let base = [
            ("listen_addresses", "127.0.0.1"),
            ("port", &port),
            ("unix_socket_directories", &socket),
            ("ssl", tls),
            ("password_encryption", "scram-sha-256"),
            ("shared_buffers", "32MB"),
            // Several tests at a time have several servers each.
            ("max_connections", "150"),
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
        self.server_dir.write("data/postgresql.conf", text);
    }

    /// One of PostgreSQL's programs, of this server's version.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
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
        self.server_dir.dir()
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
        // The newest psql talks with every server, and packages of servers alone have none.
        let mut command = Command::new(Server::distribution().bin.join("psql"));
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", SUPERUSER, "-f", "-"]);
        command.arg("-h").arg(self.server_dir.dir()).args(["-p", &self.port.to_string(), "-d", database]);
        command.env_clear().env("PGCLIENTENCODING", "UTF8").env("LC_ALL", "C.UTF-8");
        Psql(command)
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.server_dir.path("log")).unwrap_or_default()).into_owned()
    }

    /// What clients had the server do so far, in order; [`Cluster::sql`] stands there as user `postgres`.
    /// Statements that failed before they were executed are not among them: see [`Cluster::log`].
    pub fn log_statements(&self) -> Vec<LoggedStatement> {
        parse_log(&self.log())
    }

    /// Puts a line before those of `pg_hba.conf` that are about TCP, and has the server read it again, which takes
    /// a moment.
    pub fn prepend_hba(&self, line: &str) {
        let before = fs::read_to_string(self.server_dir.path("data/pg_hba.conf")).unwrap();
        let (local, rest) = before.split_at(before.find("\nhost").map_or(before.len(), |at| at + 1));
        self.server_dir.write("data/pg_hba.conf", format!("{local}{line}\n{rest}"));
        self.pg_ctl(&["reload"]).unwrap();
    }

    /// A file of the server's data, named as the server names it, e.g. by `pg_relation_filepath`.
    pub fn data_file(&self, name: &str) -> PathBuf {
        self.server_dir.path("data").join(name)
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

    /// [`Cluster::stop`] that does not wait until the server has stopped.
    pub fn begin_stop(&self, mode: &str) {
        self.pg_ctl(&["stop", "-W", "-m", mode]).unwrap();
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
        self.server_dir.write("data/server.crt", &certified.certificate);
        self.server_dir.write("data/server.key", &certified.key);
    }

    fn pg_ctl(&self, args: &[&str]) -> Result<String, String> {
        self.server_dir
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

    /// What this database's role asked the server for so far, also what was refused at once.
    pub fn received_statements(&self) -> Vec<ReceivedStatement> {
        let mut all = received_statements(&self.cluster.log());
        all.retain(|heard| heard.user == self.role);
        all
    }

    /// Ends all connections of this database's role; how many there were.
    pub fn kill_backends(&self) -> usize {
        self.cluster.kill_backends(&self.role)
    }
}
