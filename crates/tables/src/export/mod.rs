//! Versions as files. What is read, encoded and sent are a few batches at a time, and it goes on only while
//! somebody takes it.

mod parquet_splice;
mod rows;

pub(crate) use parquet_splice::Splice;
pub(crate) use rows::{ExportRows, Shape, row_bytes, rows_in_order};

use crate::{problem::storage, workers::Workers};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use bytes::Bytes;
use datafusion::arrow::ipc::writer::StreamWriter;
use futures::TryStreamExt;
use mycorr_domain::{Code, Export, ExportFormat, Problem, Result, TextEncoder};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::{EnabledStatistics, WriterProperties},
};
use std::{ops::Range, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::JoinSet,
    time::timeout,
};

/// A reader that takes nothing for so long no longer keeps memory from others.
const MAX_STALL: Duration = Duration::from_secs(120);
/// Pieces that are ready before they are taken.
const QUEUE: usize = 2;
/// A row group of a Parquet file ends when its pages take so much memory.
pub(crate) const GROUP_BYTES: usize = 16 << 20;

/// A file that is made while it is read.
pub(crate) struct Stream {
    pieces: mpsc::Receiver<Result<Option<Bytes>>>,
    _work: JoinSet<()>,
}

impl Stream {
    /// Does the work on the workers. `permit` is kept while it goes on.
    pub(crate) fn start<W>(
        workers: &Workers,
        permit: OwnedSemaphorePermit,
        work: impl FnOnce(PieceSender) -> W,
    ) -> Result<Self>
    where
        W: Future<Output = Result<()>> + Send + 'static,
    {
        let (sender, pieces) = mpsc::channel(QUEUE);
        let work = work(PieceSender(sender.clone()));
        let work = workers.spawn(async move {
            let _permit = permit;
            let last = work.await.map(|()| None);
            let _ = timeout(MAX_STALL, sender.send(last)).await;
        })?;
        Ok(Self { pieces, _work: work })
    }
}

#[async_trait]
impl Export for Stream {
    fn length(&self) -> Option<u64> {
        None
    }

    fn cut(&mut self, _: Range<u64>) {}

    async fn next(&mut self) -> Result<Option<Bytes>> {
        self.pieces.recv().await.unwrap_or_else(|| Err(stalled()))
    }
}

fn stalled() -> Problem {
    Problem::new(
        Code::Cancelled,
        "The export was given up, because nothing of it was taken for some minutes.",
    )
}

/// Where pieces of the file go; waits until they are taken.
pub(crate) struct PieceSender(mpsc::Sender<Result<Option<Bytes>>>);

impl PieceSender {
    pub(crate) async fn send(&self, bytes: Vec<u8>) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        match timeout(MAX_STALL, self.0.send(Ok(Some(bytes.into())))).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(stalled()),
        }
    }
}

/// Encodes the rows, as text so many batches at a time.
pub(crate) async fn encode(
    rows: ExportRows,
    format: ExportFormat,
    parallel: usize,
    sender: PieceSender,
) -> Result<()> {
    if let Some(encoder) = TextEncoder::new(format, rows.names()) {
        sender.send(encoder.header().to_vec()).await?;
        let (encoder, shape) = (Arc::new(encoder), rows.shape());
        let encoded = rows.batches().map_ok(move |batch| {
            let (encoder, shape) = (encoder.clone(), shape.clone());
            let task = tokio::spawn(async move {
                let mut out = Vec::new();
                encoder.rows(&mut out, &shape.columns(&batch), 0..batch.num_rows());
                out
            });
            async move { task.await.map_err(Problem::bug) }
        });
        // Batches are encoded side by side while the next ones are decoded.
        let mut encoded = std::pin::pin!(encoded.try_buffered(parallel));
        while let Some(bytes) = encoded.try_next().await? {
            sender.send(bytes).await?;
        }
        return Ok(());
    }
    let schema = rows.shape().named_schema();
    let mut batches = std::pin::pin!(rows.batches());
    if format == ExportFormat::Arrow {
        let mut writer = StreamWriter::try_new(Vec::new(), &schema).map_err(Problem::bug)?;
        while let Some(batch) = batches.try_next().await? {
            let batch = RecordBatch::try_new_with_options(
                schema.clone(),
                batch.columns().to_vec(),
                &rows::count(&batch),
            );
            writer.write(&batch.map_err(Problem::bug)?).map_err(Problem::bug)?;
            sender.send(std::mem::take(writer.get_mut())).await?;
        }
        writer.finish().map_err(Problem::bug)?;
        return sender.send(std::mem::take(writer.get_mut())).await;
    }
    let mut writer = parquet_writer(schema.clone())?;
    while let Some(batch) = batches.try_next().await? {
        let batch =
            RecordBatch::try_new_with_options(schema.clone(), batch.columns().to_vec(), &rows::count(&batch));
        writer.write(&batch.map_err(Problem::bug)?).map_err(storage)?;
        if writer.in_progress_size() >= GROUP_BYTES {
            writer.flush().map_err(storage)?;
        }
        sender.send(std::mem::take(writer.inner_mut())).await?;
    }
    writer.finish().map_err(storage)?;
    sender.send(std::mem::take(writer.inner_mut())).await
}

/// A Parquet file whose bytes are taken out of its buffer as they come.
pub(crate) fn parquet_writer(schema: SchemaRef) -> Result<ArrowWriter<Vec<u8>>> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("zstd has a level 1")))
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    ArrowWriter::try_new(Vec::new(), schema, Some(properties)).map_err(storage)
}
