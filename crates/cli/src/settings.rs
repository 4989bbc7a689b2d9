//! Where things are kept, and what is opened there.

use crate::Failure;
use clap::Args;
use mycorr_egress::{AllowList, Dialer};
use mycorr_engine::{Engine, LARGEST_ROW, Parts, SignUp, Waiting};
use mycorr_meta::Meta;
use mycorr_tables::DeltaStore;
use mycorr_vault::{Keyring, Vault};
use std::{
    fs::{self, DirBuilder},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

/// What every command needs to know.
#[derive(Args)]
pub(crate) struct Place {
    /// Metadata, tables and, unless named otherwise, the master key; made if missing.
    #[arg(long, env = "MYCORR_DATA_DIR", default_value = "mycorr-data", global = true)]
    data_dir: PathBuf,
    /// The metadata's database [default: sqlite:DATA_DIR/mycorr.db].
    #[arg(long, env = "MYCORR_DATABASE_URL", hide_env_values = true, global = true)]
    database_url: Option<String>,
    /// Where the tables are kept: a folder or a file:// URL [default: DATA_DIR/tables].
    #[arg(long, env = "MYCORR_STORAGE_URL", hide_env_values = true, global = true)]
    storage_url: Option<String>,
    /// The file with the keys under which passwords are sealed; made on the first start
    /// [default: DATA_DIR/master.key].
    #[arg(long, env = "MYCORR_MASTER_KEY_FILE", global = true)]
    master_key_file: Option<PathBuf>,
}

impl Place {
    /// Opens everything. What is missing is made.
    pub(crate) async fn open(
        &self,
        sign_up: SignUp,
        allow: AllowList,
        largest_row: usize,
        waiting: Waiting,
    ) -> Result<Engine, Failure> {
        make_private(&self.data_dir)?;
        let keys = self.keys();
        let new_keys = Keyring::create_if_missing(&keys)?;
        let meta = Meta::open(&self.database_url()?).await.map_err(told)?;
        if new_keys {
            tracing::info!(file = %keys.display(), "made the master key; keep a copy of it apart from the data");
            if !meta.is_new().await.map_err(told)? {
                tracing::warn!("passwords that were sealed with another master key can't be opened");
            }
        }
        let store = match &self.storage_url {
            Some(url) => DeltaStore::open(url).map_err(told)?,
            None => DeltaStore::open(&self.data_dir.join("tables").to_string_lossy()).map_err(told)?,
        };
        Ok(Engine::new(Parts {
            meta,
            vault: Vault::new(keys),
            dialer: Dialer::new(allow),
            store: Arc::new(store),
            sign_up,
            largest_row,
            waiting,
        }))
    }

    /// For a command that changes what is kept and dials nowhere.
    pub(crate) async fn open_idle(&self) -> Result<Engine, Failure> {
        self.open(SignUp::Invite, AllowList::default(), LARGEST_ROW, Waiting::default()).await
    }

    /// The keyring's file.
    pub(crate) fn keys(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| self.data_dir.join("master.key"))
    }

    fn database_url(&self) -> Result<String, Failure> {
        match &self.database_url {
            Some(url) if url.starts_with("sqlite:") => Ok(url.clone()),
            Some(_) => Err("MYCORR_DATABASE_URL has to begin with sqlite: (PostgreSQL comes later)".into()),
            None => {
                let file = self.data_dir.join("mycorr.db");
                // Made here, so that nobody else reads it even in a folder that others can look into; SQLite
                // gives the files beside it the same mode.
                fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&file)?;
                // A URL, so what has a meaning in one is escaped.
                let file = file.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
                Ok(format!("sqlite:{file}"))
            }
        }
    }
}

/// Makes a folder that only we can look into. One that is there already is left as it is, with a word.
fn make_private(folder: &Path) -> Result<(), Failure> {
    let failed = |error| format!("the data directory {} can't be used: {error}", folder.display());
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let mode = fs::metadata(folder).map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        tracing::warn!(folder = %folder.display(), mode = format!("{mode:04o}"),
            "others on this machine can look into the data directory: run chmod 700 on it");
    }
    Ok(())
}

/// A problem as the operator reads it: with the cause, which HTTP never shows.
pub(crate) fn told(problem: mycorr_domain::Problem) -> Failure {
    let mut text = problem.detail;
    for more in [problem.internal.map(|cause| format!("({cause})")), problem.fix].into_iter().flatten() {
        text.push(' ');
        text.push_str(&more);
    }
    text.into()
}
