//! Large answers wait for whoever reads them slowly: how many bytes of them there may be at the same time.

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures::stream::{self, StreamExt};
use mycorr_domain::{Code, Problem};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};

/// Memory for the bodies of large answers, in KiB.
#[derive(Clone)]
pub(crate) struct LargeAnswers(Arc<Semaphore>);

const MAX_KIB: usize = 64 << 10;
/// Smaller answers are not counted.
const SMALL_BYTES: usize = 256 << 10;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// A reader that is slower than this no longer keeps others from reading.
const MAX_HOLD: Duration = Duration::from_secs(60);
/// What the connection takes at a time.
const SLICE_BYTES: usize = 64 << 10;

impl Default for LargeAnswers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_KIB)))
    }
}

impl LargeAnswers {
    /// An answer of these bytes, which are counted until they are read or given up.
    ///
    /// # Errors
    /// `too_busy` when others are not read in time.
    pub(crate) async fn answer(
        &self,
        content_type: &'static str,
        bytes: Vec<u8>,
    ) -> Result<Response, Problem> {
        let length = bytes.len();
        let body = if length <= SMALL_BYTES { Body::from(bytes) } else { self.counted(bytes).await? };
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (header::CONTENT_LENGTH, HeaderValue::from(length)),
        ];
        Ok((headers, body).into_response())
    }

    async fn counted(&self, bytes: Vec<u8>) -> Result<Body, Problem> {
        let kib = bytes.len().div_ceil(1 << 10).min(MAX_KIB) as u32;
        let permit = timeout(ACQUIRE_TIMEOUT, self.0.clone().acquire_many_owned(kib)).await;
        let permit = permit.map_err(|_| too_busy())?.map_err(Problem::bug)?;
        let (reading, ended) = oneshot::channel::<Infallible>();
        tokio::spawn(async move {
            let _ = timeout(MAX_HOLD, ended).await;
            drop(permit);
        });
        let slices = stream::unfold((Bytes::from(bytes), reading), |(mut left, reading)| async move {
            let slice = left.split_to(left.len().min(SLICE_BYTES));
            (!slice.is_empty()).then_some((Ok::<_, Infallible>(slice), (left, reading)))
        });
        // Compression asks again after the end.
        Ok(Body::from_stream(slices.fuse()))
    }
}

fn too_busy() -> Problem {
    Problem::new(Code::TooBusy, "Too many large answers are being read. This one was not sent.")
        .fix("Try again in a few seconds, or ask for fewer rows at a time.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::poll;
    use std::pin::pin;

    #[tokio::test]
    async fn large_answers_wait_until_others_are_read() {
        let answers = LargeAnswers::default();
        let large = || answers.answer("text/plain", vec![b'x'; 40 << 20]);
        let first = large().await.unwrap();
        assert_eq!(first.headers()[header::CONTENT_LENGTH], "41943040");
        let mut second = pin!(large());
        assert!(poll!(&mut second).is_pending());
        answers.answer("text/plain", vec![b'x'; SMALL_BYTES]).await.unwrap();
        let read = axum::body::to_bytes(first.into_body(), usize::MAX).await.unwrap();
        assert_eq!(read.len(), 40 << 20);
        // One that is given up counts no more, either.
        drop(second.await.unwrap());
        large().await.unwrap();
    }
}
