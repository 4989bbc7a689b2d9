//! Lingering close, as nginx calls it. An answer that is given before the body was read (too large, no JSON, not
//! signed in) reaches its reader only if the rest of the body is taken too: whoever still writes when the
//! connection closes is told of a broken pipe instead (RFC 9112, section 9.6).

use crate::body_on_drop::body_on_drop;
use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::{HeaderMap, header},
};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// So much of a body that nobody wants is read, in bytes, and for so long.
const MOST: u64 = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

type Place = Arc<Mutex<Option<Body>>>;

/// What is left of a request's body once its handler has let go of it.
pub(crate) struct Rest(Option<Place>);

/// Lends the request's body to its handler. It goes back to its place when it is dropped before its end.
pub(crate) fn lend(request: Request) -> (Request, Rest) {
    if request.body().is_end_stream() || waits_for_permission(request.headers()) {
        return (request, Rest(None));
    }
    let place = Place::default();
    let back = place.clone();
    let request = request.map(|body| {
        body_on_drop(body, move |rest| {
            if !rest.is_end_stream() {
                *back.lock().unwrap_or_else(PoisonError::into_inner) = Some(rest);
            }
        })
    });
    (request, Rest(Some(place)))
}

/// Who asks first is answered first, and sends nothing.
fn waits_for_permission(headers: &HeaderMap) -> bool {
    headers.contains_key(header::EXPECT)
}

impl Rest {
    /// Reads on, up to a limit, and throws it away.
    pub(crate) async fn discard(self) {
        let rest = self.0.and_then(|place| place.lock().unwrap_or_else(PoisonError::into_inner).take());
        let Some(mut body) = rest else { return };
        let mut left = MOST;
        let discard = async {
            while let Some(Ok(frame)) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len() as u64));
                if left == 0 {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(PATIENCE, discard).await;
    }
}
