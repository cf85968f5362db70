//! What comes before S3: health, the clock, and whether a signature is still in time on that clock.

use super::store::Store;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{DATE, HeaderValue};
use hyper::{HeaderMap, Method, Request, StatusCode, Uri};
use s3s::service::S3Service;
use s3s::{Body, HttpError, HttpResponse, S3Error, s3_error};
use serde::Deserialize;

/// How far a signature's time may be from the store's.
const SKEW: TimeDelta = TimeDelta::minutes(15);

/// Lets requests in to the store.
#[derive(Clone)]
pub struct Door {
    /// The store behind it.
    pub store: Store,
    /// The protocol of the store.
    pub service: S3Service,
    /// Whether the clock may be asked and moved.
    pub clock_is_open: bool,
}

impl Door {
    /// The answer to one request; it bears the store's own date.
    pub async fn answer(self, request: Request<Incoming>) -> Result<HttpResponse, HttpError> {
        let store = self.store.clone();
        let mut response = self.respond(request).await?;
        let date = store.clock.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(date) = HeaderValue::from_str(&date) {
            response.headers_mut().insert(DATE, date);
        }
        Ok(response)
    }

    async fn respond(self, request: Request<Incoming>) -> Result<HttpResponse, HttpError> {
        let clock = &self.store.clock;
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/minio/health/live" | "/minio/health/ready") => {
                return Ok(HttpResponse::new(Body::empty()));
            }
            (&Method::GET, "/test/clock") if self.clock_is_open => return Ok(shown(&self.store)),
            (&Method::POST, "/test/clock/advance") if self.clock_is_open => {
                return Ok(match advance(request).await {
                    Some(ms) => {
                        clock.advance(ms);
                        shown(&self.store)
                    }
                    None => {
                        let mut refused = HttpResponse::new(Body::empty());
                        *refused.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
                        refused
                    }
                });
            }
            _ => {}
        }
        match out_of_time(request.uri(), request.headers(), clock.now()) {
            Some(error) => error.to_http_response().map_err(|error| HttpError::new(Box::new(error))),
            None => hyper::service::Service::call(&self.service, request).await,
        }
    }
}

fn shown(store: &Store) -> HttpResponse {
    let mut response = HttpResponse::new(Body::from(store.clock.shown().to_string()));
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[derive(Deserialize)]
struct Advance {
    ms: u64,
}

async fn advance(request: Request<Incoming>) -> Option<u64> {
    let body = Limited::new(request.into_body(), 1024).collect().await.ok()?.to_bytes();
    serde_json::from_slice::<Advance>(&body).ok().map(|asked| asked.ms)
}

/// What is wrong with the time of a signature, in a URL or in a header. Whether the signature is genuine is for the
/// service to say, which knows the system's clock alone and is told to be lenient about it.
fn out_of_time(uri: &Uri, headers: &HeaderMap, now: DateTime<Utc>) -> Option<S3Error> {
    let parameter = |name: &str| {
        let pairs = uri.query().unwrap_or_default().split('&');
        pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    if let (Some(date), Some(seconds)) = (parameter("X-Amz-Date"), parameter("X-Amz-Expires")) {
        let (signed, seconds) = (moment(date)?, seconds.parse::<u32>().ok()?);
        if signed - now > SKEW {
            return Some(s3_error!(RequestTimeTooSkewed, "the request was signed in the future"));
        }
        let expires = signed + TimeDelta::seconds(i64::from(seconds));
        return (now >= expires).then(|| s3_error!(AccessDenied, "Request has expired"));
    }
    let signed = moment(headers.get("x-amz-date")?.to_str().ok()?)?;
    let far = (signed - now).abs() > SKEW;
    far.then(|| s3_error!(RequestTimeTooSkewed, "the request's time is too far from the store's"))
}

fn moment(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").ok().map(|naive| naive.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(now: &str, uri: &str, header: Option<&str>) -> Option<String> {
        let mut headers = HeaderMap::new();
        if let Some(date) = header {
            headers.insert("x-amz-date", HeaderValue::from_str(date).unwrap());
        }
        let refused = out_of_time(&uri.parse().unwrap(), &headers, now.parse().unwrap());
        refused.map(|error| error.code().as_str().to_owned())
    }

    #[test]
    fn a_url_lapses_when_its_time_is_over_and_not_before() {
        let uri = "/b/k?X-Amz-Date=20250101T120000Z&X-Amz-Expires=3600&X-Amz-Signature=s";
        assert_eq!(judged("2025-01-01T12:59:59Z", uri, None), None);
        assert_eq!(judged("2025-01-01T13:00:00Z", uri, None), Some("AccessDenied".into()));
        assert_eq!(judged("2025-01-01T11:50:00Z", uri, None), None);
        assert_eq!(judged("2025-01-01T11:40:00Z", uri, None), Some("RequestTimeTooSkewed".into()));
    }

    #[test]
    fn a_signed_header_is_good_for_a_quarter_of_an_hour_either_way() {
        let date = Some("20250101T120000Z");
        assert_eq!(judged("2025-01-01T12:15:00Z", "/b", date), None);
        assert_eq!(judged("2025-01-01T12:15:01Z", "/b", date), Some("RequestTimeTooSkewed".into()));
        assert_eq!(judged("2025-01-01T11:44:59Z", "/b", date), Some("RequestTimeTooSkewed".into()));
        assert_eq!(judged("2025-01-01T11:44:59Z", "/b", None), None);
    }
}
