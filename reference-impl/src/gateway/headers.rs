//! Which headers travel from one side of the gateway to the other.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::middleware::signed_in::{SignedIn, USER_ID_HEADER};
use crate::service::Service;
use crate::telemetry::calls::CALLER;

/// Headers that speak of one connection, not of the message (RFC 9110, 7.6.1).
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The headers a back end gets: the caller's, without those that are not the caller's to send.
pub fn to_upstream(mut headers: HeaderMap, caller: Option<&SignedIn>, address: Option<IpAddr>) -> HeaderMap {
    remove_hop_by_hop(&mut headers);
    // The body is read and sent anew, so its length is told anew, and nobody waits for a go-ahead.
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::EXPECT);
    headers.remove(USER_ID_HEADER);
    headers.insert(CALLER, HeaderValue::from_static(Service::Gateway.name()));
    if let Some(SignedIn(user)) = caller
        && let Ok(value) = HeaderValue::from_str(user)
    {
        headers.insert(USER_ID_HEADER, value);
    }
    if let Some(address) = address
        && let Ok(value) = HeaderValue::from_str(&address.to_string())
    {
        headers.insert(FORWARDED_FOR, value);
    }
    headers
}

/// The headers a caller gets: the back end's, without those that the gateway's own server writes.
pub fn to_caller(mut headers: HeaderMap) -> HeaderMap {
    remove_hop_by_hop(&mut headers);
    headers.remove(header::DATE);
    headers.remove(header::SERVER);
    headers
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    // `Connection` may name further headers that end here.
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn only_the_gateway_says_who_calls() {
        let claimed = headers(&[("x-user-id", "somebody else"), ("accept", "text/html")]);
        let anonymous = to_upstream(claimed.clone(), None, None);
        assert!(!anonymous.contains_key(USER_ID_HEADER));
        let user = SignedIn("u1".to_owned());
        let signed_in = to_upstream(claimed, Some(&user), None);
        assert_eq!(signed_in.get_all(USER_ID_HEADER).iter().count(), 1);
        assert_eq!(signed_in[USER_ID_HEADER], "u1");
        assert_eq!(signed_in["accept"], "text/html");
    }

    #[test]
    fn headers_of_the_connection_end_here_and_so_do_those_it_names() {
        let sent = headers(&[
            ("connection", "keep-alive, x-private"),
            ("x-private", "1"),
            ("transfer-encoding", "chunked"),
            ("x-public", "1"),
        ]);
        let passed = to_upstream(sent, None, None);
        assert_eq!(passed.keys().collect::<Vec<_>>(), ["x-public", "x-service-name"]);
    }

    #[test]
    fn date_and_server_are_left_to_the_gateway_and_repeated_headers_stay() {
        let answered = headers(&[("date", "then"), ("server", "other"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]);
        let passed = to_caller(answered);
        assert_eq!(passed.len(), 2);
        assert_eq!(passed.get_all("set-cookie").iter().count(), 2);
    }
}
