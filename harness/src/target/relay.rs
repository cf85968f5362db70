//! A relay before a server, from a check's side: cut it, mend it, see who came.

use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::watch;

/// The state of one relay. Clones share it.
#[derive(Debug, Clone)]
pub struct Relay {
    cut: watch::Sender<bool>,
    arrivals: Arc<Mutex<Vec<Instant>>>,
}

impl Default for Relay {
    fn default() -> Relay {
        Relay { cut: watch::Sender::new(false), arrivals: Arc::default() }
    }
}

impl Relay {
    /// Breaks the connections that there are, and every new one as soon as it comes.
    pub fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.cut.send_replace(false);
    }

    /// Tells whether it is cut, now and whenever that changes.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.cut.subscribe()
    }

    /// Notes a new connection.
    pub fn arrived(&self) {
        self.arrivals().push(Instant::now());
    }

    /// When connections came, in ms after a moment; earlier ones are left out.
    pub fn arrivals_since(&self, moment: Instant) -> Vec<f64> {
        let after = |one: &Instant| one.checked_duration_since(moment);
        self.arrivals().iter().filter_map(after).map(|gone| gone.as_secs_f64() * 1e3).collect()
    }

    fn arrivals(&self) -> std::sync::MutexGuard<'_, Vec<Instant>> {
        self.arrivals.lock().expect("nothing panics while it holds this lock")
    }
}
