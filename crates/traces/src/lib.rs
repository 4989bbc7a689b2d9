//! Spans: where the time of a request, a job and a delivery goes, on whichever nodes. They are made through
//! OpenTelemetry's API alone. Until the binary has named who takes them ([`enable`]) there are none, and nothing is done
//! for them. What a span may carry is listed in docs/operating.md: ids, counts and codes; no name, address, value or
//! parameter.

use mycorr_domain::{Code, Result};
pub use opentelemetry::trace::SpanKind;
use opentelemetry::{
    Context, KeyValue, Value,
    global::{self, BoxedTracer},
    propagation::{Extractor, Injector},
    trace::{FutureExt, Status, TraceContextExt, Tracer},
};
use std::{
    fmt::{self, Display},
    future::Future,
    sync::OnceLock,
};

static TRACER: OnceLock<BoxedTracer> = OnceLock::new();

/// From now on spans go to OpenTelemetry's global tracer provider, and are carried by its global propagator.
pub fn enable() {
    TRACER.get_or_init(|| global::tracer("mycorr"));
}

/// Whether anybody takes spans.
pub fn is_enabled() -> bool {
    TRACER.get().is_some()
}

/// A span that has begun; it ends with what is done around it, or when it is dropped. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Span(Option<Context>);

impl Span {
    /// A part of what the current span is about.
    pub fn child(name: &'static str) -> Self {
        Self(TRACER.get().map(|tracer| Context::current_with_span(tracer.start(name))))
    }

    /// What another process may have begun: `traceparent` is that of W3C Trace Context. Where it is not valid, or there is
    /// none, the span begins a trace of its own.
    pub fn continued(kind: SpanKind, name: fmt::Arguments<'_>, traceparent: Option<&str>) -> Self {
        let Some(tracer) = TRACER.get() else { return Self(None) };
        let carrier = Carrier(traceparent.map(str::to_owned));
        let nothing = Context::new();
        let parent =
            global::get_text_map_propagator(|format| format.extract_with_context(&nothing, &carrier));
        let builder = tracer.span_builder(name.to_string()).with_kind(kind);
        Self(Some(parent.with_span(tracer.build_with_context(builder, &parent))))
    }

    /// Ids and words of our own.
    pub fn note(&self, key: &'static str, value: &dyn Display) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(key, value.to_string()));
        }
    }

    pub fn count(&self, key: &'static str, number: u64) {
        if let Some(context) = &self.0 {
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            context.span().set_attribute(KeyValue::new(key, Value::I64(number)));
        }
    }

    /// Why it came to nothing. What a server or a library said is not told: it may quote a value or a place.
    pub fn fail(&self, code: Code) {
        self.fail_with(&code.as_str());
    }

    /// The same for who has no code, with the value of `error.type`.
    pub fn fail_with(&self, what: &dyn Display) {
        if let Some(context) = &self.0 {
            context.span().set_status(Status::error(""));
            self.note("error.type", what);
        }
    }

    /// Does `work` within the span, and ends it.
    pub async fn around<F: Future>(self, work: F) -> F::Output {
        let Some(context) = self.0 else { return work.await };
        let output = work.with_context(context.clone()).await;
        context.span().end();
        output
    }

    /// The same for what can fail.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn attempt<T>(self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let span = self.clone();
        self.around(async move { work.await.inspect_err(|problem| span.fail(problem.code)) }).await
    }
}

/// Lets `work`, which another task will do, belong to the span that is current now.
pub fn carry<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let span = Span(TRACER.get().map(|_| Context::current()));
    async move {
        match span.0 {
            Some(context) => work.with_context(context).await,
            None => work.await,
        }
    }
}

/// The current span as W3C Trace Context writes it; `None` where there is none.
pub fn traceparent() -> Option<String> {
    TRACER.get()?;
    let mut carrier = Carrier(None);
    global::get_text_map_propagator(|format| format.inject(&mut carrier));
    carrier.0
}

/// One header. `tracestate`, which is optional, is not carried on.
struct Carrier(Option<String>);

const TRACEPARENT: &str = "traceparent";

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = Some(value);
        }
    }
}

impl Extractor for Carrier {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.as_deref().filter(|_| key == TRACEPARENT)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}
