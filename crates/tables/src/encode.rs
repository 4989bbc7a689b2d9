//! Batches to Parquet files in the store, on the thread that calls. Memory is bounded by the row group in
//! the making (its encoded pages) and the parts that are on their way to the store.

use crate::{log::LoggedFile, problem::storage, writer::WriterId};
use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use mycorr_domain::{Problem, Result, Section};
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart, path::Path};
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
    io,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::runtime::Handle;

/// Sizes that were chosen by measurement, see `docs/benchmarks.md`.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    pub group_rows: usize,
    /// A row group ends when its pages take so much memory.
    pub group_bytes: usize,
    /// A file ends after the row group that takes it over this size.
    pub file_bytes: u64,
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
            page_rows: 2048,
            dictionary_bytes: 64 << 10,
        }
    }
}

/// Bytes travel to the store in parts of this size (S3 takes none under 5 MiB) …
const PART: usize = 5 << 20;
/// … and so many of them may be on their way.
const PARTS: usize = 2;

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
}

/// More of them find no work, where a table is read from one connection.
const MAX_THREADS: usize = 4;

/// The threads that encode, for all versions that are being written: each takes one column of a batch at a time. They
/// stay, because what a thread that ended had allocated is kept for long.
pub(crate) fn threads(cores: NonZeroUsize) -> Result<Arc<ThreadPool>> {
    let threads = ThreadPoolBuilder::new().num_threads(cores.get().min(MAX_THREADS));
    threads.thread_name(|_| "encode".to_owned()).build().map(Arc::new).map_err(Problem::bug)
}

/// The numbers of a section's files begin so far after those of the section before.
const SECTION_FILES: usize = 10_000;
/// Where several sections are written, a row group of each ends sooner, but not below this.
const MIN_GROUP_BYTES: usize = 4 << 20;

pub(crate) struct Encoder {
    target: Target,
    section: Section,
    options: WriteOptions,
    threads: Arc<ThreadPool>,
    open: Option<OpenFile>,
    done: Vec<LoggedFile>,
}

struct OpenFile {
    name: String,
    schema: SchemaRef,
    writer: SerializedFileWriter<Sink>,
    factory: ArrowRowGroupWriterFactory,
    group: Option<Group>,
    rows: u64,
}

struct Group {
    columns: Vec<ArrowColumnWriter>,
    rows: usize,
}

impl Encoder {
    pub(crate) fn new(
        target: Target,
        section: Section,
        mut options: WriteOptions,
        threads: Arc<ThreadPool>,
    ) -> Self {
        let share = options.group_bytes / section.of.max(1);
        options.group_bytes = share.max(options.group_bytes.min(MIN_GROUP_BYTES));
        Self { target, section, options, threads, open: None, done: Vec::new() }
    }

    /// What the name of the next file begins with: files are in the order of their names.
    fn number(&self) -> usize {
        self.section.index * SECTION_FILES + self.done.len()
    }

    /// A batch with another schema than the one before begins another file.
    pub(crate) fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let batch = if batch.num_columns() == 0 { with_placeholder(&batch)? } else { batch };
        if self.open.as_ref().is_some_and(|open| open.schema.fields() != batch.schema_ref().fields()) {
            self.close_file()?;
        }
        let mut at = 0;
        while at < batch.num_rows() {
            let number = self.number();
            let open = match &mut self.open {
                Some(open) => open,
                none => none.insert(OpenFile::create(&self.target, &self.options, number, batch.schema())?),
            };
            let taken = open.write(&batch, at, &self.options, &self.threads).map_err(storage)?;
            at += taken;
            // The last file of a section that others follow takes whatever comes.
            let last = self.section.of > 1 && self.done.len() + 1 >= SECTION_FILES;
            if open.writer.bytes_written() as u64 >= self.options.file_bytes && !last {
                self.close_file()?;
            }
        }
        Ok(())
    }

    /// The files, complete and durable, in the order of their rows.
    pub(crate) fn finish(mut self) -> Result<Vec<LoggedFile>> {
        self.close_file()?;
        Ok(self.done)
    }

    fn close_file(&mut self) -> Result<()> {
        if let Some(open) = self.open.take() {
            self.done.push(open.close(&self.threads).map_err(storage)?);
        }
        Ok(())
    }
}

fn with_placeholder(batch: &RecordBatch) -> Result<RecordBatch> {
    let rows = BooleanArray::new_null(batch.num_rows());
    let schema = Arc::new(Schema::new(vec![placeholder()]));
    RecordBatch::try_new(schema, vec![Arc::new(rows)]).map_err(Problem::bug)
}

impl OpenFile {
    fn create(target: &Target, options: &WriteOptions, number: usize, schema: SchemaRef) -> Result<Self> {
        let name = format!("part-{number:05}-{}.zstd.parquet", target.writer);
        let path = target.folder.clone().join(name.as_str());
        let upload = target.runtime.block_on(target.store.put_multipart(&path)).map_err(storage)?;
        let sink = Sink {
            upload: WriteMultipart::new_with_chunk_size(upload, PART),
            bytes: 0,
            unchecked: 0,
            runtime: target.runtime.clone(),
            written: target.written.clone(),
        };
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
        Ok(Self { name, schema, writer, factory, group: None, rows: 0 })
    }

    /// Writes rows of the batch from `at` on, and tells how many.
    fn write(
        &mut self,
        batch: &RecordBatch,
        at: usize,
        options: &WriteOptions,
        threads: &ThreadPool,
    ) -> Result<usize, ParquetError> {
        let group = match &mut self.group {
            Some(group) => group,
            none => {
                let columns = self.factory.create_column_writers(self.writer.flushed_row_groups().len())?;
                none.insert(Group { columns, rows: 0 })
            }
        };
        let rows = (batch.num_rows() - at).min(options.group_rows - group.rows);
        let slice = batch.slice(at, rows);
        let writers = group.columns.par_iter_mut().zip(&self.schema.fields()[..]).zip(slice.columns());
        threads.install(|| {
            writers.with_max_len(1).try_for_each(|((writer, field), column)| {
                // None of our types is nested: a column has one leaf.
                compute_leaves(field, column)?.iter().try_for_each(|leaf| writer.write(leaf))
            })
        })?;
        group.rows += rows;
        let bytes: usize = group.columns.iter().map(ArrowColumnWriter::memory_size).sum();
        if group.rows >= options.group_rows || bytes >= options.group_bytes {
            self.close_group(threads)?;
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
        self.rows += group.rows as u64;
        Ok(())
    }

    fn close(mut self, threads: &ThreadPool) -> Result<LoggedFile, ParquetError> {
        self.close_group(threads)?;
        let sink = self.writer.into_inner()?;
        let bytes = sink.bytes;
        sink.finish()?;
        Ok(LoggedFile { path: self.name, bytes, rows: self.rows })
    }
}

/// Takes a file's bytes to the store, from a thread that may wait.
struct Sink {
    upload: WriteMultipart,
    bytes: u64,
    /// Bytes since it was last looked at how many parts are on their way.
    unchecked: usize,
    runtime: Handle,
    written: Arc<AtomicU64>,
}

impl Sink {
    fn finish(self) -> Result<(), ParquetError> {
        let finished = self.runtime.block_on(self.upload.finish());
        finished.map(drop).map_err(|error| ParquetError::External(Box::new(error)))
    }
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(PART)];
        self.unchecked += bytes.len();
        let _entered = self.runtime.enter();
        if self.unchecked >= PART {
            self.unchecked = 0;
            self.runtime.block_on(self.upload.wait_for_capacity(PARTS)).map_err(io::Error::other)?;
        }
        self.upload.write(bytes);
        self.bytes += bytes.len() as u64;
        self.written.fetch_add(bytes.len() as u64, Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
