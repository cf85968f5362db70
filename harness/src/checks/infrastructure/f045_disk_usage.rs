//! Feature 45: how full the storage is, is watched, and an alert comes before it is full.

use crate::check::{Case, Check, Seen, Stop, above, absent, between, is, one_of, present, such_that};
use crate::probe::{Filler, Mark, Reply, Store};
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Part, Power, Server, Service, Setup};
use serde_json::Value;
use std::time::Duration;

/// The file of 100 MB, in bytes.
const LARGE: f64 = 104_857_600.0;
/// What is stored beside it, so that 80 % of the capacity are reached by this much and no less.
const BESIDE: usize = 1000;
/// Of this, 80 % are the large file and what is beside it.
const CAPACITY: &str = "131073250";
/// A gateway looks at its disks this often.
const SAMPLED: Duration = Duration::from_secs(300);
const BUCKETS: [&str; 3] = ["diagrams", "exports", "uploads"];
const ALERTS: &str = "api_gateway_disk_alert_triggered_total";

pub const CHECK: Check = Check {
    feature: 45,
    revision: 3,
    setup: Setup::Own(Own::of(&[Service::Gateway]).with(&[Part::ObjectStore]).set(&[(
        Service::Gateway,
        "STORAGE_CAPACITY_BYTES",
        CAPACITY,
    )])),
    needs: &[Need::ObjectStore, Need::Address(Service::Gateway), Need::TestEndpoints],
    control: "one byte below 80 % raises no alert, and other buckets stay as they are",
    sabotage: &[
        set_variable("80 % are not yet enough for an alert", Service::Gateway, "DISK_CRITICAL_PERCENT", "80.0001"),
        set_variable("an alert is raised just below 80 %", Service::Gateway, "DISK_CRITICAL_PERCENT", "79.999"),
        set_variable("the capacity is taken for larger", Service::Gateway, "STORAGE_CAPACITY_BYTES", "131073300"),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "GET /test/disk gives the disk use of MinIO");
    if case.can(Need::Power(Power::Configure)) {
        // A store that was just started has none. That others have theirs is what feature 6 is about.
        for bucket in BUCKETS {
            let made = case.store(Store::Main).make_bucket(bucket).send().await?;
            case.require(format!("status of making `{bucket}`"), made.status(), one_of([200, 409]))?;
        }
    }
    let before = disk(case).await?;
    case.require("status of GET /test/disk", before.status(), is(200))?;
    shows_everything(case, &before);
    counts_objects(case, &before).await?;

    case.step(2, "A file of 100 MB is stored");
    let nowhere = case.word();
    let refused = post(case, &format!("/test/disk/upload?size_mb=1&bucket={nowhere}")).await?;
    case.expect("status of storing into a bucket that is not there", refused.status(), is(400));
    let stored = post(case, "/test/disk/upload?size_mb=100").await?;
    case.require("status of storing 100 MB", stored.status(), is(200))?;
    case.expect("its size in bytes", stored.at("/size_bytes"), is(LARGE));
    case.expect("its size in MB", stored.at("/size_mb"), is(100));
    case.expect("its bucket", stored.at("/bucket"), is("uploads"));
    let name = stored.at("/filename").text().unwrap_or_default().to_owned();
    let listed = case.store(Store::Main).list("uploads", &name).send().await?;
    case.expect("size of the object in the store", listed.seen("/found/0/size"), is(LARGE));

    case.step(3, "The reported disk use has risen");
    let during = disk(case).await?;
    let rise = size(&during, "uploads") - size(&before, "uploads");
    case.expect("rise of `uploads`, in bytes", rise, is(LARGE));
    case.expect("rise of `diagrams`, in bytes", size(&during, "diagrams") - size(&before, "diagrams"), is(0.0));
    gauge_follows(case, &during).await?;

    case.step(4, "The file is deleted again");
    let deleted = clean_up(case, &name).await?;
    case.expect("status of deleting it", deleted.status(), is(200));
    case.expect("what was deleted", deleted.at("/filename"), is(name.as_str()));
    let gone = case.store(Store::Main).head("uploads", &name).send().await?;
    case.expect("status of the object in the store", gone.status(), is(404));

    case.step(5, "The reported disk use has fallen");
    let after = disk(case).await?;
    case.expect("size of `uploads`, in bytes", size(&after, "uploads"), is(size(&before, "uploads")));
    gauge_follows(case, &before).await?;
    a_store_that_is_away_stalls_nothing(case).await?;

    case.step(6, "The alert threshold is 80 % of the capacity");
    case.expect("threshold of the alert, in %", after.at("/configuration/alert_threshold_percent"), is(80));
    let own_store = Need::Part(Part::ObjectStore);
    if !case.can(own_store) {
        // The threshold is stated, and nobody fills a store that is not the check's own.
        case.step(7, "An alert is raised when the threshold is reached");
        return case.needs(own_store);
    }
    let name = just_below(case).await?;

    case.step(7, "An alert is raised when the threshold is reached");
    case.needs(own_store)?;
    reached_and_left(case, &name).await
}

async fn disk(case: &mut Case) -> Result<Reply, Stop> {
    case.http(Service::Gateway).get("/test/disk").send().await
}

async fn post(case: &mut Case, path: &str) -> Result<Reply, Stop> {
    case.http(Service::Gateway).post(path).deadline(Duration::from_secs(30)).send().await
}

async fn clean_up(case: &mut Case, name: &str) -> Result<Reply, Stop> {
    let path = format!("/test/disk/cleanup?bucket=uploads&filename={name}");
    case.http(Service::Gateway).method("DELETE", &path).send().await
}

/// What a bucket holds, in bytes; NaN where the report does not say.
fn size(report: &Reply, bucket: &str) -> f64 {
    let buckets = report.at("/minio_storage").items();
    let ours = buckets.iter().find(|one| one.at("/bucket").text() == Some(bucket));
    ours.and_then(|one| one.at("/size_bytes").number()).unwrap_or(f64::NAN)
}

fn shows_everything(case: &mut Case, report: &Reply) {
    for bucket in BUCKETS {
        case.expect(format!("size of `{bucket}`, in bytes"), size(report, bucket), between(0.0, 1e15));
    }
    let local = report.at("/local_disk");
    let number = |name: &str| local.key(name).number().unwrap_or(f64::NAN);
    case.expect("capacity of the local disk, in bytes", local.at("/total_bytes"), above(0.0));
    // Of all bytes, or as `df` has it of those that somebody may use: some are kept back.
    let used = number("used_bytes");
    let shares = [used / number("total_bytes") * 100.0, used / (used + number("free_bytes")) * 100.0];
    let between_them = between(shares[0].min(shares[1]) - 10.0, shares[0].max(shares[1]) + 10.0);
    case.expect("share of the local disk that is used, in %", local.at("/used_percent"), between_them);
    case.expect("free bytes of the local disk", local.at("/free_bytes"), between(0.0, number("total_bytes")));
    let interval = report.at("/configuration/check_interval_seconds");
    case.expect("time between two samples, in s", interval, is(SAMPLED.as_secs_f64()));
}

/// Each object counts with its own size, once, and no longer than it is there.
async fn counts_objects(case: &mut Case, before: &Reply) -> Result<(), Stop> {
    let key = case.word();
    for bytes in [12_345, 2_345] {
        let filler = Filler { seed: 45, bytes };
        let stored = case.store(Store::Main).put_filler("exports", &key, filler).send().await?;
        case.require("status of storing an object", stored.status(), is(200))?;
        let report = disk(case).await?;
        let rise = size(&report, "exports") - size(before, "exports");
        case.expect(format!("rise of `exports` by an object of {bytes} bytes"), rise, is(bytes as f64));
        let rise = size(&report, "uploads") - size(before, "uploads");
        case.expect("rise of `uploads` meanwhile", rise, is(0.0));
    }
    let deleted = case.store(Store::Main).delete("exports", &key).send().await?;
    case.expect("status of deleting it", deleted.status(), is(204));
    let report = disk(case).await?;
    case.expect("size of `exports` without it", size(&report, "exports"), is(size(before, "exports")));
    Ok(())
}

/// The watch goes on, and says what it does not see.
async fn a_store_that_is_away_stalls_nothing(case: &mut Case) -> Result<(), Stop> {
    if !case.can(Need::Power(Power::Over(Server::ObjectStore))) {
        return Ok(());
    }
    case.stop_server(Server::ObjectStore).await?;
    let report = disk(case).await?;
    case.expect("status of GET /test/disk without the store", report.status(), is(200));
    case.expect("what it says of the store", report.at("/minio_storage/error"), present());
    case.expect("what it says of the local disk", report.at("/local_disk/total_bytes"), above(0.0));
    let health = case.health(Service::Gateway).await?;
    case.expect("status of the gateway's health meanwhile", health.status(), is(200));
    case.start_server(Server::ObjectStore).await?;
    let report = disk(case).await?;
    case.expect("size of `uploads` once the store is back", size(&report, "uploads"), between(0.0, 1e15));
    Ok(())
}

/// One look of the gateway at its disks: the line about the store, and the metrics after it.
struct Sample {
    line: Seen,
    metrics: Seen,
}

impl Sample {
    /// A metric of the store, of the place that its label names.
    fn value(&self, family: &str, location: &str) -> Value {
        let samples = self.metrics.at("/families").key(family).at("/samples").key(family).items();
        let ours = samples.iter().find(|one| {
            one.at("/labels/storage_type").text() == Some("minio")
                && one.at("/labels/location").text() == Some(location)
        });
        ours.map_or(Value::Null, |one| one.at("/value").into())
    }

    /// How often an alert about the store has been raised.
    fn alerts(&self) -> f64 {
        let samples = self.metrics.at("/families").key(ALERTS).at("/samples").key(ALERTS).items();
        let of_store = samples.iter().filter(|one| {
            one.at("/labels/storage_type").text() == Some("minio")
                && one.at("/labels/threshold_type").text() == Some("critical")
        });
        of_store.filter_map(|one| one.at("/value").number()).fold(0.0, |all, one| all + one)
    }
}

/// The gauge has risen or fallen as well, once a sample was taken, where somebody can wait for one.
async fn gauge_follows(case: &mut Case, report: &Reply) -> Result<(), Stop> {
    if !case.can(Need::Clock) && !case.can(Need::Patience(SAMPLED + Duration::from_millis(500))) {
        return Ok(());
    }
    let sample = next_sample(case).await?;
    let gauge = sample.value("api_gateway_disk_usage_bytes", "uploads");
    case.expect("gauge of `uploads` after a sample, in bytes", gauge, is(size(report, "uploads")));
    Ok(())
}

/// Lets the time between two samples pass, and looks at what the gateway makes of it.
async fn next_sample(case: &mut Case) -> Result<Sample, Stop> {
    let mark: Mark = case.mark(Service::Gateway).await?;
    case.until_waiting(Service::Gateway, "disk sample", 1).await?;
    case.pass(SAMPLED + Duration::from_millis(500)).await?;
    // The gateway waits again: all that the sample brings is there.
    case.until_waiting(Service::Gateway, "disk sample", 1).await?;
    let about_store = |line: &Value| line["storage_type"] == "minio" && line["used_percent"].is_number();
    let lines = case.lines(mark, &["storage_type"], about_store).await?;
    let ours = lines
        .iter()
        .rev()
        .find(|line| line.at("/storage_type").text() == Some("minio") && line.at("/used_percent").is_there());
    let line = ours.cloned().unwrap_or_else(|| case.silence());
    let metrics = case.scrape(Service::Gateway).await?;
    Ok(Sample { line, metrics })
}

/// Fills the store to one byte below 80 %: no alert. The name of the large file.
async fn just_below(case: &mut Case) -> Result<String, Stop> {
    let stored = post(case, "/test/disk/upload?size_mb=100").await?;
    case.require("status of storing 100 MB", stored.status(), is(200))?;
    fill_beside(case, BESIDE - 1).await?;
    let sample = next_sample(case).await?;
    let level = such_that("a level below ERROR", |level| level.as_str().is_some_and(|level| level != "ERROR"));
    case.expect("level of a sample one byte below 80 %", sample.line.at("/level"), level);
    case.expect("share that it tells, in %", sample.line.at("/used_percent"), between(79.99, 80.0));
    case.expect("alerts about the store so far", sample.alerts(), is(0.0));
    Ok(stored.at("/filename").text().unwrap_or_default().to_owned())
}

async fn fill_beside(case: &mut Case, bytes: usize) -> Result<(), Stop> {
    let filler = Filler { seed: 80, bytes };
    let stored = case.store(Store::Main).put_filler("diagrams", "beside", filler).send().await?;
    case.require(format!("status of storing {bytes} bytes beside it"), stored.status(), is(200))
}

async fn reached_and_left(case: &mut Case, name: &str) -> Result<(), Stop> {
    fill_beside(case, BESIDE).await?;
    let sample = next_sample(case).await?;
    case.expect("alerts about the store at exactly 80 %", sample.alerts(), is(1.0));
    case.expect("level of the alert's line", sample.line.at("/level"), is("ERROR"));
    case.expect("what it says of an alert", sample.line.at("/alert_triggered"), is(true));
    case.expect("threshold that it names, in %", sample.line.at("/threshold_percent"), is(80));
    case.expect("share that it tells, in %", sample.line.at("/used_percent"), is(80));
    let again = next_sample(case).await?;
    case.expect("alerts about the store after another sample", again.alerts(), is(2.0));

    let deleted = clean_up(case, name).await?;
    case.expect("status of deleting the large file", deleted.status(), is(200));
    let sample = next_sample(case).await?;
    let level = such_that("a level below WARNING", |level| level == "DEBUG" || level == "INFO");
    case.expect("level of a sample once it is deleted", sample.line.at("/level"), level);
    case.expect("what it says of an alert", sample.line.at("/alert_triggered"), absent());
    case.expect("alerts about the store in the end", sample.alerts(), is(2.0));
    let deleted = case.store(Store::Main).delete("diagrams", "beside").send().await?;
    case.expect("status of deleting what was beside it", deleted.status(), is(204));
    Ok(())
}
