//! What a stored version comes to, read from its files: for comparison with its source and with what was written.

use crate::{
    diff::ContentHasher,
    export::ExportRows,
    row_hashes::{has_row_hashes, row_hashes},
    version::Version,
};
use futures::TryStreamExt;
use mycorr_domain::{Checksums, Column, Result, TextHash};
use std::sync::Arc;

/// The checksums of all columns, and the version's content as its commit writes it; `None` where what is kept beside the
/// rows is damaged.
pub(crate) async fn checksums(
    version: Arc<Version>,
    columns: Arc<[Column]>,
    hash: TextHash,
) -> Result<(Checksums, Option<String>)> {
    let mut checksums = Checksums::new(columns.len());
    let mut content = ContentHasher::new(&columns);
    let mut intact = true;
    for file in version.files.iter() {
        intact &= !has_row_hashes(file).await? || row_hashes(file).await?.is_some();
    }
    let rows = ExportRows::in_arrival(version, &[], columns, &[]).await?;
    let shape = rows.shape();
    let mut batches = rows.batches();
    while let Some(batch) = batches.try_next().await? {
        let stored = shape.columns(&batch);
        checksums.add(&stored, batch.num_rows(), hash);
        content.add_columns(stored, batch.num_rows());
    }
    Ok((checksums, intact.then(|| content.finish().to_string())))
}
