//! Feature 27: lifecycle rules let the store delete old objects on its own.

use crate::check::{Case, Check, Seen, Stop, at_least, between, is};
use crate::probe::Store;
use crate::sabotage::{Sabotage, rewrite_store_status, rewrite_store_text, set_variable};
use crate::target::{Need, Own, Part, Service, Setup};
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

pub const CHECK: Check = Check {
    feature: 27,
    revision: 2,
    setup: Setup::Own(Own::of(&[Service::Diagram]).with(&[Part::ObjectStore])),
    needs: &[Need::ObjectStore],
    control: "a younger object, one written anew, one outside the rule's prefix and one in another bucket stay",
    sabotage: &[
        rewrite_store_text("the rule says 300 days", ("GET", "/exports"), "<Days>30</Days>", "<Days>300</Days>"),
        rewrite_store_status("expired objects are still served", ("GET", "/exports/conform-f027"), 404, 200),
        rewrite_store_status("objects are lost before their time", ("GET", "/diagrams/deleted/"), 200, 404),
        Sabotage {
            also_red: &[6],
            ..set_variable("the rule of `diagrams` is elsewhere", Service::Diagram, "MINIO_BUCKET_DIAGRAMS", "drawings")
        },
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "A rule of bucket `exports` expires objects after 30 days");
    let exports = rule_of(case, "exports").await?;
    case.require("status of the rule of `exports`", exports.at("/status"), is("Enabled"))?;
    case.expect("days after which it lets objects go", exports.at("/days"), is(30));
    case.expect("prefix that it is limited to", exports.at("/prefix"), is(""));

    case.step(2, "An object is stored in `exports`");
    let word = case.word();
    let [old, young, renewed] = ["old", "young", "renewed"].map(|name| format!("{word}/{name}"));
    for key in [&old, &renewed] {
        let stored = case.store(Store::Main).put("exports", key, key).send().await?;
        case.require("status of storing an object", stored.status(), is(200))?;
    }
    let listed = case.store(Store::Main).list("exports", &word).send().await?;
    let both = json!([{"key": old, "size": old.len()}, {"key": renewed, "size": renewed.len()}]);
    case.expect("objects in `exports`", listed.seen("/found"), is(both));
    let others = others(case, &word).await?;
    let stored = case.moment();

    case.step(3, "The object is made 31 days old");
    case.pass_for_store(15 * DAY).await?;
    for key in [&young, &renewed] {
        let stored = case.store(Store::Main).put("exports", key, key).send().await?;
        case.expect("status of storing an object half a month later", stored.status(), is(200));
    }
    case.pass_until(stored, 30 * DAY - HOUR).await?;
    let nearly = case.store(Store::Main).get("exports", &old).send().await?;
    case.expect("status of the object an hour before its 30 days are full", nearly.status(), is(200));
    let days = |reply: &Seen| reply.number().map(|seconds| (seconds / DAY.as_secs_f64() * 100.0).round() / 100.0);
    case.expect("its age in days", days(&nearly.seen("/age_s")), between(29.9, 30.0));
    case.pass_until(stored, 31 * DAY + HOUR).await?;

    case.step(4, "The store's lifecycle run comes round");
    // What the run leaves is seen with what it takes.
    let without_old =
        |seen: &Value| seen["found"].as_array().is_some_and(|found| !found.iter().any(|one| one["key"] == *old));
    let left = case.store(Store::Main).list("exports", &word).until(without_old).await?;
    let both = json!([{"key": renewed, "size": renewed.len()}, {"key": young, "size": young.len()}]);
    case.expect("objects in `exports` after it", left.seen("/found"), is(both));

    case.step(5, "The old object is gone without anybody deleting it");
    let gone = case.store(Store::Main).get("exports", &old).send().await?;
    case.expect("status of the old object", gone.status(), is(404));
    case.expect("whether it gives nothing but an error", gone.gives_nothing(), is(true));
    let kept = case.store(Store::Main).get("exports", &young).send().await?;
    case.expect("status of an object of 16 days", kept.status(), is(200));
    case.expect("what it holds", kept.body(), is(young.as_str()));
    case.expect("its age in days", days(&kept.seen("/age_s")), between(16.0, 16.2));

    case.step(6, "Bucket `diagrams` has a lifecycle rule of its own that works");
    let rule = &others.rule;
    case.expect("status of the rule of `diagrams`", rule.at("/status"), is("Enabled"));
    case.expect("days after which it lets objects go", rule.at("/days"), is(90));
    case.expect("status of storing an object that it is about", &others.stored, is(200));
    for time in [31 * DAY + HOUR, 90 * DAY - HOUR] {
        case.pass_until(stored, time).await?;
        let kept = case.store(Store::Main).get("diagrams", &others.meant).send().await?;
        case.expect("status of an object whose 90 days are not full", kept.status(), is(200));
        case.expect("what it holds", kept.body(), is(others.meant.as_str()));
    }
    case.pass_until(stored, 91 * DAY + HOUR).await?;
    let gone = case.store(Store::Main).get("diagrams", &others.meant).until(|seen| seen["status"] == 404).await?;
    case.expect("status of an object of 91 days", gone.status(), is(404));
    for key in [&young, &renewed] {
        let gone = case.store(Store::Main).get("exports", key).send().await?;
        case.expect("status of an object of `exports` whose 30 days are over now", gone.status(), is(404));
    }

    case.step(7, "Objects are kept for as long as the retention rule says");
    for (bucket, key) in &others.kept {
        let kept = case.store(Store::Main).get(bucket, key).send().await?;
        case.expect(format!("status of an object of `{bucket}` that no rule is about"), kept.status(), is(200));
        case.expect("what it holds", kept.body(), is(key.as_str()));
    }
    Ok(())
}

/// Objects beside those of `exports`.
struct Others {
    /// The rule of `diagrams`.
    rule: Seen,
    /// Key of an object that it is about.
    meant: String,
    /// Status of storing it.
    stored: Seen,
    /// Bucket and key of objects that no rule is about.
    kept: Vec<(&'static str, String)>,
}

async fn others(case: &mut Case, word: &str) -> Result<Others, Stop> {
    let rule = rule_of(case, "diagrams").await?;
    let prefix = rule.at("/prefix").text().unwrap_or_default().to_owned();
    let meant = format!("{prefix}{word}");
    let stored = case.store(Store::Main).put("diagrams", &meant, &meant).send().await?.status();
    let mut kept = vec![("uploads", word.to_owned())];
    if !prefix.is_empty() {
        kept.push(("diagrams", format!("kept/{word}")));
        kept.push(("diagrams", format!("{word}/{prefix}")));
    }
    for (bucket, key) in &kept {
        let stored = case.store(Store::Main).put(bucket, key, key).send().await?;
        case.require(format!("status of storing an object in `{bucket}`"), stored.status(), is(200))?;
    }
    Ok(Others { rule, meant, stored, kept })
}

/// The rule of a bucket; the services set it when they start, which may take a moment longer than their health.
async fn rule_of(case: &mut Case, bucket: &str) -> Result<Seen, Stop> {
    let there = |seen: &Value| seen["found"].as_array().is_some_and(|found| !found.is_empty());
    let rules = case.store(Store::Main).lifecycle(bucket).until(there).await?;
    case.expect(format!("rules of `{bucket}`"), rules.seen("/found").items().len(), at_least(1.0));
    Ok(rules.seen("/found/0"))
}
