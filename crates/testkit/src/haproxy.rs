//! HAProxy in front of a primary and its standby.

use crate::{
    cluster::Cluster,
    server_dir::{ServerDir, free_port, wait_for_port},
};
use std::process::Command;

/// A running HAProxy on a free port of 127.0.0.1: connections go to the first cluster that listens.
pub struct Haproxy {
    _server_dir: ServerDir,
    port: u16,
}

impl Haproxy {
    /// What leads to a cluster that stopped is closed, as a failover has it.
    pub fn start(clusters: &[&Cluster]) -> Self {
        let server_dir = ServerDir::new("mycorr-haproxy-", "kill \"$(cat pid)\"");
        let port = free_port();
        let mut configuration = format!(
            "global\n  pidfile {}/pid\n\
             defaults\n  mode tcp\n  timeout connect 1s\n  timeout client 1h\n  timeout server 1h\n\
             listen metadata\n  bind 127.0.0.1:{port}\n\
             \x20 default-server check inter 100ms fall 1 rise 1 on-marked-down shutdown-sessions\n",
            server_dir.dir().display()
        );
        for (number, cluster) in clusters.iter().enumerate() {
            let backup = if number == 0 { "" } else { " backup" };
            configuration += &format!("  server cluster{number} 127.0.0.1:{}{backup}\n", cluster.port());
        }
        server_dir.write("haproxy.cfg", configuration);
        server_dir.run(Command::new("/usr/sbin/haproxy").args(["-D", "-f", "haproxy.cfg"])).unwrap();
        wait_for_port(port, || "HAProxy said nothing".to_owned());
        Self { _server_dir: server_dir, port }
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}
