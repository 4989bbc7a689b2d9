//! Running jobs whose source sends next to nothing. They give their worker's place away, because what costs is
//! reading, not waiting; and where more of them run than a process has room for while others wait, one is given up.

use mycorr_domain::{Code, JobId, Problem, UserId};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// A source that sent less than [`MIN_WINDOW_BYTES`] in such a time is slow.
pub(crate) const SLOW_WINDOW: Duration = Duration::from_secs(2);
pub(crate) const MIN_WINDOW_BYTES: u64 = 64 << 10;

struct SlowRead {
    job: JobId,
    user: UserId,
    give_up: CancellationToken,
}

#[derive(Default)]
pub(crate) struct SlowReads {
    /// The longest slow first.
    reads: Mutex<Vec<SlowRead>>,
}

impl SlowReads {
    /// Notes that a job is slow; the token is cancelled if it is given up.
    pub(crate) fn add(&self, job: JobId, user: UserId, give_up: &CancellationToken) {
        let mut reads = self.reads();
        if !reads.iter().any(|read| read.job == job) {
            reads.push(SlowRead { job, user, give_up: give_up.clone() });
        }
    }

    /// Forgets a job that ended or is slow no more.
    pub(crate) fn remove(&self, job: JobId) {
        self.reads().retain(|read| read.job != job);
    }

    /// Gives up one of the person who has the most slow reads: the one that has been slow for longest. False if no
    /// read is slow.
    pub(crate) fn give_up_one(&self) -> bool {
        let mut reads = self.reads();
        let mut of_one: HashMap<UserId, usize> = HashMap::new();
        for read in reads.iter() {
            *of_one.entry(read.user).or_default() += 1;
        }
        let Some(most) = of_one.values().max().copied() else { return false };
        if let Some(at) = reads.iter().position(|read| of_one[&read.user] == most) {
            reads.remove(at).give_up.cancel();
        }
        true
    }

    fn reads(&self) -> MutexGuard<'_, Vec<SlowRead>> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a read was given up.
pub(crate) fn given_up() -> Problem {
    Problem::new(
        Code::TooBusy,
        format!(
            "The database sent less than {} kB in {} seconds while too many other jobs waited for their turn. \
             Nothing was changed.",
            MIN_WINDOW_BYTES >> 10,
            SLOW_WINDOW.as_secs()
        ),
    )
    .fix("Try again later. If the table is a view, look into why its first rows take so long (EXPLAIN).")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_slow_read_of_the_person_with_the_most_is_given_up() {
        let (ada, bob) = (UserId::new(), UserId::new());
        let slow = SlowReads::default();
        assert!(!slow.give_up_one());
        let reads: Vec<_> = [bob, ada, ada, bob, ada]
            .into_iter()
            .map(|user| {
                let (job, token) = (JobId::new(), CancellationToken::new());
                slow.add(job, user, &token);
                slow.add(job, user, &token);
                (job, token)
            })
            .collect();
        let given_up = || reads.iter().map(|(_, token)| token.is_cancelled()).collect::<Vec<_>>();
        assert!(slow.give_up_one());
        assert_eq!(given_up(), [false, true, false, false, false]);
        // A job that sends again is not given up.
        slow.remove(reads[0].0);
        assert!(slow.give_up_one());
        assert_eq!(given_up(), [false, true, true, false, false]);
        slow.remove(reads[4].0);
        assert!(slow.give_up_one());
        assert!(!slow.give_up_one());
        assert_eq!(given_up(), [false, true, true, true, false]);
    }
}
