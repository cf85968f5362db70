//! Settings of the alerts about services that are down.

use std::time::Duration;

use super::Secret;
use super::given::{Given, SettingsError};

/// When alerts fire, and whom they reach.
#[derive(Debug, Clone)]
pub struct Alerts {
    /// `ALERT_CHECK_SECONDS`: how often all are looked at.
    pub check_every: Duration,
    /// `ALERT_DOWN_SECONDS`: how long one may be down.
    pub down_for: Duration,
    /// `ALERT_ESCALATION_SECONDS`: how often people are told again.
    pub escalate_every: Duration,
    /// `ALERT_EMAIL_*` and `SMTP_*`, where email is enabled.
    pub email: Option<Email>,
    /// `ALERT_SLACK_*`, where Slack is enabled.
    pub slack: Option<Slack>,
}

/// Alerts by email.
#[derive(Debug, Clone)]
pub struct Email {
    /// `ALERT_EMAIL_TO`, split at commas.
    pub to: Vec<String>,
    /// `ALERT_EMAIL_FROM`.
    pub from: String,
    /// `SMTP_HOST`.
    pub host: String,
    /// `SMTP_PORT`.
    pub port: u16,
}

/// Alerts to a channel.
#[derive(Debug, Clone)]
pub struct Slack {
    /// `ALERT_SLACK_WEBHOOK_URL`. Whoever knows it may write to the channel.
    pub webhook: Secret,
}

pub(super) fn alerts(given: &Given) -> Result<Alerts, SettingsError> {
    Ok(Alerts {
        check_every: given.seconds("ALERT_CHECK_SECONDS", 60.0)?,
        down_for: given.seconds("ALERT_DOWN_SECONDS", 300.0)?,
        escalate_every: given.seconds("ALERT_ESCALATION_SECONDS", 900.0)?,
        email: if given.flag("ALERT_EMAIL_ENABLED", false)? { Some(email(given)?) } else { None },
        slack: if given.flag("ALERT_SLACK_ENABLED", false)? { slack(given)? } else { None },
    })
}

fn email(given: &Given) -> Result<Email, SettingsError> {
    let to = given.text("ALERT_EMAIL_TO", "admin@autograph.local");
    Ok(Email {
        to: to.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect(),
        from: given.text("ALERT_EMAIL_FROM", "alerts@autograph.local"),
        host: given.text("SMTP_HOST", "localhost"),
        port: given.port("SMTP_PORT", 25)?,
    })
}

/// Enabled without an address means none, as there is nowhere to write to.
fn slack(given: &Given) -> Result<Option<Slack>, SettingsError> {
    const VARIABLE: &str = "ALERT_SLACK_WEBHOOK_URL";
    let Some(webhook) = given.get(VARIABLE) else {
        return Ok(None);
    };
    // Nothing here speaks TLS; Slack itself is reached through a proxy on this side.
    if !webhook.starts_with("http://") {
        let expected = "an address that begins with http://";
        return Err(SettingsError { variable: VARIABLE.to_owned(), value: "(hidden)".to_owned(), expected });
    }
    Ok(Some(Slack { webhook: Secret::new(webhook) }))
}
