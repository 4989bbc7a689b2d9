//! What people are told of without asking, and where it goes besides the page.

use crate::{EngineDeps, Rewrapped, accounts::sha256, outbox::context};
use mycorr_delivery::{Mailer, WebhookClient, WebhookUrl, new_signing_secret};
use mycorr_domain::{DeliveryId, Email, ModelId, NoticeId, Problem, Result, Secret, UserId};
use mycorr_meta::{Charge, Listed, MailKind, Meta, Notice, NoticeKind, OutboxKey, Rate, Webhook};
use mycorr_vault::{Vault, WrappedKey};
use serde_json::json;
use std::{net::IpAddr, sync::Arc, time::Duration};

/// How mail is sent.
#[derive(Clone)]
pub struct MailSettings {
    pub mailer: Mailer,
    /// What links in mails begin with, without a slash at its end.
    pub public_url: String,
}

/// Requests for a new password from one address: 20 at once, then one a minute.
const RESETS_PER_ADDRESS: Rate = Rate { burst: 20, interval: Duration::from_secs(60) };
/// For one account: 3 at once, then one in 20 minutes.
const RESETS_PER_ACCOUNT: Rate = Rate { burst: 3, interval: Duration::from_secs(20 * 60) };

/// Notices in the page, webhooks and mail.
#[derive(Clone)]
pub struct Notices {
    pub(crate) meta: Meta,
    pub(crate) vault: Vault,
    pub(crate) webhooks: WebhookClient,
    pub(crate) mail: Option<Arc<MailSettings>>,
}

impl Notices {
    pub(crate) fn new(deps: &EngineDeps) -> Self {
        Self {
            meta: deps.meta.clone(),
            vault: deps.vault.clone(),
            webhooks: WebhookClient::new(deps.dialer.clone()),
            mail: deps.mail.clone().map(Arc::new),
        }
    }

    /// What the caller was told, newest first, and how many of all were not read yet.
    ///
    /// # Errors
    /// `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn list(
        &self,
        user: UserId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Listed<Notice>, u64)> {
        Ok((self.meta.notices(user, after, limit).await?, self.meta.unread_notices(user).await?))
    }

    /// Marks one notice as read, or all.
    ///
    /// # Errors
    /// `not_found`; `storage_full`, `storage_unavailable`.
    pub async fn read(&self, user: UserId, id: Option<NoticeId>) -> Result<()> {
        self.meta.read_notice(user, id).await
    }

    /// Sets where the notices of a Model go; of these kinds only, if any are named. Returns the secret that signs them,
    /// which is shown this once.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `invalid`, `private_address`; `storage_full`, `storage_unavailable`.
    pub async fn set_webhook(
        &self,
        user: UserId,
        model: ModelId,
        url: &str,
        kinds: Option<Vec<NoticeKind>>,
    ) -> Result<Secret> {
        let grant = self.meta.grant(user, model).await?;
        let url = WebhookUrl::parse(url)?;
        if kinds.as_ref().is_some_and(Vec::is_empty) {
            return Err(Problem::invalid("kinds", "Name at least one kind, or leave this out for all."));
        }
        self.webhooks.check(&url).await?;
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(Problem::bug)?;
        let secret = new_signing_secret(random);
        let (sealed, sealing) = self.seal(OutboxKey::Webhook(*model.as_uuid()), &secret)?;
        self.meta.set_webhook(&grant, url.as_str(), kinds.as_deref(), sealed).await?;
        drop(sealing);
        Ok(secret)
    }

    /// # Errors
    /// `not_found`, also for a Model without one; `forbidden`; `storage_unavailable`.
    pub async fn webhook(&self, user: UserId, model: ModelId) -> Result<Webhook> {
        self.meta.webhook(&self.meta.grant(user, model).await?).await
    }

    /// # Errors
    /// `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn delete_webhook(&self, user: UserId, model: ModelId) -> Result<()> {
        self.meta.delete_webhook(&self.meta.grant(user, model).await?).await
    }

    /// Sends a message once more, under the same id.
    ///
    /// # Errors
    /// `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn redeliver(&self, user: UserId, model: ModelId, id: DeliveryId) -> Result<()> {
        self.meta.redeliver(&self.meta.grant(user, model).await?, id).await
    }

    /// Sends a link to a new password, where mail is set up and somebody has this address. Who asks can't tell.
    ///
    /// # Errors
    /// `invalid`, `too_many_requests` for who asks too often; `storage_full`, `storage_unavailable`.
    pub async fn request_password_reset(&self, email: &str, from: IpAddr) -> Result<()> {
        let email = Email::parse(email)?;
        if self.mail.is_none() {
            return Ok(());
        }
        if let Charge::Refused(wait) =
            self.meta.charge(&format!("reset-address:{from}"), RESETS_PER_ADDRESS).await?
        {
            return Err(Problem::too_many_requests("Many links to a new password were asked for.", wait));
        }
        let account = format!("reset-account:{}", hex::encode(sha256(email.as_str())));
        if self.meta.charge(&account, RESETS_PER_ACCOUNT).await? == Charge::Taken {
            let (id, body) = (DeliveryId::new(), "{}".to_owned());
            self.meta.queue_mail(MailKind::PasswordReset, &email, id, None, body).await?;
        }
        Ok(())
    }

    /// Mails an invitation to who was invited, where mail is set up.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn mail_invite(&self, by: UserId, email: &str, token: &Secret) -> Result<()> {
        if self.mail.is_none() {
            return Ok(());
        }
        let id = DeliveryId::new();
        let (sealed, sealing) = self.seal(OutboxKey::Mail(*id.as_uuid()), token)?;
        let body = json!({ "actor": self.meta.user(by).await?.name }).to_string();
        self.meta.queue_mail(MailKind::Invite, &Email::parse(email)?, id, Some(sealed), body).await?;
        drop(sealing);
        Ok(())
    }
}

/// Wraps the data keys of webhooks and of mails that wait with the keyring's primary key.
///
/// # Errors
/// `secret_unreadable` where the key file can't be read; `storage_full`, `storage_unavailable`.
pub(crate) async fn rewrap_outbox(meta: &Meta, vault: &Vault, done: &mut Rewrapped) -> Result<()> {
    for (of, old) in meta.outbox_keys().await? {
        // Held until it is stored.
        let sealing = vault.begin_sealing()?;
        match sealing.rewrap(&WrappedKey::from_bytes(old.clone()), &context(of, "data_key")) {
            Ok(Some(new)) => {
                meta.replace_outbox_key(of, old, new.into_bytes()).await?;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(?of, cause = %error, "a data key can't be opened");
                done.unreadable += 1;
            }
        }
    }
    Ok(())
}
