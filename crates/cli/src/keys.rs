//! `mycorr keys`: while the server runs or not.

use crate::{
    Failure, say,
    settings::{Place, told},
};
use clap::Subcommand;
use mycorr_vault::Keyring;

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Make a new master key, wrap everything that is sealed with it, and remove the old ones.
    Rotate,
    /// Make a master key in place of one that is lost. What was sealed with the lost one can't be opened: the owners
    /// of the connections have to type their passwords again.
    New,
}

/// Rotates. Whatever stops it in the middle, all keys that are still needed are in the file, and the same
/// command finishes the work.
pub(crate) async fn keys(place: &Place, command: Keys) -> Result<(), Failure> {
    if let Keys::New = command {
        let file = place.keys();
        let key = Keyring::create(&file)?;
        say(format!("Made the key {key}. Keep a copy of {}.", file.display()))?;
        return Ok(());
    }
    let (engine, meta) = place.open_idle_with_metadata().await?;
    let file = place.keys();
    let primary = Keyring::rotate(&file)?;
    // Whatever was sealed with the old key is stored: the file could not be changed before.
    let done = engine.connections.rewrap_keys().await.map_err(told)?;
    if done.unreadable > 0 {
        return Err(format!(
            "{} were wrapped with the new key {primary}, but {} can't be opened with any key of {}. The old keys \
             stay in it. Put the missing key back, or let the owners of these connections replace password and CA \
             certificate, and run this command again.",
            connections(done.rewrapped),
            connections(done.unreadable),
            file.display()
        )
        .into());
    }
    if place.is_shared() {
        meta.set_master_key(&primary.to_string()).await.map_err(told)?;
    }
    let old: Vec<_> = Keyring::read(&file)?.ids().filter(|&id| id != primary).collect();
    for id in old {
        Keyring::remove(&file, id)?;
    }
    say(format!(
        "{} wrapped with the new key {primary}. Keep a copy of {}.",
        connections(done.rewrapped),
        file.display()
    ))?;
    Ok(())
}

fn connections(count: u64) -> String {
    if count == 1 { "1 connection".to_owned() } else { format!("{count} connections") }
}
