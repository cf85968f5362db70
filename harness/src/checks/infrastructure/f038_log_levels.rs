//! Feature 38: LOG_LEVEL sets for each service which of DEBUG, INFO, WARNING and ERROR it logs.

use super::log_line::LEVELS;
use crate::check::{Case, Check, Seen, Stop, absent, at_least, contains, is, one_of, present};
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Power, Service, Setup};
use serde_json::json;

/// A probe that writes one line of each level, the lowest first.
const PROBE: &str = "/test/logging";
/// The level of step 1, in either case.
const INFO: [&str; 2] = ["INFO", "info"];
/// Lines that every request leaves (contract, section 3.2).
const ROUTINE: [&str; 3] = ["Request received", "Request completed", "Response sent"];

pub const CHECK: Check = Check {
    feature: 38,
    revision: 2,
    setup: Setup::Own(
        Own::of(&[Service::Gateway, Service::Auth])
            .set(&[(Service::Auth, "LOG_LEVEL", "INFO"), (Service::Gateway, "LOG_LEVEL", "ERROR")]),
    ),
    needs: &[Need::Address(Service::Auth), Need::Log(Service::Auth), Need::TestEndpoints],
    control: "lines at the level and above it are there each time that one below it is not",
    sabotage: &[
        set_variable("auth-service logs at DEBUG instead of INFO", Service::Auth, "LOG_LEVEL", "DEBUG"),
        set_variable("the gateway logs at DEBUG instead of ERROR", Service::Gateway, "LOG_LEVEL", "DEBUG"),
        set_variable("a module's level lets everything through", Service::Auth, "LOG_LEVELS", "auth.routes=DEBUG"),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    let ours = case.can(Need::Power(Power::Configure));
    case.step(1, "A service runs with `LOG_LEVEL=INFO`");
    if ours {
        let start = case.log_start(Service::Auth);
        let lines = case.all_lines(start, &["\"level\""], |_| true).await?;
        let below = lines.iter().filter(|line| line.at("/level").text() == Some("DEBUG")).count();
        case.expect("lines since the start of the service", lines.len(), at_least(1.0));
        case.expect("DEBUG lines since the start of the service", below, is(0));
    } else {
        let reply = case.http(Service::Auth).get(PROBE).send().await?;
        let level = reply.at("/current_log_level");
        // Elsewhere a service runs at the level that its people gave it, and the probe tells what its variable says, or
        // what holds without one (contract, section 3.9).
        if !level.text().is_some_and(|level| INFO.contains(&level)) {
            return Err(Stop::Needs(Need::Power(Power::Configure)));
        }
        case.expect("level that the service says it has", level, one_of(INFO));
    }

    case.step(2, "The service is made to log at DEBUG");
    let shown = logged(case).await?;
    case.expect("level that the service says it has", &shown.said_level, one_of(INFO));
    case.expect("levels that the service was made to log at", &shown.made, is(json!(LEVELS)));

    case.step(3, "No DEBUG line appears");
    case.expect("levels of the lines at LOG_LEVEL=INFO", shown.levels(), is(json!(["INFO", "WARNING", "ERROR"])));
    if ours {
        no_line_below_error(case).await?;
    }

    case.step(4, "The service is made to log at INFO");
    let shown = logged(case).await?;
    case.expect("levels that the service was made to log at", &shown.made, is(json!(LEVELS)));

    case.step(5, "The INFO line appears");
    case.expect("INFO lines of the probe", shown.of_probe("INFO").len(), at_least(1.0));
    case.expect("levels of all lines of its request", shown.levels(), is(json!(["INFO", "WARNING", "ERROR"])));

    case.step(6, "The level is changed to `LOG_LEVEL=DEBUG`");
    case.needs(Need::Disposable)?;
    case.needs(Need::Power(Power::Configure))?;
    // From the strictest to the most talkative, and words that are no level.
    for (word, levels) in [("ERROR", &LEVELS[3..]), ("warning", &LEVELS[2..]), ("chatty", &LEVELS[1..])] {
        restart(case, &[("LOG_LEVEL", Some(word))]).await?;
        let shown = logged(case).await?;
        case.expect("level that the service says it has", &shown.said_level, is(word));
        case.expect(format!("levels of the lines at LOG_LEVEL={word}"), shown.levels(), is(json!(levels)));
    }
    restart(case, &[("LOG_LEVEL", Some("DEBUG"))]).await?;
    let shown = logged(case).await?;
    case.expect("level that the service says it has now", &shown.said_level, is("DEBUG"));

    case.step(7, "DEBUG lines appear from now on");
    case.expect("levels of the lines at LOG_LEVEL=DEBUG", shown.levels(), is(json!(LEVELS)));
    case.expect("DEBUG lines of the probe", shown.of_probe("DEBUG").len(), at_least(1.0));
    let again = logged(case).await?;
    case.expect("levels of the lines of another request", again.levels(), is(json!(LEVELS)));
    // The other service has a level of its own, and keeps it.
    no_line_below_error(case).await?;

    case.step(8, "One module can have a level of its own");
    let module = shown.of_probe("DEBUG").first().map(|line| line.at("/module"));
    let module = module.unwrap_or_else(|| case.silence());
    case.require("module that the probe's lines name", &module, present())?;
    let module = module.text().unwrap_or_default().to_owned();
    module_at(case, &module).await
}

/// What one request to the probe left in the log.
struct Logged {
    said_level: Seen,
    made: Seen,
    lines: Vec<Seen>,
}

impl Logged {
    /// The levels of the lines, the lowest first.
    fn levels(&self) -> Vec<&'static str> {
        let there = |level: &&str| self.lines.iter().any(|line| line.at("/level").text() == Some(level));
        LEVELS.into_iter().filter(there).collect()
    }

    /// The probe's own lines of a level: not those that every request leaves.
    fn of_probe(&self, level: &str) -> Vec<&Seen> {
        let own = |line: &&Seen| !line.at("/message").text().is_some_and(|message| ROUTINE.contains(&message));
        self.lines.iter().filter(|line| line.at("/level").text() == Some(level)).filter(own).collect()
    }

    /// The levels of the lines that a module wrote, or that all others wrote.
    fn levels_of(&self, module: &str, wrote: bool) -> Vec<&'static str> {
        let lines = self.lines.iter().filter(|line| (line.at("/module").text() == Some(module)) == wrote);
        let lines = lines.cloned().collect();
        Logged { said_level: self.said_level.clone(), made: self.made.clone(), lines }.levels()
    }
}

/// Has the service write a line of each level and brings all lines of that request, once the last of them is there.
async fn logged(case: &mut Case) -> Result<Logged, Stop> {
    let (id, mark) = (case.id(), case.mark(Service::Auth).await?);
    let reply = case.http(Service::Auth).get(PROBE).header("x-correlation-id", &id).send().await?;
    case.expect("status of the probe that logs", reply.status(), is(200));
    // The ERROR line is the last of the four, and no level hides it.
    let lines = case.all_lines(mark, &[&id], |line| line["level"] == "ERROR").await?;
    for line in &lines {
        case.expect("level of a line of that request", line.at("/level"), one_of(LEVELS));
    }
    Ok(Logged { said_level: reply.at("/current_log_level"), made: reply.at("/levels"), lines })
}

/// Ends auth-service and starts it anew with these variables.
async fn restart(case: &mut Case, variables: &[(&str, Option<&str>)]) -> Result<(), Stop> {
    case.stop_service(Service::Auth).await?;
    case.start_service_with(Service::Auth, variables).await
}

/// The gateway, at ERROR, is silent about a request that goes well, and writes an ERROR when one does not.
async fn no_line_below_error(case: &mut Case) -> Result<(), Stop> {
    if !case.can(Need::Address(Service::Gateway)) || !case.can(Need::Log(Service::Gateway)) {
        return Ok(());
    }
    let actor = case.actor().await?;
    let token = case.token_of(&actor).await?;
    let (id, mark) = (case.id(), case.mark(Service::Gateway).await?);
    let well = case.http(Service::Gateway).get("/api/auth/test/logging").header("x-correlation-id", &id).send().await?;
    case.expect("status of a request through the gateway", well.status(), is(200));
    // Nobody listens where git-service should be.
    let request = case.http(Service::Gateway).get("/api/git/health").bearer(&token);
    let ill = request.header("x-correlation-id", &id).send().await?;
    case.expect("status of a request to a service that is away", ill.status(), is(503));
    let lines = case.all_lines(mark, &[&id], |line| line["level"] == "ERROR").await?;
    case.expect("lines of the gateway, which runs at ERROR", lines.len(), at_least(1.0));
    for line in &lines {
        case.expect("level of a line of the gateway, which runs at ERROR", line.at("/level"), is("ERROR"));
    }
    Ok(())
}

/// A module is silenced with all below it while the others talk, and another talks while the others are silent.
async fn module_at(case: &mut Case, module: &str) -> Result<(), Stop> {
    let above = module.rsplit_once('.').map_or(module, |(above, _)| above);
    let silenced = format!("{above}=ERROR");
    restart(case, &[("LOG_LEVEL", Some("DEBUG")), ("LOG_LEVELS", Some(&silenced))]).await?;
    let shown = logged(case).await?;
    let words = "levels of the module's lines";
    case.expect(format!("{words} at LOG_LEVELS={silenced}"), shown.levels_of(module, true), is(json!(["ERROR"])));
    case.expect(
        format!("levels of the other lines at LOG_LEVELS={silenced}"),
        shown.levels_of(module, false),
        contains("INFO"),
    );
    let talking = format!("{module}=DEBUG");
    restart(case, &[("LOG_LEVEL", Some("ERROR")), ("LOG_LEVELS", Some(&talking))]).await?;
    let shown = logged(case).await?;
    case.expect(format!("{words} at LOG_LEVELS={talking}"), shown.levels_of(module, true), is(json!(LEVELS)));
    let others = shown.levels_of(module, false);
    case.expect(format!("levels of the other lines at LOG_LEVELS={talking}"), others, absent());
    Ok(())
}
