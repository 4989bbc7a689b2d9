//! Answers in fewer bytes, for clients that take them so.

use axum::http::{Extensions, HeaderMap, StatusCode, Version, header};
use tower_http::{
    CompressionLevel,
    compression::{CompressionLayer, Predicate, predicate::SizeAbove},
};

/// Below this, compressing saves nothing.
const MIN_BYTES: u64 = 1024;

/// Of 0 to 11: rows of JSON become about a tenth of their size at a cost that is not felt.
const QUALITY: i32 = 4;

/// JSON and CSV. Events are sent as they happen; the files of the page were compressed when they were built.
pub(crate) fn compression() -> CompressionLayer<impl Predicate> {
    CompressionLayer::new()
        .quality(CompressionLevel::Precise(QUALITY))
        .compress_when(SizeAbove::new(MIN_BYTES).and(is_text))
}

fn is_text(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let mime = headers.get(header::CONTENT_TYPE).and_then(|mime| mime.to_str().ok()).unwrap_or_default();
    ["application/json", "application/problem+json", "application/x-ndjson", "text/csv"]
        .iter()
        .any(|text| mime.starts_with(text))
}
