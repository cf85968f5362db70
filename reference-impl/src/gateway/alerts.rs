//! Looks at the thirteen each minute, and tells people about one that stays down (feature 47).
//!
//! What is known is in memory, so that an outage of Redis itself is told as well, and copied to Redis, so that a new
//! process goes on where the last one ended.

mod book;
mod email;
mod slack;
mod words;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::AsyncCommands;
use serde::{Deserialize, Serialize};
use tokio::sync::SetOnce;

use super::prober::Prober;
use crate::clock::Clock;
use crate::config;
use crate::gateway::nodes::Node;
use crate::http_client::Client;
use crate::middleware::shutdown::ShutdownGate;
use crate::redis::{Connection, SESSIONS, connect_to};
use crate::startup::{Context, StartupError};

pub use book::Alert;
use book::{Book, News, Notice, Rules};
use email::Mailer;
use slack::Webhook;
pub use words::time as time_of;

/// What the clock shows while the watch waits for its next check.
const WAITING_FOR: &str = "alert check";
/// Where the copy is.
const KEY: &str = "alerts:book";

/// How people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// By email.
    Email,
    /// By Slack.
    Slack,
}

/// The watch on the thirteen; clones share it.
#[derive(Clone)]
pub struct Alerts(Arc<Inner>);

struct Inner {
    clock: Clock,
    prober: Prober,
    settings: config::Alerts,
    rules: Rules,
    book: Mutex<Book>,
    /// The way to the copy; locked while the book is written, so that no older copy follows a newer one.
    copy: tokio::sync::Mutex<Connection>,
    /// Set once the copy was looked for, whether there was one or not.
    looked: SetOnce<()>,
    mailer: Option<Mailer>,
    webhook: Option<Webhook>,
    delivering: Arc<tokio::sync::Mutex<()>>,
    gate: ShutdownGate,
}

/// What went wrong with a channel.
type CannotTell = Box<dyn std::error::Error + Send + Sync>;

impl Alerts {
    /// Begins to watch, until the gate closes.
    pub fn watch(context: &Context, prober: Prober) -> Result<Alerts, StartupError> {
        let settings = context.settings.alerts.clone();
        let part = |part| move |source: CannotTell| StartupError::Part { part, source };
        let mailer = settings.email.as_ref().map(Mailer::new).transpose().map_err(part("alerts by email"))?;
        let webhook = settings.slack.as_ref().map(|slack| Webhook::new(slack, Client::new())).transpose();
        let webhook = webhook.map_err(part("alerts to Slack"))?;
        let copy = connect_to(&context.settings, SESSIONS).map_err(|error| part("the copy of alerts")(error.into()))?;
        let email = mailer.is_some().then_some(Channel::Email);
        let rules = Rules {
            down_for: settings.down_for.as_secs_f64(),
            escalate_every: settings.escalate_every.as_secs_f64(),
            channels: email.into_iter().chain(webhook.is_some().then_some(Channel::Slack)).collect(),
        };
        let (clock, copy) = (context.clock.clone(), tokio::sync::Mutex::new(copy));
        let (book, looked, delivering) = (Mutex::default(), SetOnce::new(), Arc::default());
        let gate = context.gate.clone();
        let inner = Inner { clock, prober, settings, rules, book, copy, looked, mailer, webhook, delivering, gate };
        let alerts = Alerts(Arc::new(inner));
        let watching = alerts.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = watching.check_for_ever() => {}
                () = watching.0.gate.closed() => tracing::info!("Alert monitoring stopped"),
            }
        });
        Ok(alerts)
    }

    async fn check_for_ever(&self) {
        let mut taken_over = false;
        loop {
            if !taken_over {
                taken_over = self.take_over().await;
                let _ = self.0.looked.set(());
            }
            self.check().await;
            if taken_over {
                self.keep().await;
            }
            self.deliver();
            self.0.clock.sleep(WAITING_FOR, self.0.settings.check_every).await;
        }
    }

    /// Reads the copy; false where that could not be done, which is tried again.
    async fn take_over(&self) -> bool {
        let copy: Result<Option<String>, _> = self.0.copy.lock().await.get(KEY).await;
        match copy.map(|text| text.map(|text| serde_json::from_str::<Book>(&text))) {
            Ok(None) => true,
            Ok(Some(Ok(earlier))) => {
                self.book().take_over(earlier);
                true
            }
            Ok(Some(Err(error))) => {
                tracing::error!(error = %error, key = KEY, "Earlier alerts cannot be read and are given up");
                true
            }
            Err(error) => {
                tracing::warn!(error = %error, "Earlier alerts cannot be read yet");
                false
            }
        }
    }

    async fn check(&self) {
        let findings = self.0.prober.ask(Node::all()).await;
        let now = self.now();
        for (node, finding) in findings {
            let well = finding.fault.is_none();
            let news = self.book().note(now, node.id(), &node.name(), well, &self.0.rules);
            if let Some((news, alert)) = news {
                log(news, &alert, alert.down_seconds(now));
            }
            if let Some(fault) = finding.fault {
                tracing::debug!(checked = node.id(), fault = fault.words(), "Health check failed");
            }
        }
    }

    async fn keep(&self) {
        let mut copy = self.0.copy.lock().await;
        let text = match serde_json::to_string(&*self.book()) {
            Ok(text) => text,
            Err(error) => return tracing::error!(error = %error, "Alerts cannot be written"),
        };
        let kept: Result<(), _> = copy.set(KEY, text).await;
        if let Err(error) = kept {
            tracing::warn!(error = %error, "Alerts are not copied to Redis");
        }
    }

    /// Sends what waits, without keeping the next check waiting. What cannot be sent is tried again after it.
    fn deliver(&self) {
        let Ok(alone) = Arc::clone(&self.0.delivering).try_lock_owned() else {
            return;
        };
        let alerts = self.clone();
        // A message that went out must be put down, too, or the next process would send it once more.
        let chore = self.0.gate.chore();
        tokio::spawn(async move {
            let _until_put_down = (alone, chore);
            tokio::join!(alerts.send(Channel::Email), alerts.send(Channel::Slack));
        });
    }

    /// Sends what waits for a channel, in order, up to what fails.
    async fn send(&self, channel: Channel) {
        let waiting = self.book().waiting(channel);
        for (alert, notice) in waiting {
            if let Err(error) = self.tell(&alert, &notice).await {
                tracing::warn!(alert_id = alert.id, channel = ?channel, error = %error, "Alert not delivered, will retry");
                break;
            }
            tracing::info!(alert_id = alert.id, channel = ?channel, news = ?notice.news, "Alert delivered");
            self.book().delivered(&alert.id, &notice);
            self.keep().await;
        }
    }

    async fn tell(&self, alert: &Alert, notice: &Notice) -> Result<(), CannotTell> {
        let now = self.now();
        match (notice.channel, &self.0.mailer, &self.0.webhook) {
            (Channel::Email, Some(mailer), _) => mailer.send(alert, notice.news, now).await,
            (Channel::Slack, _, Some(webhook)) => webhook.send(alert, notice.news, now).await,
            // It was enabled when this was put down, and is not any more.
            _ => Ok(()),
        }
    }

    /// All alerts, the newest first, once those of an earlier process were looked for.
    pub async fn all(&self) -> Vec<Alert> {
        self.0.looked.wait().await;
        self.book().alerts().cloned().collect()
    }

    /// The settings.
    pub fn settings(&self) -> &config::Alerts {
        &self.0.settings
    }

    /// What there is to say of an alert.
    pub fn message(&self, alert: &Alert) -> String {
        words::message(alert, self.now())
    }

    /// Now, in seconds since 1970.
    pub fn now(&self) -> f64 {
        self.0.clock.now().timestamp_micros() as f64 / 1e6
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log(news: News, alert: &Alert, down_duration_seconds: f64) {
    let Alert { id, service_id, escalations, .. } = alert;
    match news {
        News::Fired => {
            tracing::warn!(alert_id = id, service_id, down_duration_seconds, "Alert triggered")
        }
        News::Escalated(_) => {
            tracing::warn!(
                alert_id = id,
                service_id,
                down_duration_seconds,
                escalation_count = escalations,
                "Alert escalated"
            )
        }
        News::Resolved => tracing::info!(alert_id = id, service_id, down_duration_seconds, "Alert resolved"),
    }
}
