//! What queries may take of the machine.

use crate::problem::{query, storage};
use datafusion::execution::{
    disk_manager::{DiskManagerBuilder, DiskManagerMode},
    memory_pool::MemoryPool,
    runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
};
use mycorr_domain::Result;
use std::{
    fs::{self, DirBuilder},
    io,
    num::NonZeroUsize,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

/// Query memory that brings one more worker.
const WORKER_BYTES: usize = 128 << 20;
const MIN_WORKERS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// Bounds of all queries together. The parts are fixed shares of these.
#[derive(Clone, Debug)]
pub struct QueryOptions {
    /// Bytes of memory for sorts, pages, exports and caches.
    pub memory: usize,
    /// Bytes of files for what does not fit into memory: runs of sorts, the row numbers of views, rows that views show.
    pub disk: u64,
    /// A folder for these files, of this store alone: it is made if it isn't there, and emptied. Without one a sort
    /// that does not fit into memory fails, and the row numbers of views stay in memory.
    pub spill_folder: Option<PathBuf>,
}

impl QueryOptions {
    pub const DEFAULT_MEMORY_BYTES: usize = 512 << 20;
    pub const MIN_MEMORY_BYTES: usize = 64 << 20;
    pub const DEFAULT_DISK_BYTES: u64 = 16 << 30;

    /// Threads for queries that read whole columns: one for each core, as long as there is memory for what each decodes
    /// beside what the shares below account for; two at least, because the merge of one long run of runs takes more.
    pub(crate) fn workers(&self) -> NonZeroUsize {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        NonZeroUsize::new((self.memory / WORKER_BYTES).min(cores))
            .map_or(MIN_WORKERS, |most| most.max(MIN_WORKERS))
    }

    /// For sorts and filters.
    pub(crate) fn sort_memory(&self) -> usize {
        self.memory / 2
    }

    /// For what exports decode and encode.
    pub(crate) fn export_memory(&self) -> usize {
        self.memory / 6
    }

    /// For what pages decode.
    pub(crate) fn page_memory(&self) -> usize {
        self.memory / 6
    }

    /// For what is known about files.
    pub(crate) fn cache_memory(&self) -> usize {
        self.memory / 6
    }

    /// For the runs of one sort.
    pub(crate) fn spill_bytes(&self) -> u64 {
        self.disk / 8 * 5
    }

    /// For the rows of versions of which sorted views are looked at.
    pub(crate) fn row_file_bytes(&self) -> u64 {
        self.disk / 8
    }

    /// For the row numbers of views.
    pub(crate) fn index_bytes(&self) -> u64 {
        match self.spill_folder {
            Some(_) => self.disk / 4,
            None => self.cache_memory() as u64,
        }
    }

    /// What a query runs in: this memory, and temporary files of so many bytes at most.
    pub(crate) fn environment(&self, memory: Arc<dyn MemoryPool>, disk: u64) -> Result<Arc<RuntimeEnv>> {
        let mode = match self.spill_folder() {
            Some(folder) => DiskManagerMode::Directories(vec![folder.to_owned()]),
            None => DiskManagerMode::Disabled,
        };
        let disk = DiskManagerBuilder::default().with_mode(mode).with_max_temp_directory_size(disk);
        RuntimeEnvBuilder::new()
            .with_memory_pool(memory)
            .with_disk_manager_builder(disk)
            .build_arc()
            .map_err(query)
    }

    pub(crate) fn spill_folder(&self) -> Option<&Path> {
        self.spill_folder.as_deref()
    }

    /// Makes the folder anew: what a killed process left there is of no use.
    pub(crate) fn empty_spill_folder(&self) -> Result<()> {
        let Some(folder) = &self.spill_folder else { return Ok(()) };
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(storage(error)),
            _ => {}
        }
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(storage)
    }
}

impl Default for QueryOptions {
    fn default() -> Self {
        Self { memory: Self::DEFAULT_MEMORY_BYTES, disk: Self::DEFAULT_DISK_BYTES, spill_folder: None }
    }
}
