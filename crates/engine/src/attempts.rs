//! How often somebody may try.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// So that inventing keys fills no memory: at most so many are remembered.
const KEYS: usize = 100_000;

/// Counts failed attempts by key: more than `most` within the window are refused until it has passed.
pub(crate) struct Attempts {
    most: usize,
    window: Duration,
    failed: Mutex<HashMap<String, Vec<Instant>>>,
}

impl Attempts {
    pub(crate) fn new(most: usize, window: Duration) -> Self {
        Self { most, window, failed: Mutex::default() }
    }

    /// Whether one more is allowed. It counts as failed until it is taken back.
    #[must_use]
    pub(crate) fn begin(&self, key: &str) -> bool {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.len() >= KEYS {
            failed.retain(|_, times| times.last().is_some_and(|at| at.elapsed() < self.window));
        }
        let Some(times) = failed.get_mut(key) else {
            if failed.len() < KEYS {
                failed.insert(key.to_owned(), vec![Instant::now()]);
            }
            return true;
        };
        times.retain(|at| at.elapsed() < self.window);
        if times.len() >= self.most {
            return false;
        }
        times.push(Instant::now());
        true
    }

    /// The newest one did not fail.
    pub(crate) fn take_back(&self, key: &str) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(times) = failed.get_mut(key) {
            times.pop();
            if times.is_empty() {
                failed.remove(key);
            }
        }
    }

    /// Forgives what failed before.
    pub(crate) fn forgive(&self, key: &str) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Attempts {
        Attempts::new(3, Duration::from_secs(900))
    }

    #[test]
    fn the_fourth_failure_is_refused_for_that_key_only() {
        let attempts = three();
        for _ in 0..3 {
            assert!(attempts.begin("a"));
        }
        assert!(!attempts.begin("a"));
        assert!(attempts.begin("b"));
    }

    #[test]
    fn success_forgives_or_is_taken_back() {
        let attempts = three();
        assert!(attempts.begin("a") && attempts.begin("a") && attempts.begin("a"));
        attempts.take_back("a");
        assert!(attempts.begin("a") && !attempts.begin("a"));
        attempts.forgive("a");
        assert!(attempts.begin("a"));
    }
}
