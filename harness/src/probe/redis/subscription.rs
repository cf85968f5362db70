//! Subscribing to channels of Redis, and what came over them.

use super::{client, unanswered};
use crate::check::{CannotLook, Case, Live, Seen, Stop};
use crate::target::Need;
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::task::JoinHandle;

/// More messages are not listened to.
const MOST_MESSAGES: usize = 10_000;

/// A client that listens, over a connection of its own. Dropping it closes the connection.
pub struct Subscription {
    channels: Vec<String>,
    received: Arc<Mutex<Vec<Value>>>,
    task: Option<JoinHandle<()>>,
    /// Whether anybody tried to subscribe; in what is only shown from a record, nobody does.
    tried: bool,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Subscription {
    fn received(&self) -> MutexGuard<'_, Vec<Value>> {
        self.received.lock().expect("nothing panics while it holds this lock")
    }
}

impl Case {
    /// Subscribes to channels, with how that was answered: `"subscribed"`, or `/error` or `/silence`.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access.
    pub async fn subscribe(&mut self, channels: &[&str]) -> Result<(Subscription, Seen), Stop> {
        self.needs(Need::Redis)?;
        let channels: Vec<String> = channels.iter().map(|&channel| channel.to_owned()).collect();
        let mut subscription =
            Subscription { channels: channels.clone(), received: Arc::default(), task: None, tried: false };
        let (received, task, tried) = (subscription.received.clone(), &mut subscription.task, &mut subscription.tried);
        let asked = json!({"subscribe": channels});
        let seen = self
            .observe("redis", asked, async move |live: Arc<Live>| {
                *tried = true;
                let client = client(&live, 0)?;
                let subscribe = async {
                    let mut connection = client.get_async_pubsub().await?;
                    connection.subscribe(&channels).await?;
                    Ok(connection)
                };
                let connection = match tokio::time::timeout(live.patience.answer, subscribe).await {
                    Ok(Ok(connection)) => connection,
                    Ok(Err(error)) => return Ok(unanswered(&live, &error)),
                    Err(_) => return Ok(json!({"silence": "no answer in time"})),
                };
                *task = Some(tokio::spawn(async move {
                    let mut messages = connection.into_on_message();
                    while let Some(message) = messages.next().await {
                        let text = String::from_utf8_lossy(message.get_payload_bytes());
                        let message = json!({"channel": message.get_channel_name(), "message": text});
                        let mut received = received.lock().expect("nothing panics while it holds this lock");
                        if received.len() == MOST_MESSAGES {
                            return;
                        }
                        received.push(message);
                    }
                }));
                Ok(json!("subscribed"))
            })
            .await?;
        Ok((subscription, seen))
    }

    /// Everything that a client has heard, oldest first, each with `/channel` and `/message`; read once there are so
    /// many, or when `within` has passed.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access.
    pub async fn heard(&mut self, subscription: &Subscription, count: usize, within: Duration) -> Result<Seen, Stop> {
        self.needs(Need::Redis)?;
        let asked = json!({"heard on": subscription.channels, "messages": count, "ms": within.as_millis() as u64});
        self.observe("redis", asked, async |_| {
            if !subscription.tried {
                return Err(CannotLook::new("redis", "nobody has subscribed"));
            }
            let deadline = tokio::time::Instant::now() + within;
            while subscription.received().len() < count && tokio::time::Instant::now() < deadline {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok(Value::Array(subscription.received().clone()))
        })
        .await
    }
}
