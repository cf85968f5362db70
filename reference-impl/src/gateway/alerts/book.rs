//! Who is down since when, and what was said about it: the rules of alerts, free of networks and clocks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Channel;

/// Resolved alerts beyond this many are forgotten, the oldest first.
const MOST_KEPT: usize = 1000;

/// All that is known. It is kept as JSON, so that a new process goes on where the last one ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Book {
    /// Since when each that fails has failed, in seconds since 1970.
    failing: BTreeMap<String, f64>,
    /// The oldest first.
    alerts: Vec<Alert>,
    /// Whether this process has looked at anyone yet.
    #[serde(skip)]
    has_looked: bool,
}

/// One outage that lasted too long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Its name, which no other outage has.
    pub id: String,
    /// Who is down.
    pub service_id: String,
    /// As people call it.
    pub service_name: String,
    /// When its first check failed.
    pub failing_since: f64,
    /// When the alert fired.
    pub triggered: f64,
    /// When people were last told.
    pub last_notification: f64,
    /// When it ended.
    pub resolved: Option<f64>,
    /// How often people were told again.
    pub escalations: u32,
    /// What has not gone out yet.
    undelivered: Vec<Notice>,
}

/// Something to tell over one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What there is to tell.
    pub news: News,
    /// How.
    pub channel: Channel,
}

/// What there is to tell of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// It fired.
    Fired,
    /// It is still there, told so many times again.
    Escalated(u32),
    /// It has ended.
    Resolved,
}

/// How long is how long, in seconds, and over which channels people are told.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How long one may be down.
    pub down_for: f64,
    /// How often people are told again.
    pub escalate_every: f64,
    /// Where they are told.
    pub channels: Vec<Channel>,
}

impl Alert {
    /// Whether it has not ended yet.
    pub fn is_active(&self) -> bool {
        self.resolved.is_none()
    }

    /// How long the outage has lasted by now, or had lasted when it ended.
    pub fn down_seconds(&self, now: f64) -> f64 {
        (self.resolved.unwrap_or(now) - self.failing_since).max(0.0)
    }
}

impl Book {
    /// Takes in how one of the thirteen was found at a check. What is new of an alert is returned, and waits for delivery.
    pub fn note(&mut self, now: f64, id: &str, name: &str, well: bool, rules: &Rules) -> Option<(News, Alert)> {
        self.has_looked = true;
        if well {
            self.failing.remove(id);
            return self.resolve(now, id, rules);
        }
        let since = self.failing.entry(id.to_owned()).or_insert(now);
        // A clock that was put back must not keep an alert from firing.
        *since = since.min(now);
        let since = *since;
        if let Some(alert) = self.active(id) {
            alert.last_notification = alert.last_notification.min(now);
            if now - alert.last_notification < rules.escalate_every {
                return None;
            }
            alert.escalations += 1;
            alert.last_notification = now;
            let news = News::Escalated(alert.escalations);
            return Some(alert.tell(news, rules));
        }
        (now - since >= rules.down_for).then(|| self.fire(now, id, name, since, rules))
    }

    fn fire(&mut self, now: f64, id: &str, name: &str, since: f64, rules: &Rules) -> (News, Alert) {
        let mut alert = Alert {
            id: format!("service_down_{id}_{}", (since * 1000.0) as i64),
            service_id: id.to_owned(),
            service_name: name.to_owned(),
            failing_since: since,
            triggered: now,
            last_notification: now,
            resolved: None,
            escalations: 0,
            undelivered: Vec::new(),
        };
        let told = alert.tell(News::Fired, rules);
        self.alerts.push(alert);
        self.forget_the_oldest();
        told
    }

    fn resolve(&mut self, now: f64, id: &str, rules: &Rules) -> Option<(News, Alert)> {
        let alert = self.active(id)?;
        alert.resolved = Some(now.max(alert.triggered));
        Some(alert.tell(News::Resolved, rules))
    }

    fn active(&mut self, id: &str) -> Option<&mut Alert> {
        self.alerts.iter_mut().find(|alert| alert.service_id == id && alert.is_active())
    }

    fn forget_the_oldest(&mut self) {
        let mut excess = self.alerts.len().saturating_sub(MOST_KEPT);
        self.alerts.retain(|alert| {
            let goes = excess > 0 && !alert.is_active() && alert.undelivered.is_empty();
            excess -= usize::from(goes);
            !goes
        });
    }

    /// All alerts, the newest first.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().rev()
    }

    /// What waits to go out over a channel, the oldest news first.
    pub fn waiting(&self, channel: Channel) -> Vec<(Alert, Notice)> {
        let of = |alert: &Alert| {
            let notices = alert.undelivered.iter().filter(|notice| notice.channel == channel).cloned();
            notices.map(|notice| (alert.clone(), notice)).collect::<Vec<_>>()
        };
        self.alerts.iter().flat_map(of).collect()
    }

    /// Notes that something has gone out.
    pub fn delivered(&mut self, id: &str, notice: &Notice) {
        if let Some(alert) = self.alerts.iter_mut().find(|alert| alert.id == id) {
            alert.undelivered.retain(|waiting| waiting != notice);
        }
    }

    /// Takes over what an earlier process knew.
    pub fn take_over(&mut self, earlier: Book) {
        for (id, since) in earlier.failing {
            // Whoever was found well meanwhile has ended that outage.
            if !self.has_looked || self.failing.contains_key(&id) {
                let known = self.failing.entry(id).or_insert(since);
                *known = known.min(since);
            }
        }
        let known: Vec<Alert> = std::mem::take(&mut self.alerts);
        self.alerts = earlier.alerts;
        self.alerts.retain(|alert| known.iter().all(|newer| newer.id != alert.id));
        self.alerts.extend(known);
    }
}

impl Alert {
    fn tell(&mut self, news: News, rules: &Rules) -> (News, Alert) {
        // Who has not heard of the last escalation needs to hear of this one only.
        if let News::Escalated(_) = news {
            self.undelivered.retain(|notice| !matches!(notice.news, News::Escalated(_)));
        }
        self.undelivered.extend(rules.channels.iter().map(|&channel| Notice { news, channel }));
        (news, self.clone())
    }
}

#[cfg(test)]
mod tests;
