//! Replaces the password or the CA certificate of a saved connection, once a test went well with the new one.

use super::{Connections, Refused, StepSender, summary};
use crate::secrets::Opened;
use mycorr_domain::{Code, Problem, Secret, UserId};
use mycorr_meta::{Connection, Purpose, TestResult};
use mycorr_pgread::{Target, tls::CaCertificate};

/// How often a change of secrets begins again because somebody else was faster.
const MAX_ROUNDS: usize = 3;

impl Connections {
    pub(super) async fn replace_secrets(
        &self,
        user: UserId,
        connection: &Connection,
        password: Option<Secret>,
        ca: Option<Option<CaCertificate>>,
        live: StepSender,
    ) -> Result<(), Refused> {
        for _ in 0..MAX_ROUNDS {
            let (password, ca, live) = (password.clone(), ca.clone(), live.clone());
            if self.try_replace_secrets(user, connection, password, ca, live).await? {
                return Ok(());
            }
        }
        Err(Problem::new(
            Code::Conflict,
            "The password or the CA certificate is being changed by others, too.",
        )
        .fix("Look at the connection again, and repeat your change if it is still wanted.")
        .into())
    }

    /// False when somebody else replaced what was stored in the meantime: then what was tested is not what this
    /// change would make.
    async fn try_replace_secrets(
        &self,
        user: UserId,
        connection: &Connection,
        password: Option<Secret>,
        ca: Option<Option<CaCertificate>>,
        live: StepSender,
    ) -> Result<bool, Refused> {
        let stored = self.meta.sealed(connection.id).await?;
        let target = match (password, ca) {
            // Nothing of what is stored is needed: this is also the way out when it can't be opened any more.
            (Some(password), Some(ca_certificate)) => {
                let provider_roots = self.provider_roots.clone();
                Target { endpoint: connection.endpoint.clone(), password, ca_certificate, provider_roots }
            }
            (password, ca) => {
                let mut target = self.target(connection).await?;
                if let Some(password) = password {
                    target.password = password;
                }
                if let Some(ca) = ca {
                    target.ca_certificate = ca;
                }
                target
            }
        };
        let journal = self.ledger(connection.id, user, Purpose::Test, None);
        let report = self.probe(user, connection.kind, target.clone(), journal, live).await?;
        let report = Refused::unless_ok(report).map_err(|refused| *refused)?;
        let (sealed, sealing) = self.seal(connection.id, &target.endpoint, &Opened::of(&target))?;
        let ca = target.ca_certificate.as_ref().map(summary);
        let replaced = self.meta.reseal_connection(user, connection.id, &stored, sealed, ca).await?;
        drop(sealing);
        if !replaced {
            return Ok(false);
        }
        let server_version = report.server.map(|server| server.version);
        self.meta.note_test(user, connection.id, TestResult { ok: true, server_version }).await?;
        self.remember_passport(connection.id, report.passport).await;
        Ok(true)
    }
}
