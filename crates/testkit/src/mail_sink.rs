//! A real SMTP server that keeps what it is sent: aiosmtpd, which `scripts/servers` installs.

use crate::{
    Certified,
    kept_server::KeptServer,
    servers::{cache, not_tested},
};
use std::{fs, process::Command, time::Duration};
use tempfile::TempDir;

/// Ends with the test, however that ends.
pub struct MailSink {
    port: u16,
    scheme: &'static str,
    folder: TempDir,
    _server: KeptServer,
}

impl MailSink {
    /// `None` where it is not installed, which the test's output says.
    pub fn start() -> Option<Self> {
        Self::begin("smtp", None)
    }

    /// One that takes mail over TLS alone: after STARTTLS, or from the first byte where it is `implicit`.
    pub fn start_tls(certified: &Certified, implicit: bool) -> Option<Self> {
        Self::begin(if implicit { "smtps" } else { "smtp" }, Some(certified))
    }

    fn begin(scheme: &'static str, certified: Option<&Certified>) -> Option<Self> {
        let packages = cache().join("mail");
        if !packages.join("aiosmtpd").exists() {
            not_tested("mail: scripts/servers installs the mail server aiosmtpd");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let port = crate::server_dir::free_port();
        let mut encryption = Vec::new();
        if let Some(certified) = certified {
            let names =
                if scheme == "smtps" { ["--smtpscert", "--smtpskey"] } else { ["--tlscert", "--tlskey"] };
            for (name, text) in names.into_iter().zip([&certified.certificate, &certified.key]) {
                let file = folder.path().join(name);
                fs::write(&file, text).unwrap();
                encryption.extend([name.into(), file.into_os_string()]);
            }
        }
        let mut sink = Command::new("python3");
        sink.args(["-m", "aiosmtpd", "-n", "-l", &format!("127.0.0.1:{port}")]);
        sink.args(["-c", "aiosmtpd.handlers.Mailbox"]).args(encryption).arg(folder.path().join("mails"));
        sink.env("PYTHONPATH", packages);
        let server = KeptServer::start(&sink);
        crate::server_dir::wait_for_port(port, || "aiosmtpd did not start".to_owned());
        Some(Self { port, scheme, folder, _server: server })
    }

    /// Where it listens, as a setting.
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// What was received, with headers, lines that were folded in transport put together again.
    pub fn mails(&self) -> Vec<String> {
        let folder = self.folder.path().join("mails/new");
        let files = fs::read_dir(folder).into_iter().flatten();
        let text = |file: fs::DirEntry| {
            let text = String::from_utf8_lossy(&fs::read(file.path()).unwrap()).replace("\r\n", "\n");
            // Quoted-printable (RFC 2045), as far as these mails need it.
            text.replace("=\n", "").replace("=3D", "=").replace("=20", " ")
        };
        files.map(|file| text(file.unwrap())).collect()
    }

    /// Waits for a mail that has this in it.
    pub async fn wait_for(&self, part: &str) -> String {
        loop {
            if let Some(mail) = self.mails().into_iter().find(|mail| mail.contains(part)) {
                return mail;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
