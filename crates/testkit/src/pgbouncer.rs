//! PgBouncer in front of a cluster.

use crate::{
    authority::Leaf,
    cluster::Cluster,
    server_dir::{ServerDir, free_port, wait_for_port},
    servers::{cache, not_tested},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {
    Session,
    Transaction,
    Statement,
}

/// A running PgBouncer on a free port of 127.0.0.1 that leads to every database of a cluster, for every role
/// with its own password. TLS is offered, with a certificate of the cluster's authority. All other settings
/// are the distribution's.
pub struct PgBouncer {
    server_dir: ServerDir,
    port: u16,
}

impl PgBouncer {
    /// The distribution's. `settings` come last in the section `[pgbouncer]`.
    pub fn start(cluster: &Cluster, mode: PoolMode, settings: &[(&str, &str)]) -> Self {
        Self::run(&distribution(), cluster, mode, settings)
    }

    /// As a test has to try it: the distribution's as it comes, and one that knows named statements (1.21 or newer,
    /// which `scripts/servers` makes where the distribution's is older), with and without them.
    pub fn kinds(cluster: &Cluster, mode: PoolMode) -> Vec<Self> {
        let own = distribution();
        let mut kinds = vec![Self::run(&own, cluster, mode, &[])];
        let newer = [own, cache().join("pgbouncer/pgbouncer")];
        match newer.iter().find(|program| program.exists() && version(program) >= (1, 21)) {
            Some(program) => kinds.extend(
                ["0", "200"]
                    .map(|most| Self::run(program, cluster, mode, &[("max_prepared_statements", most)])),
            ),
            None => not_tested(
                "PgBouncer with max_prepared_statements: scripts/servers makes one that is new enough",
            ),
        }
        kinds
    }

    fn run(program: &Path, cluster: &Cluster, mode: PoolMode, settings: &[(&str, &str)]) -> Self {
        let stop = "kill \"$(cat pid)\" && while [ -e pid ]; do sleep 0.02; done";
        let server_dir = ServerDir::new("mycorr-pgbouncer-", stop);
        let certified = cluster.authority().issue(&Leaf::default());
        server_dir.write("server.crt", certified.certificate);
        server_dir.write("server.key", certified.key);
        // On the unix socket the cluster asks for no password, and auth_query reads those of its roles.
        server_dir.write("users", "\"postgres\" \"\"\n");
        let (dir, socket) = (server_dir.dir().display(), cluster.socket_folder().display());
        let (port, server) = (free_port(), cluster.port());
        let mode = match mode {
            PoolMode::Session => "session",
            PoolMode::Transaction => "transaction",
            PoolMode::Statement => "statement",
        };
        let mut ini = format!(
            "[databases]\n* = host={socket} port={server} auth_user=postgres\n[pgbouncer]\n\
             logfile = {dir}/log\npidfile = {dir}/pid\nunix_socket_dir =\nauth_type = md5\nauth_file = {dir}/users\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\npool_mode = {mode}\n\
             client_tls_sslmode = allow\nclient_tls_cert_file = {dir}/server.crt\nclient_tls_key_file = {dir}/server.key\n"
        );
        settings.iter().for_each(|(name, value)| ini += &format!("{name} = {value}\n"));
        server_dir.write("ini", ini);
        // Into a folder that the server's user gets at, which the cache may not be.
        fs::copy(program, server_dir.path("pgbouncer")).unwrap();
        let this = Self { server_dir, port };
        this.server_dir
            .run(Command::new(this.server_dir.path("pgbouncer")).args(["-d", "-q", "ini"]))
            .unwrap();
        wait_for_port(port, || this.log());
        this
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.server_dir.path("log")).unwrap_or_default()
    }
}

fn distribution() -> PathBuf {
    // Distributions keep it where only root's PATH leads.
    ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
        .expect("no PgBouncer: install the package pgbouncer")
}

/// E.g. (1, 18).
fn version(program: &Path) -> (u32, u32) {
    let output = Command::new(program).arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let number = text.split_whitespace().nth(1).unwrap_or_default();
    let mut parts = number.split('.').map(|part| part.parse().unwrap());
    (parts.next().unwrap(), parts.next().unwrap())
}
