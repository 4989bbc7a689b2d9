//! A server beside the one under test.

use super::send;
use std::process::Child;

/// A server beside a [`Mycorr`].
pub(crate) struct Second {
    pub(super) child: Child,
    pub(crate) port: u16,
}

impl Second {
    /// The number of its process.
    #[cfg(feature = "sql")]
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: &str) {
        send(&self.child, signal);
    }

    /// As a power cut ends it. Whether it had ended by itself, and well.
    pub(crate) fn kill(mut self) -> bool {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none_or(|status| status.success()));
        ended.is_some()
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
