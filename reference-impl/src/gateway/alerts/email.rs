//! Alerts by email, over SMTP as it is spoken inside a network: plain text, nobody signs in.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::book::News;
use super::{Alert, CannotTell, words};
use crate::config::Email;

/// How long the mail server may take for each answer. Real time, as all on the network.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends mail to those who are to know.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Mailer {
    /// A mailer; it connects for each mail.
    ///
    /// # Errors
    /// Where an address is malformed.
    pub fn new(settings: &Email) -> Result<Mailer, CannotTell> {
        let address = |variable: &str, text: &str| {
            text.parse::<Mailbox>().map_err(|error| format!("{variable} holds no address in {text:?}: {error}"))
        };
        let to: Result<Vec<Mailbox>, String> = settings.to.iter().map(|one| address("ALERT_EMAIL_TO", one)).collect();
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host);
        Ok(Mailer {
            transport: transport.port(settings.port).timeout(Some(PATIENCE)).build(),
            from: address("ALERT_EMAIL_FROM", &settings.from)?,
            to: to?,
        })
    }

    /// Sends one mail to all.
    ///
    /// # Errors
    /// Where the server does not take it.
    pub async fn send(&self, alert: &Alert, news: News, now: f64) -> Result<(), CannotTell> {
        let message = Message::builder().from(self.from.clone()).subject(words::subject(alert, news));
        let message = self.to.iter().fold(message, |message, to| message.to(to.clone()));
        let message = message.header(ContentType::TEXT_PLAIN).body(body(alert, news, now))?;
        self.transport.send(message).await?;
        Ok(())
    }
}

fn body(alert: &Alert, news: News, now: f64) -> String {
    let state = if news == News::Resolved { "resolved" } else { "active" };
    let lines = [
        words::message(alert, now),
        String::new(),
        format!("Service: {} ({})", alert.service_name, alert.service_id),
        format!("Status: {state}"),
        format!("Fired at: {} UTC", words::time(alert.triggered)),
        format!("Escalations: {}", alert.escalations),
        format!("Alert: {}", alert.id),
    ];
    lines.join("\r\n") + "\r\n"
}
