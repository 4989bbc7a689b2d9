//! Mycorr over HTTP: routes, sessions, problem documents, the OpenAPI document and the embedded page.
//! Knows no SQL and no Delta; whatever it does, it asks `engine` to do.

mod authentication;
mod body_drain;
mod body_fields;
mod body_on_drop;
mod client_address;
mod compression;
mod connections;
mod download;
mod extract;
mod host;
mod large_answers;
mod live;
mod metrics;
mod middleware;
mod openapi;
mod page;
mod problem;
mod query_parameters;
mod router;
mod routes;
mod sample;
mod serving;
mod version_name;

pub use ipnet::IpNet;
pub use metrics::{Metric, MoreMetrics};
pub use sample::SampleSource;

use mycorr_engine::Engine;
use std::{future::Future, io, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch};

/// How the server is reached from outside.
#[derive(Debug, Default)]
pub struct Settings {
    /// The origin that people type, e.g. `https://mycorr.example.com`, without a slash at its end. With `https`
    /// cookies are marked Secure.
    pub public_url: Option<String>,
    /// Proxies whose `Forwarded` or `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// A source that anybody who has an account may connect.
    pub sample: Option<SampleSource>,
    /// What else the process counts.
    pub more_metrics: Option<MoreMetrics>,
}

impl Settings {
    fn is_https(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }

    /// A page's address with a token, to be handed on: under the public URL, else as the request was sent.
    fn link(&self, headers: &axum::http::HeaderMap, page: &str, token: &str) -> String {
        format!("{}/{page}/{token}", self.origin(headers))
    }

    fn origin(&self, headers: &axum::http::HeaderMap) -> String {
        self.public_url.clone().unwrap_or_else(|| {
            let host = headers.get(axum::http::header::HOST).and_then(|host| host.to_str().ok());
            format!("http://{}", host.unwrap_or("localhost"))
        })
    }
}

/// What every handler has at hand.
#[derive(Clone)]
pub(crate) struct App {
    engine: Engine,
    settings: Arc<Settings>,
    metrics: Arc<metrics::Metrics>,
    large_answers: large_answers::LargeAnswers,
    /// Turns true when the server is to end: streams that would go on for long end then.
    stopping: watch::Receiver<bool>,
}

/// How long requests that are under way may take to end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves the API and the page until `stop` is done, then lets requests that are under way end.
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    settings: Settings,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stopping, stopped) = watch::channel(false);
    let app = App {
        engine,
        settings: Arc::new(settings),
        metrics: Arc::default(),
        large_answers: Default::default(),
        stopping: stopped.clone(),
    };
    let trusted = app.settings.trusted_proxies.as_slice().into();
    let serving = serving::serve(listener, router::router(app), trusted, async move {
        stop.await;
        stopping.send_replace(true);
    });
    tokio::select! {
        result = serving => result,
        () = given_up(stopped) => Ok(()),
    }
}

async fn given_up(mut stopped: watch::Receiver<bool>) {
    // What was sent last is seen even after the sender is gone.
    let _ = stopped.wait_for(|stopped| *stopped).await;
    tokio::time::sleep(DRAIN_TIMEOUT).await;
}

/// The OpenAPI 3.1 document, as `/api/openapi.json` serves it.
pub fn openapi() -> String {
    let mut text = router::api().1.to_pretty_json().expect("the document is plain JSON");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    /// The web page's types are made from the committed document. `UPDATE_SNAPSHOTS=1` rewrites it.
    #[test]
    fn the_committed_openapi_document_is_what_is_served() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        let now = super::openapi();
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(path, &now).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(now == committed, "openapi.json is not what the code makes: run make api");
    }
}
