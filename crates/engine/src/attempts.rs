//! How often somebody may try.

use mycorr_domain::{Code, Problem, Result};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Failed attempts per key within the window; more are refused until it has passed.
const MOST: usize = 10;
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// So that inventing keys fills no memory: at most so many are remembered.
const KEYS: usize = 100_000;

/// Counts failed sign-ins, for accounts that exist and for those that don't alike.
#[derive(Default)]
pub(crate) struct Attempts(Mutex<HashMap<String, Vec<Instant>>>);

impl Attempts {
    pub(crate) fn check(&self, key: &str) -> Result<()> {
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(times) = failed.get_mut(key) else { return Ok(()) };
        times.retain(|at| at.elapsed() < WINDOW);
        if times.len() < MOST {
            return Ok(());
        }
        Err(Problem::new(Code::TooManyRequests, "There were too many failed attempts to sign in.")
            .fix("Wait fifteen minutes, then try again."))
    }

    pub(crate) fn failed(&self, key: String) {
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.len() >= KEYS {
            failed.retain(|_, times| times.last().is_some_and(|at| at.elapsed() < WINDOW));
        }
        if failed.len() < KEYS || failed.contains_key(&key) {
            failed.entry(key).or_default().push(Instant::now());
        }
    }

    pub(crate) fn succeeded(&self, key: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_failure_is_refused_for_that_key_only() {
        let attempts = Attempts::default();
        for _ in 0..MOST {
            attempts.check("a").unwrap();
            attempts.failed("a".into());
        }
        assert_eq!(attempts.check("a").unwrap_err().code, Code::TooManyRequests);
        attempts.check("b").unwrap();
    }

    #[test]
    fn success_forgives() {
        let attempts = Attempts::default();
        for _ in 0..MOST - 1 {
            attempts.failed("a".into());
        }
        attempts.succeeded("a");
        attempts.failed("a".into());
        attempts.check("a").unwrap();
    }
}
