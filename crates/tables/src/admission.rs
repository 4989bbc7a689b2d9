//! Who may use how much memory at the same time. Others wait in line, in the order in which they came.

use mycorr_domain::{Code, Problem, Result};
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory that several queries share, in mebibytes.
#[derive(Clone)]
pub(crate) struct Admission {
    memory: Arc<Semaphore>,
    mebibytes: u32,
    /// The longest wait in line.
    timeout: Duration,
}

const MEBIBYTE: usize = 1 << 20;

impl Admission {
    pub(crate) fn new(bytes: usize, timeout: Duration) -> Self {
        let mebibytes = (bytes / MEBIBYTE).clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Self { memory: Arc::new(Semaphore::new(mebibytes)), mebibytes: mebibytes as u32, timeout }
    }

    /// The same memory for who waits so long at most.
    pub(crate) fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// All memory that there is to share.
    pub(crate) fn bytes(&self) -> usize {
        self.mebibytes as usize * MEBIBYTE
    }

    /// Bytes for each of so many at the same time.
    pub(crate) fn share(&self, of: u32) -> usize {
        (self.mebibytes / of).max(1) as usize * MEBIBYTE
    }

    /// Waits until `bytes` are free, or until all are if that is less, and keeps them until the permit is dropped.
    ///
    /// # Errors
    /// `too_busy` after the timeout.
    pub(crate) async fn acquire(&self, bytes: usize) -> Result<OwnedSemaphorePermit> {
        let mebibytes = u32::try_from(bytes.div_ceil(MEBIBYTE)).unwrap_or(u32::MAX).clamp(1, self.mebibytes);
        match tokio::time::timeout(self.timeout, self.memory.clone().acquire_many_owned(mebibytes)).await {
            Ok(permit) => permit.map_err(Problem::bug),
            Err(_) => Err(Problem::new(
                Code::TooBusy,
                "Too many queries are waiting for memory. This one was not started.",
            )
            .fix("Try again in a few seconds. If it happens often, ask your operator to raise MYCORR_QUERY_MEMORY.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refuses_when_the_wait_is_over() {
        let admission = Admission::new(4 * MEBIBYTE, Duration::ZERO);
        let all = admission.acquire(usize::MAX).await.unwrap();
        assert_eq!(admission.acquire(1).await.unwrap_err().code, Code::TooBusy);
        drop(all);
        let _half = admission.acquire(2 * MEBIBYTE).await.unwrap();
        let _other = admission.acquire(2 * MEBIBYTE - 1).await.unwrap();
        assert!(admission.acquire(1).await.is_err());
    }

    #[tokio::test]
    async fn waits_in_line_for_what_others_hold() {
        let admission = Admission::new(4 * MEBIBYTE, Duration::from_secs(3600));
        let all = admission.acquire(usize::MAX).await.unwrap();
        let mut waiting = std::pin::pin!(admission.acquire(3 * MEBIBYTE));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(all);
        drop(waiting.await.unwrap());
    }
}
