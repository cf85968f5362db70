//! Feature 42: memory use is watched so that leaks are found early.

use super::memory_course::{ROUND, day_of_load, memory, stays_level};
use crate::check::{
    Case, Check, Seen, Stop, above, absent, at_least, below, between, is, one_of, present, such_that, within,
};
use crate::probe::Reply;
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Power, Service, Setup};
use serde_json::{Value, json};
use std::time::Duration;

/// Fields of `GET /test/memory` (contract, section 3.8).
const FIELDS: [&str; 8] = [
    "current_memory_mb",
    "baseline_memory_mb",
    "memory_growth_mb",
    "memory_percent",
    "system_memory_total_mb",
    "system_memory_available_mb",
    "warning_threshold_mb",
    "critical_threshold_mb",
];
/// How often memory is sampled.
const SAMPLED: Duration = Duration::from_secs(60);
/// How close to a threshold memory is brought, from below and from above.
const MARGIN_MB: f64 = 6.0;

pub const CHECK: Check = Check {
    feature: 42,
    revision: 5,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Auth])),
    needs: &[Need::Address(Service::Gateway), Need::TestEndpoints],
    control: "below the thresholds no sample warns",
    sabotage: &[
        set_variable("memory is sampled every ten minutes", Service::Gateway, "MEMORY_SAMPLE_SECONDS", "600"),
        set_variable("the warning comes at 5 GB", Service::Gateway, "MEMORY_WARNING_MB", "5120"),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "The service's memory at start-up is known as the baseline");
    let start = memory(case).await?;
    case.require("status of /test/memory", start.status(), is(200))?;
    reading_is_complete(case, &start)?;
    gauges_exist(case, &start).await?;
    agrees_with_the_system(case, &start).await?;

    case.step(2, "The service handles 1,000 requests");
    let load = case.http(Service::Gateway).get("/api/auth/health").times(ROUND, 8).await?;
    case.expect("answers to 1,000 requests", load.at("/answers"), is(json!({"200": ROUND})));

    case.step(3, "Memory use is read after those requests");
    let loaded = memory(case).await?;
    case.expect("status of /test/memory after the load", loaded.status(), is(200));
    let change = loaded.number("current_memory_mb") - start.number("current_memory_mb");
    // What has not been collected yet counts as well; what stays after collection is the next step's.
    case.expect("change of memory over the load, in MB", change, between(-100.0, 100.0));
    growth_adds_up(case, &loaded);
    baseline_stays(case, &start, &loaded);

    case.step(4, "After collection, memory is back near the baseline");
    allocation_is_given_back(case).await?;
    let collected = collection_reports(case).await?;
    let after = memory(case).await?;
    let growth = after.at("/memory_growth_mb");
    // As near as the contract's own check wants it (section 9.2); most of what was allocated just now is gone in any case.
    case.expect("growth against the baseline after collection, in MB", &growth, between(-100.0, 100.0));
    let kept = after.number("current_memory_mb") - loaded.number("current_memory_mb");
    baseline_stays(case, &start, &after);
    case.expect("memory kept of 74 MB that were allocated, in MB", kept, below(24.0));
    // What never moves was not read from anything.
    let [start_mb, loaded_mb, after_mb] = [&start, &loaded, &after].map(|one| one.number("current_memory_mb"));
    let readings =
        [start_mb, loaded_mb, collected.number("memory_before_mb"), collected.number("memory_after_mb"), after_mb];
    let moved = readings.iter().any(|&one| one != start_mb);
    case.expect("whether memory moved over 1,000 requests and 74 MB", moved, is(true));

    case.step(5, "The service runs for 24 hours");
    if case.has(Need::Clock) {
        let readings = day_of_load(case).await?;
        case.step(6, "Memory use stays level: there is no leak");
        stays_level(case, &readings);
    } else {
        case.step(6, "Memory use stays level: there is no leak");
        case.lacks(Need::Clock);
    }

    case.step(7, "Memory limits are noticed: warnings at the thresholds, and shortage does not end the service");
    case.needs(Need::Disposable)?;
    case.needs(Need::Log(Service::Gateway))?;
    limits_are_noticed(case, &start).await
}

async fn get(case: &mut Case, path: &str) -> Result<Reply, Stop> {
    case.http(Service::Gateway).get(path).send().await
}

fn reading_is_complete(case: &mut Case, reading: &Reply) -> Result<(), Stop> {
    for field in FIELDS {
        let number = such_that("a number", Value::is_number);
        case.require(format!("field {field}"), reading.body().key(field), number)?;
    }
    case.expect("baseline_memory_mb", reading.at("/baseline_memory_mb"), above(0.0));
    case.expect("current_memory_mb", reading.at("/current_memory_mb"), above(0.0));
    let share = 100.0 * reading.number("current_memory_mb") / reading.number("system_memory_total_mb");
    case.expect("memory_percent is current of total", reading.at("/memory_percent"), within(0.05, share));
    case.expect("warning_threshold_mb", reading.at("/warning_threshold_mb"), is(512));
    case.expect("critical_threshold_mb", reading.at("/critical_threshold_mb"), is(1024));
    let total = reading.number("system_memory_total_mb");
    case.expect("system_memory_available_mb", reading.at("/system_memory_available_mb"), between(1.0, total - 1.0));
    growth_adds_up(case, reading);
    let growth = reading.at("/memory_growth_mb");
    case.expect("growth at start-up, in MB", &growth, between(-100.0, 100.0));
    Ok(())
}

fn growth_adds_up(case: &mut Case, reading: &Reply) {
    let difference = reading.number("current_memory_mb") - reading.number("baseline_memory_mb");
    case.expect("memory_growth_mb is current minus baseline", reading.at("/memory_growth_mb"), within(0.1, difference));
}

/// What was in use at start-up does not change with what is in use now.
fn baseline_stays(case: &mut Case, start: &Reply, reading: &Reply) {
    let baseline = reading.at("/baseline_memory_mb");
    case.expect("baseline_memory_mb, which stays as it was", baseline, is(start.at("/baseline_memory_mb")));
}

async fn gauges_exist(case: &mut Case, start: &Reply) -> Result<(), Stop> {
    let scrape = case.scrape(Service::Gateway).await?;
    case.expect("status of /metrics", scrape.at("/status"), is(200));
    const MB: f64 = 1024.0 * 1024.0;
    let (current, total) = (start.number("current_memory_mb"), start.number("system_memory_total_mb"));
    // They show the last sample, which may be a minute old and even the one of the start (contract, section 3.5).
    let baseline = start.number("baseline_memory_mb");
    let (least, most) = (current.min(baseline) - 20.0, current.max(baseline) + 20.0);
    for (gauge, low, high) in [
        ("api_gateway_memory_usage_bytes", least * MB, most * MB),
        ("api_gateway_memory_usage_percent", least / total * 100.0, most / total * 100.0),
        ("api_gateway_memory_available_bytes", MB, (total - 1.0) * MB),
    ] {
        let family = scrape.at("/families").key(gauge);
        case.expect(format!("type of {gauge}"), family.at("/type"), is("gauge"));
        case.expect(gauge, family.at("/samples").key(gauge).at("/0/value"), between(low, high));
    }
    Ok(())
}

/// Where the process is on this machine, the operating system has the last word.
async fn agrees_with_the_system(case: &mut Case, reading: &Reply) -> Result<(), Stop> {
    if !case.can(Need::Control) {
        return Ok(());
    }
    let process = case.process(Service::Gateway).await?;
    if let Some(resident) = process.at("/resident_mb").number() {
        case.expect(
            "current_memory_mb, as the operating system has it",
            reading.at("/current_memory_mb"),
            within(8.0, resident),
        );
    }
    Ok(())
}

async fn allocation_is_given_back(case: &mut Case) -> Result<(), Stop> {
    for size in [10.0, 64.0] {
        let allocated = get(case, &format!("/test/memory/allocate?size_mb={size}")).await?;
        case.expect(format!("status of allocating {size} MB"), allocated.status(), is(200));
        case.expect("requested_size_mb", allocated.at("/requested_size_mb"), is(size));
        case.expect("actual_allocated_mb", allocated.at("/actual_allocated_mb"), within(0.2 * size, size));
        case.expect("gc_recovered_mb", allocated.at("/gc_recovered_mb"), between(0.0, 2.0 * size));
    }
    Ok(())
}

async fn collection_reports(case: &mut Case) -> Result<Reply, Stop> {
    let collected = get(case, "/test/memory/gc").await?;
    case.expect("status of collecting", collected.status(), is(200));
    case.expect("memory_before_mb", collected.at("/memory_before_mb"), above(0.0));
    case.expect("memory_after_mb", collected.at("/memory_after_mb"), above(0.0));
    let freed = collected.number("memory_before_mb") - collected.number("memory_after_mb");
    case.expect("memory_freed_mb is before minus after", collected.at("/memory_freed_mb"), within(0.1, freed));
    case.expect("gc_stats", collected.at("/gc_stats"), present());
    case.expect("gc_stats.collected", collected.at("/gc_stats/collected"), present());
    case.expect("gc_stats.uncollectable", collected.at("/gc_stats/uncollectable"), present());
    case.expect("gc_stats.total_collected", collected.at("/gc_stats/total_collected"), at_least(0.0));
    Ok(collected)
}

/// Memory that is held crosses the warning and the critical threshold; each is noticed at the next sample.
async fn limits_are_noticed(case: &mut Case, start: &Reply) -> Result<(), Stop> {
    let thresholds =
        Thresholds { warning: start.number("warning_threshold_mb"), critical: start.number("critical_threshold_mb") };
    let Thresholds { warning, critical } = thresholds;
    // Elsewhere memory may come in other portions than are asked for, and go by itself.
    let ours = case.can(Need::Power(Power::Configure));
    let sample = next_sample(case, |_| true).await?;
    // Samples below the thresholds are told at DEBUG (contract, section 3.8), and who runs a system above it has none.
    let told = sample.is_there() || ours;
    if told {
        thresholds.level_fits(case, &sample, "a sample before anything is allocated");
        case.expect("current_memory_mb of that sample", sample.at("/current_memory_mb"), below(warning));
    }

    let now = memory(case).await?.number("current_memory_mb");
    let more = (warning - now - MARGIN_MB).floor();
    grow(case, more).await?;
    if !ours && memory(case).await?.number("current_memory_mb") - now < more / 2.0 {
        return memory_is_not_held(case).await;
    }
    let sample = next_sample(case, |_| true).await?;
    if told || sample.is_there() {
        thresholds.level_fits(case, &sample, "a sample just below the warning threshold");
    }
    if ours {
        let just_below = between(warning - 3.0 * MARGIN_MB, warning);
        case.expect("current_memory_mb of that sample", sample.at("/current_memory_mb"), just_below);
    }
    reach(case, warning).await?;
    let sample = next_sample(case, |line| line["level"] == "WARNING").await?;
    if !ours && !sample.is_there() && memory(case).await?.number("current_memory_mb") < warning {
        return memory_is_not_held(case).await;
    }
    case.expect("level of a sample above the warning threshold", sample.at("/level"), is("WARNING"));
    case.expect("threshold_mb of that sample", sample.at("/threshold_mb"), is(warning));
    case.expect("current_memory_mb of that sample", sample.at("/current_memory_mb"), above(warning));
    case.expect("memory_growth_mb of that sample", sample.at("/memory_growth_mb"), above(100.0));
    let full = memory(case).await?;
    baseline_stays(case, start, &full);
    agrees_with_the_system(case, &full).await?;
    let scrape = case.scrape(Service::Gateway).await?;
    let gauge = scrape.at("/families/api_gateway_memory_usage_bytes/samples/api_gateway_memory_usage_bytes/0/value");
    case.expect("gauge after that sample, in bytes", &gauge, above(warning * 1024.0 * 1024.0));

    let now = memory(case).await?.number("current_memory_mb");
    grow(case, (critical - now - MARGIN_MB).floor()).await?;
    let sample = next_sample(case, |line| line["level"] != "DEBUG" && line["level"] != "INFO").await?;
    thresholds.level_fits(case, &sample, "a sample just below the critical threshold");
    if ours {
        case.expect("level of that sample", sample.at("/level"), is("WARNING"));
    }
    reach(case, critical).await?;
    let sample = next_sample(case, |line| line["level"] == "ERROR").await?;
    if !ours && !sample.is_there() && memory(case).await?.number("current_memory_mb") < critical {
        return memory_is_not_held(case).await;
    }
    case.expect("level of a sample above the critical threshold", sample.at("/level"), is("ERROR"));
    case.expect("threshold_mb of that sample", sample.at("/threshold_mb"), is(critical));

    let freed = get(case, "/test/memory/gc").await?;
    case.expect("memory that collection gave back, in MB", freed.at("/memory_freed_mb"), above(critical - 200.0));
    let mark = case.mark(Service::Gateway).await?;
    let sample = next_sample(case, |_| true).await?;
    if told {
        case.expect("current_memory_mb once it was given back", sample.at("/current_memory_mb"), below(warning));
    }
    // The sample is in the log: a warning about it would be there, too.
    let samples = case.all_lines(mark, &["current_memory_mb"], is_sample).await?;
    let warned: Vec<Value> =
        samples.iter().map(|line| line.at("/threshold_mb")).filter(Seen::is_there).map(Value::from).collect();
    case.expect("thresholds that samples warn of once it was given back", warned, absent());

    shortage_does_not_end_it(case).await
}

/// What is allocated is let go before the answer (contract, section 3.8), or before the sample that would see it.
async fn memory_is_not_held(case: &mut Case) -> Result<(), Stop> {
    case.lacks(Need::HeldMemory);
    shortage_does_not_end_it(case).await
}

async fn shortage_does_not_end_it(case: &mut Case) -> Result<(), Stop> {
    let refused = get(case, "/test/memory/allocate?size_mb=1000000000").await?;
    case.expect("status of asking for a million GB", refused.status(), between(400.0, 599.0));
    let alive = case.health(Service::Gateway).await?;
    case.expect("status of the service's health after that", alive.status(), is(200));
    Ok(())
}

/// The two thresholds, in MB.
#[derive(Clone, Copy)]
struct Thresholds {
    warning: f64,
    critical: f64,
}

impl Thresholds {
    /// A sample is as loud as the memory that it tells of demands.
    fn level_fits(self, case: &mut Case, sample: &Seen, what: &str) {
        let levels: &[&str] = match sample.at("/current_memory_mb").number() {
            Some(mb) if mb > self.critical => &["ERROR"],
            Some(mb) if mb > self.warning => &["WARNING"],
            _ => &["DEBUG", "INFO"],
        };
        case.expect(format!("level of {what}"), sample.at("/level"), one_of(levels.iter().copied()));
    }
}

/// Allocates until so much is in use, by what the service itself says.
async fn reach(case: &mut Case, threshold: f64) -> Result<(), Stop> {
    for _ in 0..4 {
        let now = memory(case).await?.number("current_memory_mb");
        if now > threshold + 1.0 {
            break;
        }
        grow(case, (threshold - now + MARGIN_MB).ceil()).await?;
    }
    Ok(())
}

async fn grow(case: &mut Case, size_mb: f64) -> Result<(), Stop> {
    let path = format!("/test/memory/allocate?size_mb={size_mb}&hold=true");
    // Half a gigabyte of pages takes its time on a busy machine.
    let grown = case.http(Service::Gateway).get(&path).deadline(Duration::from_secs(30)).send().await?;
    case.expect("status of allocating memory that stays", grown.status(), is(200));
    Ok(())
}

/// Lets the time between two samples pass: the sample's line in the log.
async fn next_sample(case: &mut Case, wanted: impl Fn(&Value) -> bool) -> Result<Seen, Stop> {
    let mark = case.mark(Service::Gateway).await?;
    case.until_waiting(Service::Gateway, "memory sample", 1).await?;
    case.pass(SAMPLED + Duration::from_millis(500)).await?;
    let lines = case.lines(mark, &["current_memory_mb"], |line| is_sample(line) && wanted(line)).await?;
    let line = lines.iter().rev().find(|line| line.at("/baseline_memory_mb").is_there());
    Ok(line.cloned().unwrap_or_else(|| case.silence()))
}

fn is_sample(line: &Value) -> bool {
    line["current_memory_mb"].is_number() && line["baseline_memory_mb"].is_number()
}
