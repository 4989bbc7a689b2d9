//! What Mycorr does, use case by use case: each function asks who is asking, and ends in a value or in a
//! [`Problem`](mycorr_domain::Problem) that a person can read. Knows no HTTP, no SQL, and of the tables only
//! the port [`TableStore`].

mod accounts;
mod browse;
mod connection_test_limits;
mod connections;
mod diff;
mod export;
mod imports;
mod jobs;
mod ledger;
mod liveness;
mod models;
mod passport;
mod passwords;
mod reading;
mod role;
mod rows;
mod runner;
mod secrets;
mod sign_in_limits;
mod source;
mod source_concurrency;
mod source_limits;
mod versions;

pub use accounts::{Identity, NewToken, SignUpState, SignedIn};
pub use browse::Preview;
pub use connections::{Change, ConnectionForm, Live, Refused};
pub use diff::Diff;
pub use export::Exported;
pub use imports::Import;
pub use liveness::Waiting;
pub use passport::{RightsChange, SeenPassport};
pub use role::NewRole;
pub use rows::Rows;
pub use runner::Workers;
pub use secrets::Rewrapped;
pub use source_limits::read_seconds;
pub use versions::ColumnChanges;

// Plain values of the crates below, passed on as they are.
pub use mycorr_meta::{
    Access, CaSummary, Connection, Dependent, HeldBack, Job, JobKind, JobState, Limits, Listed, Model,
    NewSource, Purpose, Source, Statement, Table, Token, User, Version,
};
pub use mycorr_pgread::{
    Attempt, DeniedLookup, DialOutcome, Excess, Outcome as StepOutcome, Passport, Report, SchemaEntry,
    SchemaRights, ServerFacts, SourceColumn, Step, StepName, TableDescription, TableEntry, TableKind, Tls,
    paste,
    sql::role_script,
    tls::{CertificateInfo, ProviderRoots, Rule},
};

pub use mycorr_domain::{SourceChange, SourceRecord, UniqueKey};

use mycorr_domain::{JobId, Result, TableStore};
use mycorr_egress::Dialer;
use mycorr_meta::Meta;
use mycorr_vault::Vault;
use std::{
    future::Future,
    sync::{Arc, atomic::AtomicBool},
};
use tokio::sync::{Mutex, Notify, broadcast};

/// Who may make an account once there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUp {
    /// Who was given one by the operator, or was invited.
    Invite,
    Open,
}

/// What an engine is made of.
pub struct Parts {
    pub meta: Meta,
    pub vault: Vault,
    pub dialer: Dialer,
    /// Trusted beside the public trust store, for the providers' own hosts.
    pub provider_roots: ProviderRoots,
    pub store: Arc<dyn TableStore>,
    pub sign_up: SignUp,
    /// The largest row that is read, in bytes as the source sends it.
    pub largest_row: usize,
    /// Where less is free, no job is begun, and those that run end.
    pub min_free_bytes: u64,
    /// Of all versions of the tables in one person's Models.
    pub max_bytes_per_user: Option<u64>,
    pub waiting: Waiting,
}

/// What a row may have unless the operator says otherwise.
pub const LARGEST_ROW: usize = 64 << 20;

/// Everything that Mycorr can do. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    parts: Parts,
    passwords: passwords::Passwords,
    /// Failed sign-ins, of accounts that exist and of those that don't alike.
    sign_in_limits: sign_in_limits::SignInLimits,
    source_concurrency: source_concurrency::SourceConcurrency,
    /// Whether jobs wait for room where tables are stored.
    short_of_room: AtomicBool,
    open_entries: ledger::OpenEntries,
    checking: Mutex<()>,
    /// Told when a job is queued.
    queued: Notify,
    /// Told which job of this process has changed.
    changed: broadcast::Sender<JobId>,
}

impl std::ops::Deref for Engine {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}

impl Engine {
    pub fn new(parts: Parts) -> Self {
        let (changed, _) = broadcast::channel(64);
        Self(Arc::new(Inner {
            parts,
            passwords: passwords::Passwords::new(),
            sign_in_limits: sign_in_limits::SignInLimits::default(),
            source_concurrency: source_concurrency::SourceConcurrency::new(),
            short_of_room: AtomicBool::new(false),
            open_entries: ledger::OpenEntries::default(),
            checking: Mutex::new(()),
            queued: Notify::new(),
            changed,
        }))
    }

    /// Whether what a request needs is there: metadata and tables take a write.
    pub async fn ready(&self) -> Result<()> {
        // One at a time, since anybody may ask and each costs a write.
        let _turn = self.0.checking.lock().await;
        self.meta.check_writable().await?;
        self.store.check_writable().await
    }

    /// How many jobs are in each state.
    pub async fn job_counts(&self) -> Result<Vec<(String, u64)>> {
        self.meta.job_counts().await
    }
}

/// Runs `work` to its end even if whoever waits for it goes away: what was sent to a source must come into
/// the ledger, and what was tested must be noted.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => std::future::pending().await,
        },
    }
}
