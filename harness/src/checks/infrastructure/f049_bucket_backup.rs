//! Feature 49: buckets can be backed up and brought back whole.

use crate::check::{Case, Check, Stop, above, at_least, between, is};
use crate::probe::{Filler, Reply, Store};
use crate::sabotage::{rewrite_store_status, set_variable};
use crate::target::{Need, Own, Part, Power, Service, Setup};
use serde_json::{Value, json};
use std::time::Duration;

/// Where backups are kept in the store (contract, section 3.15).
const BACKUPS: &str = "minio-backups";
/// Buckets are backed up by themselves this often.
const SCHEDULED: Duration = Duration::from_secs(168 * 3600);
/// Not a round number, so that a backup that pads or cuts is noticed.
const LARGE: Filler = Filler { seed: 49, bytes: 300_007 };
const SMALL: Filler = Filler { seed: 50, bytes: 11 };
/// In the order of their keys; one is deep and oddly named, one is empty.
const FILES: [(&str, Filler); 4] = [
    ("a large file.bin", LARGE),
    ("deep/er/ünd wide+.txt", SMALL),
    ("empty", Filler { seed: 0, bytes: 0 }),
    ("z.txt", Filler { seed: 51, bytes: 4096 }),
];
/// Every route, and that it is for administrators.
const ROUTES: [(&str, &str); 5] = [
    ("GET", "/api/admin/minio/buckets"),
    ("POST", "/api/admin/minio/backup/create?bucket_name=uploads"),
    ("POST", "/api/admin/minio/backup/restore?backup_name=any"),
    ("GET", "/api/admin/minio/backup/list"),
    ("DELETE", "/api/admin/minio/backup/any"),
];

pub const CHECK: Check = Check {
    feature: 49,
    revision: 2,
    setup: Setup::Own(Own::of(&[Service::Gateway]).with(&[Part::ObjectStore, Part::SecondObjectStore])),
    needs: &[Need::ObjectStore, Need::Address(Service::Gateway)],
    control: "what is in another bucket is in no backup, and what is there already is not replaced unasked",
    sabotage: &[
        set_variable("no backup is made in a week", Service::Gateway, "MINIO_BACKUP_INTERVAL_HOURS", "1000"),
        set_variable("nobody is in the other region", Service::Gateway, "MINIO_REPLICA_ENDPOINT", "http://127.0.0.1:9"),
        rewrite_store_status("backups get lost", ("GET", "/minio-backups/buckets/conform-f049"), 200, 404),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "Files are stored in MinIO");
    let (bucket, other) = (case.word(), case.word());
    let token = signed_in(case).await?;
    for name in [&bucket, &other] {
        let made = case.store(Store::Main).make_bucket(name).send().await?;
        case.require("status of making a bucket", made.status(), is(200))?;
    }
    for (key, content) in FILES {
        let stored = case.store(Store::Main).put_filler(&bucket, key, content).send().await?;
        case.require(format!("status of storing {key}"), stored.status(), is(200))?;
    }
    let elsewhere = case.store(Store::Main).put(&other, "elsewhere.txt", "in another bucket").send().await?;
    case.require("status of storing a file in another bucket", elsewhere.status(), is(200))?;
    let listed = case.store(Store::Main).list(&bucket, "").send().await?;
    case.expect("files of the bucket", listed.seen("/found").items().len(), is(FILES.len()));

    case.step(2, "The bucket is backed up (`mc mirror` or an equal)");
    only_with_a_token(case).await?;
    let name = case.word();
    let made = post(case, &token, &format!("create?bucket_name={bucket}&backup_name={name}")).await?;
    case.require("status of backing the bucket up", made.status(), is(200))?;
    let total: usize = FILES.iter().map(|(_, content)| content.bytes).sum();
    for (field, wanted) in [
        ("success", json!(true)),
        ("backup_name", json!(name)),
        ("bucket_name", json!(bucket)),
        ("object_count", json!(FILES.len())),
        ("total_size_bytes", json!(total)),
    ] {
        case.expect(format!("{field} of the backup"), made.at(&format!("/backup/{field}")), is(wanted));
    }
    let nowhere = case.word();
    let missing = post(case, &token, &format!("create?bucket_name={nowhere}")).await?;
    case.expect("status of backing up what is not there", missing.status(), between(400.0, 599.0));

    case.step(3, "Every file is in the backup");
    let key = format!("buckets/{name}.tar.gz");
    let archive = case.store(Store::Main).archive(BACKUPS, &key).send().await?;
    case.expect("status of reading the archive", archive.status(), is(200));
    case.expect(
        "size that was told of it, in bytes",
        made.at("/backup/archive_size_bytes"),
        is(archive.seen("/bytes")),
    );
    case.expect("files in it", archive.seen("/found/entries"), is(wanted_entries()));
    case.expect("bucket that it says it is of", archive.seen("/found/metadata/bucket_name"), is(bucket.as_str()));
    let list = get(case, &token, "list").await?;
    let kept = list.at("/backups").items();
    let ours = kept.iter().find(|one| one.at("/backup_name").text() == Some(&name));
    let ours = ours.cloned().unwrap_or_else(|| case.silence());
    case.expect("size that the list tells of it, in bytes", ours.at("/size_bytes"), is(archive.seen("/bytes")));

    case.step(4, "The files are deleted from MinIO");
    for (key, _) in FILES {
        let deleted = case.store(Store::Main).delete(&bucket, key).send().await?;
        case.expect(format!("status of deleting {key}"), deleted.status(), is(204));
    }
    let listed = case.store(Store::Main).list(&bucket, "").send().await?;
    case.expect("files of the bucket", listed.seen("/found"), is(json!([])));

    case.step(5, "The bucket is restored from its backup");
    let unknown = post(case, &token, &format!("restore?backup_name={nowhere}")).await?;
    case.expect("status of restoring a backup that is not there", unknown.status(), between(400.0, 599.0));
    let restored = post(case, &token, &format!("restore?backup_name={name}")).await?;
    case.require("status of restoring", restored.status(), is(200))?;
    case.expect("whether it succeeded", restored.at("/restore/success"), is(true));
    case.expect("bucket that it was restored to", restored.at("/restore/target_bucket"), is(bucket.as_str()));
    case.expect("files that were brought back", restored.at("/restore/uploaded_count"), is(FILES.len()));
    case.expect("bytes that were brought back", restored.at("/restore/total_size_bytes"), is(total));

    case.step(6, "Every file is back with the same bytes");
    is_back(case, Store::Main, &bucket).await?;
    unasked_nothing_is_replaced(case, &token, &bucket, &name).await?;

    case.step(7, "A backup can keep the versions of objects");
    versions_come_back(case, &token).await?;

    case.step(8, "A backup can be replicated to another region");
    another_region(case, &token, &bucket, &name).await?;

    case.step(2, "The bucket is backed up (`mc mirror` or an equal)");
    backed_up_by_itself(case, &token).await
}

/// A token that is still good when a week has passed for the gateway.
async fn signed_in(case: &mut Case) -> Result<String, Stop> {
    let actor = case.actor().await?;
    case.token_of(&actor).await
}

async fn post(case: &mut Case, token: &str, what: &str) -> Result<Reply, Stop> {
    let path = format!("/api/admin/minio/backup/{what}");
    case.http(Service::Gateway).post(&path).bearer(token).deadline(Duration::from_secs(30)).send().await
}

async fn get(case: &mut Case, token: &str, what: &str) -> Result<Reply, Stop> {
    case.http(Service::Gateway).get(&format!("/api/admin/minio/backup/{what}")).bearer(token).send().await
}

fn wanted_entries() -> Value {
    FILES.iter().map(|(key, content)| json!({"key": key, "size": content.bytes, "sha256": content.sha256()})).collect()
}

async fn only_with_a_token(case: &mut Case) -> Result<(), Stop> {
    for (method, path) in ROUTES {
        let refused = case.http(Service::Gateway).method(method, path).send().await?;
        case.expect(format!("status of {method} {path} without a token"), refused.status(), is(401));
    }
    Ok(())
}

async fn is_back(case: &mut Case, store: Store, bucket: &str) -> Result<(), Stop> {
    let listed = case.store(store).list(bucket, "").send().await?;
    let wanted: Vec<Value> = FILES.iter().map(|(key, content)| json!({"key": key, "size": content.bytes})).collect();
    case.expect("files of the bucket", listed.seen("/found"), is(wanted));
    for (key, content) in FILES {
        let read = case.store(store).get(bucket, key).send().await?;
        case.expect(format!("SHA-256 of {key}"), read.seen("/sha256"), is(content.sha256()));
    }
    Ok(())
}

/// Without `overwrite` what is there stays; with it, it is replaced. A bucket of another name can be the target.
async fn unasked_nothing_is_replaced(case: &mut Case, token: &str, bucket: &str, name: &str) -> Result<(), Stop> {
    let (key, content) = FILES[3];
    let changed = case.store(Store::Main).put(bucket, key, "changed since").send().await?;
    case.require("status of changing a file", changed.status(), is(200))?;
    let deleted = case.store(Store::Main).delete(bucket, FILES[0].0).send().await?;
    case.expect("status of deleting another", deleted.status(), is(204));
    let restored = post(case, token, &format!("restore?backup_name={name}")).await?;
    case.expect(
        "files that were brought back beside those that are there",
        restored.at("/restore/uploaded_count"),
        is(1),
    );
    let read = case.store(Store::Main).get(bucket, key).send().await?;
    case.expect("what the changed file holds", read.body(), is("changed since"));
    let restored = post(case, token, &format!("restore?backup_name={name}&overwrite=true")).await?;
    case.expect(
        "files that were brought back over those that are there",
        restored.at("/restore/uploaded_count"),
        is(FILES.len()),
    );
    let read = case.store(Store::Main).get(bucket, key).send().await?;
    case.expect("SHA-256 of the changed file", read.seen("/sha256"), is(content.sha256()));
    let target = case.word();
    let restored = post(case, token, &format!("restore?backup_name={name}&target_bucket={target}")).await?;
    case.expect("status of restoring to a bucket that is not there yet", restored.status(), is(200));
    is_back(case, Store::Main, &target).await
}

/// An object that was written twice, and one that was deleted.
async fn versions_come_back(case: &mut Case, token: &str) -> Result<(), Stop> {
    let (bucket, target, plain) = (case.word(), case.word(), case.word());
    let made = case.store(Store::Main).make_bucket(&bucket).send().await?;
    case.require("status of making a bucket", made.status(), is(200))?;
    let kept = case.store(Store::Main).keep_versions(&bucket).send().await?;
    case.require("status of having versions kept", kept.status(), is(200))?;
    for (key, text) in [("twice.txt", "the first"), ("twice.txt", "the second one"), ("gone.txt", "no longer")] {
        let stored = case.store(Store::Main).put(&bucket, key, text).send().await?;
        case.require(format!("status of storing {key}"), stored.status(), is(200))?;
    }
    let deleted = case.store(Store::Main).delete(&bucket, "gone.txt").send().await?;
    case.require("status of deleting an object", deleted.status(), is(204))?;
    for (name, versions) in [(&target, true), (&plain, false)] {
        let what = format!("create?bucket_name={bucket}&backup_name={name}&include_versions={versions}");
        let made = post(case, token, &what).await?;
        case.require(format!("status of a backup, with versions: {versions}"), made.status(), is(200))?;
        let archive = case.store(Store::Main).archive(BACKUPS, &format!("buckets/{name}.tar.gz")).send().await?;
        let said = archive.seen("/found/metadata/include_versions");
        case.expect("whether the archive says it has versions", said, is(versions));
        let restored = post(case, token, &format!("restore?backup_name={name}&target_bucket={name}")).await?;
        case.require("status of restoring it to another bucket", restored.status(), is(200))?;
    }
    let all = case.store(Store::Main).versions(&target, "twice.txt").send().await?;
    case.expect("versions that came back", all.seen("/found").items().len(), is(2));
    for (place, text, latest) in [(0, "the second one", true), (1, "the first", false)] {
        let version = all.seen(&format!("/found/{place}"));
        case.expect(format!("whether version {place} is the latest"), version.at("/latest"), is(latest));
        let id = version.at("/id").text().unwrap_or_default().to_owned();
        let read = case.store(Store::Main).get(&target, "twice.txt").version(&id).send().await?;
        case.expect(format!("what version {place} holds"), read.body(), is(text));
    }
    let gone = case.store(Store::Main).get(&target, "gone.txt").send().await?;
    case.expect("status of the object that was deleted before the backup", gone.status(), is(404));
    let all = case.store(Store::Main).versions(&target, "gone.txt").send().await?;
    let marks = all.seen("/found").items().iter().filter(|one| *one.at("/deleted").value() == true).count();
    case.expect("marks of deletion that came back", marks, is(1));
    let held = all.seen("/found").items().into_iter().find(|one| *one.at("/deleted").value() == false);
    let id = held.and_then(|one| one.at("/id").text().map(str::to_owned)).unwrap_or_default();
    let read = case.store(Store::Main).get(&target, "gone.txt").version(&id).send().await?;
    case.expect("what its version before that holds", read.body(), is("no longer"));
    let listed = case.store(Store::Main).list(&plain, "").send().await?;
    let latest = json!([{"key": "twice.txt", "size": "the second one".len()}]);
    case.expect("what a backup without versions brings back", listed.seen("/found"), is(latest));
    let all = case.store(Store::Main).versions(&plain, "").send().await?;
    case.expect("versions that it brings back", all.seen("/found").items().len(), is(1));
    Ok(())
}

/// A copy in the other region is worth something where it can be brought back when all else is lost.
async fn another_region(case: &mut Case, token: &str, bucket: &str, first: &str) -> Result<(), Stop> {
    case.needs(Need::Part(Part::SecondObjectStore))?;
    let name = case.word();
    let key = format!("buckets/{name}.tar.gz");
    let made = post(case, token, &format!("create?bucket_name={bucket}&backup_name={name}&replicate=true")).await?;
    case.require("status of a backup that is replicated", made.status(), is(200))?;
    let main = case.store(Store::Main).archive(BACKUPS, &key).send().await?;
    let second = case.store(Store::Second).archive(BACKUPS, &key).send().await?;
    case.expect("status of the archive in the other region", second.status(), is(200));
    case.expect("SHA-256 of it", second.seen("/sha256"), is(main.seen("/sha256")));
    case.expect("files in it", second.seen("/found/entries"), is(wanted_entries()));
    let unasked = case.store(Store::Second).get(BACKUPS, &format!("buckets/{first}.tar.gz")).send().await?;
    case.expect("status there of a backup that was not to be replicated", unasked.status(), is(404));
    let path = format!("/api/admin/minio/backup/{name}");
    let removed = case.http(Service::Gateway).method("DELETE", &path).bearer(token).send().await?;
    case.expect("whether the backup was removed from the store", removed.at("/results/minio_deleted"), is(true));
    let gone = case.store(Store::Main).head(BACKUPS, &key).send().await?;
    case.expect("status of its archive in the store", gone.status(), is(404));
    let lost = post(case, token, &format!("restore?backup_name={name}")).await?;
    case.expect("status of restoring it from here", lost.status(), between(400.0, 599.0));
    let target = case.word();
    let what = format!("restore?backup_name={name}&target_bucket={target}&source=replica");
    let restored = post(case, token, &what).await?;
    case.expect("status of restoring it from the other region", restored.status(), is(200));
    is_back(case, Store::Main, &target).await
}

/// Each week, without anybody asking for it.
async fn backed_up_by_itself(case: &mut Case, token: &str) -> Result<(), Stop> {
    if case.can(Need::Power(Power::Configure)) {
        for bucket in ["diagrams", "exports", "uploads"] {
            case.store(Store::Main).make_bucket(bucket).send().await?;
        }
    }
    let scheduled = |list: &Reply| -> Vec<String> {
        let names = list.at("/backups").items();
        let names = names.iter().filter_map(|one| one.at("/backup_name").text().map(str::to_owned));
        names.filter(|name| name.starts_with("scheduled_")).collect()
    };
    let before = get(case, token, "list").await?;
    case.expect("backups so far, made by hand", before.at("/backups").items().len(), at_least(3.0));
    case.expect("backups made by themselves so far", scheduled(&before).len(), is(0));
    case.until_waiting(Service::Gateway, "bucket backup", 1).await?;
    case.pass(SCHEDULED + Duration::from_secs(60)).await?;
    // The next round is waited for again once all buckets are done.
    case.until_waiting(Service::Gateway, "bucket backup", 1).await?;
    let token = signed_in(case).await?;
    let after = get(case, &token, "list").await?;
    let names = scheduled(&after);
    for bucket in ["diagrams", "exports", "uploads"] {
        let start = format!("scheduled_{bucket}_");
        let count = names.iter().filter(|name| name.starts_with(&start)).count();
        case.expect(format!("backups of `{bucket}` after a week"), count, is(1));
    }
    case.expect("count that the list tells", after.at("/count"), above(3.0));
    Ok(())
}
