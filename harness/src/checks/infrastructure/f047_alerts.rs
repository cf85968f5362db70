//! Feature 47: critical failures raise an alert that reaches people and ends by itself.

use crate::check::{Case, Check, Seen, Stop, absent, at_least, between, contains, is, is_not, present, such_that};
use crate::probe::{Moment, Reply};
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Part, Service, Setup};
use serde_json::{Value, json};
use std::time::Duration;

const GATEWAY: Service = Service::Gateway;
/// The service that is stopped: nothing else depends on it.
const STOPPED: Service = Service::Git;
/// All thirteen are looked at this often (contract, section 3.14), and a little more.
const CHECKED: Duration = Duration::from_millis(60_200);
/// How long a message may take to arrive, really.
const ARRIVES: Duration = Duration::from_secs(5);
/// The doubles that people would read.
const CHANNELS: [Part; 2] = [Part::Mail, Part::Chat];

pub const CHECK: Check = Check {
    feature: 47,
    revision: 1,
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
    a_short_outage_raises_nothing(case).await?;

    case.step(2, "One service is stopped");
    stop(case).await?;

    case.step(3, "5 minutes pass");
    checks(case, 1).await?;
    let (failing, failing_at) = (case.moment(), case.now().await?);
    checks(case, 4).await?;
    case.pass_until(failing, Duration::from_secs(299)).await?;
    let early = alerts(case, "").await?;
    case.require("alerts while it has been down for 299 s", early.at("/total_alerts"), is(0))?;
    close(case, Part::Chat, true).await?;
    checks(case, 1).await?;
    let due = |body: &Value| body["active_alerts"] == 1;
    let listed = case.http(GATEWAY).get("/alerts").send_until("an alert is active", due).await?;
    let fired = case.moment();
    case.require("alerts once it has been down for 5 minutes", listed.at("/total_alerts"), is(1))?;

    case.step(4, "GET /alerts lists the alert as `active`");
    alert_is_listed(case, &listed, failing_at).await?;

    case.step(5, "The alert has gone out by email or to Slack");
    let alert = listed.at("/alerts/0");
    alert_goes_out(case, &alert).await?;

    case.step(8, "An alert that stays active escalates");
    let alert = it_escalates(case, &alert, fired).await?;

    case.step(6, "The stopped service is started again");
    case.start_service(STOPPED).await?;
    let well = case.health(STOPPED).await?;
    case.require("status of its health", well.status(), is(200))?;

    case.step(7, "The alert becomes `resolved` without anyone's doing");
    it_resolves(case, &alert).await?;
    the_next_outage_is_another(case, &alert).await
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

async fn stop(case: &mut Case) -> Result<(), Stop> {
    case.until_waiting(GATEWAY, "alert check", 1).await?;
    case.stop_service(STOPPED).await?;
    let dead = case.health(STOPPED).await?;
    case.expect("silence of the stopped service", dead.silence(), present());
    Ok(())
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
    stop(case).await?;
    checks(case, 5).await?;
    case.start_service(STOPPED).await?;
    checks(case, 1).await?;
    let none = alerts(case, "").await?;
    case.expect("alerts after an outage of 4 minutes", none.at("/total_alerts"), is(0));
    case.expect("the list of them", none.at("/alerts"), is(json!([])));
    Ok(())
}

async fn alert_is_listed(case: &mut Case, listed: &Reply, failing_at: f64) -> Result<(), Stop> {
    case.expect("active_alerts", listed.at("/active_alerts"), is(1));
    case.expect("resolved_alerts", listed.at("/resolved_alerts"), is(0));
    let alert = listed.at("/alerts/0");
    case.require("service_id of the alert", alert.at("/service_id"), is(STOPPED.name()))?;
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
    case.expect("message", alert.at("/message"), contains(alert.at("/service_name").text().unwrap_or("‹no name›")));
    case.expect("triggered_at", alert.at("/triggered_at"), present());
    case.expect("resolved_at", alert.at("/resolved_at"), absent());
    let triggered = alert.at("/triggered_timestamp");
    // At the first check that finds it down for 300 s; the harness saw the first failure a moment after it was.
    case.expect(
        "when it fired, in s since the first failed check",
        since(&triggered, failing_at),
        between(299.0, 363.0),
    );
    case.expect("last_notification", alert.at("/last_notification"), is(&triggered));
    case.expect("down_duration_seconds", alert.at("/down_duration_seconds"), between(299.5, 370.0));
    let active = alerts(case, "?status=active").await?;
    case.expect("alerts that are active", active.at("/alerts/0/alert_id"), is(alert.at("/alert_id")));
    let resolved = alerts(case, "?status=resolved").await?;
    case.expect("alerts that are resolved", resolved.at("/alerts"), is(json!([])));

    // Whoever watches may be restarted; what he knew is still known.
    case.stop_service(GATEWAY).await?;
    case.start_service(GATEWAY).await?;
    let again = alerts(case, "").await?;
    case.expect("alerts after a restart of the gateway", again.at("/total_alerts"), is(1));
    for field in ["alert_id", "status", "triggered_timestamp", "escalation_count"] {
        case.expect(
            format!("{field} after a restart of the gateway"),
            again.at("/alerts/0").key(field),
            is(alert.key(field)),
        );
    }
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
async fn it_escalates(case: &mut Case, alert: &Seen, fired: Moment) -> Result<Seen, Stop> {
    let told = alert.at("/last_notification").number().unwrap_or(f64::NAN);
    case.pass_until(fired, Duration::from_secs(895)).await?;
    case.until_waiting(GATEWAY, "alert check", 1).await?;
    let early = alerts(case, "").await?;
    case.expect("escalation_count 895 s after people were told", early.at("/alerts/0/escalation_count"), is(0));
    case.expect("status by then", early.at("/alerts/0/status"), is("active"));
    checks(case, 1).await?;
    let escalated = |body: &Value| body["alerts"][0]["escalation_count"] != 0;
    let listed = case.http(GATEWAY).get("/alerts").send_until("the alert has escalated", escalated).await?;
    let late = listed.at("/alerts/0");
    case.expect("escalation_count 15 minutes after people were told", late.at("/escalation_count"), is(1));
    case.expect("alert_id of the alert that escalates", late.at("/alert_id"), is(alert.at("/alert_id")));
    case.expect("alerts by then", listed.at("/total_alerts"), is(1));
    let again = since(&late.at("/last_notification"), told);
    case.expect("when people were told again, in s", again, between(900.0, 965.0));
    case.expect("down_duration_seconds, which goes on", late.at("/down_duration_seconds"), at_least(1199.0));
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
    checks(case, 1).await?;
    let over = |body: &Value| body["active_alerts"] == 0;
    let listed = case.http(GATEWAY).get("/alerts").send_until("no alert is active", over).await?;
    let counts =
        ["total_alerts", "active_alerts", "resolved_alerts"].map(|field| listed.body().key(field).value().clone());
    case.expect("alerts, of them active, of them resolved", json!(counts), is(json!([1, 0, 1])));
    let ended = listed.at("/alerts/0");
    case.require("status of the alert", ended.at("/status"), is("resolved"))?;
    case.expect("alert_id", ended.at("/alert_id"), is(alert.at("/alert_id")));
    case.expect("resolved_at", ended.at("/resolved_at"), present());
    case.expect("when it ended, in s", since(&ended.at("/resolved_timestamp"), before), between(0.0, 70.0));
    case.expect("escalation_count, which stays", ended.at("/escalation_count"), is(alert.at("/escalation_count")));
    let resolved = alerts(case, "?status=resolved").await?;
    case.expect("alerts that are resolved", resolved.at("/alerts/0/alert_id"), is(alert.at("/alert_id")));
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
    checks(case, 1).await?;
    let later = alerts(case, "").await?;
    let lasted = later.at("/alerts/0/down_duration_seconds");
    case.expect("down_duration_seconds, which has ended", lasted, is(ended.at("/down_duration_seconds")));
    Ok(())
}

/// Each outage has a record of its own; the earlier one stays on record.
async fn the_next_outage_is_another(case: &mut Case, alert: &Seen) -> Result<(), Stop> {
    stop(case).await?;
    checks(case, 6).await?;
    let due = |body: &Value| body["active_alerts"] == 1;
    let listed = case.http(GATEWAY).get("/alerts").send_until("another alert is active", due).await?;
    case.expect("alerts after another outage", listed.at("/total_alerts"), is(2));
    case.expect("status of the newest", listed.at("/alerts/0/status"), is("active"));
    case.expect("its alert_id", listed.at("/alerts/0/alert_id"), is_not(alert.at("/alert_id")));
    case.expect("alert_id of the earlier one", listed.at("/alerts/1/alert_id"), is(alert.at("/alert_id")));
    case.expect("status of the earlier one", listed.at("/alerts/1/status"), is("resolved"));
    Ok(())
}
