//! Traces, to a collector that speaks OTLP over HTTP. OpenTelemetry's own variables hold too: headers, sampling, the
//! queue's bounds (docs/operating.md).

use crate::{Failure, nodes::host_name};
use opentelemetry::{KeyValue, global};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    propagation::TraceContextPropagator,
    trace::{SdkTracerProvider, SpanData},
};
use std::{
    env,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};
use tokio::runtime::Handle;
use uuid::Uuid;

/// For one request to the collector, its retries included.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// For what is left at the end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// `http://host:4318` or `https://…`, perhaps with a path, under which the collector takes `/v1/traces`.
pub(crate) fn endpoint(text: &str) -> Result<String, String> {
    let base = text.trim_end_matches('/');
    let place = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
    match place {
        Some(place)
            if !place.is_empty() && !place.starts_with('/') && !place.contains(['?', '#', '@', ' ']) =>
        {
            Ok(format!("{}/v1/traces", base.trim_end_matches("/v1/traces")))
        }
        _ => Err("it is written like http://localhost:4318; a token goes into OTEL_EXPORTER_OTLP_HEADERS"
            .to_owned()),
    }
}

/// What takes the spans of this process.
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// `endpoint` is what [`endpoint`] made of it.
    pub(crate) fn start(endpoint: &str, role: &'static str, node: Uuid) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| format!("MYCORR_OTLP_ENDPOINT can't be used: {error}");
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(EXPORT_TIMEOUT)
            .build()
            .map_err(|error| failed(&error))?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .with_timeout(EXPORT_TIMEOUT)
            .with_http_client(OnRuntime { client, runtime: Handle::current() })
            .build()
            .map_err(|error| failed(&error))?;
        let mut resource = Resource::builder().with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", node.to_string()),
            KeyValue::new("host.name", host_name()),
            KeyValue::new("mycorr.node.role", role),
        ]);
        if env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name("mycorr");
        }
        let exporter = Reported { exporter, failing: AtomicBool::new(false) };
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        global::set_tracer_provider(provider.clone());
        global::set_text_map_propagator(TraceContextPropagator::new());
        mycorr_traces::enable();
        Ok(Self(provider))
    }

    /// Sends what is left.
    pub(crate) async fn stop(self) {
        let stopping = move || self.0.shutdown_with_timeout(SHUTDOWN_TIMEOUT);
        // Who does not take them has been told of, and nobody waits any longer.
        let _ = tokio::task::spawn_blocking(stopping).await;
    }
}

/// The exporter has a thread of its own; the client needs the runtime.
#[derive(Debug)]
struct OnRuntime {
    client: reqwest::Client,
    runtime: Handle,
}

#[async_trait::async_trait]
impl HttpClient for OnRuntime {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        self.runtime.spawn(async move { client.send_bytes(request).await }).await?
    }
}

/// Says once that the collector takes nothing, and once that it does again.
#[derive(Debug)]
struct Reported {
    exporter: SpanExporter,
    failing: AtomicBool,
}

impl opentelemetry_sdk::trace::SpanExporter for Reported {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = self.exporter.export(batch).await;
        match (&exported, self.failing.swap(exported.is_err(), Relaxed)) {
            (Err(error), false) => {
                tracing::warn!(cause = %error, "the collector takes no traces; they are dropped until it does");
            }
            (Ok(()), true) => tracing::info!("the collector takes traces again"),
            _ => {}
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        for (text, url) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("https://otel.example.com/", "https://otel.example.com/v1/traces"),
            ("https://otel.example.com/mycorr", "https://otel.example.com/mycorr/v1/traces"),
            ("http://[::1]:4318/v1/traces", "http://[::1]:4318/v1/traces"),
        ] {
            assert_eq!(endpoint(text).as_deref(), Ok(url));
        }
        for bad in [
            "localhost:4318",
            "grpc://localhost:4317",
            "http://",
            "http:///v1",
            "http://user:pw@host",
            "http://h?x=1",
        ] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
    }
}
