//! The memory of one external sort.

use datafusion::{
    error::{DataFusionError, Result},
    execution::memory_pool::{MemoryLimit, MemoryPool, MemoryReservation},
};
use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

/// What can be spilled may grow only while this part of the memory is taken, 5/8: whoever collects rows then writes
/// them to a file and goes on. The rest is for the merge of what was collected, which can't wait and can't spill: it
/// holds each run's batch until the next output, and loads the next one beside it. DataFusion's own pools let rows fill
/// all memory, and then fail the merge.
const fn spillable(bytes: usize) -> usize {
    bytes / 8 * 5
}

/// What a sort needs so that this many bytes are never spilled: DataFusion counts what is sorted twice.
pub(crate) const fn unspilled(bytes: usize) -> usize {
    bytes.saturating_mul(16) / 5
}

#[derive(Debug)]
pub(crate) struct SortPool {
    bytes: usize,
    used: AtomicUsize,
}

impl SortPool {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { bytes, used: AtomicUsize::new(0) }
    }
}

impl fmt::Display for SortPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.reserved(), self.bytes)
    }
}

impl MemoryPool for SortPool {
    fn name(&self) -> &str {
        "sort"
    }

    fn grow(&self, _: &MemoryReservation, additional: usize) {
        self.used.fetch_add(additional, Relaxed);
    }

    fn shrink(&self, _: &MemoryReservation, bytes: usize) {
        self.used.fetch_sub(bytes, Relaxed);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let consumer = reservation.consumer();
        let most = if consumer.can_spill() { spillable(self.bytes) } else { self.bytes };
        let fits = |used: usize| used.checked_add(additional).filter(|used| *used <= most);
        match self.used.fetch_update(Relaxed, Relaxed, fits) {
            Ok(_) => Ok(()),
            Err(used) => Err(DataFusionError::ResourcesExhausted(format!(
                "{} asks for {additional} bytes beside {used} of {most}",
                consumer.name()
            ))),
        }
    }

    fn reserved(&self) -> usize {
        self.used.load(Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.bytes)
    }
}
