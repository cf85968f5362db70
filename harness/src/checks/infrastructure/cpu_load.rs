//! The gateway under load, and what is seen of its CPU use before, meanwhile and after (contract, section 3.10).

use crate::check::{Case, Matcher, Seen, Stop, above, between, is, within};
use crate::probe::Reply;
use crate::target::{Need, Service};

pub(super) const GATEWAY: Service = Service::Gateway;
/// Hard work (contract, section 3.10).
pub(super) const STRESS: &str = "/test/cpu/stress";

pub(super) async fn look(case: &mut Case) -> Result<Reply, Stop> {
    case.http(GATEWAY).get("/test/cpu").send().await
}

/// The service's process, where the operating system can be asked about it.
pub(super) async fn process(case: &mut Case) -> Result<Option<Seen>, Stop> {
    if !case.can(Need::Control) {
        return Ok(None);
    }
    let process = case.process(GATEWAY).await?;
    Ok(process.at("/pid").is_there().then_some(process))
}

/// CPU seconds that the service has used, as the operating system has them.
pub(super) async fn used(case: &mut Case) -> Result<Option<f64>, Stop> {
    Ok(process(case).await?.map(|process| process.at("/cpu_seconds").number().unwrap_or(f64::NAN)))
}

/// What was used in between, where that is known.
pub(super) fn difference(before: Option<f64>, after: Option<f64>) -> Option<f64> {
    Some(after? - before?)
}

/// What is told under load, and what the operating system counts over the same time, in percent.
async fn reading(case: &mut Case) -> Result<(Reply, Option<f64>), Stop> {
    let before = process(case).await?;
    let loaded = look(case).await?;
    let after = process(case).await?;
    Ok((loaded, percent_between(before.as_ref(), after.as_ref())))
}

/// CPU use from one look at the process to another, as the operating system has it, in percent.
pub(super) fn percent_between(before: Option<&Seen>, after: Option<&Seen>) -> Option<f64> {
    let between_them = |pointer: &str| {
        let number = |seen: Option<&Seen>| Some(seen?.at(pointer).number().unwrap_or(f64::NAN));
        difference(number(before), number(after))
    };
    between_them("/cpu_seconds").zip(between_them("/at_seconds")).map(|(used, time)| used / time * 100.0)
}

/// As far as a service and the operating system may differ in what they count over nearly the same time.
pub(super) fn near(counted: f64) -> Matcher {
    between(0.4 * counted - 5.0, 2.5 * counted + 10.0)
}

/// What was seen of the service while it was under load, and before and after.
pub(super) struct Load {
    rest: Reply,
    loaded: Reply,
    /// What the operating system counts while `loaded` is answered, in percent.
    counted: Option<f64>,
    /// Whether the load was over by then.
    over: Seen,
    pub(super) stressed: Reply,
    /// How long it was asked for.
    seconds: f64,
    /// CPU seconds that had been used before.
    pub(super) before: Option<f64>,
    after: Option<f64>,
}

impl Load {
    fn increase(&self) -> f64 {
        self.stressed.number("cpu_after_percent") - self.stressed.number("cpu_before_percent")
    }

    /// Whether another load need not be tried.
    pub(super) fn shows_a_rise(&self) -> bool {
        self.loaded.number("process_cpu_percent") > least(&self.rest, self.counted) && self.increase() > 0.0
    }
}

/// What a reading under load must exceed, in percent.
fn least(rest: &Reply, counted: Option<f64>) -> f64 {
    // On a machine that is busy otherwise, the load gets little to use; then the rise is small, too.
    rest.number("process_cpu_percent") + counted.map_or(5.0, |counted| (0.3 * counted).min(5.0))
}

/// Puts the service under load; a rise shows in one of so many readings.
pub(super) async fn under_load(case: &mut Case, rest: Reply, seconds: f64, readings: usize) -> Result<Load, Stop> {
    case.step(2, "The service is put under heavy load");
    let before = used(case).await?;
    let pending = case.http(GATEWAY).get(&format!("{STRESS}?duration_seconds={seconds}&intensity=1")).start()?;
    let well = case.http(GATEWAY).get("/health").send().await?;
    case.expect("status of the service's health under load", well.status(), is(200));

    case.step(3, "The rise in CPU use is seen while the load lasts");
    let (mut loaded, mut counted) = reading(case).await?;
    for _ in 1..readings {
        if loaded.number("process_cpu_percent") > least(&rest, counted) {
            break;
        }
        (loaded, counted) = reading(case).await?;
    }
    let over = case.is_answered(&pending).await?;
    let stressed = case.answer(pending).await?;
    let after = used(case).await?;
    Ok(Load { rest, loaded, counted, over, stressed, seconds, before, after })
}

pub(super) fn rise_is_seen(case: &mut Case, load: &Load) {
    let Load { loaded, stressed, counted, .. } = load;
    let percent = loaded.at("/process_cpu_percent");
    case.expect("process_cpu_percent under load", &percent, above(least(&load.rest, *counted)));
    if let Some(counted) = counted {
        case.expect("process_cpu_percent, as the operating system has it", &percent, near(*counted));
    }
    let growth = loaded.number("process_cpu_percent") - loaded.number("baseline_cpu_percent");
    case.expect("cpu_growth_percent under load", loaded.at("/cpu_growth_percent"), within(0.02, growth));
    case.expect("load over by then", &load.over, is(false));
    case.expect("duration_seconds of the load", stressed.at("/duration_seconds"), is(load.seconds));
    let increase = stressed.at("/cpu_increase_percent");
    case.expect("cpu_increase_percent is after minus before", &increase, within(0.02, load.increase()));
    case.expect("cpu_increase_percent", increase, above(0.0));
    if let Some(counted) = difference(load.before, load.after) {
        case.expect("CPU seconds of the load, as the operating system has them", counted, above(0.03));
    }
}
