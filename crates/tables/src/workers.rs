//! Threads for queries that read whole columns, apart from those that answer requests, so that a sort does
//! not make a page wait.

use mycorr_domain::{Problem, Result};
use std::{num::NonZeroUsize, sync::Arc};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
};

#[derive(Clone)]
pub(crate) struct Workers(Arc<Threads>);

struct Threads {
    runtime: Option<Runtime>,
    count: usize,
}

impl Workers {
    pub(crate) fn start(count: NonZeroUsize) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(count.get())
            .thread_name("tables")
            .enable_all()
            .build()
            .map_err(Problem::bug)?;
        Ok(Self(Arc::new(Threads { runtime: Some(runtime), count: count.get() })))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.count
    }

    /// Starts the work there. It is given up when the set is dropped.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<JoinSet<()>> {
        let runtime = self.0.runtime.as_ref().ok_or_else(|| Problem::bug("the workers have ended"))?;
        let mut task = JoinSet::new();
        task.spawn_on(work, runtime.handle());
        Ok(task)
    }

    /// Runs the work there. It is given up when nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let runtime = self.0.runtime.as_ref().ok_or_else(|| Problem::bug("the workers have ended"))?;
        let mut task = JoinSet::new();
        task.spawn_on(work, runtime.handle());
        match task.join_next().await {
            Some(done) => done.map_err(Problem::bug)?,
            None => Err(Problem::bug("a task vanished")),
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // A runtime may not be dropped where nothing may block, and a store is dropped anywhere.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
