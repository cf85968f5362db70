//! Feature 50: everything is lost and recovered, within an hour, with all data that are older than five minutes.

use super::whole_database::{
    admin, back_up, contents, diagram, fill_every_table, is_as_before, open, refused, structure,
};
use crate::check::{Case, Check, Seen, Stop, above, at_least, at_most, below, between, is, is_not, present, such_that};
use crate::probe::{Moment, Reply};
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Part, Power, Server, Service, Setup, Signal};
use chrono::{DateTime, Datelike, NaiveDateTime, Timelike, Utc};
use serde_json::Value;
use std::time::Duration;

/// What a recovery may take, in seconds.
const RTO: f64 = 3600.0;
/// What it may lose, in seconds.
const RPO: f64 = 300.0;
/// The longest quarter: July to September.
const QUARTER: f64 = 92.0 * 86_400.0;
const SERVICES: [Service; 2] = [Service::Gateway, Service::Diagram];
/// How long a drill that is due may take to be done.
const DRILL: Duration = Duration::from_secs(60);

pub const CHECK: Check = Check {
    feature: 50,
    revision: 1,
    setup: Setup::Own(Own::of(&SERVICES).with(&[Part::Postgres, Part::PostgresTools])),
    needs: &[Need::Address(Service::Gateway)],
    control: "a disaster that is not in the plan is refused, and a drill without backups meets no target",
    sabotage: &[
        set_variable("the plan allows four hours", Service::Gateway, "DR_RTO_MINUTES", "240"),
        set_variable("the plan allows a loss of fifteen minutes", Service::Gateway, "DR_RPO_MINUTES", "15"),
        set_variable("drills are not repeated", Service::Gateway, "DR_DRILLS_ENABLED", "false"),
    ],
    run: |case| Box::pin(run(case)),
};

/// What must be there again after the disaster.
struct Kept {
    token: String,
    diagram: String,
    opened: Reply,
    contents: Seen,
    structure: Seen,
}

async fn run(case: &mut Case) -> Result<(), Stop> {
    let actor = case.actor().await?;
    let token = case.token_of(&actor).await?;

    case.step(1, "The plan states a recovery time objective (RTO) of 1 hour");
    let stranger = admin(case, None, "GET", "dr/status").await?;
    case.expect("status of the plan without a token", stranger.status(), is(401));
    let plan = status(case, &token).await?;
    case.expect("rto_target_minutes", plan.at("/rto_target_minutes"), is(60));

    case.step(2, "The plan states a recovery point objective (RPO) of 5 minutes");
    case.expect("rpo_target_minutes", plan.at("/rpo_target_minutes"), is(5));

    case.step(3, "The loss of the whole infrastructure is simulated");
    for need in
        [Need::Sql, Need::Disposable, Need::Control, Need::Power(Power::Signal), Need::Part(Part::PostgresTools)]
    {
        case.needs(need)?;
    }
    for server in [Server::Postgres, Server::Redis] {
        case.needs(Need::Power(Power::Over(server)))?;
    }
    nothing_meets_a_target(case, &token).await?;
    fill_every_table(case, &actor).await?;
    let [dump, base] = [case.word(), case.word()];
    back_up(case, &token, "a dump", (&dump, "backup_type=full")).await?;
    back_up(case, &token, "a base", (&base, "backup_type=base")).await?;
    let backed_up = status(case, &token).await?;
    case.expect("backups in the plan", backed_up.at("/database_backups/count"), at_least(2.0));
    case.expect("state of the backups in the plan", backed_up.at("/database_backups/status"), is("healthy"));
    case.expect("time of the newest backup", backed_up.at("/database_backups/latest/modified"), present());
    let title = case.word();
    let drawn = diagram(case, &token, &title).await?;
    let written = case.moment();
    let kept = Kept {
        opened: open(case, &token, &drawn).await?,
        contents: contents(case).await?,
        structure: structure(case).await?,
        diagram: drawn,
        token,
    };
    case.require("status of opening a diagram before the disaster", kept.opened.status(), is(200))?;
    rehearse(case, &kept).await?;
    let (lost, last) = lose_everything(case, &actor.id, written).await?;

    case.step(4, "The recovery is begun");
    for server in [Server::Postgres, Server::Redis] {
        case.start_server(server).await?;
    }
    for service in SERVICES {
        case.start_service(service).await?;
        let health = case.health(service).await?;
        case.expect(format!("health of {service} after its start"), health.status(), is(200));
    }
    let empty = structure(case).await?;
    case.require("tables before the restore", empty.at("/0/tables"), is(0))?;
    let gone = open(case, &kept.token, &kept.diagram).await?;
    case.expect("status of opening a diagram before the restore", gone.status(), is_not(200));

    case.step(5, "The data is restored from the newest backups");
    let restored = admin(case, Some(&kept.token), "POST", "backup/restore?target_time=latest&clean=true").await?;
    case.require("status of the restore", restored.status(), is(200))?;
    let after = structure(case).await?;
    for what in ["tables", "constraints", "indexes"] {
        let pointer = format!("/0/{what}");
        case.expect(format!("{what} after the restore"), after.at(&pointer), is(kept.structure.at(&pointer)));
    }

    case.step(6, "Within 1 hour the service is back");
    let opened = open(case, &kept.token, &kept.diagram).await?;
    case.expect("status of opening a diagram after the restore", opened.status(), is(200));
    case.expect("what is drawn in it", opened.at("/canvas_data"), is(kept.opened.at("/canvas_data")));
    let back = case.now().await? - lost;
    case.expect("time from the disaster to the first answer, in s", back, between(0.001, RTO));

    case.step(7, "Less than 5 minutes of data are lost");
    loss_is_small(case, &kept, (lost, &last)).await?;

    case.step(8, "The drill is repeated every quarter");
    repeated(case, &kept).await
}

async fn status(case: &mut Case, token: &str) -> Result<Reply, Stop> {
    let plan = admin(case, Some(token), "GET", "dr/status").await?;
    case.require("status of the plan", plan.status(), is(200))?;
    Ok(plan)
}

/// The control: before there is a backup nothing can be recovered, and nobody may claim so.
async fn nothing_meets_a_target(case: &mut Case, token: &str) -> Result<(), Stop> {
    let unknown = admin(case, Some(token), "POST", "dr/simulate?scenario=alien_invasion").await?;
    let refusal = such_that("a refusal", |status| refused(status) && status != 500);
    case.expect("status of a disaster that is not in the plan", unknown.status(), refusal);
    for scenario in ["complete_failure", "database_corruption", "storage_loss"] {
        let drill = admin(case, Some(token), "POST", &format!("dr/simulate?scenario={scenario}")).await?;
        case.expect(format!("status of {scenario} without backups"), drill.status(), is(200));
        for target in ["rto_met", "rpo_met"] {
            let met = drill.at(&format!("/simulation/metrics/{target}"));
            case.expect(format!("{target} of {scenario} without backups"), met, is(false));
        }
    }
    Ok(())
}

/// A drill recovers everything beside what is live, and measures it.
async fn rehearse(case: &mut Case, kept: &Kept) -> Result<(), Stop> {
    for scenario in ["complete_failure", "database_corruption"] {
        let drill = admin(case, Some(&kept.token), "POST", &format!("dr/simulate?scenario={scenario}")).await?;
        case.require(format!("status of the drill {scenario}"), drill.status(), is(200))?;
        case.expect("scenario of the drill", drill.at("/simulation/scenario"), is(scenario));
        let steps = drill.at("/simulation/steps").items();
        let ended = |wanted: &str| steps.iter().filter(|step| step.at("/status").text() == Some(wanted)).count();
        let (completed, failed, skipped) = (ended("completed"), ended("failed"), ended("skipped"));
        let sum = completed + failed + skipped;
        case.expect(format!("steps of {scenario} with an end"), sum, is(steps.len()));
        case.expect(format!("steps of {scenario} that were completed"), completed, at_least(1.0));
        case.expect(format!("steps of {scenario} that failed"), failed, is(0));
        let metric = |name: &str| drill.at(&format!("/simulation/metrics/{name}"));
        case.expect(format!("successful_steps of {scenario}"), metric("successful_steps"), is(completed));
        case.expect(format!("failed_steps of {scenario}"), metric("failed_steps"), is(failed));
        case.expect(format!("total_steps of {scenario}"), metric("total_steps"), is(steps.len()));
        case.expect(format!("minutes that {scenario} took"), metric("actual_recovery_minutes"), above(0.0));
        let whole = drill.ms().number().unwrap_or_default() / 60_000.0;
        case.expect(format!("minutes that {scenario} took"), metric("actual_recovery_minutes"), at_most(whole));
        case.expect(format!("minutes that {scenario} loses"), metric("estimated_data_loss_minutes"), between(0.0, 5.0));
        case.expect(format!("rto_met of {scenario}"), metric("rto_met"), is(true));
        case.expect(format!("rpo_met of {scenario}"), metric("rpo_met"), is(true));
    }
    is_as_before(case, "after drills", &kept.contents).await
}

/// Five minutes after the diagram was made: a last row, then services and database are gone. When, and the last row.
async fn lose_everything(case: &mut Case, user: &str, written: Moment) -> Result<(f64, String), Stop> {
    case.pass_until(written, Duration::from_secs_f64(RPO + 1.0)).await?;
    let last = case.word();
    case.execute(&[&format!("insert into audit_log (user_id, action) values ('{user}', '{last}')")]).await?;
    let lost = case.now().await?;
    for service in SERVICES {
        case.signal(service, Signal::Kill).await?;
        case.ended(service, Duration::from_secs(5)).await?;
    }
    case.wipe_server(Server::Postgres).await?;
    // What it held is gone with it.
    case.stop_server(Server::Redis).await?;
    for service in SERVICES {
        let health = case.health(service).await?;
        case.expect(format!("silence of {service}"), health.silence(), present());
    }
    let database = case.database_answers().await?;
    case.expect("whether the database answers", database, is(false));
    Ok((lost, last))
}

/// All that was five minutes old is there again; of the last moments something may be missing.
async fn loss_is_small(case: &mut Case, kept: &Kept, (lost, last): (f64, &str)) -> Result<(), Stop> {
    let found = case.rows(&format!("select action from audit_log where action = '{last}'")).await?;
    let survived = found.at("/0/action").text() == Some(last);
    let case_now = case.now().await?;
    // The row was written just before the disaster, so its age is what was lost with it.
    let loss = if survived { 0.0 } else { (case_now - lost).max(0.0) };
    case.expect("age of the oldest row that is lost, in s", loss, below(RPO));
    case.execute(&[&format!("delete from audit_log where action = '{last}'")]).await?;
    is_as_before(case, "that was older than 5 minutes, after the recovery", &kept.contents).await
}

/// On the first day of the next quarter the drill has been done again.
async fn repeated(case: &mut Case, kept: &Kept) -> Result<(), Stop> {
    let before = status(case, &kept.token).await?;
    let (now, next) = (moment(&before.at("/timestamp")), moment(&before.at("/next_dr_test")));
    let ahead = now.zip(next).map(|(now, next)| (next - now).as_seconds_f64());
    case.require("time until the next drill, in s", ahead, between(0.0, QUARTER))?;
    let first_day = such_that("a first day of January, April, July or October", |text| {
        text.as_str().and_then(parsed).is_some_and(|next| next.day() == 1 && next.month() % 3 == 1 && next.hour() == 0)
    });
    case.expect("time of the next drill", before.at("/next_dr_test"), first_day);
    let last = before.at("/last_dr_test").text().and_then(parsed);
    case.expect("last drill lies before now", last.zip(now).map(|(last, now)| last <= now), is_not(false));

    case.pass(Duration::from_secs_f64(ahead.unwrap_or_default().ceil() + 60.0)).await?;
    // The token of before has expired meanwhile.
    let actor = case.actor().await?;
    let token = case.token_of(&actor).await?;
    let due = next;
    let done = move |body: &Value| body["last_dr_test"].as_str().and_then(parsed) >= due;
    let path = "/api/admin/dr/status";
    let after = case.http(Service::Gateway).get(path).bearer(&token).until(DRILL, done).await?;
    let last = moment(&after.at("/last_dr_test"));
    let late = last.zip(due).map(|(last, due)| (last - due).as_seconds_f64());
    case.expect("time from the due date to the end of the drill, in s", late, between(0.0, 86_400.0));
    let following = moment(&after.at("/next_dr_test"));
    let quarter = following.zip(due).map(|(following, due)| (following - due).as_seconds_f64() / 86_400.0);
    case.expect("days from that drill to the next", quarter, between(90.0, 92.0));
    let actors = format!("delete from users where id = '{}'", actor.id);
    case.execute(&[&actors]).await?;
    is_as_before(case, "after the drill", &kept.contents).await
}

fn moment(text: &Seen) -> Option<DateTime<Utc>> {
    text.text().and_then(parsed)
}

/// A time as the services write it, with a zone or without.
fn parsed(text: &str) -> Option<DateTime<Utc>> {
    let zoned = DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc));
    zoned.or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc())).ok()
}
