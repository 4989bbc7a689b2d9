//! Databases for the metadata of Mycorr itself.

use crate::cluster::Cluster;

impl Cluster {
    /// The URL of a database of this name, made empty if there is none, whose owner the role in the URL is.
    pub fn metadata_url(&self, name: &str) -> String {
        self.metadata_url_at(name, self.port())
    }

    /// The same through something that listens on another port.
    pub fn metadata_url_at(&self, name: &str, port: u16) -> String {
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'));
        if self.sql(&format!("SELECT 1 FROM pg_database WHERE datname = '{name}'")).is_empty() {
            self.sql(&format!("CREATE ROLE {name} LOGIN PASSWORD '{METADATA_PASSWORD}'"));
            self.sql(&format!("CREATE DATABASE {name} OWNER {name}"));
        }
        format!("postgres://{name}:{METADATA_PASSWORD}@127.0.0.1:{port}/{name}")
    }
}

/// Of every role that [`Cluster::metadata_url`] makes.
pub const METADATA_PASSWORD: &str = "metadata-s3cret";
