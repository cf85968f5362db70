//! What probes need to look at a running target on behalf of one case.

use super::{CannotLook, Pulse, Vault};
use crate::guard::{Guard, Protocol};
use crate::ledger::{Ledger, LedgerError, Thing};
use crate::target::{Lent, Need, Service, Target};
use crate::wire::Client;
use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long is waited for the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patience {
    /// How long a single wait that a feature demands may really last (`--patience`). Within it, time is really
    /// waited for; beyond it, the target's test clock is moved, if it has one.
    pub longest_wait: Duration,
    /// How long an answer is waited for before it counts as silence (`--answer-within`).
    pub answer: Duration,
}

impl Default for Patience {
    /// No wait in earnest, and ten seconds for an answer.
    fn default() -> Patience {
        Patience { longest_wait: Duration::ZERO, answer: Duration::from_secs(10) }
    }
}

impl Patience {
    /// How long something is waited for that should be there in a moment: a line in a log, a request under way.
    pub fn moment(self) -> Duration {
        self.answer / 2
    }

    /// How long rows of the database are waited for.
    pub fn rows(self) -> Duration {
        self.answer * 2
    }

    /// How long a statement is waited for that may have much to do.
    pub fn statement(self) -> Duration {
        self.answer * 6
    }
}

/// A running target in the hands of one case.
pub struct Live {
    /// The target.
    pub target: Target,
    /// HTTP client of this case, with connections of its own.
    pub http: Client,
    /// The case's secrets.
    pub vault: Vault,
    /// How long may really be waited.
    pub patience: Patience,
    /// Whether the target as a whole still answers.
    pub pulse: Arc<Pulse>,
    /// How far this case has moved the target's clock, in milliseconds.
    pub clock_moved_ms: AtomicI64,
    /// Address that requests claim to come from, where the target believes it.
    pub client_address: Option<String>,
    /// Services that this case has stopped: their silence says nothing about the target as a whole.
    pub stopped: Mutex<BTreeSet<Service>>,
    /// Whether this case has stopped or signalled any service.
    pub disturbed: AtomicBool,
    /// Pool of database connections, made when first asked for.
    pub sql: Mutex<Option<sqlx::PgPool>>,
    /// The target's own account that this case signs in with, once it has asked for one.
    pub lent: Mutex<Option<Lent>>,
    /// Where it is written down what this case makes, on a target that is not the harness's own.
    pub ledger: Option<Arc<Ledger>>,
    /// Guards before the stores of a target that is not the harness's own, made when first asked for.
    pub guards: Mutex<Vec<(Protocol, Guard)>>,
    /// Answers that the loads of this case wait for, one after another.
    load: AtomicU32,
    /// What this case has waited for in earnest, in ms.
    waited_ms: AtomicU64,
}

impl Live {
    /// A target for one case; `case_number` tells the addresses of cases apart.
    pub fn new(target: Target, patience: Patience, pulse: Arc<Pulse>, case_number: u16) -> Live {
        let vault = Vault::default();
        // What is an ordinary word stands in right answers, too, and hiding it there would make them wrong. The record
        // hides it all the same, once the answer has been judged.
        for secret in target.all_secrets().into_iter().filter(|secret| !is_a_word(secret.expose())) {
            vault.seal("secret of the target", secret.expose());
        }
        let client_address = target.forwarded_for.then(|| address(case_number, 0));
        let http = Client::new(&target.trust);
        Live {
            target,
            http,
            vault,
            patience,
            pulse,
            clock_moved_ms: AtomicI64::new(0),
            client_address,
            stopped: Mutex::default(),
            disturbed: AtomicBool::default(),
            sql: Mutex::new(None),
            guards: Mutex::default(),
            load: AtomicU32::default(),
            waited_ms: AtomicU64::default(),
            lent: Mutex::default(),
            ledger: None,
        }
    }

    /// Address and password of an account that no other case has until this one ends.
    pub(crate) async fn account(&self) -> Option<(String, String)> {
        let lent = self.target.accounts.lend().await?;
        let told = (lent.account().email.clone(), lent.account().password.expose().to_owned());
        *self.lent.lock().expect("nothing panics while it holds this lock") = Some(lent);
        Some(told)
    }

    /// The same case once more, from an address of this round's own: a limit by address counts each round for itself.
    pub fn in_round(self, case_number: u16, round: u32) -> Live {
        let client_address = self.client_address.map(|_| address(case_number, round));
        Live { client_address, ..self }
    }

    /// Has everything that is made on the target written down.
    pub fn keeping(self, ledger: Option<Arc<Ledger>>) -> Live {
        Live { ledger, ..self }
    }

    /// Writes down that something is about to be made on the target, or was: where that is impossible, it is not made.
    ///
    /// # Errors
    /// Where the ledger cannot be written.
    pub(crate) fn note(
        &self,
        thing: Option<Thing>,
        password: Option<&str>,
        token: Option<&str>,
    ) -> Result<(), CannotLook> {
        match (&self.ledger, thing) {
            (Some(ledger), Some(thing)) => {
                ledger.note(thing, password, token).map_err(|error| CannotLook::new("ledger", error))
            }
            _ => Ok(()),
        }
    }

    /// Writes down that a service that was stopped runs again.
    ///
    /// # Errors
    /// Where the ledger cannot be written.
    pub fn is_back(&self, service: Service) -> Result<(), LedgerError> {
        self.ledger.as_ref().map_or(Ok(()), |ledger| ledger.removed(&Thing::Stopped { service }))
    }

    /// Writes down that the database which was put aside is back.
    ///
    /// # Errors
    /// Where the ledger cannot be written.
    pub fn database_is_back(&self, name: &str) -> Result<(), LedgerError> {
        self.ledger.as_ref().map_or(Ok(()), |ledger| ledger.removed(&Thing::Database { name: name.to_owned() }))
    }

    /// Notes that so many requests are about to be sent, some at a time: the deadline of the case moves on by what their
    /// answers take. Where requests keep to a pace, it is the pace that counts, however many are sent at a time.
    pub fn expect_load(&self, requests: usize, at_once: usize) {
        let at_once = if self.target.rules.pace.is_some() { 1 } else { at_once.max(1) };
        let answers = u32::try_from(requests.div_ceil(at_once)).unwrap_or(u32::MAX);
        self.load.fetch_add(answers, Ordering::Relaxed);
    }

    /// Moves the deadline of the check on by what is about to be waited for in earnest.
    pub fn expect_wait(&self, wait: Duration) {
        self.waited_ms.fetch_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// What it has waited for in earnest, and waits for now.
    pub fn waited(&self) -> Duration {
        Duration::from_millis(self.waited_ms.load(Ordering::Relaxed))
    }

    /// Answers that its loads wait for, one after another.
    pub fn load(&self) -> u32 {
        self.load.load(Ordering::Relaxed)
    }

    /// Notes whether a service answered, for the pulse of the whole.
    pub fn note_answer(&self, service: Service, silence: Option<&str>) {
        let stopped = self.stopped.lock().expect("nothing panics while it holds this lock");
        match silence {
            None => self.pulse.beat(),
            Some(silence) if !stopped.contains(&service) => self.pulse.miss(silence),
            Some(_) => {}
        }
    }

    /// Where a store is reached: behind a guard, but for those that the harness itself has brought up. A guard also speaks
    /// TLS with the store, where the store wants that.
    ///
    /// # Errors
    /// Where a guard finds no place.
    pub fn way_to(&self, protocol: Protocol, host: &str, port: u16, tls: bool) -> io::Result<(String, u16)> {
        if self.target.ours && !tls {
            return Ok((host.to_owned(), port));
        }
        let mut guards = self.guards.lock().expect("nothing panics while it holds this lock");
        if !guards.iter().any(|(known, _)| *known == protocol) {
            guards.push((
                protocol,
                Guard::before(protocol, host.to_owned(), port, tls.then(|| self.target.trust.clone()))?,
            ));
        }
        let guard = guards.iter().find(|(known, _)| *known == protocol);
        let address = guard.map(|(_, guard)| guard.address()).ok_or(io::ErrorKind::NotFound)?;
        Ok((address.ip().to_string(), address.port()))
    }

    /// How a store has offended against its protocol, if it has.
    pub fn offence(&self, protocol: Protocol) -> Option<String> {
        let guards = self.guards.lock().expect("nothing panics while it holds this lock");
        guards.iter().find(|(known, _)| *known == protocol)?.1.offence()
    }

    /// Whether the target as a whole is gone. Services that are away one after another are not the whole, so where it
    /// seems gone it is asked once more.
    pub async fn target_is_gone(&self) -> bool {
        let stopped = self.stopped.lock().expect("nothing panics while it holds this lock").clone();
        self.pulse.is_gone() && self.pulse.last_question(&self.target, &stopped, self.patience.answer).await
    }

    /// Everything that the target has, of what checks may ask for.
    pub fn had(&self, wanted: impl IntoIterator<Item = Need>) -> Vec<Need> {
        wanted.into_iter().filter(|need| self.target.has(*need)).collect()
    }
}

/// `autograph`, `minioadmin`: what people choose where they need not be careful.
fn is_a_word(secret: &str) -> bool {
    secret.len() < 16 && secret.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// The client address of a case in one of its rounds; after 254 rounds, addresses come again.
fn address(case_number: u16, round: u32) -> String {
    format!("10.{}.{}.{}", case_number / 256, case_number % 256, 1 + round % 254)
}
