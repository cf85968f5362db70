//! Feature 43: CPU use is watched so that bottlenecks are found.

use super::cpu_load::{
    GATEWAY, Load, STRESS, difference, look, near, percent_between, process, rise_is_seen, under_load, used,
};
use super::dearest_operation::dearest;
use crate::check::{Case, Check, Seen, Stop, above, absent, at_least, below, between, is, one_of, such_that, within};
use crate::probe::Reply;
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Power, Service, Setup};
use serde_json::{Value, json};
use std::time::Duration;

/// How long hard work lasts here, in seconds.
const SECONDS: f64 = 1.0;
/// Fields of `GET /test/cpu` (contract, section 3.10).
const FIELDS: [&str; 8] = [
    "process_cpu_percent",
    "baseline_cpu_percent",
    "cpu_growth_percent",
    "system_cpu_percent",
    "cpu_count_logical",
    "cpu_count_physical",
    "warning_threshold_percent",
    "critical_threshold_percent",
];
/// How often CPU use is sampled.
const SAMPLED: Duration = Duration::from_secs(60);
/// The same load for the dear way and the cheap way (docs/monitoring.md): the primes up to here and a drawn bit further.
const UP_TO: u32 = 290_000;
const FURTHER: u32 = 20_000;
/// Hard work that is asked for at the same time; no service takes on so much at once.
const LASTING: usize = 6;
/// A service that lets hard work wait needs at least this long for all of it, in ms.
const WAITED_MS: f64 = 2500.0;

pub const CHECK: Check = Check {
    feature: 43,
    revision: 7,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Auth])),
    needs: &[Need::Address(Service::Gateway), Need::TestEndpoints],
    control: "at rest little CPU is used and no sample warns; both ways of the work come to the same result",
    sabotage: &[
        set_variable("the gateway takes on any amount of hard work", Service::Gateway, "CPU_HARD_WORK_AT_ONCE", "100"),
        set_variable("CPU use is sampled every ten minutes", Service::Gateway, "CPU_SAMPLE_SECONDS", "600"),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "GET /test/cpu gives the CPU use at rest as the baseline");
    let first = sampled(case).await?;
    let rest = look(case).await?;
    case.require("status of /test/cpu", rest.status(), is(200))?;
    reading_is_complete(case, &rest)?;
    // The first sample has the start of the service in it; the next begins where that ended.
    let calm = if first.is_some() { rest_is_sampled(case).await? } else { None };

    // Elsewhere the work may be begun a while after the request.
    let ours = case.can(Need::Power(Power::Configure));
    let (seconds, readings, loads) = if ours { (SECONDS, 1, 3) } else { (3.0 * SECONDS, 5, 1) };
    let mut load = under_load(case, rest, seconds, readings).await?;
    let before = load.before;
    // On a busy machine rest and load are hard to tell apart over a second.
    for _ in 1..loads {
        if load.shows_a_rise() {
            break;
        }
        let rest = look(case).await?;
        load = under_load(case, rest, seconds, readings).await?;
    }
    rise_is_seen(case, &load);
    rise_is_sampled(case, calm.as_ref()).await?;
    let Load { stressed, .. } = load;

    case.step(2, "The service is put under heavy load");
    case.require("status of the load", stressed.status(), is(200))?;
    case.expect("primes_calculated", stressed.at("/primes_calculated"), at_least(1000.0));
    case.expect("time that the load lasted, in ms", stressed.ms(), at_least(1000.0 * seconds));

    case.step(4, "The operations that need the most CPU can be named");
    operations_are_named(case, before).await?;

    case.step(5, "A hot code path is made cheaper");
    let up_to = UP_TO + case.drawn_below(FURTHER);
    let dear = primes(case, "trial", up_to).await?;
    if !dear.reply.at("/cpu_seconds").is_there() {
        // No black-box run can settle this where nothing can be made cheaper (contract, section 11.1).
        case.lacks(Need::TwoWays);
        case.step(6, "The same load then uses less CPU");
        case.lacks(Need::TwoWays);
        case.step(7, "Under lasting load the service throttles and still answers");
        return lasting_load(case, false).await;
    }
    let cheap = primes(case, "sieve", up_to).await?;
    let wanted = number_of_primes(up_to);
    for (way, work) in [("the dear way", &dear), ("the cheap way", &cheap)] {
        case.require(format!("status of {way}"), work.reply.status(), is(200))?;
        let counted = work.reply.at("/primes_calculated");
        case.expect(format!("primes up to a drawn number, {way}"), counted, is(wanted));
    }

    case.step(6, "The same load then uses less CPU");
    less_is_used(case, &dear, &cheap);

    case.step(7, "Under lasting load the service throttles and still answers");
    lasting_load(case, true).await
}

fn reading_is_complete(case: &mut Case, reading: &Reply) -> Result<(), Stop> {
    for field in FIELDS {
        case.require(format!("field {field}"), reading.body().key(field), such_that("a number", Value::is_number))?;
    }
    case.expect("baseline_cpu_percent", reading.at("/baseline_cpu_percent"), between(0.0, 100.0));
    case.expect("process_cpu_percent at rest", reading.at("/process_cpu_percent"), between(0.0, 50.0));
    case.expect("system_cpu_percent", reading.at("/system_cpu_percent"), between(0.0, 100.0));
    let growth = reading.number("process_cpu_percent") - reading.number("baseline_cpu_percent");
    case.expect(
        "cpu_growth_percent is process minus baseline",
        reading.at("/cpu_growth_percent"),
        within(0.02, growth),
    );
    case.expect("warning_threshold_percent", reading.at("/warning_threshold_percent"), is(70));
    case.expect("critical_threshold_percent", reading.at("/critical_threshold_percent"), is(90));
    let logical = reading.number("cpu_count_logical");
    case.expect("cpu_count_logical", reading.at("/cpu_count_logical"), at_least(1.0));
    case.expect("cpu_count_physical", reading.at("/cpu_count_physical"), between(1.0, logical));
    Ok(())
}

/// The line of the next sample; nothing where the log cannot be read, or nobody may wait for it.
async fn sampled(case: &mut Case) -> Result<Option<Seen>, Stop> {
    if !case.can(Need::Log(GATEWAY)) {
        return Ok(None);
    }
    let wait = Need::Patience(SAMPLED + Duration::from_millis(500));
    if !case.can(wait) && !case.can(Need::Clock) {
        case.lacks(wait);
        return Ok(None);
    }
    let mark = case.mark(GATEWAY).await?;
    case.until_waiting(GATEWAY, "cpu sample", 1).await?;
    case.pass(SAMPLED + Duration::from_millis(500)).await?;
    let fields = ["current_cpu_percent", "baseline_cpu_percent", "cpu_growth_percent"];
    let line = case.line_with(mark, "current_cpu_percent", &fields).await?;
    if line.is_there() || case.can(Need::Power(Power::Configure)) {
        return Ok(Some(line));
    }
    // Samples are told at DEBUG (contract, section 3.10), and who runs a system above it has no such line.
    case.observed_as("what the probe tells; no line about a sample was written, as is right above DEBUG");
    Ok(None)
}

/// A sample is as loud as its value demands.
fn level_fits(case: &mut Case, sample: &Seen, what: &str) {
    let percent = sample.at("/current_cpu_percent").number();
    let growth = percent.unwrap_or(f64::NAN) - sample.at("/baseline_cpu_percent").number().unwrap_or(f64::NAN);
    case.expect(format!("cpu_growth_percent of {what}"), sample.at("/cpu_growth_percent"), within(0.02, growth));
    let (level, threshold, mark) = match percent {
        Some(percent) if percent > 90.0 => (is("ERROR"), is(90), Some("/performance_bottleneck")),
        Some(percent) if percent > 70.0 => (is("WARNING"), is(70), Some("/performance_warning")),
        _ => (one_of(["DEBUG", "INFO"]), absent(), None),
    };
    case.expect(format!("level of {what}"), sample.at("/level"), level);
    case.expect(format!("threshold_percent of {what}"), sample.at("/threshold_percent"), threshold);
    if let Some(mark) = mark {
        case.expect(format!("{mark} of {what}"), sample.at(mark), is(true));
    }
}

/// A sample that was taken at rest.
struct Calm {
    /// In percent.
    used: f64,
    /// The process right after it, where the operating system can be asked about it.
    process: Option<Seen>,
}

async fn rest_is_sampled(case: &mut Case) -> Result<Option<Calm>, Stop> {
    let Some(sample) = sampled(case).await? else {
        return Ok(None);
    };
    let process = process(case).await?;
    level_fits(case, &sample, "a sample at rest");
    let percent = sample.at("/current_cpu_percent");
    case.expect("CPU use of a sample at rest, in percent", &percent, between(0.0, 70.0));
    Ok(Some(Calm { used: percent.number().unwrap_or(f64::NAN), process }))
}

/// The gauge and the line of the next sample show the load.
async fn rise_is_sampled(case: &mut Case, calm: Option<&Calm>) -> Result<(), Stop> {
    let (Some(calm), Some(sample)) = (calm, sampled(case).await?) else {
        return Ok(());
    };
    level_fits(case, &sample, "the sample after the load");
    let percent = sample.at("/current_cpu_percent");
    let counted = percent_between(calm.process.as_ref(), process(case).await?.as_ref());
    // On a busy machine a load gets so little to use that no rise is there to be sampled.
    let rest = counted.map_or(calm.used, |counted| calm.used.min(0.4 * counted));
    case.expect("CPU use of the sample after the load", &percent, above(rest));
    if let Some(counted) = counted {
        case.expect("CPU use of that sample, as the operating system has it", &percent, near(counted));
    }
    let sampled = percent.number().unwrap_or(f64::NAN);
    let gauge = case.sample(GATEWAY, "api_gateway_cpu_usage_percent", &[]).await?;
    case.expect("api_gateway_cpu_usage_percent after that sample", gauge, within(0.01, sampled));
    for minutes in ["1m", "5m", "15m"] {
        let gauge = format!("api_gateway_cpu_load_average_{minutes}");
        let load = case.sample(GATEWAY, &gauge, &[]).await?;
        case.expect(gauge, load, between(0.0, 10_000.0));
    }
    Ok(())
}

/// CPU seconds charged to a path.
async fn charged(case: &mut Case, path: &str) -> Result<f64, Stop> {
    let seconds = case.sample(GATEWAY, "api_gateway_cpu_seconds_total", &[("path", path)]).await?;
    Ok(seconds.number().unwrap_or(f64::NAN))
}

async fn operations_are_named(case: &mut Case, before: Option<f64>) -> Result<(), Stop> {
    let after = used(case).await?;
    let named = look(case).await?;
    let operations = named.at("/top_operations");
    if !operations.at("/0/path").is_there() {
        return named_in_another_way(case, &named);
    }
    case.expect("the operation that has used the most CPU", operations.at("/0/path"), is(STRESS));
    case.expect("its method", operations.at("/0/method"), is("GET"));
    if let Some(counted) = difference(before, after) {
        let nearly = between(0.5 * counted - 0.05, counted + 0.05);
        case.expect("its CPU seconds, as the operating system has them", operations.at("/0/cpu_seconds"), nearly);
    }
    let seconds: Vec<f64> =
        operations.items().iter().map(|one| one.at("/cpu_seconds").number().unwrap_or(f64::NAN)).collect();
    let descending = seconds.windows(2).all(|pair| pair[0] >= pair[1]);
    case.expect("operations in order, the dearest first", descending, is(true));
    let stress = operations.at("/0/cpu_seconds").number().unwrap_or(f64::NAN);
    let (counted, of_health) = (charged(case, STRESS).await?, charged(case, "/health").await?);
    case.expect("its CPU seconds under /metrics", counted, within(0.01, stress));
    case.expect("CPU seconds of the health check", of_health, between(0.0, stress / 2.0));
    Ok(())
}

/// The contract names no field for it: any will do that names the load, and first or with the largest number where it
/// names several operations.
fn named_in_another_way(case: &mut Case, answer: &Reply) -> Result<(), Stop> {
    let body = answer.body();
    let dearest: Vec<Value> = body.keys().into_iter().map(|field| dearest(body.key(&field).value())).collect();
    let load = such_that(format!("one of them names {STRESS}"), |fields| {
        fields.as_array().is_some_and(|all| all.iter().any(|dearest| dearest.to_string().contains(STRESS)))
    });
    case.expect("what comes first in the fields of /test/cpu's answer", dearest, load);
    Ok(())
}

/// The same load, done in one way.
struct Work {
    reply: Reply,
    /// As the operating system has it.
    used: Option<f64>,
    /// As the service charges it to the operation.
    charged: f64,
}

async fn primes(case: &mut Case, algorithm: &str, up_to: u32) -> Result<Work, Stop> {
    let (used_before, charged_before) = (used(case).await?, charged(case, STRESS).await?);
    let path = format!("{STRESS}?algorithm={algorithm}&up_to={up_to}");
    let reply = case.http(GATEWAY).get(&path).send().await?;
    let (used, charged) = (difference(used_before, used(case).await?), charged(case, STRESS).await? - charged_before);
    Ok(Work { reply, used, charged })
}

/// By the sieve of Eratosthenes.
fn number_of_primes(up_to: u32) -> usize {
    let mut is_prime = vec![true; up_to as usize + 1];
    for number in 2..is_prime.len() {
        if is_prime[number] {
            let multiples = is_prime.iter_mut().step_by(number).skip(2);
            multiples.for_each(|multiple| *multiple = false);
        }
    }
    is_prime.iter().skip(2).filter(|&&prime| prime).count()
}

fn less_is_used(case: &mut Case, dear: &Work, cheap: &Work) {
    let seconds = dear.reply.number("cpu_seconds");
    case.expect("CPU seconds of the dear way", dear.reply.at("/cpu_seconds"), above(0.01));
    case.expect("CPU seconds of the cheap way", cheap.reply.at("/cpu_seconds"), between(0.0, seconds / 2.0));
    case.expect("CPU seconds charged for the dear way", dear.charged, within(0.02 + 0.2 * seconds, seconds));
    case.expect("CPU seconds charged for the cheap way", cheap.charged, below(dear.charged / 2.0));
    if let (Some(dear), Some(cheap)) = (dear.used, cheap.used) {
        let nearly = within(0.05 + 0.3 * dear, seconds);
        case.expect("CPU seconds of the dear way, as the operating system has them", dear, nearly);
        let less = below(dear / 1.5 + 0.01);
        case.expect("CPU seconds of the cheap way, as the operating system has them", cheap, less);
    }
}

async fn lasting_load(case: &mut Case, counts_to: bool) -> Result<(), Stop> {
    let path = format!("{STRESS}?duration_seconds={SECONDS}");
    let mut under_way = Vec::new();
    for _ in 0..LASTING {
        under_way.push(case.http(GATEWAY).get(&path).deadline(Duration::from_secs(60)).start()?);
    }
    let health = case.http(GATEWAY).get("/health").times(10, 2).await?;
    case.expect("answers of its health under lasting load", health.at("/answers"), is(json!({"200": 10})));
    let behind = case.http(GATEWAY).get("/api/auth/health").send().await?;
    case.expect("status of a service behind it under lasting load", behind.status(), is(200));
    let mut over = Vec::new();
    for pending in &under_way {
        over.push(case.is_answered(pending).await?.value().clone());
    }
    case.expect(
        "load over by then",
        json!(over),
        such_that("not all of it", |over| over.as_array().is_some_and(|all| all.iter().any(|one| one == false))),
    );

    let (mut done, mut refused, mut longest) = (0, 0, 0.0_f64);
    for pending in under_way {
        let reply = case.answer(pending).await?;
        case.expect("status of hard work under lasting load", reply.status(), one_of([200, 429, 503]));
        longest = longest.max(reply.ms().number().unwrap_or(0.0));
        if *reply.status().value() == json!(200) {
            done += 1;
            continue;
        }
        refused += 1;
    }
    case.expect("hard work that was done all the same", done, at_least(1.0));
    let throttled = json!({"refused": refused, "ms": longest});
    case.expect(
        "hard work that was refused, or had to wait",
        throttled,
        such_that("some of it", |seen| seen["refused"].as_f64() > Some(0.0) || seen["ms"].as_f64() >= Some(WAITED_MS)),
    );

    let short = if counts_to { "up_to=100" } else { "duration_seconds=1" };
    let after = case.http(GATEWAY).get(&format!("{STRESS}?{short}")).send().await?;
    case.expect("status of hard work once the load is over", after.status(), is(200));
    if counts_to {
        case.expect("primes up to 100", after.at("/primes_calculated"), is(25));
    }
    let once = look(case).await?;
    let again = look(case).await?;
    case.expect("baseline, which stays", again.at("/baseline_cpu_percent"), is(once.at("/baseline_cpu_percent")));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_counted_as_the_tables_have_them() {
        for (up_to, wanted) in [(0, 0), (2, 1), (3, 2), (10, 4), (1_000, 168), (300_000, 25_997)] {
            assert_eq!(number_of_primes(up_to), wanted, "up to {up_to}");
        }
    }
}
