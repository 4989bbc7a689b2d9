//! PgBouncer in front of a cluster.

use crate::{
    authority::Leaf,
    cluster::Cluster,
    home::{Home, free_port, wait_for_port},
};
use std::{fs, process::Command};

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
    home: Home,
    port: u16,
}

impl PgBouncer {
    /// `settings` come last in the section `[pgbouncer]`.
    pub fn start(cluster: &Cluster, mode: PoolMode, settings: &[(&str, &str)]) -> Self {
        let stop = "kill \"$(cat pid)\" && while [ -e pid ]; do sleep 0.02; done";
        let home = Home::new("mycorr-pgbouncer-", stop);
        let certified = cluster.authority().issue(&Leaf::default());
        home.write("server.crt", certified.certificate);
        home.write("server.key", certified.key);
        // On the unix socket the cluster asks for no password, and auth_query reads those of its roles.
        home.write("users", "\"postgres\" \"\"\n");
        let (dir, socket) = (home.dir().display(), cluster.socket_folder().display());
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
        home.write("ini", ini);
        let this = Self { home, port };
        this.home.run(Command::new(program()).args(["-d", "-q", "ini"])).unwrap();
        wait_for_port(port, || this.log());
        this
    }

    /// Of the program that is installed, e.g. (1, 18).
    pub fn version() -> (u32, u32) {
        let output = Command::new(program()).arg("--version").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let number = text.split_whitespace().nth(1).unwrap_or_default();
        let mut parts = number.split('.').map(|part| part.parse().unwrap());
        (parts.next().unwrap(), parts.next().unwrap())
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path("log")).unwrap_or_default()
    }
}

fn program() -> &'static str {
    // Distributions keep it where only root's PATH leads.
    ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
        .into_iter()
        .find(|path| fs::exists(path).unwrap_or(false))
        .expect("no PgBouncer: install the package pgbouncer")
}
