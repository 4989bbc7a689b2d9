//! `mycorr serve` and `mycorr work`.

use crate::{
    Failure,
    nodes::Heartbeat,
    query_nodes::{NodeQueries, Nodes},
    say,
    settings::{Limits, Mail, Place, StorageLimits},
    sql_door,
    traces::{self, Traces},
};
use clap::{Args, ValueEnum};
use mycorr_egress::{AllowList, Dialer};
use mycorr_engine::{Engine, MAX_ROW_BYTES, ProviderRoots, SignInProviders, SignUp, Waiting, Workers};
use mycorr_server::{IpNet, SampleSource};
use mycorr_tables::{DeltaStore, QueryOptions};
use std::{
    fs::{self, File},
    io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

#[derive(Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    http: HttpSettings,
    #[command(flatten)]
    node: NodeSettings,
}

#[derive(Args)]
struct HttpSettings {
    /// The address and port to listen on.
    #[arg(long, env = "MYCORR_LISTEN", default_value = "127.0.0.1:8420")]
    listen: SocketAddr,
    /// Proxies whose Forwarded or X-Forwarded-For header is believed: addresses and networks in CIDR notation, separated
    /// by commas.
    #[arg(long, env = "MYCORR_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    trusted_proxies: Vec<IpNet>,
    /// A TOML file of the providers at which people can sign in by OpenID Connect.
    #[arg(long, env = "MYCORR_OIDC_CONFIG")]
    oidc_config: Option<PathBuf>,
    /// A JSON file with the source that people may try Mycorr with: what POST /api/v1/connections takes.
    #[arg(long, env = "MYCORR_SAMPLE_SOURCE")]
    sample_source: Option<PathBuf>,
    #[command(flatten)]
    sql: sql_door::SqlSettings,
}

/// What `serve` and `work` have in common.
#[derive(Args)]
pub(crate) struct NodeSettings {
    /// The origin that people type, e.g. https://mycorr.example.com, when a proxy stands in front.
    #[arg(long, env = "MYCORR_PUBLIC_URL", value_parser = origin)]
    public_url: Option<String>,
    #[command(flatten)]
    mail: Mail,
    /// Who may sign up once there is an account.
    #[arg(long, env = "MYCORR_SIGN_UP", default_value = "invite")]
    sign_up: WhoSignsUp,
    /// Which hosts may be connected to although they are private: addresses, networks in CIDR notation and
    /// names, separated by commas, each with an optional port.
    #[arg(long, env = "MYCORR_ALLOW_HOSTS", default_value = "", hide_default_value = true)]
    allow_hosts: AllowList,
    #[command(flatten)]
    storage: StorageLimits,
    /// Lets several servers share the data directory; all have to run on this machine. Without it a second one
    /// refuses to start. Either way what one writes the other can't tear: the right to write is in the commit.
    #[arg(long, env = "MYCORR_SHARE_DATA_DIR")]
    share_data_dir: bool,
    /// How many imports and syncs run at once; 0 leaves them to other nodes.
    #[arg(long, env = "MYCORR_WORKERS", default_value_t = 2, value_parser = clap::value_parser!(u16).range(0..=64))]
    workers: u16,
    /// The largest row that is read from a database, in bytes; an import that meets a larger one fails and names it.
    #[arg(long, env = "MYCORR_LARGEST_ROW", default_value_t = MAX_ROW_BYTES as u64, value_parser = clap::value_parser!(u64).range(1 << 16..=1 << 30))]
    largest_row: u64,
    /// After how many seconds in which a database sends nothing a read is given up [default: never, while the server
    /// lives: a server that is gone is noticed within about two minutes].
    #[arg(long, env = "MYCORR_IDLE_TIMEOUT", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    idle_timeout: Option<u64>,
    /// Memory for sorts, filters, pages and caches together, in bytes.
    #[arg(long, env = "MYCORR_QUERY_MEMORY", default_value_t = QueryOptions::DEFAULT_MEMORY_BYTES as u64, value_parser = clap::value_parser!(u64).range(QueryOptions::MIN_MEMORY_BYTES as u64..=1 << 40))]
    query_memory: u64,
    /// Temporary files for sorts that don't fit into memory and for the row numbers of sorted and filtered views,
    /// in bytes. They are in DATA_DIR/spill.
    #[arg(long, env = "MYCORR_QUERY_DISK", default_value_t = QueryOptions::DEFAULT_DISK_BYTES, value_parser = clap::value_parser!(u64).range(1 << 26..=1 << 50))]
    query_disk: u64,
    /// Whether the root certificates of Amazon RDS and Supabase that come with Mycorr are trusted for these
    /// providers' own hosts.
    #[arg(long, env = "MYCORR_PROVIDER_ROOTS", default_value = "on")]
    provider_roots: Switch,
    #[command(flatten)]
    queries: NodeQueries,
    /// Where traces are sent by OTLP over HTTP, e.g. http://localhost:4318 [default: nowhere].
    #[arg(long, env = "MYCORR_OTLP_ENDPOINT", value_parser = traces::endpoint)]
    otlp_endpoint: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, ValueEnum)]
enum WhoSignsUp {
    Invite,
    Open,
}

/// `http://host` or `https://host`, perhaps with a port.
fn origin(text: &str) -> Result<String, String> {
    let origin = text.trim_end_matches('/');
    let place = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    match place {
        Some(place) if !place.is_empty() && !place.contains(['/', '?', '#', '@']) => Ok(origin.to_owned()),
        _ => Err("it is written like https://mycorr.example.com".to_owned()),
    }
}

/// `10.0.0.0/8`, or one address.
fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse().ok().or_else(address).ok_or_else(|| "it is written like 127.0.0.1 or 10.0.0.0/8".to_owned())
}

/// `mycorr serve`.
pub(crate) async fn serve(place: &Place, settings: Settings) -> Result<(), Failure> {
    let Settings { http, node } = settings;
    let providers = sign_in_providers(http.oidc_config.as_deref(), &node.allow_hosts)?;
    let sample = sample_source(http.sample_source.as_deref())?;
    let public_url = node.public_url.clone();
    let mut running = Running::start(place, node, "serve").await?;
    running.engine = running.engine.with_sign_in_providers(providers);
    let listener = TcpListener::bind(http.listen)
        .await
        .map_err(|error| format!("{} can't be listened on: {error}", http.listen))?;
    let stop = stop()?;
    let url = match &public_url {
        Some(url) => url.clone(),
        None => format!("http://{}", listener.local_addr()?),
    };
    let door = http.sql.open(&running.engine, &running.store, running.nodes.as_ref()).await?;
    let workers = running.engine.start_workers(running.workers);
    say(format_args!("Mycorr is ready at {url}"))?;
    let trusted_proxies = http.trusted_proxies;
    let http = mycorr_server::Settings { public_url, trusted_proxies, sample, more_metrics: door.metrics() };
    let served = mycorr_server::serve(listener, running.engine.clone(), http, stop).await;
    door.close().await;
    running.stop(workers).await?;
    served?;
    Ok(())
}

/// `mycorr work`: jobs alone, beside nodes that serve.
pub(crate) async fn work(place: &Place, settings: NodeSettings) -> Result<(), Failure> {
    if !place.is_shared() {
        return Err(
            "mycorr work shares its metadata with the nodes that serve: set MYCORR_DATABASE_URL to their \
                    postgres:// URL"
                .into(),
        );
    }
    if settings.workers == 0 {
        return Err("mycorr work needs at least one worker".into());
    }
    let running = Running::start(place, settings, "work").await?;
    let stop = stop()?;
    let workers = running.engine.start_workers(running.workers);
    say(format_args!("Mycorr works, {} jobs at once", running.workers))?;
    stop.await;
    running.stop(workers).await
}

/// A node that is about to begin.
struct Running {
    engine: Engine,
    store: DeltaStore,
    workers: usize,
    heartbeat: Option<Heartbeat>,
    nodes: Option<Nodes>,
    traces: Option<Traces>,
    _lock: Option<File>,
}

impl Running {
    async fn start(place: &Place, settings: NodeSettings, role: &'static str) -> Result<Self, Failure> {
        let sign_up = match settings.sign_up {
            WhoSignsUp::Invite => SignUp::Invite,
            WhoSignsUp::Open => SignUp::Open,
        };
        let shared = settings.share_data_dir || place.is_shared();
        let lock = if shared { None } else { Some(place.lock()?) };
        let waiting =
            Waiting { idle_timeout: settings.idle_timeout.map(Duration::from_secs), ..Waiting::default() };
        let queries = QueryOptions {
            memory: settings.query_memory as usize,
            disk: settings.query_disk,
            // Servers that share the directory keep out of one another's files.
            spill_folder: Some(match shared {
                true => format!("spill-{}", std::process::id()).into(),
                false => "spill".into(),
            }),
        };
        let limits =
            Limits { largest_row: settings.largest_row as usize, storage: settings.storage, waiting };
        let roots = match settings.provider_roots {
            Switch::On => ProviderRoots::default(),
            Switch::Off => ProviderRoots::none(),
        };
        let mail = settings.mail.settings(settings.public_url.as_deref())?;
        let listening = settings.queries.listen(place).await?;
        let (engine, meta, store) =
            place.open(sign_up, settings.allow_hosts, limits, Some(queries), roots, mail).await?;
        let workers = settings.workers.into();
        let node = uuid::Uuid::now_v7();
        let traces = match settings.otlp_endpoint {
            Some(endpoint) => Some(Traces::start(&endpoint, role, node)?),
            None => None,
        };
        let address = listening.as_ref().map(|listening| listening.address());
        let nodes = match listening {
            Some(listening) => listening.start(node, place, &meta, &store).await?,
            None => None,
        };
        let heartbeat = match place.is_shared() {
            true => Some(Heartbeat::start(meta, node, role, workers, address).await?),
            false => None,
        };
        Ok(Self { engine, store, workers, heartbeat, nodes, traces, _lock: lock })
    }

    async fn stop(self, workers: Workers) -> Result<(), Failure> {
        tracing::info!("stopping: jobs that run go back to the queue");
        workers.shut_down().await;
        if let Some(heartbeat) = self.heartbeat {
            heartbeat.stop().await;
        }
        if let Some(traces) = self.traces {
            traces.stop().await;
        }
        self.engine.close().await.map_err(crate::settings::told)
    }
}

/// Read before anything is opened: a mistake in it is found at the start.
fn sign_in_providers(file: Option<&Path>, allow: &AllowList) -> Result<SignInProviders, Failure> {
    let Some(file) = file else { return Ok(SignInProviders::default()) };
    let failed = |error: &dyn std::fmt::Display| format!("{} can't be used: {error}", file.display());
    let text = fs::read_to_string(file).map_err(|error| failed(&error))?;
    Ok(SignInProviders::parse(&text, &Dialer::new(allow.clone())).map_err(|error| failed(&error))?)
}

/// Read as early; it is tried when somebody takes it.
fn sample_source(file: Option<&Path>) -> Result<Option<SampleSource>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let text =
        fs::read_to_string(file).map_err(|error| format!("{} can't be read: {error}", file.display()))?;
    let sample = SampleSource::parse(text)
        .map_err(|problem| format!("{} can't be used: {}", file.display(), problem.detail))?;
    Ok(Some(sample))
}

/// Done at Ctrl-C or SIGTERM.
fn stop() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        assert_eq!(origin("https://m.example.com/").as_deref(), Ok("https://m.example.com"));
        assert_eq!(origin("http://127.0.0.1:8420").as_deref(), Ok("http://127.0.0.1:8420"));
        for bad in ["m.example.com", "ftp://m", "https://", "https://m/app", "https://a@m"] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
