//! The ledger of a connection, as the client that reads through it needs it: written ahead.

use crate::Connections;
use async_trait::async_trait;
use chrono::{TimeDelta, Utc};
use mycorr_domain::{ConnectionId, JobId, Problem, Result, StatementId, UserId};
use mycorr_meta::{Meta, NewStatement, Purpose, StatementEnd};
use mycorr_pgread::{Ending, Journal, Outgoing, RUNNING, Statement};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long the open entries of a process that died stay open.
const OPEN: TimeDelta = TimeDelta::seconds(20);
/// How often a process says that it lives, and looks for what dead ones left.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
/// How often entries that are too old are looked for.
const RETENTION_INTERVAL: Duration = Duration::from_secs(3600);
/// Between two slices others may write.
const SLICE_PAUSE: Duration = Duration::from_millis(20);

/// The entries of this process whose statements run, and those that have ended but could not be completed yet.
#[derive(Clone, Default)]
pub(crate) struct OpenEntries(Arc<Mutex<HashMap<StatementId, Option<StatementEnd>>>>);

impl OpenEntries {
    fn lock(&self) -> MutexGuard<'_, HashMap<StatementId, Option<StatementEnd>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Entries that were made and not handed over yet. Dropped, they are left to be closed as interrupted.
struct Entered {
    ids: Vec<StatementId>,
    open: OpenEntries,
}

impl Entered {
    fn take(mut self) -> Vec<StatementId> {
        std::mem::take(&mut self.ids)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        self.ids.iter().for_each(|id| drop(open.remove(id)));
    }
}

struct Ledger {
    meta: Meta,
    open: OpenEntries,
    connection: ConnectionId,
    actor: UserId,
    purpose: Purpose,
    job: Option<JobId>,
}

#[async_trait]
impl Journal for Ledger {
    async fn sent(&self, statements: Vec<Outgoing>) -> Result<Vec<StatementId>> {
        let Self { actor, purpose, job, connection, .. } = *self;
        let new = statements.into_iter().map(|sent| NewStatement {
            at: Utc::now(),
            template: sent.template.to_owned(),
            statement: sent.statement,
            parameters: sent.parameters,
            purpose,
            actor,
            job,
            rows: 0,
            bytes: 0,
            milliseconds: 0,
            outcome: RUNNING.to_owned(),
        });
        let (meta, open, new) = (self.meta.clone(), self.open.clone(), new.collect());
        // On a task of its own: who waits for it may go away, and the entries would be nobody's.
        let entering = tokio::spawn(async move {
            let ids = meta.enter_statements(connection, new, OPEN).await?;
            open.lock().extend(ids.iter().map(|&id| (id, None)));
            Ok::<_, Problem>(Entered { ids, open })
        });
        Ok(entering.await.map_err(Problem::bug)??.take())
    }

    async fn ended(&self, endings: Vec<(StatementId, Ending)>) {
        let ends: Vec<StatementEnd> = endings
            .into_iter()
            .map(|(id, Ending { rows, bytes, milliseconds, outcome })| StatementEnd {
                id,
                rows,
                bytes,
                milliseconds,
                outcome,
            })
            .collect();
        complete(&self.meta, &self.open, ends).await;
    }
}

async fn complete(meta: &Meta, open: &OpenEntries, ends: Vec<StatementEnd>) {
    let completed = meta.complete_statements(&ends).await;
    let mut open = open.lock();
    match completed {
        Ok(()) => ends.iter().for_each(|end| drop(open.remove(&end.id))),
        Err(problem) => {
            tracing::error!(cause = problem.internal, "entries of the ledger could not be completed yet");
            open.extend(ends.into_iter().map(|end| (end.id, Some(end))));
        }
    }
}

impl Connections {
    /// Where statements through a connection are entered.
    pub(crate) fn ledger(
        &self,
        connection: ConnectionId,
        actor: UserId,
        purpose: Purpose,
        job: Option<JobId>,
    ) -> Arc<dyn Journal> {
        let (meta, open) = (self.meta.clone(), self.open_entries.clone());
        Arc::new(Ledger { meta, open, connection, actor, purpose, job })
    }

    /// Enters the test of a connection that was saved because the test went well.
    pub(crate) async fn record_test(
        &self,
        on: ConnectionId,
        actor: UserId,
        statements: Vec<Statement>,
    ) -> Result<()> {
        let statements = statements.into_iter().map(|sent| NewStatement {
            at: sent.at,
            template: sent.template.to_owned(),
            statement: sent.statement,
            parameters: sent.parameters,
            purpose: Purpose::Test,
            actor,
            job: None,
            rows: sent.rows,
            bytes: sent.bytes,
            milliseconds: sent.milliseconds,
            outcome: sent.outcome,
        });
        self.meta.record_statements(on, statements.collect()).await
    }

    /// Keeps this process's open entries open, closes those of dead ones, and removes what need not be kept.
    pub(crate) async fn keep_ledgers(&self, stop: &CancellationToken) {
        let mut pruned: Option<Instant> = None;
        loop {
            let retention = pruned.is_none_or(|at| at.elapsed() >= RETENTION_INTERVAL);
            match self.keep_ledgers_once(retention, stop).await {
                Ok(()) if retention => pruned = Some(Instant::now()),
                Ok(()) => {}
                Err(problem) => tracing::warn!(cause = problem.internal, "the ledgers could not be kept"),
            }
            if stop.run_until_cancelled(tokio::time::sleep(HEARTBEAT_INTERVAL)).await.is_none() {
                return;
            }
        }
    }

    async fn keep_ledgers_once(&self, retention: bool, stop: &CancellationToken) -> Result<()> {
        let (ids, ends): (Vec<_>, Vec<_>) = {
            let open = self.open_entries.lock();
            (open.keys().copied().collect(), open.values().flatten().cloned().collect())
        };
        if !ids.is_empty() {
            self.meta.renew_statements(&ids, OPEN).await?;
        }
        if !ends.is_empty() {
            complete(&self.meta, &self.open_entries, ends).await;
        }
        let closed = self.meta.close_interrupted_statements().await?;
        if closed > 0 {
            tracing::info!(statements = closed, "closed the statements of a process that died");
        }
        while !stop.is_cancelled()
            && (self.meta.prune_ledgers().await?
                || (retention
                    && (self.meta.prune_statements(Utc::now()).await?
                        || self.meta.prune_events(Utc::now()).await?
                        || self.meta.prune_notices(Utc::now()).await?)))
        {
            // The heartbeat must not wait for a large ledger.
            let ids: Vec<_> = self.open_entries.lock().keys().copied().collect();
            if !ids.is_empty() {
                self.meta.renew_statements(&ids, OPEN).await?;
            }
            tokio::time::sleep(SLICE_PAUSE).await;
        }
        Ok(())
    }
}
