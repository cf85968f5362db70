//! Reads the beginning of an answer before it is passed on.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};

/// An answer up to this size is read to its end, so that one that breaks off or stalls can still be told as an error.
const READ_TO_THE_END: usize = 1024 * 1024;

/// The body of an answer: whole where it is small, else its beginning and, as they come, the parts that follow.
pub async fn read_ahead(headers: &HeaderMap, mut body: Incoming) -> Result<Body, hyper::Error> {
    if is_event_stream(headers) || body.size_hint().lower() > READ_TO_THE_END as u64 {
        return Ok(Body::new(body));
    }
    let mut beginning = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            beginning.extend_from_slice(&data);
        }
        if beginning.len() > READ_TO_THE_END {
            let beginning = Some(Bytes::from(beginning));
            return Ok(Body::new(Resumed { beginning, rest: body }));
        }
    }
    Ok(Body::from(beginning))
}

// Events are worth something only while they are fresh.
fn is_event_stream(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// A body whose beginning has been read.
struct Resumed {
    beginning: Option<Bytes>,
    rest: Incoming,
}

impl HttpBody for Resumed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.beginning.take() {
            Some(beginning) => Poll::Ready(Some(Ok(Frame::data(beginning)))),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.beginning.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let read = self.beginning.as_ref().map_or(0, Bytes::len) as u64;
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + read);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + read);
        }
        hint
    }
}
