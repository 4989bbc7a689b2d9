//! Who is connected, to which database, and what they see of it now.

use crate::{
    catalogue::Visible,
    failure::{Failure, SqlState},
    listener::Shared,
};
use datafusion::execution::session_state::SessionState;
use mycorr_domain::{Code, Email, Problem};
use mycorr_engine::{DatabaseName, Identity, Moment};
use pgwire::messages::startup::SecretKey;
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};
use tokio::sync::watch;

/// Statements and portals with names that a session may have.
const MAX_PREPARED: usize = 1_000;

pub(crate) struct Session {
    pub(crate) shared: Arc<Shared>,
    pub(crate) identity: Identity,
    pub(crate) database: DatabaseName,
    pub(crate) state: SessionState,
    pub(crate) visible: Visible,
    /// Told when the running statement is to be given up: who subscribes as it begins misses nothing, whenever he looks.
    pub(crate) cancelled: Arc<watch::Sender<()>>,
    /// A transaction sees one moment: what its first statement saw.
    pinned: AtomicBool,
    prepared: Mutex<HashSet<String>>,
    pub(crate) process: i32,
    pub(crate) secret: SecretKey,
}

impl Session {
    /// Signs in.
    pub(crate) async fn open(
        shared: Arc<Shared>,
        user: &str,
        database: &str,
        token: &str,
        (process, secret): (i32, SecretKey),
    ) -> Result<Self, Failure> {
        let refused = || {
            let message = format!("password authentication failed for user {user:?}");
            Failure::new(SqlState::InvalidPassword, message)
                .hint("The user is your e-mail address, the password an API token of yours.")
                .fatal()
        };
        let email = Email::parse(user).map_err(|_| refused())?;
        let identity = shared.engine.accounts.by_token(token).await.map_err(fatal)?.ok_or_else(refused)?;
        if identity.user.email != email.as_str() {
            return Err(refused());
        }
        let missing = || {
            let message = format!("database {database:?} does not exist");
            Failure::new(SqlState::InvalidCatalogName, message)
                .hint("A database is a Model, by name or id; @ and a checkpoint or an RFC 3339 time may follow.")
                .fatal()
        };
        let found =
            shared.engine.tables.database(&identity, database).await.map_err(|problem| {
                match problem.code {
                    Code::NotFound => missing(),
                    _ => fatal(problem),
                }
            })?;
        let visible = Visible::default();
        let state =
            shared.planner.session(shared.store.clone(), database, email.as_str(), visible.clone())?;
        let session = Self {
            shared,
            identity,
            database: found,
            state,
            visible,
            cancelled: Arc::default(),
            pinned: AtomicBool::new(false),
            prepared: Mutex::default(),
            process,
            secret,
        };
        session.refresh(false).await.map_err(Failure::fatal)?;
        // A name under which nothing is kept is a mistake in it.
        if matches!(session.database.moment, Moment::Checkpoint(_)) && session.visible.get().is_empty() {
            return Err(missing());
        }
        Ok(session)
    }

    /// What the session sees now, if it may still see anything.
    pub(crate) async fn refresh(&self, in_transaction: bool) -> Result<(), Failure> {
        self.check_token().await?;
        let (tables, user) = (&self.shared.engine.tables, self.identity.user.id);
        let gone = |problem: Problem| match problem.code {
            Code::NotFound => Failure::new(
                SqlState::AdminShutdown,
                "the database is no longer there, or no longer shared with you",
            )
            .fatal(),
            _ => Failure::problem(problem),
        };
        if in_transaction && self.pinned.load(Relaxed) {
            self.shared.engine.models.model(user, self.database.model).await.map_err(gone)?;
            return Ok(());
        }
        self.visible.set(tables.snapshots(user, &self.database).await.map_err(gone)?);
        self.pinned.store(in_transaction, Relaxed);
        Ok(())
    }

    /// The next statement sees what is newest then.
    pub(crate) fn unpin(&self) {
        self.pinned.store(false, Relaxed);
    }

    /// Ends the session of a token that was revoked.
    pub(crate) async fn check_token(&self) -> Result<(), Failure> {
        if self.shared.engine.accounts.stands(self.identity.proof).await? {
            return Ok(());
        }
        Err(Failure::new(SqlState::AdminShutdown, "terminating connection: the token was revoked").fatal())
    }

    fn prepared(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a note of a named statement (`s`) or portal (`p`).
    pub(crate) fn prepare(&self, kind: char, name: &str) -> Result<(), Failure> {
        let mut prepared = self.prepared();
        let name = format!("{kind}{name}");
        if prepared.len() >= MAX_PREPARED && !prepared.contains(&name) {
            let message = format!("a session has at most {MAX_PREPARED} prepared statements and portals");
            return Err(Failure::new(SqlState::ConfigurationLimitExceeded, message));
        }
        prepared.insert(name);
        Ok(())
    }

    pub(crate) fn forget(&self, kind: char, name: &str) {
        self.prepared().remove(&format!("{kind}{name}"));
    }

    /// The names of statements (`s`) or portals (`p`), which are no longer there afterwards.
    pub(crate) fn forget_all(&self, kind: char) -> Vec<String> {
        let mut prepared = self.prepared();
        let gone: Vec<String> = prepared.iter().filter(|name| name.starts_with(kind)).cloned().collect();
        gone.iter().for_each(|name| {
            prepared.remove(name);
        });
        gone.into_iter().map(|name| name[kind.len_utf8()..].to_owned()).collect()
    }
}

fn fatal(problem: Problem) -> Failure {
    Failure::problem(problem).fatal()
}
