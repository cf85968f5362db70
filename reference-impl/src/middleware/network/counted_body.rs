//! A body whose bytes are counted on their way.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// How many bytes so far; clones share it.
#[derive(Clone, Default)]
pub struct Count(Arc<AtomicU64>);

impl Count {
    /// The number so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Passes a body on, counts its bytes, and drops `at_end` as soon as the last of them is on its way.
pub struct CountedBody<T> {
    inner: Body,
    count: Count,
    at_end: Option<T>,
}

impl<T> CountedBody<T> {
    /// Begins to count.
    pub fn new(inner: Body, count: Count, at_end: Option<T>) -> CountedBody<T> {
        CountedBody { at_end: at_end.filter(|_| !inner.is_end_stream()), inner, count }
    }
}

impl<T: Unpin> HttpBody for CountedBody<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.count.0.fetch_add(data.len() as u64, Ordering::Relaxed);
        }
        // A server that knows the length does not ask again after the last byte, so the end is looked for here.
        if frame.is_none() || self.inner.is_end_stream() {
            self.at_end = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    struct Rings(Arc<AtomicU64>);

    impl Drop for Rings {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn bytes_are_counted_and_the_end_is_told_once() {
        let (count, rung) = (Count::default(), Arc::<AtomicU64>::default());
        let mut body = CountedBody::new(Body::from("twelve bytes"), count.clone(), Some(Rings(rung.clone())));
        assert_eq!(body.size_hint().exact(), Some(12));
        assert_eq!(rung.load(Ordering::Relaxed), 0);
        body.frame().await.expect("has a frame").expect("is whole");
        assert_eq!((count.get(), rung.load(Ordering::Relaxed)), (12, 1));
        drop(body);
        assert_eq!(rung.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn an_empty_body_has_ended_before_it_begins() {
        let rung = Arc::<AtomicU64>::default();
        let _body = CountedBody::new(Body::empty(), Count::default(), Some(Rings(rung.clone())));
        assert_eq!(rung.load(Ordering::Relaxed), 1);
    }
}
