//! A body that is passed on as it is, and goes to a function when it is dropped, wholly read or not.

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll},
};

struct BodyOnDrop<F: FnOnce(Body)> {
    body: Body,
    then: Option<F>,
}

pub(crate) fn body_on_drop(body: Body, then: impl FnOnce(Body) + Send + Unpin + 'static) -> Body {
    Body::new(BodyOnDrop { body, then: Some(then) })
}

impl<F: FnOnce(Body) + Unpin> HttpBody for BodyOnDrop<F> {
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

impl<F: FnOnce(Body)> Drop for BodyOnDrop<F> {
    fn drop(&mut self) {
        if let Some(then) = self.then.take() {
            then(std::mem::take(&mut self.body));
        }
    }
}
