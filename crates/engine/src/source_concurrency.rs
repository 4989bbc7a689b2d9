//! How many requests to sources are in progress at once. A host that is dead keeps a request waiting for its whole
//! deadline; a caller with a hundred of them must hold up neither the process nor other people. All together are counted
//! in this process, because it is this process's sockets and tasks that they hold; one person's also over all nodes.

use mycorr_domain::{Problem, Result, UserId};
use mycorr_meta::{Meta, Slot};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// For all people together.
const MAX_CONCURRENT: usize = 64;
/// For each of them.
const MAX_PER_USER: usize = 8;
/// How long a request waits.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// A request is over by then, or its node is dead.
const SLOT_TTL: Duration = Duration::from_secs(120);
/// How often one that waits looks for a slot that another node has freed.
const SLOT_INTERVAL: Duration = Duration::from_millis(250);

pub(crate) struct SourceConcurrency {
    /// Where other nodes count with us.
    shared: Option<Meta>,
    all: Arc<Semaphore>,
    of_one: Mutex<HashMap<UserId, Weak<Semaphore>>>,
    acquire_timeout: Duration,
}

/// The right to send a request, until it is dropped.
pub(crate) struct SourcePermit {
    _shared: Option<SharedSlot>,
    _of_one: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

struct SharedSlot(Meta, Slot);

impl Drop for SharedSlot {
    fn drop(&mut self) {
        let (meta, slot) = (self.0.clone(), self.1.clone());
        tokio::spawn(async move {
            if let Err(problem) = meta.free_slot(&slot).await {
                tracing::warn!(cause = problem.internal, "a request's slot stays taken for a while");
            }
        });
    }
}

impl SourceConcurrency {
    pub(crate) fn new(meta: &Meta) -> Self {
        Self {
            shared: meta.has_several_nodes().then(|| meta.clone()),
            all: Arc::new(Semaphore::new(MAX_CONCURRENT)),
            of_one: Mutex::default(),
            acquire_timeout: ACQUIRE_TIMEOUT,
        }
    }

    /// Waits for a permit; `too_many_requests` if there is none for long.
    pub(crate) async fn take(&self, user: UserId) -> Result<SourcePermit> {
        let own = self.own(user);
        let permit = async {
            let of_one = own.acquire_owned().await.map_err(Problem::bug)?;
            let shared = self.shared_slot(user).await?;
            let of_all = self.all.clone().acquire_owned().await.map_err(Problem::bug)?;
            Ok(SourcePermit { _shared: shared, _of_one: of_one, _of_all: of_all })
        };
        tokio::time::timeout(self.acquire_timeout, permit).await.unwrap_or_else(|_| {
            let detail = "Too many database requests are in progress.";
            Err(Problem::too_many_requests(detail, Duration::from_secs(5)))
        })
    }

    async fn shared_slot(&self, user: UserId) -> Result<Option<SharedSlot>> {
        let Some(meta) = &self.shared else { return Ok(None) };
        let key = format!("source:{user}");
        loop {
            if let Some(slot) = meta.take_slot(&key, MAX_PER_USER, SLOT_TTL).await? {
                return Ok(Some(SharedSlot(meta.clone(), slot)));
            }
            tokio::time::sleep(SLOT_INTERVAL).await;
        }
    }

    fn own(&self, user: UserId) -> Arc<Semaphore> {
        let mut of_one = self.of_one.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = of_one.get(&user).and_then(Weak::upgrade) {
            return own;
        }
        of_one.retain(|_, own| own.strong_count() > 0);
        let own = Arc::new(Semaphore::new(MAX_PER_USER));
        of_one.insert(user, Arc::downgrade(&own));
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mycorr_domain::Code;

    fn impatient(meta: &Meta) -> SourceConcurrency {
        SourceConcurrency { acquire_timeout: Duration::from_millis(500), ..SourceConcurrency::new(meta) }
    }

    async fn sqlite() -> (tempfile::TempDir, Meta) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("meta.db").display());
        (folder, Meta::open(&url).await.unwrap())
    }

    #[tokio::test]
    async fn one_persons_requests_are_bounded_over_all_nodes() {
        let url = mycorr_testkit::Cluster::shared().metadata_url("requests");
        let nodes = [Meta::open(&url).await.unwrap(), Meta::open(&url).await.unwrap()];
        let nodes = nodes.each_ref().map(impatient);
        let (ada, bob) = (UserId::new(), UserId::new());
        let mut held = Vec::new();
        for number in 0..MAX_PER_USER {
            held.push(nodes[number % 2].take(ada).await.unwrap());
        }
        for node in &nodes {
            assert_eq!(node.take(ada).await.err().unwrap().code, Code::TooManyRequests);
            node.take(bob).await.unwrap();
        }
        drop(held.pop());
        // It is given back a moment later.
        let patient = SourceConcurrency {
            acquire_timeout: ACQUIRE_TIMEOUT,
            ..SourceConcurrency::new(nodes[0].shared.as_ref().unwrap())
        };
        patient.take(ada).await.unwrap();
    }

    #[tokio::test]
    async fn one_person_waits_and_others_do_not() {
        let (_folder, meta) = sqlite().await;
        let limits = impatient(&meta);
        let (ada, bob) = (UserId::new(), UserId::new());
        let mut held = Vec::new();
        for _ in 0..MAX_PER_USER {
            held.push(limits.take(ada).await.unwrap());
        }
        assert_eq!(limits.take(ada).await.err().unwrap().code, Code::TooManyRequests);
        limits.take(bob).await.unwrap();
        held.pop();
        limits.take(ada).await.unwrap();
    }

    #[tokio::test]
    async fn all_together_are_bounded_and_nobody_is_remembered() {
        let (_folder, meta) = sqlite().await;
        let limits = impatient(&meta);
        let mut held = Vec::new();
        for _ in 0..MAX_CONCURRENT {
            held.push(limits.take(UserId::new()).await.unwrap());
        }
        let late = UserId::new();
        assert_eq!(limits.take(late).await.err().unwrap().code, Code::TooManyRequests);
        held.clear();
        limits.take(late).await.unwrap();
        assert_eq!(limits.of_one.lock().unwrap().len(), 1);
    }
}
