//! Alerts to a Slack channel, through an incoming webhook.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Uri, header};
use http_body_util::Full;
use serde_json::{Value, json};

use super::book::News;
use super::{Alert, CannotTell, words};
use crate::config::Slack;
use crate::error::whole_story;
use crate::http_client::Client;

/// How long Slack may take. Real time, as all on the network.
const PATIENCE: Duration = Duration::from_secs(10);
/// More of an answer is not read.
const LONGEST_ANSWER: usize = 16 * 1024;

/// Writes to a channel.
pub struct Webhook {
    client: Client,
    address: Uri,
}

impl Webhook {
    /// A webhook at the address in the settings.
    ///
    /// # Errors
    /// Where the address is malformed; it is not repeated, as it is a secret.
    pub fn new(settings: &Slack, client: Client) -> Result<Webhook, CannotTell> {
        let address = settings.webhook.reveal().parse::<Uri>();
        Ok(Webhook { client, address: address.map_err(|error| format!("ALERT_SLACK_WEBHOOK_URL: {error}"))? })
    }

    /// Writes about an alert.
    ///
    /// # Errors
    /// Where the channel does not take it.
    pub async fn send(&self, alert: &Alert, news: News, now: f64) -> Result<(), CannotTell> {
        let body = Full::new(Bytes::from(message(alert, news, now).to_string()));
        let request =
            Request::post(self.address.clone()).header(header::CONTENT_TYPE, "application/json").body(body)?;
        let answered = async {
            let response = self.client.call(request).await.map_err(|error| whole_story(&error))?;
            let status = response.status();
            // Read, so that the connection can be used again.
            let _ = axum::body::to_bytes(Body::new(response.into_body()), LONGEST_ANSWER).await;
            if status.is_success() { Ok(()) } else { Err(format!("the webhook answers {status}")) }
        };
        let answered = tokio::time::timeout(PATIENCE, answered).await;
        Ok(answered.map_err(|_| format!("the webhook did not answer within {PATIENCE:?}"))??)
    }
}

fn message(alert: &Alert, news: News, now: f64) -> Value {
    let subject = words::subject(alert, news);
    let field = |name: &str, value: &str| json!({"type": "mrkdwn", "text": format!("*{name}:*\n{value}")});
    let (service, lasted) = (&alert.service_name, words::duration(alert.down_seconds(now)));
    let fields = match alert.resolved.filter(|_| news == News::Resolved) {
        Some(at) => vec![
            field("Service", service),
            field("Status", "RESOLVED"),
            field("Downtime", &lasted),
            field("Resolved at", &words::time(at)),
        ],
        None => vec![
            field("Service", service),
            field("Status", "DOWN"),
            field("Duration", &lasted),
            field("Escalations", &alert.escalations.to_string()),
        ],
    };
    let mut blocks = vec![
        json!({"type": "header", "text": {"type": "plain_text", "text": subject}}),
        json!({"type": "section", "fields": fields}),
    ];
    if news != News::Resolved {
        let context = format!("{} | {}", alert.id, words::time(alert.triggered));
        blocks.push(json!({"type": "section", "text": {"type": "mrkdwn", "text": words::message(alert, now)}}));
        blocks.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": context}]}));
    }
    json!({"text": subject, "blocks": blocks})
}
