//! The roll call: which services of a target are healthy as a run begins, which version each says it is, and what an
//! answer takes.

use crate::check::{LONGEST_REASON, Live, Patience, Pulse};
use crate::probe::{Spec, exchange};
use crate::record::ServiceState;
use crate::target::{Service, Target};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A version is a short word; whoever sends a novel is cut off.
const LONGEST_VERSION: usize = 60;
/// Questions to the first service, at most: one answer may be slow by chance, for a connection is made, or a cache filled.
const QUESTIONS: usize = 5;
/// None of them is asked that is likely to end later than this.
const QUESTIONS_END: Duration = Duration::from_secs(1);

/// What the services said. Each is asked on the first target of the run that has it.
#[derive(Debug, Default)]
pub struct RollCall(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    states: BTreeMap<Service, ServiceState>,
    answer: Option<Duration>,
}

impl RollCall {
    /// Asks those services of a target that were not asked before. One goes first: where it answers, it is asked some
    /// more, unless an answer was measured before; then the others are asked, all at once. Where none of all answers, and
    /// the target does not when asked once more, it is down, and checks need not find that out one by one.
    pub async fn take(&self, target: &Target, patience: Patience, pulse: Arc<Pulse>) {
        let mut heard = self.0.lock().await;
        let Heard { states, answer } = &mut *heard;
        let mut unheard = target.services.keys().copied().filter(|service| !states.contains_key(service));
        let Some(first) = unheard.next() else {
            return;
        };
        let others: Vec<Service> = unheard.collect();
        let live = Arc::new(Live::new(target.clone(), patience, pulse, 0));
        let seen = ask(&live, first).await;
        states.insert(first, state(&live, first, &seen));
        let mut times = Vec::new();
        if let Some(took) = answered_in(&seen) {
            times.push(if answer.is_none() { ask_again(&live, first, took).await } else { took });
        }
        let mut asked = tokio::task::JoinSet::new();
        for service in others {
            let live = live.clone();
            asked.spawn(async move { (service, ask(&live, service).await) });
        }
        let said = asked.join_all().await;
        times.extend(said.iter().filter_map(|(_, seen)| answered_in(seen)));
        match times.into_iter().max() {
            Some(slowest) => drop(answer.get_or_insert(slowest)),
            None => {
                // Nobody answers, so that it seems gone, however few there are; this asks it once more.
                let silence = seen["silence"].as_str().unwrap_or_default();
                (0..Pulse::DOWN_AFTER).for_each(|_| live.pulse.miss(silence));
                live.target_is_gone().await;
            }
        }
        states.extend(said.iter().map(|(service, seen)| (*service, state(&live, *service, seen))));
    }

    /// What was heard, the gateway first; nothing where nobody was asked.
    pub async fn heard(&self) -> Option<Vec<ServiceState>> {
        let heard = self.0.lock().await;
        (!heard.states.is_empty()).then(|| heard.states.values().cloned().collect())
    }

    /// What an answer takes: that of the service that is slowest. Nothing where none came.
    pub async fn answer(&self) -> Option<Duration> {
        self.0.lock().await.answer
    }
}

/// The median of what this answer took and of what a few more take, as far as they come within a second or so.
async fn ask_again(live: &Live, service: Service, took: Duration) -> Duration {
    let (began, mut all) = (Instant::now(), vec![took]);
    while all.len() < QUESTIONS && began.elapsed() + all[all.len() - 1] <= QUESTIONS_END {
        match answered_in(&ask(live, service).await) {
            Some(took) => all.push(took),
            None => break,
        }
    }
    all.sort_unstable();
    all[all.len() / 2]
}

/// How long an answer took; nothing where none came.
fn answered_in(seen: &Value) -> Option<Duration> {
    let answered = seen.get("silence").is_none();
    let ms = seen["ms"].as_f64().filter(|_| answered)?;
    Duration::try_from_secs_f64(ms / 1_000.0).ok()
}

async fn ask(live: &Live, service: Service) -> Value {
    let path = live.target.services.get(&service).map_or(service.health_path(), |endpoint| &endpoint.health);
    let spec =
        Spec { deadline: Some(live.patience.moment()), longest_text: LONGEST_VERSION, ..Spec::get(service, path) };
    exchange(live, &spec).await.unwrap_or_else(|reason| serde_json::json!({"silence": reason.to_string()}))
}

fn state(live: &Live, service: Service, seen: &Value) -> ServiceState {
    let status = seen["status"].as_u64();
    let said = seen["body"]["status"].as_str();
    let version = seen["body"]["version"].as_str().map(|version| live.vault.beginning(version, LONGEST_VERSION));
    let reason = match (seen["silence"].as_str(), status, said) {
        (Some(silence), ..) => live.vault.beginning(silence, LONGEST_REASON),
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
    use crate::runner::Deadline;
    use crate::target::Endpoint;
    use serde_json::json;

    #[test]
    fn a_service_is_healthy_only_if_it_says_so_with_200() {
        let live = Live::new(Target::unreachable("none"), Patience::default(), Arc::default(), 0);
        let of = |seen: Value| state(&live, Service::Auth, &seen);
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

    fn little() -> Patience {
        Patience { answer: Duration::from_millis(300), ..Patience::default() }
    }

    async fn call(kind: Worthless, patience: Patience) -> (usize, Vec<ServiceState>, Option<Duration>) {
        let server = WorthlessServer::start(kind).await.unwrap();
        let address = |service: Service| format!("[services.{}]\nurl = \"{}\"\n", service.short(), server.base());
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "name = \"worthless\"\n".to_owned() + &Service::ALL.map(address).concat();
        std::fs::write(&file, text).unwrap();
        let target = external::load(file.path(), &|_| None).unwrap();
        let roll = RollCall::default();
        roll.take(&target, patience, Arc::default()).await;
        roll.take(&target, patience, Arc::default()).await;
        (server.connections(), roll.heard().await.unwrap(), roll.answer().await)
    }

    #[tokio::test]
    async fn a_target_that_is_mute_is_down_once_all_its_services_were_asked() {
        let (connections, heard, answer) = call(Worthless::Mute, little()).await;
        assert_eq!((connections, heard.len(), answer), (11, 10, None));
        assert!(heard.iter().all(|state| !state.healthy));
        assert_eq!(heard[9].reason.as_deref(), Some("no answer in time"));
    }

    #[tokio::test]
    async fn only_who_claims_to_be_healthy_counts_as_healthy() {
        for kind in Worthless::ALL {
            let (_, heard, _) = call(kind, little()).await;
            let claimed = kind == Worthless::AlwaysHealthy;
            assert!(heard.iter().all(|state| state.healthy == claimed), "a target that {}: {heard:?}", kind.what());
        }
    }

    #[tokio::test]
    async fn what_an_answer_takes_is_measured_and_a_slow_target_is_given_time() {
        let check = crate::checks::find(41).unwrap();
        let live = Live::new(Target::unreachable("late"), Patience::default(), Arc::default(), 41);
        let usual = Deadline::of(&live, check, None).limit();
        let (_, heard, late) = call(Worthless::Late(800), Patience::default()).await;
        assert!(heard.iter().all(|state| state.healthy));
        assert!(late.unwrap() >= Duration::from_millis(800), "{late:?}");
        assert!(Deadline::of(&live, check, late).limit() > usual);
        let (_, _, at_once) = call(Worthless::Late(0), Patience::default()).await;
        assert!(at_once.unwrap() < late.unwrap(), "{at_once:?}");
    }

    #[tokio::test]
    async fn a_slow_target_is_not_asked_much_more() {
        let server = WorthlessServer::start(Worthless::Late(400)).await.unwrap();
        let mut target = Target::unreachable("late");
        let endpoint = Endpoint { base: server.base(), health: "/health".to_owned(), log: None };
        target.services.insert(Service::Gateway, endpoint);
        let live = Live::new(target, Patience::default(), Arc::default(), 0);
        let began = Instant::now();
        let took = ask_again(&live, Service::Gateway, Duration::from_millis(400)).await;
        assert!(took >= Duration::from_millis(400));
        assert!(began.elapsed() < QUESTIONS_END * 2, "{:?}", began.elapsed());
        assert_eq!(ask_again(&live, Service::Gateway, Duration::from_secs(9)).await, Duration::from_secs(9));
    }
}
