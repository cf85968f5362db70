//! Is there a container engine, and where are the ports that it publishes?

use crate::provision::error::ProvisionError;
use std::path::Path;
use std::time::Duration;
use testcontainers::bollard::Docker;
use testcontainers::core::client::docker_client_instance;

/// How long an engine may take to say that it is there.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long it may take over anything else that needs no download.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// A container engine that answers.
pub struct Engine {
    /// Its API.
    pub api: Docker,
    /// `20.10.24`.
    pub version: String,
    /// Whether it runs on this machine.
    pub local: bool,
    /// The address of the engine's machine on which ports are published.
    pub publish_on: &'static str,
    /// The host under which the harness reaches them.
    pub host: String,
}

impl Engine {
    /// Asks the engine that `DOCKER_HOST` names, or the one at the usual sockets.
    pub async fn find() -> Result<Engine, ProvisionError> {
        let address = std::env::var("DOCKER_HOST").unwrap_or_default();
        let remote = remote_host(&address);
        if remote.is_some() && std::env::var("DOCKER_TLS_VERIFY").is_ok_and(|wish| !wish.is_empty()) {
            return Err(none(&address, "DOCKER_TLS_VERIFY is set, and this build speaks to engines without TLS only"));
        }
        let api = docker_client_instance().await.map_err(|error| none(&address, error))?;
        match tokio::time::timeout(PATIENCE, api.ping()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(none(&address, error)),
            Err(_) => return Err(none(&address, format!("no answer within {PATIENCE:?}"))),
        }
        let version = within(api.version()).await.map_err(|error| none(&address, error))?;
        if remote.is_none() && is_in_container() {
            outside(&api).await.map_err(|error| none(&address, error))?;
        }
        let host = remote.unwrap_or_else(|| "127.0.0.1".into());
        let local = matches!(host.as_str(), "127.0.0.1" | "localhost");
        Ok(Engine {
            api,
            version: version.version.unwrap_or_else(|| "unknown".into()),
            local,
            // On this machine nobody else needs to reach them.
            publish_on: if local { "127.0.0.1" } else { "0.0.0.0" },
            host,
        })
    }
}

/// A container may hold the socket of an engine outside, whose published ports are not on its own loopback.
/// An engine in the same container has the same host name.
async fn outside(api: &Docker) -> Result<(), String> {
    let engine = within(api.info()).await?.name.unwrap_or_default();
    let here = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if engine == here.trim() {
        return Ok(());
    }
    Err(format!("it runs on {engine:?}, outside this container, so the ports it publishes cannot be reached"))
}

fn is_in_container() -> bool {
    Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists()
}

/// The host of a `tcp://` or `http://` address.
fn remote_host(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    if !matches!(scheme, "tcp" | "http") {
        return None;
    }
    let authority = rest.split('/').next()?;
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    Some(host.trim_matches(['[', ']']).to_owned())
}

/// An answer of the engine, or why there is none.
pub async fn within<T, E: std::fmt::Display>(question: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match tokio::time::timeout(ANSWER_LIMIT, question).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {ANSWER_LIMIT:?}")),
    }
}

fn none(address: &str, reason: impl std::fmt::Display) -> ProvisionError {
    let asked = if address.is_empty() { "at the usual sockets".into() } else { format!("at DOCKER_HOST={address}") };
    ProvisionError::NoEngine { reason: format!("{asked}: {reason}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_of_a_remote_engine_is_where_its_ports_are() {
        assert_eq!(remote_host("tcp://10.0.0.7:2375").as_deref(), Some("10.0.0.7"));
        assert_eq!(remote_host("http://build.example:2375/").as_deref(), Some("build.example"));
        assert_eq!(remote_host("tcp://[::1]:2375").as_deref(), Some("::1"));
        assert_eq!(remote_host("unix:///var/run/docker.sock"), None);
        assert_eq!(remote_host(""), None);
    }
}
