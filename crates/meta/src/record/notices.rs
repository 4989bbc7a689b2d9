//! Notices, and where they are delivered.

use super::{DeliveryState, NoticeKind};
use chrono::{DateTime, Utc};
use mycorr_domain::{Code, DeliveryId, JobId, ModelId, NoticeId, Problem, TableId};

/// Something that people are told of.
#[derive(Clone, Debug)]
pub struct Notice {
    pub id: NoticeId,
    pub at: DateTime<Utc>,
    pub kind: NoticeKind,
    pub model: Option<ModelId>,
    /// As it was called then.
    pub model_name: String,
    pub table: Option<TableId>,
    pub table_name: String,
    pub job: Option<JobId>,
    /// Why a sync failed.
    pub code: Option<Code>,
    /// Who did it.
    pub actor: Option<String>,
    pub read_at: Option<DateTime<Utc>>,
}

/// Where the notices of a Model go.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub url: String,
    /// `None` for all.
    pub kinds: Option<Vec<NoticeKind>>,
    pub created_at: DateTime<Utc>,
    /// The newest, newest first.
    pub deliveries: Vec<Delivery>,
}

/// A notice on its way to a webhook.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: DeliveryId,
    pub notice: Option<NoticeId>,
    pub kind: NoticeKind,
    pub state: DeliveryState,
    pub attempts: u32,
    /// What the receiver of the last attempt answered; `None` where no answer came.
    pub status: Option<u16>,
    /// Why the last attempt failed.
    pub problem: Option<Problem>,
    pub created_at: DateTime<Utc>,
    pub next_attempt_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
}
