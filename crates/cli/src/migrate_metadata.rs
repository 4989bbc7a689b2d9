//! `mycorr migrate-metadata`: from one machine's SQLite to the PostgreSQL that several nodes share.

use crate::{
    Failure, say,
    settings::{Place, sqlite_url, told},
};
use clap::Args;
use mycorr_meta::Meta;
use mycorr_vault::Keyring;
use std::fs;

#[derive(Args)]
pub(crate) struct Settings {
    /// The metadata that is moved: sqlite:FILE [default: sqlite:DATA_DIR/mycorr.db].
    #[arg(long)]
    from: Option<String>,
}

/// Copies all or nothing; secrets stay sealed. The default file is renamed afterwards, so that nobody goes on with it.
pub(crate) async fn migrate(place: &Place, settings: Settings) -> Result<(), Failure> {
    if !place.is_shared() {
        return Err("name the new database with MYCORR_DATABASE_URL=postgres://… or --database-url".into());
    }
    let file = place.sqlite_file();
    let from = match &settings.from {
        Some(url) if url.starts_with("sqlite:") => url.clone(),
        Some(_) => return Err("--from has to begin with sqlite:".into()),
        None if file.try_exists()? => sqlite_url(&file),
        None => return Err(format!("there is no {} to move", file.display()).into()),
    };
    let _lock = place.lock()?;
    let source = Meta::open(&from).await.map_err(told)?;
    let target = Meta::open(&place.database_url()?).await.map_err(told)?;
    let rows = source.copy_to(&target).await.map_err(told)?;
    let keys = place.keys();
    if let Some(own) =
        keys.try_exists()?.then(|| Keyring::read(&keys)).transpose()?.and_then(|keys| keys.ids().last())
    {
        target.set_master_key(&own.to_string()).await.map_err(told)?;
    }
    source.close().await.map_err(told)?;
    target.close().await.map_err(told)?;
    let mut moved = format!(
        "{rows} rows are in PostgreSQL now. Give every node the key file {} and MYCORR_DATABASE_URL.",
        keys.display()
    );
    if settings.from.is_none() {
        let kept = file.with_extension("db.migrated");
        fs::rename(&file, &kept)?;
        // There is one only where another process has the file open still.
        let log = file.with_extension("db-wal");
        if log.try_exists()? {
            fs::rename(log, file.with_extension("db.migrated-wal"))?;
        }
        moved += &format!(" The file of before is kept as {}.", kept.display());
    }
    say(moved)?;
    Ok(())
}
