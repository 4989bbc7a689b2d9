//! Where things are kept, and what is opened there.

use crate::Failure;
use clap::Args;
use mycorr_domain::TableStore;
use mycorr_egress::{AllowList, Dialer};
use mycorr_engine::{
    Engine, EngineDeps, MAX_ROW_BYTES, MailServer, MailSettings, Mailer, ProviderRoots, SignUp, Waiting,
};
use mycorr_meta::Meta;
use mycorr_tables::{DeltaStore, QueryOptions};
use mycorr_vault::{Keyring, Vault};
use std::{
    fs::{self, DirBuilder, File, TryLockError},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

/// What an engine may use and wait for.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) largest_row: usize,
    pub(crate) storage: StorageLimits,
    pub(crate) waiting: Waiting,
}

impl Default for Limits {
    fn default() -> Self {
        Self { largest_row: MAX_ROW_BYTES, storage: StorageLimits::default(), waiting: Waiting::default() }
    }
}

/// What every command needs to know.
#[derive(Args)]
pub(crate) struct Place {
    /// Metadata, tables and, unless named otherwise, the master key; made if missing.
    #[arg(long, env = "MYCORR_DATA_DIR", default_value = "mycorr-data", global = true)]
    data_dir: PathBuf,
    /// The metadata's database: sqlite:FILE, or postgres://… for several nodes [default: sqlite:DATA_DIR/mycorr.db].
    #[arg(long, env = "MYCORR_DATABASE_URL", hide_env_values = true, global = true)]
    database_url: Option<String>,
    /// Where the tables are kept: a folder, a file:// URL, or s3://bucket/prefix with AWS's variables (AWS_REGION,
    /// AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID …) [default: DATA_DIR/tables].
    #[arg(long, env = "MYCORR_STORAGE_URL", hide_env_values = true, global = true)]
    storage_url: Option<String>,
    /// The file with the keys under which passwords are sealed; made on the first start
    /// [default: DATA_DIR/master.key].
    #[arg(long, env = "MYCORR_MASTER_KEY_FILE", global = true)]
    master_key_file: Option<PathBuf>,
}

/// How much may be stored.
#[derive(Args, Clone, Copy, Default)]
pub(crate) struct StorageLimits {
    /// Where tables are stored, so many bytes are left free: below, imports wait, and those that run end.
    #[arg(long, env = "MYCORR_MIN_FREE_BYTES", default_value_t = 16 << 20)]
    min_free_bytes: u64,
    /// How many bytes the tables in one person's Models may take, all versions counted.
    #[arg(long, env = "MYCORR_MAX_BYTES_PER_USER")]
    max_bytes_per_user: Option<u64>,
}

/// How mail is sent: notices, links to new passwords, invitations.
#[derive(Args, Default)]
pub(crate) struct Mail {
    /// The mail server, e.g. smtps://user:password@smtp.example.com or smtp://localhost:25. With smtp:// the connection
    /// is encrypted where the server offers it; ?tls=required insists. Without it no mail is sent.
    #[arg(long, env = "MYCORR_SMTP_URL", hide_env_values = true, requires_all = ["mail_from", "public_url"])]
    smtp_url: Option<String>,
    /// From whom mail comes, e.g. "Mycorr <mycorr@example.com>".
    #[arg(long, env = "MYCORR_MAIL_FROM")]
    mail_from: Option<String>,
}

impl Mail {
    /// `public_url` is what links in mails begin with.
    pub(crate) fn settings(&self, public_url: Option<&str>) -> Result<Option<MailSettings>, Failure> {
        let (Some(server), Some(from), Some(url)) = (&self.smtp_url, &self.mail_from, public_url) else {
            return Ok(None);
        };
        let server =
            MailServer::parse(server).map_err(|error| format!("MYCORR_SMTP_URL can't be used: {error}"))?;
        let mailer =
            Mailer::new(server, from).map_err(|error| format!("MYCORR_MAIL_FROM can't be used: {error}"))?;
        Ok(Some(MailSettings { mailer, public_url: url.to_owned() }))
    }
}

impl Place {
    /// Opens everything. What is missing is made. `queries` is for a process that answers them: its folder for
    /// temporary files is in the data directory, and emptied.
    pub(crate) async fn open(
        &self,
        sign_up: SignUp,
        allow: AllowList,
        limits: Limits,
        queries: Option<QueryOptions>,
        provider_roots: ProviderRoots,
        mail: Option<MailSettings>,
    ) -> Result<(Engine, Meta, DeltaStore), Failure> {
        make_private(&self.data_dir)?;
        let meta = Meta::open(&self.database_url()?).await.map_err(told)?;
        let mut store = self.open_tables().await?;
        self.refuse_lost_metadata(&meta, &store).await?;
        let keys = self.keys();
        let sealed = !meta.data_keys(None, 1).await.map_err(told)?.is_empty();
        let agreed = meta.master_key().await.map_err(told)?;
        if (sealed || agreed.is_some()) && !keys.try_exists()? {
            return Err(format!(
                "the master key is missing: {} is not there, and the passwords of the connections are sealed with it. \
                 Put the copy of it back. Without one, `mycorr keys new` makes another key, and the owners have to type \
                 their passwords again",
                keys.display()
            )
            .into());
        }
        if Keyring::create_if_missing(&keys)? {
            tracing::info!(file = %keys.display(), "made the master key; keep a copy of it apart from the data");
        }
        // A garbled key is found now, and not when the next import needs it.
        let keyring = Keyring::read(&keys)?;
        if self.is_shared() {
            agree_on_master_key(&meta, &keyring, &keys).await?;
        }
        if let Some(queries) = queries {
            let spill_folder = queries.spill_folder.map(|name| self.data_dir.join(name));
            store = store.with_query_options(QueryOptions { spill_folder, ..queries }).map_err(told)?;
        }
        let engine = Engine::new(EngineDeps {
            meta: meta.clone(),
            vault: Vault::new(keys),
            dialer: Dialer::new(allow),
            provider_roots,
            store: Arc::new(store.clone()),
            sign_up,
            largest_row: limits.largest_row,
            min_free_bytes: limits.storage.min_free_bytes,
            max_bytes_per_user: limits.storage.max_bytes_per_user,
            waiting: limits.waiting,
            mail,
        });
        Ok((engine, meta, store))
    }

    /// An empty database beside tables was not made by a first start: whoever signed up next would be the
    /// administrator, and the tables would belong to nobody.
    async fn refuse_lost_metadata(&self, meta: &Meta, store: &DeltaStore) -> Result<(), Failure> {
        if !meta.is_new().await.map_err(told)? || store.tables().await.map_err(told)?.is_empty() {
            return Ok(());
        }
        Err(format!(
            "the database is empty, but there are tables in {}. Put the database back from its copy, or move the tables \
             away to start as new",
            self.storage_url.clone().unwrap_or_else(|| self.data_dir.join("tables").display().to_string())
        )
        .into())
    }

    /// Claims the data directory for this server, until the file is closed.
    pub(crate) fn lock(&self) -> Result<File, Failure> {
        make_private(&self.data_dir)?;
        let path = self.data_dir.join("serve.lock");
        let file = File::options().append(true).create(true).mode(0o600).open(&path).map_err(|error| {
            format!("the data directory {} can't be written: {error}", self.data_dir.display())
        })?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(format!(
                "this folder is served by another process: {}. Stop that one, or name another --data-dir",
                self.data_dir.display()
            )
            .into()),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// For a command that changes what is kept and dials nowhere.
    pub(crate) async fn open_idle(&self) -> Result<Engine, Failure> {
        Ok(self.open_idle_with_metadata().await?.0)
    }

    pub(crate) async fn open_idle_with_metadata(&self) -> Result<(Engine, Meta), Failure> {
        let roots = ProviderRoots::none();
        let (engine, meta, _) =
            self.open(SignUp::Invite, AllowList::default(), Limits::default(), None, roots, None).await?;
        Ok((engine, meta))
    }

    /// The keyring's file.
    pub(crate) fn keys(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| self.data_dir.join("master.key"))
    }

    /// Whether other machines may use the same metadata.
    pub(crate) fn is_shared(&self) -> bool {
        self.database_url.as_deref().is_some_and(Meta::is_shared)
    }

    /// The tables alone.
    pub(crate) async fn open_tables(&self) -> Result<DeltaStore, Failure> {
        let folder = self.data_dir.join("tables").to_string_lossy().into_owned();
        let location = self.storage_url.clone().unwrap_or(folder);
        DeltaStore::connect(&location, variables()).await.map_err(told)
    }

    /// Where SQLite keeps the metadata unless a URL says otherwise.
    pub(crate) fn sqlite_file(&self) -> PathBuf {
        self.data_dir.join("mycorr.db")
    }

    /// SQLite's file; `None` for PostgreSQL.
    pub(crate) fn metadata_file(&self) -> Result<Option<PathBuf>, Failure> {
        match &self.database_url {
            Some(url) => Meta::sqlite_file(url).map_err(told),
            None => Ok(Some(self.sqlite_file())),
        }
    }

    /// The metadata's URL, for who does not begin a new installation.
    pub(crate) fn existing_database_url(&self) -> Result<String, Failure> {
        match self.metadata_file()? {
            Some(file) if !file.try_exists()? => {
                Err(format!("there is no installation: {} is not there", file.display()).into())
            }
            _ => self.database_url(),
        }
    }

    pub(crate) fn database_url(&self) -> Result<String, Failure> {
        match &self.database_url {
            Some(url) if url.starts_with("sqlite:") || Meta::is_shared(url) => Ok(url.clone()),
            Some(_) => Err("MYCORR_DATABASE_URL has to begin with postgres:// or sqlite:".into()),
            None => {
                let file = self.sqlite_file();
                // Made here, so that nobody else reads it even in a folder that others can look into; SQLite
                // gives the files beside it the same mode.
                fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&file)?;
                Ok(sqlite_url(&file))
            }
        }
    }
}

/// The environment, without what is no UTF-8.
pub(crate) fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// What has a meaning in a URL is escaped.
pub(crate) fn sqlite_url(file: &Path) -> String {
    let file = file.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("sqlite:{file}")
}

/// Nodes that share the metadata open one another's secrets: a node with another key would seal what they can't open.
async fn agree_on_master_key(meta: &Meta, keyring: &Keyring, file: &Path) -> Result<(), Failure> {
    let Some(own) = keyring.ids().last() else { return Ok(()) };
    let agreed = meta.agree_on_master_key(&own.to_string()).await.map_err(told)?;
    if keyring.ids().any(|id| id.to_string() == agreed) {
        return Ok(());
    }
    Err(format!(
        "the master key in {} is not the one that the other nodes use ({agreed}). Copy their key file here, or name it \
         with MYCORR_MASTER_KEY_FILE",
        file.display()
    )
    .into())
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
