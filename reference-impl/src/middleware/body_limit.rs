//! Reads a request's body, up to what the gateway is willing to hold.

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;

use crate::error::ApiError;

/// The largest body that is taken.
const LARGEST_BODY: usize = 10 * 1024 * 1024;

/// How much of a larger one is read and thrown away.
///
/// A client that is still sending does not listen, and would see a broken connection instead of the refusal.
const READ_BEFORE_REFUSING: u64 = 4 * LARGEST_BODY as u64;

/// The whole body, if it is not too large.
pub async fn read(mut body: Body) -> Result<Bytes, ApiError> {
    let announced = body.size_hint().lower();
    if announced > READ_BEFORE_REFUSING {
        return Err(ApiError::TooLarge);
    }
    let fits = |length: u64| length <= LARGEST_BODY as u64;
    let mut length = 0;
    let mut kept = Vec::with_capacity(if fits(announced) { announced as usize } else { 0 });
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| ApiError::BadRequest(format!("the body could not be read to its end: {error}")))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length += data.len() as u64;
        if length > READ_BEFORE_REFUSING {
            break;
        }
        if fits(length) {
            kept.extend_from_slice(&data);
        } else {
            kept = Vec::new();
        }
    }
    if fits(length) { Ok(kept.into()) } else { Err(ApiError::TooLarge) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_at_the_limit_is_taken_and_one_byte_more_is_not() {
        let full = vec![7; LARGEST_BODY];
        assert_eq!(read(Body::from(full.clone())).await.expect("fits"), full);
        let over = read(Body::from(vec![0; LARGEST_BODY + 1])).await;
        assert!(matches!(over, Err(ApiError::TooLarge)));
    }

    #[tokio::test]
    async fn no_body_is_a_body_too() {
        assert!(read(Body::empty()).await.expect("fits").is_empty());
    }
}
