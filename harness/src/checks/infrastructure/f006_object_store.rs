//! Feature 6: an S3-compatible store has the buckets `diagrams`, `exports` and `uploads`.

use crate::check::{Case, Check, Stop, absent, between, contains, is, is_not, present, such_that};
use crate::probe::{Filler, Reply, Rule, Signer, Store};
use crate::sabotage::{rewrite_store_status, set_variable};
use crate::target::{Need, Own, Part, Service, Setup};
use serde_json::{Value, json};

/// Not a round number, so that a store that pads or cuts is noticed.
const FILE: Filler = Filler { seed: 6, bytes: 300_007 };

pub const CHECK: Check = Check {
    feature: 6,
    revision: 2,
    setup: Setup::Own(Own::of(&[Service::Diagram]).with(&[Part::ObjectStore])),
    needs: &[Need::ObjectStore],
    control: "a bucket and an object that nobody made are not there, and another object keeps its bytes",
    sabotage: &[
        // Feature 27 has a rule for the objects of that bucket.
        set_variable("the bucket of uploads has another name", Service::Diagram, "MINIO_BUCKET_UPLOADS", "upload")
            .and_red(&[27]),
        rewrite_store_status("objects of `diagrams` get lost", ("GET", "/diagrams/conform-f006"), 200, 404),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "MinIO is started, its S3 API on port 9000 and its console on port 9001 by default");
    case.observed_as("the addresses that the target names, as the ports are settings");
    let listed = case.store(Store::Main).buckets().send().await?;
    case.require("status of the list of buckets", listed.status(), is(200))?;
    for (signer, who) in [(Signer::Nobody, "nobody"), (Signer::Impostor, "somebody with a wrong secret")] {
        let refused = case.store(Store::Main).by(signer).buckets().send().await?;
        case.expect(format!("status of the list of buckets for {who}"), refused.status(), is(403));
        case.expect(format!("what {who} sees of the buckets"), refused.seen("/found"), absent());
    }
    let console = if case.can(Need::StoreConsole) { Some(case.console().await?) } else { None };
    match &console {
        Some(console) => drop(case.expect("silence of the console", console.at("/silence"), absent())),
        None => case.lacks(Need::StoreConsole),
    }

    case.step(2, "The console answers (http://localhost:9001 by default)");
    match &console {
        Some(console) => {
            case.expect("status of the console", console.at("/status"), is(200));
            case.expect("what it answers with", console.at("/content_type"), contains("text/html"));
        }
        None => case.lacks(Need::StoreConsole),
    }

    case.step(3, "The store lists a bucket named `diagrams`");
    // The services make the buckets when they start, which may take a moment longer than their health.
    let all = |seen: &Value| {
        let names = ["diagrams", "exports", "uploads"];
        seen["found"].as_array().is_some_and(|found| names.iter().all(|&name| found.contains(&json!(name))))
    };
    let buckets = case.store(Store::Main).buckets().until(all).await?;
    case.expect("buckets", buckets.seen("/found"), contains("diagrams"));
    let nobodys = case.word();
    let missing = case.store(Store::Main).list(&nobodys, "").send().await?;
    case.expect("status of a bucket that nobody made", missing.status(), is(404));

    case.step(4, "The store lists a bucket named `exports`");
    case.expect("buckets", buckets.seen("/found"), contains("exports"));

    case.step(5, "The store lists a bucket named `uploads`");
    case.expect("buckets", buckets.seen("/found"), contains("uploads"));

    case.step(6, "A file is stored as an object in `diagrams`");
    let (key, other) = (case.word(), case.word());
    let stored = case.store(Store::Main).put_filler("diagrams", &key, FILE).send().await?;
    case.require("status of storing an object", stored.status(), is(200))?;
    case.expect("entity tag of the object", stored.header("etag"), present());
    let also = case.store(Store::Main).put("diagrams", &other, "another object").send().await?;
    case.expect("status of storing another object", also.status(), is(200));
    let listed = case.store(Store::Main).list("diagrams", &key).send().await?;
    case.expect("objects with the key", listed.seen("/found"), is(json!([{"key": key, "size": FILE.bytes}])));

    case.step(7, "The object read back has the same bytes as the file");
    read_back(case, &key, &other, &stored).await?;

    case.step(8, "A lifecycle rule set on a bucket is accepted and reads back");
    rules_read_back(case).await
}

async fn read_back(case: &mut Case, key: &str, other: &str, stored: &Reply) -> Result<(), Stop> {
    let read = case.store(Store::Main).get("diagrams", key).send().await?;
    case.expect("status of reading it", read.status(), is(200));
    case.expect("its size in bytes", read.seen("/bytes"), is(FILE.bytes));
    case.expect("SHA-256 of its bytes", read.seen("/sha256"), is(FILE.sha256()));
    case.expect("its entity tag", read.header("etag"), is(stored.header("etag")));
    case.expect("its age in s", read.seen("/age_s"), between(-5.0, 300.0));
    let rewritten = case.store(Store::Main).put("diagrams", key, "in its place").send().await?;
    case.expect("status of storing it anew", rewritten.status(), is(200));
    case.expect("entity tag of the new bytes", rewritten.header("etag"), is_not(stored.header("etag")));
    let read = case.store(Store::Main).get("diagrams", key).send().await?;
    case.expect("what it holds then", read.body(), is("in its place"));
    let read = case.store(Store::Main).get("diagrams", other).send().await?;
    case.expect("what another object holds meanwhile", read.body(), is("another object"));
    for key in [key, other] {
        let deleted = case.store(Store::Main).delete("diagrams", key).send().await?;
        case.expect("status of deleting an object", deleted.status(), is(204));
        let gone = case.store(Store::Main).get("diagrams", key).send().await?;
        case.expect("status of reading what was deleted", gone.status(), is(404));
    }
    Ok(())
}

async fn rules_read_back(case: &mut Case) -> Result<(), Stop> {
    let bucket = case.word();
    let made = case.store(Store::Main).make_bucket(&bucket).send().await?;
    case.require("status of making a bucket", made.status(), is(200))?;
    let none = case.store(Store::Main).lifecycle(&bucket).send().await?;
    case.expect("status of the rules of a bucket without any", none.status(), is(404));
    let first = Rule { id: "first", prefix: "old/", days: 7 };
    let second = Rule { id: "second", prefix: "", days: 365 };
    for rules in [&[first][..], &[second, first][..]] {
        let set = case.store(Store::Main).set_lifecycle(&bucket, rules).send().await?;
        case.expect("status of setting rules", set.status(), is(200));
        let read = case.store(Store::Main).lifecycle(&bucket).send().await?;
        let shown =
            |rule: &Rule<'_>| json!({"id": rule.id, "status": "Enabled", "prefix": rule.prefix, "days": rule.days});
        let wanted: Vec<Value> = rules.iter().map(shown).collect();
        let same = such_that(format!("{wanted:?}, in whatever order"), move |found| {
            found
                .as_array()
                .is_some_and(|found| found.len() == wanted.len() && wanted.iter().all(|rule| found.contains(rule)))
        });
        case.expect("rules that read back", read.seen("/found"), same);
    }
    let removed = case.store(Store::Main).remove_bucket(&bucket).send().await?;
    case.expect("status of removing the bucket", removed.status(), is(204));
    Ok(())
}
