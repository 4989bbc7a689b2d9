//! Between a connection's fields and what is stored of them.

use crate::{Connections, notices::rewrap_outbox, selection};
use mycorr_domain::{ConnectionId, Endpoint, Result, Secret};
use mycorr_meta::{Connection, Sealed};
use mycorr_pgread::{Target, tls::CaCertificate};
use mycorr_vault::{Context, Sealing, WrappedKey};

/// A connection's secrets in clear: in memory only, for as long as it is dialled.
pub(crate) struct Opened {
    password: Secret,
    ca_certificate: Option<Secret>,
}

impl Opened {
    pub(crate) fn of(target: &Target) -> Self {
        let ca_certificate = target.ca_certificate.as_ref().map(|ca| ca.pem().clone());
        Self { password: target.password.clone(), ca_certificate }
    }
}

/// Binds a ciphertext to its place: moved to another connection or field, or beside another host, user, or
/// an `encrypted` that was switched off, it does not open.
fn context(id: ConnectionId, field: &str, endpoint: &Endpoint) -> Context {
    Context::new()
        .part(id.as_uuid().as_bytes())
        .part(field)
        .part(&endpoint.host)
        .part(endpoint.port.get().to_be_bytes())
        .part(endpoint.database.as_str())
        .part(endpoint.username.as_str())
        .part([u8::from(endpoint.encrypted)])
}

/// What a rotation came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Data keys that the primary key wraps now and did not before.
    pub rewrapped: u64,
    /// Data keys that no key of the file opens.
    pub unreadable: u64,
}

/// How many data keys are looked at in one step.
const KEYS_AT_ONCE: u64 = 200;

impl Connections {
    /// Wraps every connection's data key, and every Model's, with the keyring's primary key. Connections can be used, made and
    /// changed meanwhile: one that changes in between is wrapped by the primary key already.
    ///
    /// # Errors
    /// `secret_unreadable` where the key file can't be read; `storage_full`, `storage_unavailable`.
    pub async fn rewrap_keys(&self) -> Result<Rewrapped> {
        let mut done = Rewrapped::default();
        let mut last = None;
        loop {
            let keys = self.meta.data_keys(last, KEYS_AT_ONCE).await?;
            let Some((id, ..)) = keys.last() else {
                self.rewrap_mask_keys(&mut done).await?;
                rewrap_outbox(&self.meta, &self.vault, &mut done).await?;
                return Ok(done);
            };
            last = Some(*id);
            for (id, endpoint, old) in keys {
                let wrapped = WrappedKey::from_bytes(old.clone());
                // Held until it is stored.
                let sealing = self.vault.begin_sealing()?;
                match sealing.rewrap(&wrapped, &context(id, "data_key", &endpoint)) {
                    Ok(Some(new)) => {
                        let replaced = self.meta.replace_data_key(id, old, new.into_bytes()).await?;
                        done.rewrapped += u64::from(replaced);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        tracing::error!(connection = %id, %error, "a data key can't be opened");
                        done.unreadable += 1;
                    }
                }
            }
        }
    }

    /// The same for the keys under which Models hash values.
    ///
    /// # Errors
    /// `secret_unreadable` where the key file can't be read; `storage_full`, `storage_unavailable`.
    async fn rewrap_mask_keys(&self, done: &mut Rewrapped) -> Result<()> {
        let mut last = None;
        loop {
            let keys = self.meta.mask_data_keys(last, KEYS_AT_ONCE).await?;
            let Some((id, _)) = keys.last() else { return Ok(()) };
            last = Some(*id);
            for (model, old) in keys {
                let sealing = self.vault.begin_sealing()?;
                match sealing
                    .rewrap(&WrappedKey::from_bytes(old.clone()), &selection::context(model, "data_key"))
                {
                    Ok(Some(new)) => {
                        let replaced = self.meta.replace_mask_data_key(model, old, new.into_bytes()).await?;
                        done.rewrapped += u64::from(replaced);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        tracing::error!(%model, %error, "a data key can't be opened");
                        done.unreadable += 1;
                    }
                }
            }
        }
    }

    /// Seals a connection's secrets under a data key of its own. Until they are stored, [`Sealing`] is to be held.
    pub(crate) fn seal(
        &self,
        id: ConnectionId,
        endpoint: &Endpoint,
        opened: &Opened,
    ) -> Result<(Sealed, Sealing)> {
        let sealing = self.vault.begin_sealing()?;
        let (key, wrapped) = sealing.new_data_key(&context(id, "data_key", endpoint))?;
        let seal = |field, secret| key.seal(secret, &context(id, field, endpoint));
        let sealed = Sealed {
            data_key: wrapped.into_bytes(),
            password: seal("password", &opened.password)?.into_bytes(),
            ca_certificate: match &opened.ca_certificate {
                Some(pem) => Some(seal("ca_certificate", pem)?.into_bytes()),
                None => None,
            },
        };
        Ok((sealed, sealing))
    }

    /// Where a connection leads, with its secrets opened.
    ///
    /// # Errors
    /// `secret_unreadable`.
    pub(crate) async fn target(&self, connection: &Connection) -> Result<Target> {
        let (id, endpoint) = (connection.id, &connection.endpoint);
        let sealed = self.meta.sealed(id).await?;
        let wrapped = WrappedKey::from_bytes(sealed.data_key);
        let key = self.vault.unwrap(&wrapped, &context(id, "data_key", endpoint))?;
        let open =
            |field, bytes| key.open(&mycorr_vault::Sealed::from_bytes(bytes), &context(id, field, endpoint));
        let password = open("password", sealed.password)?;
        let ca_certificate = match sealed.ca_certificate {
            Some(bytes) => Some(CaCertificate::parse(open("ca_certificate", bytes)?.expose())?),
            None => None,
        };
        let provider_roots = self.provider_roots.clone();
        Ok(Target { endpoint: endpoint.clone(), password, ca_certificate, provider_roots })
    }
}
