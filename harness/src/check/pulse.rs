//! Whether a target as a whole still answers.

use crate::target::{Service, Target};
use crate::wire::{Client, Request};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

/// Notices when a target as a whole is gone: transport failures in a row, over all checks that look at it.
#[derive(Debug, Default)]
pub struct Pulse {
    failures: AtomicU32,
    /// The kind of silence that was heard last.
    last: std::sync::Mutex<String>,
    down: AtomicBool,
    asking: Mutex<()>,
}

impl Pulse {
    /// Failures in a row after which the target seems down.
    pub const DOWN_AFTER: u32 = 3;

    /// Whether it was asked once more, in vain.
    pub fn has_stopped(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// An answer came, of whatever kind.
    pub fn beat(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    /// No answer came where one was due, but this kind of silence.
    pub fn miss(&self, silence: &str) {
        silence.clone_into(&mut self.last.lock().expect("nothing panics while it holds this lock"));
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// What is said of every request once the target has stopped answering altogether.
    pub fn epitaph(&self) -> String {
        let last = self.last.lock().expect("nothing panics while it holds this lock");
        format!("target down: nothing has answered for several requests in a row (at last: {last})")
    }

    /// Whether nothing has answered for a while.
    pub fn is_gone(&self) -> bool {
        self.has_stopped() || self.failures.load(Ordering::Relaxed) >= Pulse::DOWN_AFTER
    }

    /// Asks a target that seems gone once more, at its gateway or whatever else was not stopped on purpose: whether it
    /// is gone for good. Whoever comes meanwhile waits for the same answer; a target that is gone is not asked again.
    pub async fn last_question(&self, target: &Target, stopped: &BTreeSet<Service>, answer: Duration) -> bool {
        let _one_at_a_time = self.asking.lock().await;
        if self.has_stopped() || !self.is_gone() {
            return self.has_stopped();
        }
        let mut running = target.services.iter().filter(|(service, _)| !stopped.contains(service));
        let Some((_, endpoint)) = running.next() else {
            return false;
        };
        let health = format!("{}{}", endpoint.base, endpoint.health);
        let asked = Client::new(&target.trust).get(&health);
        let answered = tokio::time::timeout(answer, comes_to_an_end(asked)).await.unwrap_or(false);
        if answered {
            self.beat();
        } else {
            self.down.store(true, Ordering::Relaxed);
        }
        !answered
    }
}

/// Whether an answer comes to an end. One that breaks off is an answer, too; one that drips has none.
async fn comes_to_an_end(request: Request) -> bool {
    let Ok(mut answer) = request.send().await else {
        return false;
    };
    while let Ok(Some(_)) = answer.chunk().await {}
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doubles::{Worthless, WorthlessServer};
    use crate::target::Endpoint;

    /// A target whose gateway is at this address, which seems gone.
    fn seems_gone(base: &str) -> (Pulse, Target) {
        let mut target = Target::unreachable("a target");
        let endpoint = Endpoint { base: base.to_owned(), health: "/health".to_owned(), log: None };
        target.services.insert(Service::Gateway, endpoint);
        let pulse = Pulse::default();
        (0..Pulse::DOWN_AFTER).for_each(|_| pulse.miss("no connection"));
        assert!(pulse.is_gone());
        (pulse, target)
    }

    #[tokio::test]
    async fn a_target_whose_services_are_away_one_after_another_is_not_gone() {
        let server = WorthlessServer::start(Worthless::Always(404)).await.unwrap();
        let (pulse, target) = seems_gone(&server.base());
        assert!(!pulse.last_question(&target, &BTreeSet::new(), Duration::from_secs(5)).await);
        assert!(!pulse.is_gone());
    }

    #[tokio::test]
    async fn a_target_that_does_not_answer_the_last_question_is_not_asked_again() {
        let server = WorthlessServer::start(Worthless::Mute).await.unwrap();
        let (pulse, target) = seems_gone(&server.base());
        for _ in 0..2 {
            assert!(pulse.last_question(&target, &BTreeSet::new(), Duration::from_millis(300)).await);
        }
        assert!(pulse.has_stopped() && server.connections() == 1);
        assert!(pulse.epitaph().starts_with("target down: ") && pulse.epitaph().ends_with("(at last: no connection)"));
    }
}
