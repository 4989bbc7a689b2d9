//! Lingering close, as nginx calls it. An answer that is given before the body was read (too large, no JSON, not
//! signed in) reaches its reader only if the rest of the body is taken too: whoever still writes when the
//! connection closes is told of a broken pipe instead (RFC 9112, section 9.6).

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderMap, header},
};
use http_body::{Frame, SizeHint};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

/// So much of a body that nobody wants is read, in bytes, and for so long.
const MOST: u64 = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

type Place = Arc<Mutex<Option<Body>>>;

/// What is left of a request's body once its handler has let go of it.
pub(crate) struct Rest(Option<Place>);

/// A body that goes back to its place when it is dropped before its end.
struct Lent {
    body: Body,
    place: Place,
}

/// Lends the request's body to its handler.
pub(crate) fn lend(request: Request) -> (Request, Rest) {
    if request.body().is_end_stream() || waits_for_permission(request.headers()) {
        return (request, Rest(None));
    }
    let place = Place::default();
    let request = request.map(|body| Body::new(Lent { body, place: place.clone() }));
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

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.body.is_end_stream() {
            let rest = std::mem::take(&mut self.body);
            *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(rest);
        }
    }
}
