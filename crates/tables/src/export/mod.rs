//! Versions as files. What is read, encoded and sent are a few batches at a time, and it goes on only while
//! somebody takes it.

mod parquet_splice;
mod rows;

pub(crate) use parquet_splice::Splice;
pub(crate) use rows::ExportRows;

use crate::{problem::storage, workers::Workers};
use arrow_array::RecordBatch;
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
const GROUP_BYTES: usize = 16 << 20;

/// A file that is made while it is read.
pub(crate) struct Stream {
    pieces: mpsc::Receiver<Result<Option<Bytes>>>,
    _work: JoinSet<()>,
}

impl Stream {
    /// Encodes the rows on the workers. `permit` is kept while the work goes on.
    pub(crate) fn start(
        rows: ExportRows,
        format: ExportFormat,
        workers: &Workers,
        permit: OwnedSemaphorePermit,
    ) -> Result<Self> {
        let (sender, pieces) = mpsc::channel(QUEUE);
        let parallel = workers.count();
        let work = workers.spawn(async move {
            let _permit = permit;
            let last = match produce(rows, format, parallel, &sender).await {
                Ok(()) => Ok(None),
                Err(problem) => Err(problem),
            };
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

async fn send(sender: &mpsc::Sender<Result<Option<Bytes>>>, bytes: Vec<u8>) -> Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    match timeout(MAX_STALL, sender.send(Ok(Some(bytes.into())))).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(stalled()),
    }
}

async fn produce(
    rows: ExportRows,
    format: ExportFormat,
    parallel: usize,
    sender: &mpsc::Sender<Result<Option<Bytes>>>,
) -> Result<()> {
    if let Some(encoder) = TextEncoder::new(format, rows.names()) {
        send(sender, encoder.header().to_vec()).await?;
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
            send(sender, bytes).await?;
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
            send(sender, std::mem::take(writer.get_mut())).await?;
        }
        writer.finish().map_err(Problem::bug)?;
        return send(sender, std::mem::take(writer.get_mut())).await;
    }
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("zstd has a level 1")))
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties)).map_err(storage)?;
    while let Some(batch) = batches.try_next().await? {
        let batch =
            RecordBatch::try_new_with_options(schema.clone(), batch.columns().to_vec(), &rows::count(&batch));
        writer.write(&batch.map_err(Problem::bug)?).map_err(storage)?;
        if writer.in_progress_size() >= GROUP_BYTES {
            writer.flush().map_err(storage)?;
        }
        send(sender, std::mem::take(writer.inner_mut())).await?;
    }
    writer.finish().map_err(storage)?;
    send(sender, std::mem::take(writer.inner_mut())).await
}
