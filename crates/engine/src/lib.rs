//! What Mycorr does, use case by use case: each function asks who is asking, and ends in a value or in a
//! [`Problem`](mycorr_domain::Problem) that a person can read. Knows no HTTP, no SQL, and of the tables only
//! the port [`TableStore`].

#![warn(clippy::missing_errors_doc)]

mod accounts;
mod browse;
mod connection_form;
mod connection_test_limits;
mod connections;
mod databases;
mod diff;
mod export;
mod holds;
mod identities;
mod imports;
mod job_stream;
mod jobs;
mod ledger;
mod liveness;
mod models;
mod notices;
mod outbox;
mod parallel_read;
mod passwords;
mod people;
mod profiles;
mod reading;
mod receipts;
mod relations;
mod retention;
mod role;
mod role_privileges;
mod rows;
mod runner;
mod saved_views;
mod schedules;
mod secrets;
mod selection;
mod sharing;
mod sign_in_limits;
mod slow_reads;
mod source;
mod source_concurrency;
mod source_limits;
mod tables;
mod unchanged;
mod versions;

pub use accounts::{Accounts, Identity, NewToken, Proof, SignUpState, SignedIn};
pub use browse::Preview;
pub use connection_form::ConnectionForm;
pub use connections::{Change, Connections, Refused, StepSender};
pub use databases::{DatabaseName, Moment, NamedSnapshot};
pub use diff::Diff;
pub use export::Exported;
pub use holds::Held;
pub use identities::BegunSignIn;
pub use imports::{Import, Imports};
pub use jobs::Jobs;
pub use liveness::Waiting;
pub use models::Models;
pub use notices::{MailSettings, Notices};
pub use people::NewLink;
pub use relations::Relation;
pub use retention::Freed;
pub use role::NewRole;
pub use role_privileges::{RightsChange, SeenPrivileges};
pub use rows::Rows;
use runner::Runner;
pub use runner::Workers;
pub use schedules::NewSchedule;
pub use secrets::Rewrapped;
pub use sharing::{NewInvite, ShareWith, Shared, Teams};
pub use source_limits::{longest_read_seconds, read_seconds};
pub use tables::Tables;
pub use versions::ColumnChanges;

// Plain values of the crates below, passed on as they are.
pub use mycorr_delivery::{MailServer, Mailer};
pub use mycorr_meta::{
    Access, Browser, CaSummary, Connection, Delivery, DeliveryState, Dependent, Event, Figures, HeldSync,
    Invite, Job, JobKind, JobQuery, JobState, Limits, LinkedIdentity, Listed, Member, Model, NewSource,
    Notice, NoticeKind, Purpose, Schedule, SessionInfo, Source, Statement, StoredView, SyncBy, Table, Team,
    TeamMember, TeamRole, Token, TokenAccess, TokenScope, User, UserChange, Version, VersionName, WaitingFor,
    Webhook, Who,
};
pub use mycorr_oidc::{Callback as SignInCallback, Providers as SignInProviders};
pub use mycorr_pgread::{
    Attempt, ColumnStatistics, DeniedLookup, DialOutcome, Excess, Outcome as StepOutcome, Report,
    RolePrivileges, SchemaEntry, SchemaRights, ServerFacts, SourceColumn, StatisticsState, Step, StepName,
    TableDescription, TableEntry, TableKind, TableStatistics, Tls, paste,
    sql::role_script,
    tls::{CertificateInfo, ProviderRoots, Rule},
};

pub use mycorr_domain::{
    BothSides, ColumnReceipt, ForeignKey, Mask, Profile, Receipt, Selection, SourceChange, SourceRecord,
    UniqueKey,
};

use mycorr_domain::{Result, TableStore};
use mycorr_egress::Dialer;
use mycorr_meta::Meta;
use mycorr_vault::Vault;
use std::{
    future::Future,
    sync::{Arc, atomic::AtomicBool},
};
use tokio::sync::Mutex;

/// Who may make an account once there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUp {
    /// Who was given one by the operator, or was invited.
    Invite,
    Open,
}

/// What an engine is made of.
pub struct EngineDeps {
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
    /// None: no mail is sent.
    pub mail: Option<MailSettings>,
}

/// What a row may have unless the operator says otherwise.
pub const MAX_ROW_BYTES: usize = 64 << 20;

/// Everything that Mycorr can do, by use case. Cheap to clone. What it is made of stays inside: who holds an engine
/// reaches the metadata, the secrets and the tables through a use case, which asks who is asking.
#[derive(Clone)]
pub struct Engine {
    pub accounts: Accounts,
    pub models: Models,
    pub connections: Connections,
    pub imports: Imports,
    pub tables: Tables,
    pub teams: Teams,
    pub jobs: Jobs,
    pub notices: Notices,
    checking: Arc<Mutex<()>>,
}

impl Engine {
    pub fn new(deps: EngineDeps) -> Self {
        let connections = Connections::new(&deps);
        let notices = Notices::new(&deps);
        let EngineDeps {
            meta, store, sign_up, largest_row, min_free_bytes, max_bytes_per_user, waiting, ..
        } = deps;
        let jobs = Jobs::new(meta.clone());
        let imports = Imports { meta: meta.clone(), jobs: jobs.clone(), max_bytes_per_user };
        let runner = Runner {
            meta: meta.clone(),
            store: store.clone(),
            connections: connections.clone(),
            imports: imports.clone(),
            jobs: jobs.clone(),
            largest_row,
            min_free_bytes,
            waiting,
            short_of_room: Arc::new(AtomicBool::new(false)),
            slow_reads: Arc::default(),
            notices: notices.clone(),
        };
        Self {
            accounts: Accounts::new(meta.clone(), sign_up),
            models: Models::new(meta.clone()),
            teams: Teams::new(meta.clone()),
            connections,
            imports,
            tables: Tables { meta, store, runner },
            jobs,
            notices,
            checking: Arc::default(),
        }
    }

    /// The same, where people can sign in at these providers too.
    #[must_use]
    pub fn with_sign_in_providers(mut self, providers: SignInProviders) -> Self {
        self.accounts.providers = providers;
        self
    }

    /// Starts `count` workers. What a process that died has left over is found by its lease.
    pub fn start_workers(&self, count: usize) -> Workers {
        self.tables.runner.start_workers(count)
    }

    /// Whether what a request needs is there: metadata and tables take a write.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn ready(&self) -> Result<()> {
        // One at a time, since anybody may ask and each costs a write.
        let _turn = self.checking.lock().await;
        self.tables.meta.check_writable().await?;
        self.tables.store.check_writable().await
    }

    /// Figures of the whole installation, and the room that is left where tables are stored, where that is known.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn figures(&self) -> Result<(Figures, Option<u64>)> {
        let figures = self.tables.meta.figures().await?;
        Ok((figures, self.tables.store.free_bytes().await?))
    }

    /// Closes the metadata, when nothing uses it any more.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn close(self) -> Result<()> {
        self.tables.meta.close().await
    }
}

/// Runs `work` to its end even if whoever waits for it goes away: what was sent to a source must come into
/// the ledger, and what was tested must be noted.
async fn spawn_uncancellable<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => std::future::pending().await,
        },
    }
}
