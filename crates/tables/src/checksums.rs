//! What a stored version comes to, read from its files: for comparison with its source and with what was written.

use crate::{diff::ContentHasher, export::ExportRows, version::Version};
use futures::TryStreamExt;
use mycorr_domain::{Checksums, Column, Result, TextHash};
use std::sync::Arc;

/// The checksums of all columns, and the version's content as its commit writes it.
pub(crate) async fn checksums(
    version: Arc<Version>,
    columns: Arc<[Column]>,
    hash: TextHash,
) -> Result<(Checksums, String)> {
    let mut checksums = Checksums::new(columns.len());
    let mut content = ContentHasher::new(&columns);
    let rows = ExportRows::in_arrival(version, &[], columns, &[]).await?;
    let shape = rows.shape();
    let mut batches = rows.batches();
    while let Some(batch) = batches.try_next().await? {
        let stored = shape.columns(&batch);
        checksums.add(&stored, batch.num_rows(), hash);
        content.add_columns(stored, batch.num_rows());
    }
    Ok((checksums, content.finish().to_string()))
}
