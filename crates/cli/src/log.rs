//! The log: lines on standard error.

use clap::{Args, ValueEnum};
use std::io::{self, IsTerminal};
use tracing_subscriber::EnvFilter;

#[derive(Args)]
pub(crate) struct Settings {
    /// How log lines are written; RUST_LOG says which [default: info].
    #[arg(long, env = "MYCORR_LOG_FORMAT", default_value = "text", global = true)]
    log_format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Libraries that tell their inner life, column names and statements included. RUST_LOG can name them.
const LIBRARIES: &str = "buoyant_kernel=warn,delta_kernel=warn,deltalake_core=warn,datafusion=warn,\
                         sea_orm=warn,sea_orm_migration=warn,sqlx=warn,sqlparser=warn,pgwire=warn";

pub(crate) fn start(settings: &Settings) {
    let asked = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned());
    let filter = EnvFilter::new(format!("{LIBRARIES},{asked}"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match settings.log_format {
        Format::Text => lines.with_ansi(io::stderr().is_terminal()).init(),
        Format::Json => lines.json().init(),
    }
}
