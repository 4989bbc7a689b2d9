//! How many questions to sources are under way at once. A host that is dead keeps a question waiting for its
//! whole deadline; who asks a hundred of them must hold up neither the process nor other people.

use mycorr_domain::{Code, Problem, Result, UserId};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// For all people together.
const AT_ONCE: usize = 64;
/// For each of them.
const OF_ONE: usize = 8;
/// How long a question waits for its turn.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Turns {
    all: Arc<Semaphore>,
    of_one: Mutex<HashMap<UserId, Weak<Semaphore>>>,
    patience: Duration,
}

/// The right to ask, until it is dropped.
pub(crate) struct Turn {
    _of_one: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(AT_ONCE)), of_one: Mutex::default(), patience: PATIENCE }
    }

    /// Waits for a turn; `too_many_requests` if there is none for long.
    pub(crate) async fn take(&self, user: UserId) -> Result<Turn> {
        let own = self.own(user);
        let turn = async {
            let of_one = own.acquire_owned().await.map_err(Problem::bug)?;
            let of_all = self.all.clone().acquire_owned().await.map_err(Problem::bug)?;
            Ok(Turn { _of_one: of_one, _of_all: of_all })
        };
        tokio::time::timeout(self.patience, turn).await.unwrap_or_else(|_| {
            Err(Problem::new(Code::TooManyRequests, "Too many questions to databases are under way.")
                .fix("Wait until the others are answered, then try again."))
        })
    }

    fn own(&self, user: UserId) -> Arc<Semaphore> {
        let mut of_one = self.of_one.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = of_one.get(&user).and_then(Weak::upgrade) {
            return own;
        }
        of_one.retain(|_, own| own.strong_count() > 0);
        let own = Arc::new(Semaphore::new(OF_ONE));
        of_one.insert(user, Arc::downgrade(&own));
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn impatient() -> Turns {
        Turns { patience: Duration::from_millis(1), ..Turns::new() }
    }

    #[tokio::test]
    async fn one_person_waits_and_others_do_not() {
        let turns = impatient();
        let (ada, bob) = (UserId::new(), UserId::new());
        let mut held = Vec::new();
        for _ in 0..OF_ONE {
            held.push(turns.take(ada).await.unwrap());
        }
        assert_eq!(turns.take(ada).await.err().unwrap().code, Code::TooManyRequests);
        turns.take(bob).await.unwrap();
        held.pop();
        turns.take(ada).await.unwrap();
    }

    #[tokio::test]
    async fn all_together_are_bounded_and_nobody_is_remembered() {
        let turns = impatient();
        let mut held = Vec::new();
        for _ in 0..AT_ONCE {
            held.push(turns.take(UserId::new()).await.unwrap());
        }
        let late = UserId::new();
        assert_eq!(turns.take(late).await.err().unwrap().code, Code::TooManyRequests);
        held.clear();
        turns.take(late).await.unwrap();
        assert_eq!(turns.of_one.lock().unwrap().len(), 1);
    }
}
