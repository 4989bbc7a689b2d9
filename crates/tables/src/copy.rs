//! Moves tables from one store to another. Paths within a table are relative, so a copy is as good as the original.

use crate::{DeltaStore, folder::STAGING, problem::storage};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use mycorr_domain::{Code, Problem, Result};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, WriteMultipart, path::Path};
use std::collections::HashMap;

/// As [`crate::encode`] writes: S3 takes no smaller ones.
const PART_BYTES: usize = 5 << 20;
/// Parts of a file that are on their way.
const MAX_PARTS: usize = 2;

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    pub files: u64,
    pub bytes: u64,
    /// Files that were there already, from an earlier attempt.
    pub kept: u64,
}

impl DeltaStore {
    /// Copies every file to `target`, while nobody writes to either. A file that is there with the same size is taken
    /// for one of an earlier attempt, so an interrupted copy goes on; the sizes are compared again at the end.
    ///
    /// # Errors
    /// `conflict` where the target holds something else; `storage_full`, `storage_unavailable`.
    pub async fn copy_to(&self, target: &Self) -> Result<Copied> {
        let (from, to) = (self.objects(), target.objects());
        let mut copied = Copied::default();
        let mut there = listed(to).await?;
        let all = listed(from).await?;
        if let Some(stranger) = there.keys().find(|path| !all.contains_key(*path)) {
            return Err(Problem::new(
                Code::Conflict,
                "The place that tables are to be copied to holds other files already. Nothing was copied.",
            )
            .fix("Name an empty one.")
            .internal(stranger));
        }
        for (path, object) in &all {
            if there.get(path).is_some_and(|known| known.size == object.size) {
                copied.kept += 1;
                continue;
            }
            copy(from, to, path).await?;
            copied.files += 1;
            copied.bytes += object.size;
        }
        there = listed(to).await?;
        let differs = |(path, object): (&Path, &ObjectMeta)| {
            (there.get(path).map(|copy| copy.size) != Some(object.size)).then(|| path.clone())
        };
        match all.iter().find_map(differs) {
            None => Ok(copied),
            Some(path) => Err(Problem::bug(format!("{path} has another size than its copy"))),
        }
    }
}

/// All files but unfinished ones.
async fn listed(store: &dyn ObjectStore) -> Result<HashMap<Path, ObjectMeta>> {
    let found: Vec<ObjectMeta> = store.list(None).try_collect().await.map_err(storage)?;
    let finished = |object: &ObjectMeta| !object.location.parts().any(|part| part.as_ref() == STAGING);
    Ok(found.into_iter().filter(finished).map(|object| (object.location.clone(), object)).collect())
}

async fn copy(from: &dyn ObjectStore, to: &dyn ObjectStore, path: &Path) -> Result<()> {
    let bytes = from.get(path).await.map_err(storage)?.into_stream();
    upload(to, path, bytes.map_err(storage).boxed()).await
}

/// Stores a file whose bytes come piece by piece: all of it, or nothing.
pub(crate) async fn upload(
    to: &dyn ObjectStore,
    path: &Path,
    mut bytes: BoxStream<'_, Result<Bytes>>,
) -> Result<()> {
    let upload = to.put_multipart(path).await.map_err(storage)?;
    let mut upload = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
    while let Some(piece) = bytes.try_next().await? {
        upload.wait_for_capacity(MAX_PARTS).await.map_err(storage)?;
        upload.write(&piece);
    }
    upload.finish().await.map_err(storage)?;
    Ok(())
}
