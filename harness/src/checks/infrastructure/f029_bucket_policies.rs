//! Feature 29: policies decide who may read and who may write what is in a bucket.

use crate::check::{Case, Check, Stop, absent, between, contains, is};
use crate::probe::{Signer, Store};
use crate::sabotage::rewrite_store_status;
use crate::target::{Need, Own, Part, Setup};
use serde_json::{Value, json};

const KEY: &str = "notes/open.txt";

pub const CHECK: Check = Check {
    feature: 29,
    revision: 3,
    setup: Setup::Own(Own::of(&[]).with(&[Part::ObjectStore])),
    needs: &[Need::ObjectStore],
    control: "another bucket stays private, the owner may do all, and a wrong signature opens not even what is public",
    sabotage: &[
        rewrite_store_status("anybody may read anything", ("GET", "/conform-f029"), 403, 200),
        rewrite_store_status("anybody may write", ("PUT", "/conform-f029"), 403, 200),
        rewrite_store_status("nobody may read anything", ("GET", "/conform-f029"), 200, 403),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "A bucket with a private policy is created");
    let (bucket, private, content) = (case.word(), case.word(), case.id());
    for name in [&bucket, &private] {
        let made = case.store(Store::Main).make_bucket(name).send().await?;
        case.require("status of making a bucket", made.status(), is(200))?;
        let stored = case.store(Store::Main).put(name, KEY, &content).send().await?;
        case.require("status of storing an object as its owner", stored.status(), is(200))?;
    }
    let policy = case.store(Store::Main).policy(&bucket).send().await?;
    case.expect("status of the policy of a bucket that has none", policy.status(), is(404));
    let owned = case.store(Store::Main).get(&bucket, KEY).send().await?;
    case.expect("what its owner reads", owned.body(), is(content.as_str()));

    case.step(2, "An object of the bucket is requested without credentials");
    let bare = case.store(Store::Main).by(Signer::Nobody).get(&bucket, KEY).send().await?;
    case.expect("silence after asking without credentials", bare.silence(), absent());
    case.expect("whether nothing but an error is read without credentials", bare.gives_nothing(), is(true));

    case.step(3, "The anonymous request is answered 403");
    case.expect("status without credentials", bare.status(), is(403));
    case.expect("what it says", bare.seen("/code"), is("AccessDenied"));
    let listed = case.store(Store::Main).by(Signer::Nobody).list(&bucket, "").send().await?;
    case.expect("status of listing without credentials", listed.status(), is(403));
    cannot_be_written(case, &bucket, &content).await?;

    case.step(4, "The policy of the bucket is set to public-read");
    let public = public_read(&bucket);
    let set = case.store(Store::Main).set_policy(&bucket, &public).send().await?;
    case.expect("status of setting the policy", set.status(), between(200.0, 204.0));
    let read = case.store(Store::Main).policy(&bucket).send().await?;
    case.expect("status of reading it", read.status(), is(200));
    case.expect("action that it allows", read.body(), contains("s3:GetObject"));
    case.expect("resource that it speaks of", read.body(), contains(format!("arn:aws:s3:::{bucket}/*")));

    case.step(5, "An anonymous GET is now answered 200");
    let bare = case.store(Store::Main).by(Signer::Nobody).get(&bucket, KEY).send().await?;
    case.expect("status without credentials", bare.status(), is(200));
    case.expect("what is read without credentials", bare.body(), is(content.as_str()));
    let other = case.store(Store::Main).by(Signer::Nobody).get(&private, KEY).send().await?;
    case.expect("status of the same in a bucket without a policy", other.status(), is(403));
    let impostor = case.store(Store::Main).by(Signer::Impostor).get(&bucket, KEY).send().await?;
    case.expect("status with a wrong signature", impostor.status(), is(403));
    let listed = case.store(Store::Main).by(Signer::Nobody).list(&bucket, "").send().await?;
    case.expect("status of listing, which the policy does not allow", listed.status(), is(403));

    case.step(6, "An anonymous PUT is still answered 403");
    cannot_be_written(case, &bucket, &content).await?;
    let removed = case.store(Store::Main).remove_policy(&bucket).send().await?;
    case.expect("status of taking the policy away", removed.status(), between(200.0, 204.0));
    let bare = case.store(Store::Main).by(Signer::Nobody).get(&bucket, KEY).send().await?;
    case.expect("status without credentials once the policy is gone", bare.status(), is(403));

    case.step(7, "A policy tied to an IAM user grants that user what it names and no more");
    case.needs(Need::StoreUser)?;
    what_the_user_may(case, &bucket, &content).await
}

/// Anybody may read objects, and nothing else.
fn public_read(bucket: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": ["*"]},
            "Action": ["s3:GetObject"],
            "Resource": [format!("arn:aws:s3:::{bucket}/*")],
        }],
    })
}

/// Nobody in particular writes or deletes anything, new or old.
async fn cannot_be_written(case: &mut Case, bucket: &str, content: &str) -> Result<(), Stop> {
    for key in [KEY, "notes/new.txt"] {
        let put = case.store(Store::Main).by(Signer::Nobody).put(bucket, key, "intruder").send().await?;
        case.expect(format!("status of writing {key} without credentials"), put.status(), is(403));
    }
    let deleted = case.store(Store::Main).by(Signer::Nobody).delete(bucket, KEY).send().await?;
    case.expect("status of deleting without credentials", deleted.status(), is(403));
    let policy = case.store(Store::Main).by(Signer::Nobody).set_policy(bucket, &public_read(bucket)).send().await?;
    case.expect("status of setting a policy without credentials", policy.status(), is(403));
    let read = case.store(Store::Main).get(bucket, KEY).send().await?;
    case.expect("what the object holds after that", read.body(), is(content));
    let new = case.store(Store::Main).get(bucket, "notes/new.txt").send().await?;
    case.expect("status of the new object", new.status(), is(404));
    Ok(())
}

/// The user may read what is below `granted/` in buckets of ours, and nothing else.
async fn what_the_user_may(case: &mut Case, bucket: &str, content: &str) -> Result<(), Stop> {
    let elsewhere = format!("x-{bucket}");
    let made = case.store(Store::Main).make_bucket(&elsewhere).send().await?;
    case.require("status of making a bucket", made.status(), is(200))?;
    for (bucket, key) in [(bucket, "granted/a.txt"), (bucket, "kept/a.txt"), (elsewhere.as_str(), "granted/a.txt")] {
        let stored = case.store(Store::Main).put(bucket, key, content).send().await?;
        case.require(format!("status of storing {key}"), stored.status(), is(200))?;
    }
    let read = case.store(Store::Main).by(Signer::User).get(bucket, "granted/a.txt").send().await?;
    case.expect("status of what the policy names", read.status(), is(200));
    case.expect("what the user reads", read.body(), is(content));
    for (what, bucket, key) in [
        ("another object", bucket, "kept/a.txt"),
        ("another bucket", elsewhere.as_str(), "granted/a.txt"),
        ("an object whose key only ends alike", bucket, "not-granted/a.txt"),
    ] {
        let refused = case.store(Store::Main).by(Signer::User).get(bucket, key).send().await?;
        case.expect(format!("status of {what} for the user"), refused.status(), is(403));
    }
    let put = case.store(Store::Main).by(Signer::User).put(bucket, "granted/a.txt", "overwritten").send().await?;
    case.expect("status of writing as the user", put.status(), is(403));
    let deleted = case.store(Store::Main).by(Signer::User).delete(bucket, "granted/a.txt").send().await?;
    case.expect("status of deleting as the user", deleted.status(), is(403));
    let listed = case.store(Store::Main).by(Signer::User).list(bucket, "").send().await?;
    case.expect("status of listing as the user", listed.status(), is(403));
    let policy = case.store(Store::Main).by(Signer::User).set_policy(bucket, &public_read(bucket)).send().await?;
    case.expect("status of setting a policy as the user", policy.status(), is(403));
    let bare = case.store(Store::Main).by(Signer::Nobody).get(bucket, "granted/a.txt").send().await?;
    case.expect("status of the same object for nobody in particular", bare.status(), is(403));
    let owned = case.store(Store::Main).get(bucket, "granted/a.txt").send().await?;
    case.expect("what the object holds after that", owned.body(), is(content));
    Ok(())
}
