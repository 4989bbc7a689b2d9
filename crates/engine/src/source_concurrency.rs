//! How many requests to sources are in progress at once. A host that is dead keeps a request waiting for its whole
//! deadline; a caller with a hundred of them must hold up neither the process nor other people. Counted in this
//! process, because it is this process's sockets and tasks that they hold.

use mycorr_domain::{Problem, Result, UserId};
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

pub(crate) struct SourceConcurrency {
    all: Arc<Semaphore>,
    of_one: Mutex<HashMap<UserId, Weak<Semaphore>>>,
    acquire_timeout: Duration,
}

/// The right to send a request, until it is dropped.
pub(crate) struct SourcePermit {
    _of_one: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl SourceConcurrency {
    pub(crate) fn new() -> Self {
        Self {
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
            let of_all = self.all.clone().acquire_owned().await.map_err(Problem::bug)?;
            Ok(SourcePermit { _of_one: of_one, _of_all: of_all })
        };
        tokio::time::timeout(self.acquire_timeout, permit).await.unwrap_or_else(|_| {
            let detail = "Too many database requests are in progress.";
            Err(Problem::too_many_requests(detail, Duration::from_secs(5)))
        })
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

    fn impatient() -> SourceConcurrency {
        SourceConcurrency { acquire_timeout: Duration::from_millis(1), ..SourceConcurrency::new() }
    }

    #[tokio::test]
    async fn one_person_waits_and_others_do_not() {
        let limits = impatient();
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
        let limits = impatient();
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
