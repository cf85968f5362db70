//! Notes which service calls, where it says so (feature 46).

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::service::Service;
use crate::telemetry::calls;

/// Notes a call to this service by one of the others. What comes from afar is not believed: anyone could say it.
pub async fn layer(State(called): State<Service>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    if peer.is_some_and(is_near)
        && let Some(caller) = named(&request).filter(|caller| *caller != called)
    {
        calls::made_by(caller.name(), called.name());
    }
    next.run(request).await
}

fn named(request: &Request) -> Option<Service> {
    let name = request.headers().get(calls::CALLER)?.to_str().ok()?;
    Service::all().find(|service| service.name() == name)
}

/// Services of one deployment reach each other within a machine or a private network.
fn is_near(peer: IpAddr) -> bool {
    match peer.to_canonical() {
        IpAddr::V4(peer) => peer.is_loopback() || peer.is_private(),
        IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_believed_and_strangers_are_not() {
        for near in ["127.0.0.1", "10.1.2.3", "172.18.0.5", "192.168.1.2", "::1", "fd00::1", "::ffff:10.0.0.1"] {
            assert!(is_near(near.parse().expect("is an address")), "{near}");
        }
        for far in ["203.0.113.7", "2001:db8::1"] {
            assert!(!is_near(far.parse().expect("is an address")), "{far}");
        }
    }
}
