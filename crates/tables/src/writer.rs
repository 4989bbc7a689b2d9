//! A version in the making: the batches of each section go to an encoder on a thread of its own, through a channel that
//! makes the reader wait when the encoder is behind.

use crate::table_location::TableLocation;
use crate::{
    boundaries::Boundaries,
    diff::{Content, ContentHasher},
    encode::{Encoder, placeholder},
    hash::TextHashes,
    log::{Kind, Log, Logged, LoggedFile, NextVersion, delta_schema},
    profile::ProfileBuilder,
    staged::{self, Staged},
};
use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use async_trait::async_trait;
use mycorr_domain::{Column, Committed, JobId, Problem, Result, Section, Snapshot, TableWriter, WriteRight};
use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::{sync::mpsc, task::JoinHandle};

/// Batches that wait for the encoder: one that is ready while another is being encoded.
const QUEUE: usize = 1;

enum Message {
    Batch(RecordBatch),
    /// Without it, the end of the channel means that the writer was dropped.
    Finish,
}

/// Who wrote a file: the end of its name, after its number, begins with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WriterId {
    pub(crate) fence: i64,
    pub(crate) job: JobId,
}

impl WriterId {
    pub(crate) fn of(right: WriteRight) -> Self {
        Self { fence: right.fence(), job: right.job() }
    }

    /// Of a file's path; `None` for one that was written before there were fences, and for one of the log.
    pub(crate) fn of_file(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next()?.strip_prefix("part-")?;
        let mut parts = name.splitn(3, '-');
        let (_number, fence, rest) = (parts.next()?, parts.next()?, parts.next()?);
        let fence = (fence.len() == 16).then(|| i64::from_str_radix(fence, 16).ok())??;
        Some(Self { fence, job: rest.get(..36)?.parse().ok()? })
    }
}

impl fmt::Display for WriterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.fence, self.job)
    }
}

/// Writers of this process, so that a sweep leaves their files alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActiveWriters(Arc<Mutex<HashSet<WriterId>>>);

pub(crate) struct AtWorkGuard(ActiveWriters, WriterId);

impl ActiveWriters {
    pub(crate) fn enter(&self, writer: WriterId) -> AtWorkGuard {
        self.lock().insert(writer);
        AtWorkGuard(self.clone(), writer)
    }

    pub(crate) fn contains(&self, writer: WriterId) -> bool {
        self.lock().contains(&writer)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<WriterId>> {
        self.0.lock().expect("nothing panics while it holds the set")
    }
}

impl Drop for AtWorkGuard {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}

/// One of a version's sections: its batches go to an encoder on a thread of its own.
struct SectionWriter {
    messages: mpsc::Sender<Message>,
    /// None once it was waited for.
    encoder: Option<JoinHandle<Result<Option<Encoded>>>>,
    /// Those that the batch before had. Never fewer with the next one.
    companions: HashSet<String>,
}

/// Makes the encoder of a section.
pub(crate) type MakeEncoder = Box<dyn Fn(Section) -> Encoder + Send + Sync>;

pub(crate) struct DeltaWriter {
    place: TableLocation,
    log: Log,
    base: Option<Logged>,
    right: WriteRight,
    columns: Vec<Column>,
    encoder: MakeEncoder,
    /// Those that have begun, by their place among the rows.
    sections: BTreeMap<usize, SectionWriter>,
    /// Once the encoders have finished.
    encoded: Option<Encoded>,
    written: Arc<AtomicU64>,
    /// Until the commit: the threads may end before it, or outlive a writer that was dropped.
    active_writers: Arc<AtWorkGuard>,
}

/// All rows, on their way into a version.
#[derive(Default)]
struct Encoded {
    files: Vec<LoggedFile>,
    boundaries: Option<Boundaries>,
    content: Content,
    /// None before there is a section.
    profile: Option<ProfileBuilder>,
}

/// The encoder's thread ends with the files, or with nothing if the writer was dropped.
fn run(
    mut encoder: Encoder,
    mut hasher: ContentHasher,
    mut profile: ProfileBuilder,
    columns: usize,
    mut messages: mpsc::Receiver<Message>,
) -> Result<Option<Encoded>> {
    loop {
        match messages.blocking_recv() {
            Some(Message::Batch(batch)) => {
                let texts = TextHashes::of(&batch, columns);
                let hashes = hasher.add(&batch, &texts);
                profile.add(&batch, &texts);
                encoder.write(batch, &hashes)?;
            }
            Some(Message::Finish) => {
                let ((files, boundaries), content) = (encoder.finish()?, hasher.finish());
                return Ok(Some(Encoded { files, boundaries, content, profile: Some(profile) }));
            }
            None => return Ok(None),
        }
    }
}

impl SectionWriter {
    fn start(encoder: Encoder, columns: &[Column], active_writers: Arc<AtWorkGuard>) -> Self {
        let (messages, receiver) = mpsc::channel(QUEUE);
        let (hasher, profile) = (ContentHasher::new(columns), ProfileBuilder::new(columns));
        let columns = columns.len();
        let encoder = tokio::task::spawn_blocking(move || {
            let encoded = run(encoder, hasher, profile, columns, receiver);
            drop(active_writers);
            encoded
        });
        Self { messages, encoder: Some(encoder), companions: HashSet::new() }
    }

    /// The batch must be what [`TableWriter::write`] says.
    fn check(&mut self, columns: &[Column], batch: &RecordBatch) -> Result<()> {
        let schema = batch.schema_ref();
        let native = columns.len();
        let fits = schema.fields().len() >= native
            && columns.iter().zip(schema.fields()).all(|(column, field)| {
                column.field == *field.name() && column.stored.arrow() == *field.data_type()
            });
        let companions: HashSet<_> =
            schema.fields().iter().skip(native).map(|field| field.name().clone()).collect();
        let none = companions.is_empty();
        let known: HashSet<_> = columns.iter().filter(|_| !none).map(Column::exact_name).collect();
        if !fits || !companions.is_subset(&known) || !self.companions.is_subset(&companions) {
            return Err(Problem::bug(format!("a batch of another shape than the table's columns: {schema}")));
        }
        self.companions = companions;
        Ok(())
    }

    async fn send(&mut self, message: Message) -> Result<()> {
        match self.messages.send(message).await {
            Ok(()) => Ok(()),
            // The encoder ended before its time: it says why.
            Err(_) => match self.end().await {
                Err(problem) => Err(problem),
                Ok(_) => Err(Problem::bug("the encoder ended without being told to")),
            },
        }
    }

    async fn end(&mut self) -> Result<Option<Encoded>> {
        let encoder = self.encoder.take().ok_or_else(|| Problem::bug("written to after an error"))?;
        encoder.await.map_err(Problem::bug)?
    }
}

impl DeltaWriter {
    pub(crate) fn new(
        place: TableLocation,
        base: Option<Logged>,
        columns: &[Column],
        right: WriteRight,
        encoder: MakeEncoder,
        written: Arc<AtomicU64>,
        active_writers: AtWorkGuard,
    ) -> Self {
        let (columns, active_writers) = (columns.to_vec(), Arc::new(active_writers));
        let (sections, log) = (BTreeMap::new(), Log::of(&place, right.table()));
        Self { place, log, base, right, columns, encoder, sections, encoded: None, written, active_writers }
    }

    /// Every column with its companion where some batch had it.
    fn schema(&self) -> Schema {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .flat_map(|column| {
                let name = column.exact_name();
                let exact = self.sections.values().any(|section| section.companions.contains(&name));
                let exact = exact.then(|| column.exact_field());
                [Some(column.arrow_field()), exact]
            })
            .flatten()
            .collect();
        Schema::new(if fields.is_empty() { vec![placeholder()] } else { fields })
    }
}

#[async_trait]
impl TableWriter for DeltaWriter {
    async fn write_section(&mut self, section: Section, batch: RecordBatch) -> Result<()> {
        let Self { sections, encoder, active_writers, columns, .. } = self;
        let begun = sections
            .entry(section.index)
            .or_insert_with(|| SectionWriter::start(encoder(section), columns, active_writers.clone()));
        begun.check(columns, &batch)?;
        begun.send(Message::Batch(batch)).await
    }

    async fn finish(&mut self) -> Result<u64> {
        if self.encoded.is_none() {
            for section in self.sections.values_mut() {
                section.send(Message::Finish).await?;
            }
            let mut all = Encoded::default();
            for section in self.sections.values_mut() {
                let encoded = section.end().await?.ok_or_else(|| Problem::bug("the encoder gave up"))?;
                all.files.extend(encoded.files);
                all.boundaries = all.boundaries.or(encoded.boundaries);
                all.content.append(encoded.content);
                match (&mut all.profile, encoded.profile) {
                    (Some(all), Some(profile)) => all.append(profile),
                    (none, profile) => *none = profile,
                }
            }
            self.encoded = Some(all);
        }
        let files = self.encoded.iter().flat_map(|encoded| &encoded.files);
        Ok(files.filter(|file| file.is_of(self.right.job())).map(|file| file.bytes).sum())
    }

    async fn has_rows_of(&mut self, at: &Snapshot) -> Result<bool> {
        self.finish().await?;
        let content = self.encoded.as_ref().map(|encoded| encoded.content.to_string());
        Ok(content.is_some() && self.log.content(at.version).await? == content)
    }

    async fn commit(mut self: Box<Self>) -> Result<Committed> {
        self.finish().await?;
        let Encoded { files, boundaries, content, profile } = self.encoded.take().unwrap_or_default();
        let profile = profile.unwrap_or_else(|| ProfileBuilder::new(&self.columns)).finish();
        let schema = delta_schema(&self.schema())?;
        let next = NextVersion {
            base: self.base.take(),
            files: &files,
            boundaries,
            kind: Kind::Written(&schema),
            content: Some(content.to_string()),
            profile: Some(serde_json::to_string(&profile).map_err(Problem::bug)?),
        };
        let version = self.log.commit(next, self.right).await?;
        Ok(staged::committed(version, &files, self.right.job()))
    }

    async fn stage(mut self: Box<Self>) -> Result<Committed> {
        self.finish().await?;
        let schema = delta_schema(&self.schema())?;
        let Encoded { files, boundaries, content, profile } = self.encoded.take().unwrap_or_default();
        let profile = profile.unwrap_or_else(|| ProfileBuilder::new(&self.columns)).finish();
        let profile = Some(serde_json::to_string(&profile).map_err(Problem::bug)?);
        let staged = Staged { schema, files, boundaries, content: content.to_string(), profile };
        staged.store(&self.place, self.right).await
    }

    fn bytes(&self) -> u64 {
        self.written.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_tells_its_writer() {
        let writer = WriterId { fence: 0x1234, job: JobId::new() };
        let name = format!("{}/part-00007-{writer}.zstd.parquet", JobId::new());
        assert_eq!(WriterId::of_file(&name), Some(writer));
        assert_eq!(WriterId::of_file(&format!(".staging/part-00007-{writer}.zstd.parquet.x")), Some(writer));
        let old = format!("part-00000-{}.zstd.parquet", JobId::new());
        for other in [old.as_str(), "_delta_log/00000000000000000000.json", "", "part-"] {
            assert_eq!(WriterId::of_file(other), None, "{other}");
        }
    }
}
