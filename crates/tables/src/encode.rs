//! Batches to Parquet files in the store, on the thread that calls. Memory is bounded by the row group in
//! the making (its encoded pages) and the parts that are on their way to the store.

use crate::{
    boundaries::Boundaries,
    earlier_files::EarlierFiles,
    file_digest::{ColumnDigest, file_digest},
    log::{FileContent, LoggedFile},
    problem::storage,
    row_hashes::RowHashes,
    sink::Sink,
    writer::WriterId,
};
use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use mycorr_domain::{Problem, Result, Section};
use object_store::{ObjectStore, path::Path};
use parquet::{
    arrow::{
        ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata,
        arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves},
    },
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
};
use rayon::{
    ThreadPool, ThreadPoolBuilder,
    iter::{IndexedParallelIterator, IntoParallelIterator, IntoParallelRefMutIterator, ParallelIterator},
};
use std::{
    num::NonZeroUsize,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};
use tokio::{runtime::Handle, task::JoinHandle};

/// Sizes that were chosen by measurement, see `docs/benchmarks.md`.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    pub group_rows: usize,
    /// A row group ends when its pages take so much memory.
    pub group_bytes: usize,
    /// A file ends after the row group that takes it over this size …
    pub file_bytes: u64,
    /// … and by the content of its rows after so many bytes of them on average, as Arrow counts them: what a change in one of
    /// them makes to be written again.
    pub mean_file_bytes: u64,
    /// A page holds at most so many rows: what is decoded to show one of them.
    pub page_rows: usize,
    /// A column with more than so many bytes of different values in a row group is not worth a dictionary,
    /// which has to be read before any of its pages.
    pub dictionary_bytes: usize,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            group_rows: 1 << 20,
            group_bytes: 16 << 20,
            file_bytes: 256 << 20,
            mean_file_bytes: 32 << 20,
            page_rows: 2048,
            dictionary_bytes: 64 << 10,
        }
    }
}

/// The only column of a table that has none, because a Parquet file has rows only by its columns.
pub(crate) fn placeholder() -> Field {
    Field::new("__rows", DataType::Boolean, true)
}

/// Where the files of one version go.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) folder: Path,
    /// In the name of each file.
    pub(crate) writer: WriterId,
    pub(crate) runtime: Handle,
    /// Bytes that were handed to the store.
    pub(crate) written: Arc<AtomicU64>,
    /// How many files were begun, in all sections.
    pub(crate) begun: Arc<AtomicUsize>,
    /// Those of the version before.
    pub(crate) earlier: Arc<EarlierFiles>,
}

/// More of them find no work, where a table is read from one connection.
const MAX_THREADS: usize = 4;

/// The threads that encode, for all versions that are being written: each takes one column of a batch at a time. They
/// stay, because what a thread that ended had allocated is kept for long.
pub(crate) fn threads(cores: NonZeroUsize) -> Result<Arc<ThreadPool>> {
    let threads = ThreadPoolBuilder::new().num_threads(cores.get().min(MAX_THREADS));
    threads.thread_name(|_| "encode".to_owned()).build().map(Arc::new).map_err(Problem::bug)
}

/// Where several sections are written, a row group of each ends sooner, but not below this.
const MIN_GROUP_BYTES: usize = 4 << 20;

pub(crate) struct Encoder {
    target: Target,
    /// How many columns are the table's; companions follow them.
    native: usize,
    options: WriteOptions,
    threads: Arc<ThreadPool>,
    /// From the first row on.
    boundaries: Option<Boundaries>,
    open: Option<OpenFile>,
    done: Vec<LoggedFile>,
    /// The last file, on its way to where it can be seen.
    finishing: Option<JoinHandle<Result<(), ParquetError>>>,
}

struct OpenFile {
    name: String,
    schema: SchemaRef,
    writer: SerializedFileWriter<Sink>,
    factory: ArrowRowGroupWriterFactory,
    group: Option<Group>,
    rows: u64,
    digests: Vec<ColumnDigest>,
    hashes: RowHashes,
    /// The hash of the first row.
    first: u64,
    /// Earlier files that begin with it and have at least as many rows as this one has by now, the shortest last.
    candidates: Vec<usize>,
}

struct Group {
    columns: Vec<ArrowColumnWriter>,
    rows: usize,
}

impl Encoder {
    pub(crate) fn new(
        target: Target,
        section: Section,
        native: usize,
        mut options: WriteOptions,
        threads: Arc<ThreadPool>,
    ) -> Self {
        let share = options.group_bytes / section.of.max(1);
        options.group_bytes = share.max(options.group_bytes.min(MIN_GROUP_BYTES));
        let (boundaries, done) = (None, Vec::new());
        Self { target, native, options, threads, boundaries, open: None, done, finishing: None }
    }

    /// Writes rows with these hashes. A batch with another schema than the one before begins another file.
    pub(crate) fn write(&mut self, batch: RecordBatch, hashes: &[u64]) -> Result<()> {
        let batch = if batch.num_columns() == 0 { with_placeholder(&batch)? } else { batch };
        if self.open.as_ref().is_some_and(|open| open.schema.fields() != batch.schema_ref().fields()) {
            self.close_file()?;
        }
        let boundaries = match self.boundaries {
            Some(boundaries) => boundaries,
            None if batch.num_rows() == 0 => return Ok(()),
            None => *self.boundaries.insert(Boundaries::new(
                self.target.earlier.boundaries,
                &batch,
                self.options.mean_file_bytes,
            )?),
        };
        let mut at = 0;
        while at < batch.num_rows() {
            let open = match &mut self.open {
                Some(open) => open,
                none => {
                    none.insert(OpenFile::create(&self.target, &self.options, batch.schema(), hashes[at])?)
                }
            };
            open.drop_candidates(&self.target.earlier);
            if open.candidates.is_empty() {
                open.writer.inner_mut().begin_now().map_err(storage)?;
            }
            let end = boundaries.end(self.done.len(), open.rows, &hashes[at..]);
            let most =
                end.unwrap_or(batch.num_rows() - at).min(open.rows_until_candidate(&self.target.earlier));
            let taken = open.write(&batch, at..at + most, &self.options, &self.threads)?;
            open.hashes.add(&hashes[at..at + taken]);
            at += taken;
            let ends = end == Some(taken);
            let full = open.writer.bytes_written() as u64 >= self.options.file_bytes;
            let keeps = ends || full || self.target.earlier.is_worth_keeping(open.rows, boundaries);
            if ends || full || (keeps && open.is_candidate(&self.target.earlier)) {
                self.end_file(ends || full)?;
            }
        }
        Ok(())
    }

    /// The files, complete and durable, in the order of their rows.
    pub(crate) fn finish(mut self) -> Result<(Vec<LoggedFile>, Option<Boundaries>)> {
        self.close_file()?;
        self.await_finishing()?;
        Ok((std::mem::take(&mut self.done), self.boundaries))
    }

    fn close_file(&mut self) -> Result<()> {
        self.end_file(true)
    }

    /// Ends the file in the making if an earlier one holds the same rows, or if it `must` end.
    fn end_file(&mut self, must: bool) -> Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let digest = (must || open.is_candidate(&self.target.earlier)).then(|| open.digest(self.native));
        if let Some(digest) = &digest
            && let Some(earlier) = open.take_over(&self.target.earlier, digest)
        {
            open.abandon();
            self.done.push(earlier);
            return Ok(());
        }
        match digest.filter(|_| must) {
            Some(digest) => {
                self.await_finishing()?;
                let runtime = self.target.runtime.clone();
                let (file, sink) = open.close(digest, &self.threads).map_err(storage)?;
                self.finishing = Some(runtime.spawn(sink.finish()));
                self.done.push(file);
            }
            None => self.open = Some(open),
        }
        Ok(())
    }

    fn await_finishing(&mut self) -> Result<()> {
        match self.finishing.take() {
            Some(finishing) => {
                self.target.runtime.block_on(finishing).map_err(Problem::bug)?.map_err(storage)
            }
            None => Ok(()),
        }
    }
}

impl Drop for Encoder {
    /// Nothing of a writer that was given up may come to its place after it was swept.
    fn drop(&mut self) {
        let _ = self.await_finishing();
    }
}

fn with_placeholder(batch: &RecordBatch) -> Result<RecordBatch> {
    let rows = BooleanArray::new_null(batch.num_rows());
    let schema = Arc::new(Schema::new(vec![placeholder()]));
    RecordBatch::try_new(schema, vec![Arc::new(rows)]).map_err(Problem::bug)
}

impl OpenFile {
    fn create(target: &Target, options: &WriteOptions, schema: SchemaRef, first: u64) -> Result<Self> {
        let number = target.begun.fetch_add(1, Relaxed);
        let name = format!("part-{number:05}-{}.zstd.parquet", target.writer);
        let sink = Sink::new(target, &name);
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("zstd has a level 1")))
            // Nothing reads them: rows lie as they arrive, and almost any value is between a group's extremes. They
            // would cost a tenth of the time.
            .set_statistics_enabled(EnabledStatistics::None)
            .set_data_page_row_count_limit(options.page_rows)
            .set_write_batch_size(options.page_rows.min(2048))
            .set_dictionary_page_size_limit(options.dictionary_bytes)
            .set_created_by(concat!("mycorr ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
        let writer = || {
            let described = ArrowSchemaConverter::new().convert(&schema)?;
            SerializedFileWriter::new(sink, described.root_schema_ptr(), Arc::new(properties))
        };
        let writer = writer().map_err(storage)?;
        let factory = ArrowRowGroupWriterFactory::new(&writer, schema.clone());
        let digests = vec![ColumnDigest::default(); schema.fields().len()];
        let mut candidates = target.earlier.candidates(first);
        candidates.reverse();
        Ok(Self {
            name,
            schema,
            writer,
            factory,
            group: None,
            rows: 0,
            digests,
            hashes: RowHashes::default(),
            first,
            candidates,
        })
    }

    /// How many rows there are until an earlier file may hold the same.
    fn rows_until_candidate(&self, earlier: &EarlierFiles) -> usize {
        let next = self.candidates.last().map(|&at| earlier.rows_of(at) - self.rows);
        next.map_or(usize::MAX, |rows| usize::try_from(rows).unwrap_or(usize::MAX))
    }

    /// Whether there is an earlier file with as many rows.
    fn is_candidate(&self, earlier: &EarlierFiles) -> bool {
        self.candidates.last().is_some_and(|&at| earlier.rows_of(at) == self.rows)
    }

    /// Lets go of those that this file goes beyond.
    fn drop_candidates(&mut self, earlier: &EarlierFiles) {
        while self.candidates.last().is_some_and(|&at| earlier.rows_of(at) <= self.rows) {
            self.candidates.pop();
        }
    }

    fn digest(&self, native: usize) -> String {
        file_digest(&self.schema, native, &self.digests, self.rows)
    }

    /// The earlier file that holds the same rows.
    fn take_over(&self, earlier: &EarlierFiles, digest: &str) -> Option<LoggedFile> {
        let same = self.candidates.iter().rev().take_while(|&&at| earlier.rows_of(at) == self.rows);
        same.copied().find_map(|at| earlier.take(at, digest))
    }

    /// Leaves nothing of the file.
    fn abandon(mut self) {
        self.writer.inner_mut().abandon();
    }

    /// Writes rows of the batch, and tells how many of those in the range.
    fn write(
        &mut self,
        batch: &RecordBatch,
        range: Range<usize>,
        options: &WriteOptions,
        threads: &ThreadPool,
    ) -> Result<usize> {
        let group = match &mut self.group {
            Some(group) => group,
            none => {
                let groups = self.writer.flushed_row_groups().len();
                let columns = self.factory.create_column_writers(groups).map_err(storage)?;
                none.insert(Group { columns, rows: 0 })
            }
        };
        let rows = range.len().min(options.group_rows - group.rows);
        let slice = batch.slice(range.start, rows);
        let writers = group.columns.par_iter_mut().zip(&mut self.digests);
        let writers = writers.zip(&self.schema.fields()[..]).zip(slice.columns());
        threads.install(|| {
            writers.with_max_len(1).try_for_each(|(((writer, digest), field), column)| {
                digest.add(column)?;
                // None of our types is nested: a column has one leaf.
                let leaves = compute_leaves(field, column).map_err(storage)?;
                leaves.iter().try_for_each(|leaf| writer.write(leaf)).map_err(storage)
            })
        })?;
        group.rows += rows;
        self.rows += rows as u64;
        let bytes: usize = group.columns.iter().map(ArrowColumnWriter::memory_size).sum();
        if group.rows >= options.group_rows || bytes >= options.group_bytes {
            self.close_group(threads).map_err(storage)?;
        }
        Ok(rows)
    }

    fn close_group(&mut self, threads: &ThreadPool) -> Result<(), ParquetError> {
        let Some(group) = self.group.take() else { return Ok(()) };
        let columns = group.columns.into_par_iter().with_max_len(1);
        let chunks: Vec<_> =
            threads.install(|| columns.map(ArrowColumnWriter::close).collect::<Result<_, _>>())?;
        let mut row_group = self.writer.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut row_group)?;
        }
        row_group.close()?;
        Ok(())
    }

    fn close(mut self, digest: String, threads: &ThreadPool) -> Result<(LoggedFile, Sink), ParquetError> {
        self.close_group(threads)?;
        if let Some((hashes, entry)) = self.hashes.finish(self.writer.bytes_written()) {
            self.writer.write_all(&hashes)?;
            self.writer.append_key_value_metadata(entry);
        }
        let sink = self.writer.into_inner()?;
        let content = Some(FileContent { digest, first: self.first });
        Ok((LoggedFile { path: self.name, bytes: sink.bytes, rows: self.rows, content }, sink))
    }
}
