//! The way of one file to the store, in parts.

use crate::encode::Target;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart, path::Path};
use parquet::errors::ParquetError;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::runtime::Handle;

/// Bytes travel to the store in parts of this size (S3 takes none under 5 MiB) …
const PART: usize = 5 << 20;
/// … and so many of them may be on their way.
const PARTS: usize = 2;

/// A file that comes to fewer bytes is sent when it is complete: until then it may turn out to be there already.
const MIN_UPLOAD_BYTES: usize = 64 << 10;

/// Takes a file's bytes to the store, from a thread that may wait.
pub(crate) struct Sink {
    upload: Upload,
    store: Arc<dyn ObjectStore>,
    path: Path,
    pub(crate) bytes: u64,
    /// Bytes since it was last looked at how many parts are on their way.
    unchecked: usize,
    runtime: Handle,
    written: Arc<AtomicU64>,
}

enum Upload {
    /// With what has come so far.
    Waiting(Vec<u8>),
    Begun(WriteMultipart),
    /// What still comes is of no use.
    Abandoned,
}

impl Sink {
    pub(crate) fn new(target: &Target, name: &str) -> Self {
        Self {
            upload: Upload::Waiting(Vec::new()),
            store: target.store.clone(),
            path: target.folder.clone().join(name),
            bytes: 0,
            unchecked: 0,
            runtime: target.runtime.clone(),
            written: target.written.clone(),
        }
    }

    async fn begin(&mut self) -> Result<&mut WriteMultipart, object_store::Error> {
        if let Upload::Waiting(bytes) = &mut self.upload {
            let bytes = std::mem::take(bytes);
            let upload = self.store.put_multipart(&self.path).await?;
            let mut upload = WriteMultipart::new_with_chunk_size(upload, PART);
            upload.write(&bytes);
            self.upload = Upload::Begun(upload);
        }
        match &mut self.upload {
            Upload::Begun(upload) => Ok(upload),
            Upload::Waiting(_) | Upload::Abandoned => {
                unreachable!("it was begun above, and is still written")
            }
        }
    }

    /// Begins the upload of a file that can't turn out to be there already.
    pub(crate) fn begin_now(&mut self) -> Result<(), object_store::Error> {
        match self.upload {
            Upload::Waiting(_) => self.runtime.clone().block_on(self.begin()).map(|_| ()),
            Upload::Begun(_) | Upload::Abandoned => Ok(()),
        }
    }

    pub(crate) async fn finish(mut self) -> Result<(), ParquetError> {
        let external = |error| ParquetError::External(Box::new(error));
        self.begin().await.map_err(external)?;
        match self.upload {
            Upload::Begun(upload) => upload.finish().await.map(drop).map_err(external),
            Upload::Waiting(_) | Upload::Abandoned => unreachable!("it was begun above"),
        }
    }

    pub(crate) fn abandon(&mut self) {
        self.written.fetch_sub(std::mem::take(&mut self.bytes), Relaxed);
        if let Upload::Begun(upload) = std::mem::replace(&mut self.upload, Upload::Abandoned) {
            // What is left of it nobody names: a sweep, or the bucket's own rules, remove it.
            if let Err(error) = self.runtime.block_on(upload.abort()) {
                tracing::debug!(cause = %error, "an upload could not be given up");
            }
        }
    }
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if matches!(self.upload, Upload::Abandoned) {
            return Ok(bytes.len());
        }
        let bytes = &bytes[..bytes.len().min(PART)];
        self.bytes += bytes.len() as u64;
        self.written.fetch_add(bytes.len() as u64, Relaxed);
        if let Upload::Waiting(waiting) = &mut self.upload
            && waiting.len() + bytes.len() < MIN_UPLOAD_BYTES
        {
            waiting.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        let runtime = self.runtime.clone();
        self.unchecked += bytes.len();
        let wait = self.unchecked >= PART;
        if wait {
            self.unchecked = 0;
        }
        let send = async {
            let upload = self.begin().await?;
            if wait {
                upload.wait_for_capacity(PARTS).await?;
            }
            upload.write(bytes);
            Ok::<_, object_store::Error>(())
        };
        runtime.block_on(send).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
