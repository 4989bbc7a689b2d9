//! The page: built by Vite into `web/dist`, held in the binary. (A debug build reads it from the folder, so
//! that the page can be rebuilt without the server.)

use crate::middleware::is_api;
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use mycorr_domain::Problem;
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web/dist"]
#[allow_missing = true]
struct Dist;

/// Answers whatever is no route: a file of the page, or the page itself, which finds out what its path means.
pub(crate) async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if is_api(path) {
        return crate::problem::ApiError::from(Problem::not_found("address")).into_response();
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let name = path.trim_start_matches('/');
    if name != "index.html"
        && let Some(file) = Dist::get(name)
    {
        return asset(name, file, &headers);
    }
    if name.starts_with("assets/") {
        // An old page asks for what a newer build has renamed: the page instead would be taken for a script.
        return StatusCode::NOT_FOUND.into_response();
    }
    index()
}

fn asset(name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let mime = mime_guess::from_path(name).first_or_octet_stream();
    let (file, encoding) = match compressed(name, headers) {
        Some((file, encoding)) => (file, Some(encoding)),
        None => (file, None),
    };
    // Vite puts a hash of the content into the names of what lies in `assets`.
    let cache = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = Body::from(file.data).into_response();
    let answer = response.headers_mut();
    let mime = HeaderValue::from_str(mime.as_ref()).expect("a media type is plain text");
    answer.insert(header::CONTENT_TYPE, mime);
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// The smallest form that was made at build time and that the browser takes.
fn compressed(name: &str, headers: &HeaderMap) -> Option<(EmbeddedFile, &'static str)> {
    let accepted = headers.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
    let takes = |encoding: &str| {
        accepted.split(',').any(|part| {
            let mut part = part.split(';').map(str::trim);
            part.next() == Some(encoding) && !part.any(|weight| matches!(weight, "q=0" | "q=0.0"))
        })
    };
    [("br", "br"), ("gzip", "gz")].into_iter().find_map(|(encoding, ending)| {
        let file = takes(encoding).then(|| Dist::get(&format!("{name}.{ending}"))).flatten()?;
        Some((file, encoding))
    })
}

const NOT_BUILT: &str = "<!doctype html><title>Mycorr</title><p>The page has not been built. \
    Run <code>npm --prefix web ci && npm --prefix web run build</code>, then load this again. \
    The API is at <a href=\"/api/openapi.json\">/api/openapi.json</a>.";

/// `index.html` with a nonce of its own, which lets the page add styles and nobody else.
fn index() -> Response {
    let mut nonce = [0; 16];
    if let Err(error) = getrandom::fill(&mut nonce) {
        return crate::problem::ApiError::from(Problem::bug(error)).into_response();
    }
    let nonce = hex::encode(nonce);
    let html = match Dist::get("index.html") {
        Some(file) => String::from_utf8_lossy(&file.data).replace("__NONCE__", &nonce),
        None => NOT_BUILT.to_owned(),
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::from_str(&policy).expect("the nonce is hexadecimal");
    let mut response = axum::response::Html(html).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
