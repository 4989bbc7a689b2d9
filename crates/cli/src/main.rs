//! The `mycorr` binary: commands and settings, and the one place where the crates are put together.

mod accounts;
mod backup;
mod copy_tables;
mod keys;
mod log;
mod manifest;
mod migrate_metadata;
mod nodes;
#[cfg(feature = "sql")]
mod query_nodes;
#[cfg(not(feature = "sql"))]
#[path = "query_nodes_absent.rs"]
mod query_nodes;
mod restore;
mod serve;
mod settings;
#[cfg(feature = "sql")]
mod sql_door;
#[cfg(not(feature = "sql"))]
#[path = "sql_door_absent.rs"]
mod sql_door;
mod traces;

use clap::{Parser, Subcommand};
use std::{
    io::{self, Write},
    process::ExitCode,
};

/// Gives memory back soon after an import; glibc's allocator keeps an arena for each thread that ever
/// encoded (measured in docs/benchmarks.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Tables from your PostgreSQL databases, in Models that you share.
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    place: settings::Place,
    #[command(flatten)]
    log: log::Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the page and the API, and run the imports.
    Serve(serve::Settings),
    /// Run imports and syncs alone, beside nodes that serve and share their metadata.
    Work(serve::NodeSettings),
    /// Move the metadata from SQLite into the empty PostgreSQL database that MYCORR_DATABASE_URL names.
    MigrateMetadata(migrate_metadata::Settings),
    /// Copy the tables to another place, for instance to a bucket, while no server runs.
    CopyTables(copy_tables::Settings),
    /// Copy metadata and tables into a folder, while the server runs or not. The master key is not copied.
    Backup(backup::Settings),
    /// Bring a backup back into an empty place, or check that it is whole.
    Restore(restore::Settings),
    /// Accounts.
    #[command(subcommand)]
    User(accounts::User),
    /// Bearer tokens for scripts.
    #[command(subcommand)]
    Token(accounts::Token),
    /// The keys under which passwords are sealed.
    #[command(subcommand)]
    Keys(keys::Keys),
}

/// Why a command failed, for who typed it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log::start(&cli.log);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Serve(settings) => serve::serve(&cli.place, settings).await,
            Command::Work(settings) => serve::work(&cli.place, settings).await,
            Command::MigrateMetadata(settings) => migrate_metadata::migrate(&cli.place, settings).await,
            Command::CopyTables(settings) => copy_tables::copy(&cli.place, settings).await,
            Command::Backup(settings) => backup::backup(&cli.place, settings).await,
            Command::Restore(settings) => restore::restore(&cli.place, settings).await,
            Command::User(command) => accounts::user(&cli.place, command).await,
            Command::Token(command) => accounts::token(&cli.place, command).await,
            Command::Keys(command) => keys::keys(&cli.place, command).await,
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failed(&failure),
    }
}

fn failed(failure: &Failure) -> ExitCode {
    // Nobody reads stderr any more if this fails.
    let _ = writeln!(io::stderr(), "mycorr: {failure}");
    ExitCode::FAILURE
}

/// One line on standard output.
fn say(line: impl std::fmt::Display) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}
