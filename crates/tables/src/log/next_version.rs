//! What a commit writes: the actions that lead from one version to the next, and what it says of their files.

use super::{FileContent, Logged, LoggedFile};
use crate::boundaries::Boundaries;
use chrono::Utc;
use deltalake::{
    kernel::{
        Action, Add, Metadata, MetadataExt, Protocol, Remove, StructType,
        engine::arrow_conversion::TryIntoKernel, new_metadata,
    },
    protocol::DeltaOperation,
};
use mycorr_domain::{Problem, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// What the version after `base` is to be.
pub(crate) struct NextVersion<'a> {
    pub(crate) base: Option<Logged>,
    pub(crate) files: &'a [LoggedFile],
    pub(crate) boundaries: Option<Boundaries>,
    pub(crate) kind: Kind<'a>,
    /// What its rows are, see [`crate::diff::Content`].
    pub(crate) content: Option<String>,
    /// What its columns hold, a [`mycorr_domain::Profile`] in JSON.
    pub(crate) profile: Option<String>,
}

#[derive(Clone, Copy)]
pub(crate) enum Kind<'a> {
    Written(&'a StructType),
    Restored(&'a Logged),
    /// What is there already, under a higher fence.
    Same,
}

/// What a commit says of its files, beyond Delta's log: their order, what is in each, and how they were cut.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct FileList {
    pub(super) boundaries: Option<Boundaries>,
    pub(super) files: Vec<ListedFile>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ListedFile {
    pub(super) path: String,
    #[serde(flatten)]
    pub(super) content: Option<FileContent>,
}

impl NextVersion<'_> {
    pub(super) fn number(&self) -> i64 {
        self.base.as_ref().map_or(0, |base| base.version().0 + 1)
    }

    pub(super) fn operation(&self) -> DeltaOperation {
        match self.kind {
            Kind::Written(_) | Kind::Same => DeltaOperation::Write {
                mode: deltalake::protocol::SaveMode::Overwrite,
                partition_by: None,
                predicate: None,
            },
            Kind::Restored(from) => {
                DeltaOperation::Restore { version: Some(from.snapshot.version()), datetime: None }
            }
        }
    }

    pub(super) fn file_list(&self) -> FileList {
        let listed =
            |file: &LoggedFile| ListedFile { path: file.path.clone(), content: file.content.clone() };
        FileList { boundaries: self.boundaries, files: self.files.iter().map(listed).collect() }
    }

    /// What changes from the base to the next version. A file of both (taken over, or restored) is not touched: an
    /// entry of the log may not remove and add the same path.
    pub(super) fn actions(&self) -> Result<Vec<Action>> {
        let old: &[LoggedFile] = self.base.as_ref().map_or(&[], |base| &base.files);
        let metadata = self.metadata()?;
        let mut actions = Vec::new();
        match &self.base {
            None => actions.extend([Action::Protocol(protocol()), Action::Metadata(metadata)]),
            Some(base) if base.snapshot.metadata() != &metadata => actions.push(Action::Metadata(metadata)),
            Some(_) => {}
        }
        let now = Utc::now().timestamp_millis();
        let paths = |files: &'_ [LoggedFile]| -> HashSet<String> {
            files.iter().map(|file| file.path.clone()).collect()
        };
        let (before, after) = (paths(old), paths(self.files));
        actions.extend(old.iter().filter(|file| !after.contains(&file.path)).map(|file| {
            Action::Remove(Remove {
                path: file.path.clone(),
                data_change: true,
                deletion_timestamp: Some(now),
                extended_file_metadata: Some(true),
                partition_values: Some(Default::default()),
                size: Some(file.bytes as i64),
                ..Default::default()
            })
        }));
        actions.extend(self.files.iter().filter(|file| !before.contains(&file.path)).map(|file| {
            Action::Add(Add {
                path: file.path.clone(),
                size: file.bytes as i64,
                modification_time: now,
                data_change: true,
                stats: Some(format!("{{\"numRecords\":{}}}", file.rows)),
                ..Default::default()
            })
        }));
        Ok(actions)
    }

    fn metadata(&self) -> Result<Metadata> {
        let schema = match self.kind {
            Kind::Restored(from) => return Ok(from.snapshot.metadata().clone()),
            Kind::Written(schema) => schema,
            Kind::Same => {
                let base = self.base.as_ref().ok_or_else(|| Problem::bug("there is nothing to keep"))?;
                return Ok(base.snapshot.metadata().clone());
            }
        };
        match &self.base {
            Some(base) => base.snapshot.metadata().clone().with_schema(schema),
            None => new_metadata(
                schema,
                [] as [&str; 0],
                [
                    ("delta.enableExpiredLogCleanup", "false"),
                    // What lies beyond the last checkpoint is replayed by every commit and every first look at a version.
                    // The library's own 100 commits made a sync twice as slow towards the end of each hundred.
                    ("delta.checkpointInterval", "10"),
                    // A stranger's VACUUM keeps old versions, too.
                    ("delta.deletedFileRetentionDuration", "interval 5200 weeks"),
                ],
            ),
        }
        .map_err(Problem::bug)
    }
}

/// A table's columns as Delta's log names them.
pub(crate) fn delta_schema(schema: &arrow_schema::Schema) -> Result<StructType> {
    schema.try_into_kernel().map_err(Problem::bug)
}

/// `timestampNtz` from the start, so that a later version may bring such a column without changing what
/// readers have to know.
fn protocol() -> Protocol {
    serde_json::from_value(serde_json::json!({
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": ["timestampNtz"],
        "writerFeatures": ["timestampNtz"],
    }))
    .expect("this is the shape of Delta's protocol action")
}
