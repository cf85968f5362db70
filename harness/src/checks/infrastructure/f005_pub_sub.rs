//! Feature 5: Redis carries messages between the parties of a live collaboration.

use crate::check::{Case, Check, Stop, at_least, is, is_not, one_of, such_that};
use crate::probe::Subscription;
use crate::sabotage::run_redis;
use crate::target::{Need, Own, Service, Setup};
use serde_json::{Value, json};
use std::time::Duration;

/// The channel of the steps, and one that differs in its last letter.
const CHANNEL: &str = "file:123";
const OTHER_CHANNEL: &str = "file:124";
/// Within this a message that is sent at once has come.
const AT_ONCE: Duration = Duration::from_secs(2);
/// Messages whose order is looked at.
const MANY: usize = 100;

pub const CHECK: Check = Check {
    feature: 5,
    revision: 3,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Diagram])),
    needs: &[Need::Redis],
    control: "a subscriber to another channel hears nothing of it",
    sabotage: &[
        run_redis("no channel of files is open", &["ACL", "SETUSER", "default", "resetchannels", "&room:*"]),
        run_redis("nobody may publish", &["ACL", "SETUSER", "default", "-publish"]),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "Two clients are connected to Redis");
    let who =
        [["PING"].to_vec(), ["CLIENT", "ID"].to_vec()].map(|words| words.into_iter().map(str::to_owned).collect());
    let (one, two) = (case.redis_all(0, &who).await?, case.redis_all(0, &who).await?);
    case.require("reply to PING of the first client", one.at("/0"), is("PONG"))?;
    case.require("reply to PING of the second client", two.at("/0"), is("PONG"))?;
    case.expect("number of the second client's connection", two.at("/1"), is_not(one.at("/1")));

    case.step(2, "The first client subscribes to channel `file:123`");
    let (first, subscribed) = case.subscribe(&[CHANNEL]).await?;
    case.require("answer to subscribing", &subscribed, is("subscribed"))?;
    // The system may listen as well.
    let listening = case.redis(0, &["PUBSUB", "NUMSUB", CHANNEL]).await?;
    case.expect("subscribers of the channel", listening.at("/1"), at_least(1.0));

    case.step(3, "The second client publishes a message on `file:123`");
    let text = json!({"who": "Zoë", "cursor": {"x": 1.5, "y": -2}, "note": "line\nbreak \"quoted\""}).to_string();
    let heard_by = case.redis(0, &["PUBLISH", CHANNEL, &text]).await?;
    case.expect("clients that Redis handed the message to", &heard_by, at_least(1.0));

    case.step(4, "The first client receives that message at once");
    let heard = case.heard(&first, 1, AT_ONCE).await?;
    case.require("messages heard", &heard, is(json!([{"channel": CHANNEL, "message": text}])))?;
    changes_may_be_announced(case).await?;

    case.step(5, "Each of several subscribers receives every message");
    let mut listeners = vec![Listener { name: "first", subscription: first, known: 1 }];
    for name in ["second", "third"] {
        let (subscription, subscribed) = case.subscribe(&[CHANNEL]).await?;
        case.expect(format!("answer to the {name} subscriber"), &subscribed, is("subscribed"));
        listeners.push(Listener { name, subscription, known: 0 });
    }
    let (elsewhere, subscribed) = case.subscribe(&[OTHER_CHANNEL]).await?;
    case.expect("answer to the subscriber of another channel", &subscribed, is("subscribed"));
    let sent = publish(case, 5, 3).await?;
    for listener in &mut listeners {
        listener.hears(case, &sent).await?;
    }
    nothing_came_by_mistake(case, &elsewhere).await?;

    case.step(6, "Messages arrive in the order in which they were published");
    let sent = publish(case, MANY, 3).await?;
    for listener in &mut listeners {
        listener.hears(case, &sent).await?;
    }
    Ok(())
}

/// Publishes numbered messages, each of which so many clients or more must be handed.
async fn publish(case: &mut Case, count: usize, listeners: usize) -> Result<Vec<String>, Stop> {
    let word = case.word();
    let texts: Vec<String> = (1..=count).map(|number| format!("{word} {number}")).collect();
    let commands: Vec<Vec<String>> =
        texts.iter().map(|text| vec!["PUBLISH".to_owned(), CHANNEL.to_owned(), text.clone()]).collect();
    let handed = case.redis_all(0, &commands).await?;
    let all = such_that(format!("{count} numbers, each {listeners} or more"), move |handed| {
        let handed = handed.as_array().map(Vec::as_slice).unwrap_or_default();
        handed.len() == count && handed.iter().all(|clients| clients.as_u64() >= Some(listeners as u64))
    });
    case.expect(format!("clients handed each of {count} messages"), &handed, all);
    Ok(texts)
}

/// A client that listens.
struct Listener {
    name: &'static str,
    subscription: Subscription,
    /// Messages that it has heard already.
    known: usize,
}

impl Listener {
    /// It hears these next, in this order, and nothing else.
    async fn hears(&mut self, case: &mut Case, texts: &[String]) -> Result<(), Stop> {
        let heard = case.heard(&self.subscription, self.known + texts.len(), AT_ONCE).await?;
        let new: Vec<Value> = heard.items().iter().skip(self.known).map(|one| one.at("/message").into()).collect();
        self.known += texts.len();
        case.expect(format!("messages that the {} subscriber hears", self.name), new, is(texts.to_vec()));
        Ok(())
    }
}

/// What was published elsewhere would have come before a message of its own.
async fn nothing_came_by_mistake(case: &mut Case, elsewhere: &Subscription) -> Result<(), Stop> {
    case.redis(0, &["PUBLISH", OTHER_CHANNEL, "for you"]).await?;
    let heard = case.heard(elsewhere, 1, AT_ONCE).await?;
    let wanted = json!([{"channel": OTHER_CHANNEL, "message": "for you"}]);
    case.expect("messages that the subscriber of another channel hears", &heard, is(wanted));
    Ok(())
}

/// Whether the system announces on `file:<id>` that a diagram was changed is looked at and told. No step demands it, and the
/// original publishes nothing (contract, section 5.1).
async fn changes_may_be_announced(case: &mut Case) -> Result<(), Stop> {
    if !case.can(Need::Address(Service::Gateway)) {
        return Ok(());
    }
    let actor = case.actor().await?;
    let (token, title) = (case.token_of(&actor).await?, case.word());
    let post = case.http(Service::Gateway).post("/api/diagrams/").bearer(&token);
    let created = post.json(json!({"title": title, "file_type": "canvas"})).send().await?;
    case.require("status of creating a diagram", created.status(), one_of([200, 201]))?;
    let id = created.at("/id").text().unwrap_or_default().to_owned();
    let (listener, subscribed) = case.subscribe(&[&format!("file:{id}")]).await?;
    case.expect("answer to subscribing to the diagram's channel", &subscribed, is("subscribed"));
    let put = case.http(Service::Gateway).method("PUT", &format!("/api/diagrams/{id}")).bearer(&token);
    let changed = put.json(json!({"canvas_data": {"shapes": []}})).send().await?;
    case.expect("status of changing the diagram", changed.status(), is(200));
    let heard = case.heard(&listener, 1, AT_ONCE).await?;
    if heard.items().is_empty() {
        case.observed_as("what clients of Redis publish; the system itself announced no change of a diagram");
    }
    Ok(())
}
