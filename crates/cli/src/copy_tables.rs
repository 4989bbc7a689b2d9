//! `mycorr copy-tables`: from a folder to a bucket, or between any two places that tables can be kept.

use crate::{
    Failure, say,
    settings::{Place, told, variables},
};
use clap::Args;
use mycorr_tables::DeltaStore;

#[derive(Args)]
pub(crate) struct Settings {
    /// Where the tables are copied to: a folder, or s3://bucket/prefix.
    #[arg(long)]
    to: String,
}

/// Copies what is at MYCORR_STORAGE_URL. An interrupted copy goes on when it is run again.
pub(crate) async fn copy(place: &Place, settings: Settings) -> Result<(), Failure> {
    let _lock = place.lock()?;
    let from = place.open_tables().await?;
    let to = DeltaStore::connect(&settings.to, variables()).await.map_err(told)?;
    let copied = from.copy_to(&to).await.map_err(told)?;
    say(format!(
        "{} files with {} bytes are copied, {} were there already. Start with MYCORR_STORAGE_URL={} and remove the \
         old ones when all is well.",
        copied.files, copied.bytes, copied.kept, settings.to
    ))?;
    Ok(())
}
