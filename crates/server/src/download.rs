//! Files that are sent while they are made, and ranges of those whose length is known (RFC 9110, section 14).

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use mycorr_domain::{Code, Export, Problem};
use std::{future::Future, ops::Range};
use tokio::task::JoinSet;

pub(crate) struct Download {
    pub(crate) file: Box<dyn Export>,
    pub(crate) content_type: &'static str,
    /// What the file is called.
    pub(crate) name: String,
    /// The entity tag, in quotes: the same for the same bytes.
    pub(crate) tag: String,
}

/// What a request says about the bytes that it wants.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestedRange {
    bytes: Option<Wanted>,
    /// The entity tag that the file must have for it.
    only_of: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    From(u64),
    /// With the last one.
    Between(u64, u64),
    /// So many at the end.
    Last(u64),
}

impl RequestedRange {
    /// Several ranges, and what is no range of bytes, count as none.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let bytes =
            text(header::RANGE).and_then(|range| range.strip_prefix("bytes=")).and_then(Wanted::parse);
        Self { bytes, only_of: text(header::IF_RANGE).map(str::to_owned) }
    }
}

impl Wanted {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.trim().split_once('-')?;
        match (first, last) {
            ("", last) => last.parse().ok().map(Self::Last),
            (first, "") => first.parse().ok().map(Self::From),
            (first, last) => {
                let (first, last) = (first.parse().ok()?, last.parse().ok()?);
                (first <= last).then_some(Self::Between(first, last))
            }
        }
    }

    /// `None` where none of them are there.
    fn within(self, length: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::From(first) => first..length,
            Self::Between(first, last) => first..last.saturating_add(1).min(length),
            Self::Last(count) => length.saturating_sub(count)..length,
        };
        (range.start < range.end).then_some(range)
    }
}

impl Download {
    /// The file, which breaks off when `revoked` is done.
    ///
    /// # Errors
    /// `range_not_satisfiable` for bytes beyond the end.
    pub(crate) fn answer(
        mut self,
        asked: RequestedRange,
        revoked: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Response, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        let disposition = HeaderValue::from_str(&disposition(&self.name)).map_err(Problem::bug)?;
        headers.insert(header::CONTENT_DISPOSITION, disposition);
        let mut status = StatusCode::OK;
        match self.file.length() {
            None => {
                headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("none"));
            }
            Some(length) => {
                headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
                headers.insert(header::ETAG, HeaderValue::from_str(&self.tag).map_err(Problem::bug)?);
                let applies = asked.only_of.is_none_or(|tag| tag == self.tag);
                let mut left = length;
                if let Some(wanted) = asked.bytes.filter(|_| applies) {
                    let range = wanted.within(length).ok_or_else(|| beyond(length))?;
                    let told = format!("bytes {}-{}/{length}", range.start, range.end - 1);
                    headers
                        .insert(header::CONTENT_RANGE, HeaderValue::from_str(&told).map_err(Problem::bug)?);
                    left = range.end - range.start;
                    self.file.cut(range);
                    status = StatusCode::PARTIAL_CONTENT;
                }
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(left));
            }
        }
        // An error in its middle breaks the connection off, so that nobody takes a part for the whole.
        let pieces = stream::try_unfold(self.file, |mut file| async move {
            match file.next().await {
                Ok(piece) => Ok(piece.map(|bytes| (bytes, file))),
                Err(problem) => {
                    let code = problem.code.as_str();
                    tracing::warn!(code, cause = problem.internal, "an export was broken off");
                    Err(problem)
                }
            }
        });
        Ok((status, headers, broken_off(pieces, revoked)).into_response())
    }
}

/// A body of `pieces` that fails when `revoked` is done, so that nobody takes a part for the whole.
pub(crate) fn broken_off<T: Into<Bytes> + Send + 'static>(
    pieces: impl Stream<Item = Result<T, Problem>> + Send + 'static,
    revoked: impl Future<Output = ()> + Send + 'static,
) -> Body {
    // A task of its own, which ends with the body: a reader who pauses does not put the question off.
    let mut watch = JoinSet::new();
    watch.spawn(revoked);
    // Whether it may go on is asked first, and the body ends with the pieces.
    let pieces = pieces.map_ok(Into::into);
    let pieces = stream::unfold(
        (watch, Box::pin(pieces), Bytes::new(), false),
        |(mut watch, mut pieces, mut left, over)| async move {
            if over {
                return None;
            }
            let next: Option<Result<Bytes, Problem>> = tokio::select! {
                biased;
                Some(_) = watch.join_next() => Some(Err(Problem::not_found("file"))),
                piece = async {
                    if left.is_empty() { pieces.next().await } else { Some(Ok(std::mem::take(&mut left))) }
                } => piece,
            };
            let mut next = next?;
            if let Ok(piece) = &mut next {
                left = piece.split_off(piece.len().min(SLICE_BYTES));
            }
            let over = next.is_err();
            Some((next, (watch, pieces, left, over)))
        },
    );
    // Compression asks again after the end.
    Body::from_stream(pieces.fuse())
}

/// How much is sent before it is asked again whether the reader may go on.
const SLICE_BYTES: usize = 256 << 10;

fn beyond(length: u64) -> Problem {
    Problem::new(
        Code::RangeNotSatisfiable,
        format!("The file has {length} bytes; the ones asked for lie beyond its end."),
    )
    .fix("If you have all of it, there is nothing more to load. Otherwise load it from its beginning.")
}

/// The name in ASCII for old readers, and as it is (RFC 6266, section 4.3; RFC 8187, section 3.2).
fn disposition(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "._- ".contains(c) { c } else { '_' }).collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8\'\'{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_they_are_asked_for() {
        for (text, want) in [
            ("bytes=0-", Some(0..10)),
            ("bytes=3-5", Some(3..6)),
            ("bytes=3-99", Some(3..10)),
            ("bytes=-4", Some(6..10)),
            ("bytes=-99", Some(0..10)),
            ("bytes=10-", None),
            ("bytes=-0", None),
        ] {
            let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_str(text).unwrap())]);
            let wanted = RequestedRange::of(&headers).bytes.unwrap();
            assert_eq!(wanted.within(10), want, "{text}");
        }
        for none in ["bytes=5-3", "bytes=1-2,5-6", "rows=1-2", "bytes=", "bytes=-", "bytes=x-"] {
            let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_str(none).unwrap())]);
            assert_eq!(RequestedRange::of(&headers).bytes, None, "{none}");
        }
    }

    #[test]
    fn any_name_is_a_files_name() {
        assert_eq!(
            disposition("Größe \"1\"\r\n.csv"),
            "attachment; filename=\"Gr__e _1___.csv\"; filename*=UTF-8\'\'Gr%C3%B6%C3%9Fe%20%221%22%0D%0A.csv"
        );
    }
}
