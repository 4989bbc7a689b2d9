//! Takes what is in the outbox to where it belongs: at least once, under one id, again and again over days.

use crate::{
    Notices,
    accounts::{random_text, sha256},
    people::PASSWORD_RESET,
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, stream};
use mycorr_delivery::{Mail, Undelivered, WebhookMessage, WebhookUrl};
use mycorr_domain::{Code, Email, Problem, Result, Secret};
use mycorr_meta::{Administrator, AttemptEnd, Channel, ClaimedDelivery, MailKind, OutboxKey, SealedText};
use mycorr_traces::{Span, SpanKind};
use mycorr_vault::{Context, WrappedKey};
use serde::Deserialize;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often each process looks for what is to be delivered.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How often a process that sends mail says so.
const PROMISE_INTERVAL: Duration = Duration::from_secs(10 * 60);
/// So many are under way at a time.
const MAX_CONCURRENT: usize = 16;
/// Between the attempts (Standard Webhooks, "Deliverability and reliability"): for three days.
const RETRIES: [TimeDelta; 9] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(14),
    TimeDelta::hours(20),
    TimeDelta::hours(24),
];
/// A receiver that says so wants no more.
const GONE: u16 = 410;

/// Binds what is sealed in the outbox to its place.
pub(crate) fn context(of: OutboxKey, field: &str) -> Context {
    let (kind, id) = match of {
        OutboxKey::Webhook(id) => ("webhook", id),
        OutboxKey::Mail(id) => ("mail", id),
    };
    Context::new().part(kind).part(id.as_bytes()).part(field)
}

/// What a mail about a notice or an invitation says.
#[derive(Default, Deserialize)]
#[serde(default)]
struct MailBody {
    model_id: Option<Uuid>,
    model_name: String,
    table_id: Option<Uuid>,
    table_name: String,
    title: Option<String>,
    actor: Option<String>,
}

/// The words of a mail.
struct Letter {
    subject: String,
    text: String,
    action: &'static str,
    url: String,
    reason: &'static str,
}

impl Notices {
    /// Delivers until it is stopped.
    pub(crate) async fn keep_delivering(&self, stop: &CancellationToken) {
        let mut promised: Option<Instant> = None;
        loop {
            if self.mail.is_some() && promised.is_none_or(|at| at.elapsed() >= PROMISE_INTERVAL) {
                match self.meta.promise_mail().await {
                    Ok(()) => promised = Some(Instant::now()),
                    Err(problem) => tracing::error!(cause = problem.internal, "mail could not be promised"),
                }
            }
            let wait = match self.deliver_due(Utc::now()).await {
                Ok(delivered) if delivered == MAX_CONCURRENT => Duration::ZERO,
                Ok(_) => POLL_INTERVAL,
                Err(problem) => {
                    tracing::error!(cause = problem.internal, "the outbox can't be looked at");
                    POLL_INTERVAL
                }
            };
            if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return;
            }
        }
    }

    /// Makes one attempt at each delivery that is due at `at`; how many that were.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn deliver_due(&self, at: DateTime<Utc>) -> Result<usize> {
        let channels: &[Channel] =
            if self.mail.is_some() { &[Channel::Webhook, Channel::Mail] } else { &[Channel::Webhook] };
        let claimed = self.meta.claim_deliveries(channels, MAX_CONCURRENT as u64, at).await?;
        let count = claimed.len();
        let attempts = stream::iter(claimed).map(async |delivery| {
            let channel = delivery.channel.as_str();
            let trace = delivery.traceparent.as_deref();
            let span = Span::continued(SpanKind::Client, format_args!("deliver {channel}"), trace);
            span.note("mycorr.delivery.id", &delivery.id);
            let end = match span.clone().around(self.attempt_within(&span, &delivery, at)).await {
                Ok(status) => AttemptEnd::Delivered { status },
                Err(failed) => failed,
            };
            if let AttemptEnd::Failed { problem, .. } = &end {
                let (id, code) = (delivery.id, problem.code.as_str());
                tracing::warn!(delivery = %id, code, cause = problem.internal, "a notice was not delivered");
            }
            self.meta.end_attempt(&delivery, end).await
        });
        let ends: Vec<_> = attempts.buffer_unordered(MAX_CONCURRENT).collect().await;
        ends.into_iter().collect::<Result<Vec<()>>>()?;
        Ok(count)
    }

    async fn attempt_within(
        &self,
        span: &Span,
        delivery: &ClaimedDelivery,
        at: DateTime<Utc>,
    ) -> Result<Option<u16>, AttemptEnd> {
        let ended = self.attempt(delivery, at).await;
        let status = match &ended {
            Ok(status) => *status,
            Err(AttemptEnd::Failed { status, problem, .. }) => {
                span.fail(problem.code);
                *status
            }
            Err(AttemptEnd::Delivered { status }) => *status,
        };
        if let Some(status) = status {
            span.count("http.response.status_code", status.into());
        }
        ended
    }

    async fn attempt(
        &self,
        delivery: &ClaimedDelivery,
        at: DateTime<Utc>,
    ) -> Result<Option<u16>, AttemptEnd> {
        let failed = |status, problem, permanent: bool| AttemptEnd::Failed {
            status,
            problem,
            next_at: if permanent { None } else { retry_at(delivery, at) },
        };
        match delivery.channel {
            Channel::Webhook => {
                let sent = self.send_webhook(delivery, at).await;
                let status =
                    sent.map_err(|Undelivered { problem, permanent }| failed(None, problem, permanent))?;
                if (200..300).contains(&status) {
                    return Ok(Some(status));
                }
                let problem = Problem::new(
                    Code::ConnectionRejected,
                    format!("The receiver answered with status {status}."),
                );
                Err(failed(Some(status), problem, status == GONE))
            }
            Channel::Mail => {
                let sent = self.send_mail(delivery).await;
                sent.map_err(|Undelivered { problem, permanent }| failed(None, problem, permanent))?;
                Ok(None)
            }
        }
    }

    async fn send_webhook(&self, delivery: &ClaimedDelivery, at: DateTime<Utc>) -> Result<u16, Undelivered> {
        let gone = || Undelivered {
            problem: Problem::new(Code::NotFound, "The webhook was removed."),
            permanent: true,
        };
        let (Some(model), Some(notice)) = (delivery.model, delivery.notice) else { return Err(gone()) };
        let target = self.meta.webhook_target(model).await.map_err(again)?;
        let (url, sealed) = target.ok_or_else(gone)?;
        let secret = self.open(OutboxKey::Webhook(*model.as_uuid()), sealed).map_err(again)?;
        let url = WebhookUrl::parse(&url).map_err(again)?;
        let id = notice.to_string();
        let message = WebhookMessage { id: &id, timestamp: at.timestamp(), body: &delivery.body };
        self.webhooks.send(&url, message, &secret).await
    }

    async fn send_mail(&self, delivery: &ClaimedDelivery) -> Result<(), Undelivered> {
        let (Some(mail), Some(to)) = (&self.mail, &delivery.address) else { return Ok(()) };
        let Some(letter) = self.letter(delivery, to, &mail.public_url).await.map_err(again)? else {
            return Ok(());
        };
        let id = match delivery.notice {
            Some(notice) => notice.to_string(),
            None => delivery.id.to_string(),
        };
        let letter = Mail {
            id: &id,
            to,
            subject: &letter.subject,
            text: &letter.text,
            action: (letter.action, &letter.url),
            reason: letter.reason,
        };
        mail.mailer.send(&letter).await
    }

    /// `None` where nobody is to be written to any more.
    async fn letter(&self, delivery: &ClaimedDelivery, to: &str, origin: &str) -> Result<Option<Letter>> {
        if delivery.kind == MailKind::PasswordReset.as_str() {
            return self.password_letter(to, origin).await;
        }
        let body: MailBody = serde_json::from_str(&delivery.body).map_err(Problem::bug)?;
        let by = body.actor.as_deref().unwrap_or("Somebody");
        if delivery.kind == MailKind::Invite.as_str() {
            let Some(sealed) = delivery.sealed.clone() else { return Ok(None) };
            let token = self.open(OutboxKey::Mail(*delivery.id.as_uuid()), sealed)?;
            return Ok(Some(Letter {
                subject: format!("{by} invites you to Mycorr"),
                text: format!(
                    "{by} invites you to work together in Mycorr. The link is good once and for seven days."
                ),
                action: "Accept the invitation",
                url: format!("{origin}/invite/{}", token.expose()),
                reason: "You get this because somebody typed your address. If you don't know them, do nothing.",
            }));
        }
        let MailBody { model_name: model, table_name: table, .. } = &body;
        let why = body.title.as_deref().unwrap_or("no reason was given");
        let (subject, text) = match delivery.kind.as_str() {
            "sync_failed" => (
                format!("The sync of {table} failed"),
                format!("The sync of {table} in {model} failed: {why}. The table holds what it held before."),
            ),
            "sync_held" => (
                format!("A sync of {table} waits for your decision"),
                format!(
                    "The sync of {table} in {model} found changes that may break what uses it. The table holds what it held before, until somebody accepts or discards them."
                ),
            ),
            "table_stale" => (
                format!("{table} is out of date"),
                format!(
                    "{table} in {model} was not synced when it was due: {why}. The table holds what it held before."
                ),
            ),
            "sync_recovered" => (
                format!("{table} is up to date again"),
                format!("The sync of {table} in {model} succeeded again."),
            ),
            "transferred" => {
                (format!("{model} is yours now"), format!("{by} handed the Model {model} over to you."))
            }
            _ if table.is_empty() => (
                format!("{by} shares {model} with you"),
                format!("{by} shares the Model {model} with you in Mycorr."),
            ),
            _ => (
                format!("{by} shares {table} with you"),
                format!("{by} shares the table {table} with you in Mycorr."),
            ),
        };
        let url = match (body.model_id, body.table_id) {
            (Some(model), Some(table)) => format!("{origin}/models/{model}?table={table}"),
            (Some(model), None) => format!("{origin}/models/{model}"),
            _ => origin.to_owned(),
        };
        let reason = "You get this because you may change the Model, or it was shared with you.";
        Ok(Some(Letter { subject, text, action: "Open in Mycorr", url, reason }))
    }

    /// The link is made now, so that it is stored nowhere; of one that was asked for again only the newest is good.
    async fn password_letter(&self, to: &str, origin: &str) -> Result<Option<Letter>> {
        let Some((user, _)) = self.meta.user_by_email(&Email::parse(to)?).await? else { return Ok(None) };
        if user.disabled {
            return Ok(None);
        }
        let (token, expires_at) = (random_text()?, Utc::now() + PASSWORD_RESET);
        let by = Administrator::operator();
        self.meta.create_password_reset(&by, user.id, sha256(&token), expires_at).await?;
        Ok(Some(Letter {
            subject: "Set a new password for Mycorr".to_owned(),
            text: "Somebody asked for a new password for your account, you as we hope. The link is good once and for 24 hours."
                .to_owned(),
            action: "Set a new password",
            url: format!("{origin}/password-reset/{token}"),
            reason: "If it was not you, do nothing: your password stays as it is.",
        }))
    }

    pub(crate) fn seal(&self, of: OutboxKey, secret: &Secret) -> Result<(SealedText, mycorr_vault::Sealing)> {
        let sealing = self.vault.begin_sealing()?;
        let (key, wrapped) = sealing.new_data_key(&context(of, "data_key"))?;
        let sealed = key.seal(secret, &context(of, "secret"))?.into_bytes();
        Ok((SealedText { data_key: wrapped.into_bytes(), sealed }, sealing))
    }

    fn open(&self, of: OutboxKey, sealed: SealedText) -> Result<Secret> {
        let key = self.vault.unwrap(&WrappedKey::from_bytes(sealed.data_key), &context(of, "data_key"))?;
        Ok(key.open(&mycorr_vault::Sealed::from_bytes(sealed.sealed), &context(of, "secret"))?)
    }
}

fn again(problem: Problem) -> Undelivered {
    Undelivered { problem, permanent: false }
}

/// Spread by a fifth, so that what failed together is not tried together. `None` after the last attempt.
fn retry_at(delivery: &ClaimedDelivery, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let wait = *RETRIES.get(delivery.attempts.saturating_sub(1) as usize)?;
    Some(at + wait + wait * (delivery.id.as_uuid().as_u128() % 200) as i32 / 1000)
}
