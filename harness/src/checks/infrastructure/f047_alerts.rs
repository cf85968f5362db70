//! Feature 47: critical failures raise an alert that reaches people and ends by itself.

use crate::check::{Case, Check, Seen, Stop, absent, at_least, between, contains, is, present, such_that};
use crate::probe::{Moment, Reply};
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Part, Service, Setup};
use serde_json::{Value, json};
use std::time::Duration;

const GATEWAY: Service = Service::Gateway;
/// The service that is stopped: nothing else depends on it.
const STOPPED: Service = Service::Git;
/// All thirteen are looked at this often (contract, section 3.14), and a little more; who looks more often may.
const CHECKED: Duration = Duration::from_millis(60_200);
/// What is due comes with the next look or the one after; each takes a while beside the pause before it.
const LOOKS: usize = 3;
/// The outage that an alert needs, and the time until people are told again.
const OUTAGE: Duration = Duration::from_secs(301);
const QUARTER: Duration = Duration::from_secs(901);
/// How late two looks may be, in s, with what they take themselves.
const LATE: f64 = 150.0;
/// How long a message may take to arrive, really.
const ARRIVES: Duration = Duration::from_secs(5);
/// The doubles that people would read.
const CHANNELS: [Part; 2] = [Part::Mail, Part::Chat];

pub const CHECK: Check = Check {
    feature: 47,
    revision: 2,
    setup: Setup::Own(Own::of(&Service::ALL).with(&CHANNELS)),
    needs: &[Need::Address(Service::Gateway), Need::Control],
    control: "an outage of four minutes raises nothing, and services that run raise nothing",
    sabotage: &[
        set_variable("a service may be down for ten minutes", Service::Gateway, "ALERT_DOWN_SECONDS", "600"),
        set_variable("alerts escalate after 14 minutes", Service::Gateway, "ALERT_ESCALATION_SECONDS", "840"),
        set_variable("mail goes where nobody listens", Service::Gateway, "SMTP_PORT", "1"),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "An alert is set for a service that is down for more than 5 minutes");
    let set = alerts(case, "").await?;
    case.require("status of /alerts", set.status(), is(200))?;
    case.expect("service_down_threshold_minutes", set.at("/config/service_down_threshold_minutes"), is(5));
    case.expect("escalation_interval_minutes", set.at("/config/escalation_interval_minutes"), is(15));
    for (part, enabled) in [(Part::Mail, "email_enabled"), (Part::Chat, "slack_enabled")] {
        if case.can(Need::Part(part)) {
            case.expect(enabled, set.at("/config").key(enabled), is(true));
        }
    }
    if case.can(Need::Clock) {
        a_short_outage_raises_nothing(case).await?;
    }

    case.step(2, "One service is stopped");
    let outage = stop(case).await?;

    case.step(3, "5 minutes pass");
    if !case.can(Need::Clock) && !case.can(Need::Patience(OUTAGE)) {
        case.start_service(STOPPED).await?;
        return case.needs(Need::Patience(OUTAGE));
    }
    checks(case, 4).await?;
    case.pass_until(outage.began, Duration::from_secs(299)).await?;
    let early = alerts(case, "").await?;
    case.require("alerts about it while it has been down for 299 s", raised(&early, &outage).len(), is(0))?;
    close(case, Part::Chat, true).await?;
    let listed = until(case, is_active).await?;
    let fired = (case.moment(), case.now().await?);
    case.require("alerts about it once it has been down for 5 minutes", raised(&listed, &outage).len(), is(1))?;

    case.step(4, "GET /alerts lists the alert as `active`");
    let alert = raised(&listed, &outage).remove(0);
    alert_is_listed(case, &listed, &alert, &outage).await?;

    case.step(5, "The alert has gone out by email or to Slack");
    alert_goes_out(case, &alert).await?;

    case.step(8, "An alert that stays active escalates");
    let alert = it_escalates(case, &alert, fired).await?;

    case.step(6, "The stopped service is started again");
    case.start_service(STOPPED).await?;
    let well = case.health(STOPPED).await?;
    case.require("status of its health", well.status(), is(200))?;

    case.step(7, "The alert becomes `resolved` without anyone's doing");
    it_resolves(case, &alert).await?;
    if case.can(Need::Clock) {
        the_next_outage_is_another(case, &alert).await?;
    }
    Ok(())
}

/// A service that was stopped: since when, as the harness and as the target reckon.
struct Outage {
    began: Moment,
    at: f64,
}

/// Alerts about the service that was stopped, raised since then: others may be in trouble, and may have been.
fn raised(listed: &Reply, outage: &Outage) -> Vec<Seen> {
    let all = listed.at("/alerts").items();
    let ours = |alert: &Seen| alert.at("/service_id").text() == Some(STOPPED.name());
    all.into_iter().filter(|alert| ours(alert) && since(&alert.at("/triggered_timestamp"), outage.at) > -1.0).collect()
}

/// An alert by its id, and by when it was raised.
fn found(listed: &Reply, alert: &Seen) -> Option<Seen> {
    let all = listed.at("/alerts").items();
    let same = |one: &Seen, field: &str| one.at(field).value() == alert.at(field).value();
    all.into_iter().find(|one| same(one, "/alert_id") && same(one, "/triggered_timestamp"))
}

fn any(body: &Value, is_it: impl Fn(&Value) -> bool) -> bool {
    let all = body["alerts"].as_array().into_iter().flatten();
    all.into_iter().any(|alert| alert["service_id"] == STOPPED.name() && is_it(alert))
}

fn is_active(body: &Value) -> bool {
    any(body, |alert| alert["status"] == "active")
}

/// The list of alerts once it is so, after one more look of the target's or a few.
async fn until(case: &mut Case, so: fn(&Value) -> bool) -> Result<Reply, Stop> {
    for _ in 1..LOOKS {
        checks(case, 1).await?;
        let listed = alerts(case, "").await?;
        if so(listed.body().value()) {
            return Ok(listed);
        }
    }
    checks(case, 1).await?;
    case.http(GATEWAY).get("/alerts").send_until("the alerts are as they should be", so).await
}

async fn alerts(case: &mut Case, query: &str) -> Result<Reply, Stop> {
    case.http(GATEWAY).get(&format!("/alerts{query}")).send().await
}

/// Lets so many checks of the thirteen take place.
async fn checks(case: &mut Case, count: usize) -> Result<(), Stop> {
    for _ in 0..count {
        case.until_waiting(GATEWAY, "alert check", 1).await?;
        case.pass(CHECKED).await?;
    }
    case.until_waiting(GATEWAY, "alert check", 1).await
}

async fn stop(case: &mut Case) -> Result<Outage, Stop> {
    case.until_waiting(GATEWAY, "alert check", 1).await?;
    let outage = Outage { began: case.moment(), at: case.now().await? };
    case.stop_service(STOPPED).await?;
    let dead = case.health(STOPPED).await?;
    case.expect("silence of the stopped service", dead.silence(), present());
    Ok(outage)
}

async fn close(case: &mut Case, part: Part, closed: bool) -> Result<(), Stop> {
    if case.can(Need::Part(part)) { case.close_double(part, closed).await } else { Ok(()) }
}

/// What a channel has received, once it is so much.
async fn received(case: &mut Case, part: Part, count: usize) -> Result<Seen, Stop> {
    case.received_until(part, &format!("{count} messages"), ARRIVES, |all| all.len() >= count).await
}

/// Four minutes, and the service is back: that does not count towards what follows either.
async fn a_short_outage_raises_nothing(case: &mut Case) -> Result<(), Stop> {
    checks(case, 1).await?;
    let outage = stop(case).await?;
    checks(case, 4).await?;
    case.start_service(STOPPED).await?;
    checks(case, 1).await?;
    let none = alerts(case, "").await?;
    case.expect("alerts about an outage of 4 minutes", raised(&none, &outage).len(), is(0));
    Ok(())
}

async fn alert_is_listed(case: &mut Case, listed: &Reply, alert: &Seen, outage: &Outage) -> Result<(), Stop> {
    case.expect("active_alerts", listed.at("/active_alerts"), at_least(1.0));
    for (field, wanted) in [
        ("type", json!("service_down")),
        ("severity", json!("critical")),
        ("status", json!("active")),
        ("escalation_count", json!(0)),
    ] {
        case.expect(field, alert.key(field), is(wanted));
    }
    case.expect("alert_id", alert.at("/alert_id"), contains(format!("service_down_{}", STOPPED.name())));
    case.expect("service_name", alert.at("/service_name"), present());
    case.expect("message", alert.at("/message"), present());
    case.expect("triggered_at", alert.at("/triggered_at"), present());
    case.expect("resolved_at", alert.at("/resolved_at"), absent());
    let triggered = alert.at("/triggered_timestamp");
    // At the first look that finds it down for 300 s.
    let due = || between(299.0, 300.0 + LATE);
    case.expect("when it fired, in s since the service was stopped", since(&triggered, outage.at), due());
    let told = since(&alert.at("/last_notification"), triggered.number().unwrap_or(f64::NAN));
    case.expect("last_notification, in s since it fired", told, between(-1.0, 60.0));
    case.expect("down_duration_seconds", alert.at("/down_duration_seconds"), due());
    let active = alerts(case, "?status=active").await?;
    let among = found(&active, alert).is_some();
    case.expect("whether it is listed among those that are active", among, is(true));
    let resolved = alerts(case, "?status=resolved").await?;
    let among = found(&resolved, alert).is_some();
    case.expect("whether it is listed among those that are resolved", among, is(false));
    Ok(())
}

fn since(moment: &Seen, earlier: f64) -> f64 {
    moment.number().unwrap_or(f64::NAN) - earlier
}

/// Email arrives at once; Slack, which was away, after the next check. Nobody is told twice.
async fn alert_goes_out(case: &mut Case, alert: &Seen) -> Result<(), Stop> {
    let [email, slack] = CHANNELS.map(Need::Part).map(|need| case.can(need));
    if !email && !slack {
        case.lacks(Need::Part(Part::Mail));
        return Ok(());
    }
    if email {
        let mails = received(case, Part::Mail, 1).await?;
        case.expect("mails", mails.items().len(), is(1));
        mail_tells(case, &mails.at("/0"), alert, "CRITICAL ALERT");
        case.expect("words of the mail", mails.at("/0/text"), contains(STOPPED.name()));
        let prefix =
            such_that("no prefix in brackets", |subject| subject.as_str().is_some_and(|text| !text.starts_with('[')));
        case.expect("subject of the first mail", mails.at("/0/subject"), prefix);
    }
    if slack {
        let none = received(case, Part::Chat, 0).await?;
        case.expect("messages to Slack while it is away", &none, is(json!([])));
        close(case, Part::Chat, false).await?;
        checks(case, 1).await?;
        let messages = received(case, Part::Chat, 1).await?;
        case.expect("messages to Slack once it is back", messages.items().len(), is(1));
        message_tells(case, &messages.at("/0"), alert);
        let blocks: Vec<Value> =
            messages.at("/0/message/blocks").items().iter().map(|block| block.at("/type").into()).collect();
        case.expect("its blocks", json!(blocks), is(json!(["header", "section", "section", "context"])));
        case.expect("fields of its section", messages.at("/0/message/blocks/1/fields").items().len(), is(4));
    }
    if email {
        let mails = received(case, Part::Mail, 1).await?;
        case.expect("mails by then", mails.items().len(), is(1));
    }
    Ok(())
}

fn mail_tells(case: &mut Case, mail: &Seen, alert: &Seen, words: &str) {
    case.expect("sender", mail.at("/from"), present());
    case.expect("recipients", mail.at("/to"), present());
    case.expect("recipients, as the mail names them", mail.at("/header_to"), is(mail.at("/to")));
    case.expect("subject of the mail", mail.at("/subject"), contains(words));
    let name = alert.at("/service_name").text().unwrap_or("‹no name›").to_owned();
    case.expect("whom the subject names", mail.at("/subject"), contains(name));
}

fn message_tells(case: &mut Case, message: &Seen, alert: &Seen) {
    case.expect("type of the message", message.at("/content_type"), contains("application/json"));
    let name = alert.at("/service_name").text().unwrap_or("‹no name›").to_owned();
    case.expect("whom the message names", message.at("/message/text"), contains(name));
    case.expect("header of the message", message.at("/message/blocks/0/type"), is("header"));
}

/// Told again a quarter of an hour after it was told, and not before.
async fn it_escalates(case: &mut Case, alert: &Seen, (fired, fired_at): (Moment, f64)) -> Result<Seen, Stop> {
    if !case.can(Need::Clock) && !case.has(Need::Patience(QUARTER)) {
        return Ok(alert.clone());
    }
    let told = alert.at("/last_notification").number().unwrap_or(f64::NAN);
    let since_told = if told.is_finite() { (fired_at - told).clamp(0.0, LATE) } else { 0.0 };
    case.pass_until(fired, Duration::from_secs_f64(895.0 - since_told)).await?;
    case.until_waiting(GATEWAY, "alert check", 1).await?;
    let early = alerts(case, "").await?;
    let early = found(&early, alert).unwrap_or_else(|| case.silence());
    case.expect("escalation_count 895 s after people were told", early.at("/escalation_count"), is(0));
    case.expect("status by then", early.at("/status"), is("active"));
    let listed = until(case, |body| any(body, |alert| alert["escalation_count"] != 0)).await?;
    let late = found(&listed, alert).unwrap_or_else(|| case.silence());
    case.expect("escalation_count 15 minutes after people were told", late.at("/escalation_count"), is(1));
    let again = since(&late.at("/last_notification"), told);
    case.expect("when people were told again, in s", again, between(899.0, 900.0 + LATE));
    if case.can(Need::Part(Part::Mail)) {
        let mails = received(case, Part::Mail, 2).await?;
        case.expect("mails by then", mails.items().len(), is(2));
        mail_tells(case, &mails.at("/1"), alert, "CRITICAL ALERT");
        let prefix = such_that("begins with a prefix in brackets", |subject| {
            subject.as_str().is_some_and(|text| text.starts_with('[') && text.contains(']'))
        });
        case.expect("subject of the escalation", mails.at("/1/subject"), prefix);
    }
    if case.can(Need::Part(Part::Chat)) {
        let messages = received(case, Part::Chat, 2).await?;
        case.expect("messages to Slack by then", messages.items().len(), is(2));
        message_tells(case, &messages.at("/1"), alert);
    }
    Ok(late)
}

async fn it_resolves(case: &mut Case, alert: &Seen) -> Result<(), Stop> {
    let before = case.now().await?;
    let listed = until(case, |body| !is_active(body)).await?;
    let ended = found(&listed, alert).unwrap_or_else(|| case.silence());
    case.require("status of the alert", ended.at("/status"), is("resolved"))?;
    case.expect("resolved_at", ended.at("/resolved_at"), present());
    case.expect("when it ended, in s", since(&ended.at("/resolved_timestamp"), before), between(-1.0, LATE));
    case.expect("escalation_count, which stays", ended.at("/escalation_count"), is(alert.at("/escalation_count")));
    let resolved = alerts(case, "?status=resolved").await?;
    let among = found(&resolved, alert).is_some();
    case.expect("whether it is listed among those that are resolved", among, is(true));
    if case.can(Need::Part(Part::Mail)) {
        let mails = received(case, Part::Mail, 3).await?;
        case.expect("mails by then", mails.items().len(), is(3));
        mail_tells(case, &mails.at("/2"), alert, "RESOLVED");
    }
    if case.can(Need::Part(Part::Chat)) {
        let messages = received(case, Part::Chat, 3).await?;
        case.expect("messages to Slack by then", messages.items().len(), is(3));
        message_tells(case, &messages.at("/2"), alert);
        case.expect("fields of its section", messages.at("/2/message/blocks/1/fields").items().len(), is(4));
    }
    Ok(())
}

/// Each outage raises an alert of its own.
async fn the_next_outage_is_another(case: &mut Case, alert: &Seen) -> Result<(), Stop> {
    let outage = stop(case).await?;
    checks(case, 4).await?;
    let listed = until(case, is_active).await?;
    let another = raised(&listed, &outage);
    case.expect("alerts about another outage", another.len(), is(1));
    let earlier = alert.at("/triggered_timestamp").number().unwrap_or(f64::NAN);
    let later = another.first().map_or(f64::NAN, |another| since(&another.at("/triggered_timestamp"), earlier));
    case.expect("when it fired, in s after the one before", later, at_least(300.0));
    Ok(())
}
