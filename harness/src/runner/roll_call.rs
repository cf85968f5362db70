//! The roll call: which services of a target are healthy as a run begins, and which version each says it is.

use crate::check::{Live, Patience, Pulse};
use crate::probe::{Spec, exchange};
use crate::record::ServiceState;
use crate::target::{Service, Target};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// A version is a short word; whoever sends a novel is cut off.
const LONGEST_VERSION: usize = 60;

/// What the services said. Each is asked once, on the first target of the run that has it.
#[derive(Debug, Default)]
pub struct RollCall {
    heard: Mutex<BTreeMap<Service, ServiceState>>,
}

impl RollCall {
    /// Asks those services of a target that were not asked before. One goes first: where it keeps silent, the others
    /// are not asked, so that a target that is down costs one question and not ten.
    pub async fn take(&self, target: &Target, patience: Patience, pulse: Arc<Pulse>) {
        let mut heard = self.heard.lock().await;
        let mut unheard = target.services.keys().copied().filter(|service| !heard.contains_key(service));
        let Some(first) = unheard.next() else {
            return;
        };
        let others: Vec<Service> = unheard.collect();
        let live = Arc::new(Live::new(target.clone(), patience, pulse, 0));
        let seen = ask(&live, first).await;
        let answered = seen.get("silence").is_none();
        heard.insert(first, state(first, &seen));
        if !answered {
            let reason = format!("not asked, for {first} gave no answer");
            heard.extend(others.iter().map(|&service| (service, unhealthy(service, reason.clone()))));
            return;
        }
        let mut asked = tokio::task::JoinSet::new();
        for service in others {
            let live = live.clone();
            asked.spawn(async move { (service, state(service, &ask(&live, service).await)) });
        }
        heard.extend(asked.join_all().await);
    }

    /// What was heard, the gateway first; nothing where nobody was asked.
    pub async fn heard(&self) -> Option<Vec<ServiceState>> {
        let heard = self.heard.lock().await;
        (!heard.is_empty()).then(|| heard.values().cloned().collect())
    }
}

async fn ask(live: &Live, service: Service) -> Value {
    let path = live.target.services.get(&service).map_or(service.health_path(), |endpoint| &endpoint.health);
    let spec =
        Spec { deadline: Some(live.patience.moment()), longest_text: LONGEST_VERSION, ..Spec::get(service, path) };
    exchange(live, &spec).await.unwrap_or_else(|reason| serde_json::json!({"silence": reason.to_string()}))
}

fn state(service: Service, seen: &Value) -> ServiceState {
    let status = seen["status"].as_u64();
    let said = seen["body"]["status"].as_str();
    let version = seen["body"]["version"].as_str().map(|version| version.chars().take(LONGEST_VERSION).collect());
    let reason = match (seen["silence"].as_str(), status, said) {
        (Some(silence), ..) => silence.to_owned(),
        (None, Some(200), Some("healthy" | "ok")) => {
            return ServiceState { service: service.name().to_owned(), healthy: true, version, reason: None };
        }
        (None, Some(200), Some(_)) => "its health route answers 200 and names another state".to_owned(),
        (None, Some(200), None) => "its health route names no state".to_owned(),
        (None, status, _) => format!("its health route answers {}", status.unwrap_or_default()),
    };
    ServiceState { version, ..unhealthy(service, reason) }
}

fn unhealthy(service: Service, reason: String) -> ServiceState {
    ServiceState { service: service.name().to_owned(), healthy: false, version: None, reason: Some(reason) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doubles::{Worthless, WorthlessServer};
    use crate::provision::external;
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn a_service_is_healthy_only_if_it_says_so_with_200() {
        let of = |seen: Value| state(Service::Auth, &seen);
        let sound = of(json!({"status": 200, "body": {"status": "healthy", "version": "1.0.0"}}));
        assert!(sound.healthy && sound.reason.is_none());
        assert_eq!(sound.version.as_deref(), Some("1.0.0"));
        for (seen, reason) in [
            (json!({"status": 503, "body": {"status": "healthy"}}), "answers 503"),
            (json!({"status": 200, "body": {"status": "degraded"}}), "names another state"),
            (json!({"status": 200, "body": "fine"}), "names no state"),
            (json!({"silence": "no connection"}), "no connection"),
        ] {
            let state = of(seen);
            assert!(!state.healthy && state.reason.as_ref().unwrap().contains(reason), "{state:?}");
        }
    }

    async fn call(kind: Worthless) -> (usize, Vec<ServiceState>) {
        let server = WorthlessServer::start(kind).await.unwrap();
        let address = |service: Service| format!("[services.{}]\nurl = \"{}\"\n", service.short(), server.base());
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "name = \"worthless\"\n".to_owned() + &Service::ALL.map(address).concat();
        std::fs::write(&file, text).unwrap();
        let target = external::load(file.path(), &|_| None).unwrap();
        let patience = Patience { answer: Duration::from_millis(300), ..Patience::default() };
        let roll = RollCall::default();
        roll.take(&target, patience, Arc::default()).await;
        roll.take(&target, patience, Arc::default()).await;
        (server.connections(), roll.heard().await.unwrap())
    }

    #[tokio::test]
    async fn a_target_that_is_mute_is_asked_once() {
        let (connections, heard) = call(Worthless::Mute).await;
        assert_eq!((connections, heard.len()), (1, 10));
        assert!(heard.iter().all(|state| !state.healthy));
        assert_eq!(heard[9].reason.as_deref(), Some("not asked, for api-gateway gave no answer"));
    }

    #[tokio::test]
    async fn only_who_claims_to_be_healthy_counts_as_healthy() {
        for kind in Worthless::ALL {
            let (_, heard) = call(kind).await;
            let claimed = kind == Worthless::AlwaysHealthy;
            assert!(heard.iter().all(|state| state.healthy == claimed), "a target that {}: {heard:?}", kind.what());
        }
    }
}
