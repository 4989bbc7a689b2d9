//! What a run stored beside its table: files as those of a version, and a list of them that no log names. Readers of the
//! Delta table don't see it.

use crate::{
    boundaries::Boundaries, log::LoggedFile, problem::storage, table_location::TableLocation,
    writer::WriterId,
};
use deltalake::kernel::StructType;
use futures::TryStreamExt;
use mycorr_domain::{Committed, JobId, Problem, Result, StoreVersion, TableId, WriteRight};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use serde::{Deserialize, Serialize};
use std::io;

/// The folder of the lists, within the table's.
pub(crate) const FOLDER: &str = "_held";

/// What a commit needs, see [`crate::log::NextVersion`].
#[derive(Serialize, Deserialize)]
pub(crate) struct Staged {
    pub(crate) schema: StructType,
    /// In the order of the rows.
    pub(crate) files: Vec<LoggedFile>,
    #[serde(default)]
    pub(crate) boundaries: Option<Boundaries>,
    pub(crate) content: String,
    pub(crate) profile: Option<String>,
}

/// What a job made with these files, some of which it may have taken over.
pub(crate) fn committed(version: StoreVersion, files: &[LoggedFile], job: JobId) -> Committed {
    Committed {
        version,
        rows: files.iter().map(|file| file.rows).sum(),
        bytes: files.iter().filter(|file| file.is_of(job)).map(|file| file.bytes).sum(),
        size_bytes: files.iter().map(|file| file.bytes).sum(),
    }
}

impl Staged {
    pub(crate) async fn store(&self, place: &TableLocation, right: WriteRight) -> Result<Committed> {
        // Named as the files are, so that it is swept as they are.
        let name = format!("part-00000-{}.json", WriterId::of(right));
        let path = place.folder(right.table()).join(FOLDER).join(name);
        let json = serde_json::to_vec(self).map_err(Problem::bug)?;
        place.store.put(&path, json.into()).await.map_err(storage)?;
        Ok(committed(StoreVersion::staged(right.fence()), &self.files, right.job()))
    }

    /// What the run with this fence staged, and the path of its list within the table's folder.
    pub(crate) async fn load(place: &TableLocation, table: TableId, fence: i64) -> Result<(Self, String)> {
        let folder: Path = place.folder(table).join(FOLDER);
        let lists: Vec<_> = place.store.list(Some(&folder)).try_collect().await.map_err(storage)?;
        let list = lists.into_iter().find(|object| {
            WriterId::of_file(object.location.as_ref()).is_some_and(|writer| writer.fence == fence)
        });
        let list = list.ok_or_else(|| {
            storage(io::Error::new(
                io::ErrorKind::NotFound,
                format!("nothing is staged under the fence {fence}"),
            ))
        })?;
        let json = place.store.get(&list.location).await.map_err(storage)?.bytes().await.map_err(storage)?;
        let path = format!("{FOLDER}/{}", list.location.filename().unwrap_or_default());
        Ok((serde_json::from_slice(&json).map_err(Problem::bug)?, path))
    }
}
