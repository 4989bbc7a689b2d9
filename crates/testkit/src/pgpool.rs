//! Pgpool-II in front of clusters.

use crate::{
    authority::Leaf,
    cluster::Cluster,
    server_dir::{ServerDir, free_port, wait_for_port},
};
use std::{fs, process::Command};

/// A running Pgpool-II on a free port of 127.0.0.1, for every role with its own password: it asks for that in
/// clear, which it needs to sign in to each of its servers, and so only over TLS. Reads are balanced over the
/// servers. All other settings are its defaults.
pub struct Pgpool {
    server_dir: ServerDir,
    port: u16,
}

impl Pgpool {
    /// The first cluster is the primary, the others are its standbys.
    pub fn start(clusters: &[&Cluster]) -> Self {
        let stop = "kill -INT \"$(cat pid)\" && while [ -e pid ]; do sleep 0.02; done";
        let server_dir = ServerDir::new("mycorr-pgpool-", stop);
        let certified = clusters[0].authority().issue(&Leaf::default());
        server_dir.write("server.crt", certified.certificate);
        server_dir.write("server.key", certified.key);
        let (dir, port) = (server_dir.dir().display().to_string(), free_port());
        let mut conf = format!(
            "backend_clustering_mode = 'streaming_replication'\nlisten_addresses = '127.0.0.1'\nport = {port}\n\
             socket_dir = '{dir}'\npcp_listen_addresses = ''\npcp_port = {}\npcp_socket_dir = '{dir}'\n\
             pid_file_name = '{dir}/pid'\nlogdir = '{dir}'\nwork_dir = '{dir}'\nnum_init_children = 8\n\
             ssl = on\nssl_cert = '{dir}/server.crt'\nssl_key = '{dir}/server.key'\n\
             enable_pool_hba = off\npool_passwd = ''\nallow_clear_text_frontend_auth = on\n\
             sr_check_period = 0\nsr_check_user = 'postgres'\nload_balance_mode = on\n",
            free_port()
        );
        for (at, cluster) in clusters.iter().enumerate() {
            // To the primary goes only what must.
            let weight = u8::from(at > 0 || clusters.len() == 1);
            conf += &format!(
                "backend_hostname{at} = '127.0.0.1'\nbackend_port{at} = {}\nbackend_weight{at} = {weight}\n",
                cluster.port()
            );
        }
        server_dir.write("conf", conf);
        let this = Self { server_dir, port };
        // Without -n it would leave its log to syslog.
        let start = format!("'{}' -n -f conf >log 2>&1 &", program());
        this.server_dir.run(Command::new("sh").args(["-c", &start])).unwrap();
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

fn program() -> &'static str {
    // Distributions keep it where only root's PATH leads.
    ["/usr/sbin/pgpool", "/usr/bin/pgpool"]
        .into_iter()
        .find(|path| fs::exists(path).unwrap_or(false))
        .expect("no Pgpool-II: install the package pgpool2")
}
