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

/// How much of an unwanted body is read, and for how long.
const MAX_DRAIN_BYTES: u64 = 64 << 20;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

type Slot = Arc<Mutex<Option<Body>>>;

/// What is left of a request's body once its handler has let go of it.
pub(crate) struct BodyDrain(Option<Slot>);

/// Who asks first is answered first, and sends nothing.
fn waits_for_permission(headers: &HeaderMap) -> bool {
    headers.contains_key(header::EXPECT)
}

impl BodyDrain {
    /// The request with a body that comes back here when its handler drops it before its end.
    pub(crate) fn attach(request: Request) -> (Request, Self) {
        if request.body().is_end_stream() || waits_for_permission(request.headers()) {
            return (request, Self(None));
        }
        let slot = Slot::default();
        let back = slot.clone();
        let request = request.map(|body| {
            body_on_drop(body, move |rest| {
                if !rest.is_end_stream() {
                    *back.lock().unwrap_or_else(PoisonError::into_inner) = Some(rest);
                }
            })
        });
        (request, Self(Some(slot)))
    }

    /// Reads on, up to a limit, and throws it away.
    pub(crate) async fn discard(self) {
        let rest = self.0.and_then(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).take());
        let Some(mut body) = rest else { return };
        let mut left = MAX_DRAIN_BYTES;
        let discard = async {
            while let Some(Ok(frame)) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len() as u64));
                if left == 0 {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, discard).await;
    }
}
