//! Feature 28: presigned URLs give access to one object for a limited time.

use crate::check::{Case, Check, Stop, absent, between, is, is_not};
use crate::probe::{Altered, Presign, Presigned, Reply, Signer, Store};
use crate::sabotage::rewrite_store_status;
use crate::target::{Need, Own, Part, Setup};
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
/// A margin before the end of the hour, for what the machine itself needs.
const MARGIN: Duration = Duration::from_secs(30);
/// A URL that really lapses while somebody waits, where the store's clock cannot be moved.
const SHORT: Duration = Duration::from_secs(2);
/// What no URL of this check gives.
const SECRET: &str = "not for everybody";

pub const CHECK: Check = Check {
    feature: 28,
    revision: 3,
    setup: Setup::Own(Own::of(&[]).with(&[Part::ObjectStore])),
    needs: &[Need::ObjectStore],
    control: "a URL with another signature, object, method or expiry gives no access, and a fresh one still does",
    sabotage: &[
        rewrite_store_status("whatever is asked for is served", ("GET", "/conform-f028"), 403, 200),
        rewrite_store_status("every upload is answered as if it were done", ("PUT", "/conform-f028"), 403, 200),
        rewrite_store_status("URLs give no access", ("GET", "/conform-f028"), 200, 403),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "An object is stored in a private bucket");
    let (bucket, content) = (case.word(), case.id());
    let made = case.store(Store::Main).make_bucket(&bucket).send().await?;
    case.require("status of making a bucket", made.status(), is(200))?;
    for (key, text) in [("report.txt", content.as_str()), ("secret.txt", SECRET)] {
        let stored = case.store(Store::Main).put(&bucket, key, text).send().await?;
        case.require(format!("status of storing {key}"), stored.status(), is(200))?;
        let bare = case.store(Store::Main).by(Signer::Nobody).get(&bucket, key).send().await?;
        case.expect(format!("status of {key} without any signature"), bare.status(), is(403));
    }

    case.step(2, "A presigned URL with an expiry of 1 hour is made for it");
    let asked = Presign { method: "GET", bucket: &bucket, key: "report.txt", valid: HOUR, signer: Signer::Owner };
    let url = case.presign(asked, Altered::Not)?;
    let parameters = case.presigned_parameters(&url).await?;
    case.expect("its time, in s", parameters.at("/X-Amz-Expires"), is("3600"));
    case.expect("its way of signing", parameters.at("/X-Amz-Algorithm"), is("AWS4-HMAC-SHA256"));

    case.step(3, "The URL is requested without any credentials");
    let read = case.follow(&url, "GET", "").await?;
    case.expect("silence after following the URL", read.silence(), absent());
    let head = case.presign(Presign { method: "HEAD", ..asked }, Altered::Not)?;
    let head = case.follow(&head, "HEAD", "").await?;
    let length = content.len().to_string();
    case.expect("size that a URL for HEAD tells", head.header("content-length"), is(length.as_str()));

    case.step(4, "The answer is 200 with the bytes of the object");
    case.expect("status of following the URL", read.status(), is(200));
    case.expect("what it gives", read.body(), is(content.as_str()));
    let again = case.follow(&url, "GET", "").await?;
    case.expect("status of following it once more", again.status(), is(200));
    gives_no_more(case, asked, &url, &content).await?;

    // Whatever became of it, what follows is about an object that is there.
    let stored = case.store(Store::Main).put(&bucket, "report.txt", content.as_str()).send().await?;
    case.require("status of storing report.txt once more", stored.status(), is(200))?;

    case.step(5, "The 1 hour of the URL passes");
    let lapsed = the_hour_passes(case, asked, &url).await?;

    case.step(6, "The URL has expired and is answered 403");
    case.expect("status of the expired URL", lapsed.status(), is(403));
    case.expect("whether it gives nothing but an error", lapsed.gives_nothing(), is(true));
    let fresh = case.presign(asked, Altered::Not)?;
    let read = case.follow(&fresh, "GET", "").await?;
    case.expect("status of a fresh URL", read.status(), is(200));
    case.expect("what it gives", read.body(), is(content.as_str()));

    case.step(7, "A presigned URL for PUT is used to send an object");
    let asked = Presign { method: "PUT", key: "sent.txt", ..asked };
    let url = case.presign(asked, Altered::Not)?;
    nothing_is_sent(case, asked).await?;
    let sent = case.follow(&url, "PUT", &content).await?;
    case.expect("silence after sending", sent.silence(), absent());

    case.step(8, "The upload is answered 200 and the object can be read");
    case.expect("status of sending", sent.status(), is(200));
    let read = case.store(Store::Main).get(&bucket, "sent.txt").send().await?;
    case.expect("status of reading what was sent", read.status(), is(200));
    case.expect("what was sent", read.body(), is(content.as_str()));
    let read = case.follow(&url, "GET", "").await?;
    case.expect("status of reading with the URL for PUT", read.status(), is(403));
    let deleted = case.follow(&url, "DELETE", "").await?;
    case.expect("status of deleting with the URL for PUT", deleted.status(), is(403));
    let listed = case.store(Store::Main).list(&bucket, "").send().await?;
    let stored = [("report.txt", content.len()), ("secret.txt", SECRET.len()), ("sent.txt", content.len())];
    let stored: Vec<Value> = stored.iter().map(|(key, size)| json!({"key": key, "size": size})).collect();
    case.expect("objects of the bucket in the end", listed.seen("/found"), is(stored));
    Ok(())
}

/// Whoever has a URL has that access, and no other.
async fn gives_no_more(case: &mut Case, asked: Presign<'_>, url: &Presigned, content: &str) -> Result<(), Stop> {
    for (what, altered, signer) in [
        ("another signature", Altered::Signature, Signer::Owner),
        ("another object", Altered::Key("secret.txt"), Signer::Owner),
        ("a longer time", Altered::Expiry(24 * HOUR), Signer::Owner),
        ("a signature with another secret", Altered::Not, Signer::Impostor),
    ] {
        let url = case.presign(Presign { signer, ..asked }, altered)?;
        let refused = case.follow(&url, "GET", "").await?;
        case.expect(format!("status of a URL with {what}"), refused.status(), is(403));
        let nothing = refused.gives_nothing();
        case.expect(format!("whether a URL with {what} gives nothing but an error"), nothing, is(true));
    }
    let unsigned = case.presign(asked, Altered::Unsigned)?;
    let refused = case.follow(&unsigned, "GET", "").await?;
    case.expect("status of a URL without its signature", refused.status(), between(400.0, 403.0));
    for method in ["PUT", "DELETE"] {
        let refused = case.follow(url, method, "overwritten").await?;
        case.expect(format!("status of {method} with the URL for GET"), refused.status(), is(403));
    }
    if case.can(Need::StoreUser) {
        let url = case.presign(Presign { signer: Signer::User, ..asked }, Altered::Not)?;
        let refused = case.follow(&url, "GET", "").await?;
        case.expect("status of the URL of a user who may not read the object", refused.status(), is(403));
    }
    let read = case.store(Store::Main).get(asked.bucket, asked.key).send().await?;
    case.expect("what the object holds after all that", read.body(), is(content));
    Ok(())
}

/// The answer to the URL once its time is over; shortly before, it still gives access.
async fn the_hour_passes(case: &mut Case, asked: Presign<'_>, url: &Presigned) -> Result<Reply, Stop> {
    if case.can(Need::StoreClock) || case.can(Need::Patience(HOUR)) {
        let before = case.moment();
        case.pass_for_store(HOUR - MARGIN).await?;
        let nearly = case.follow(url, "GET", "").await?;
        case.expect("status shortly before the hour is over", nearly.status(), is(200));
        case.pass_until(before, HOUR + Duration::from_secs(1)).await?;
        return case.follow(url, "GET", "").await;
    }
    case.observed_as("a URL of 2 s lapses in earnest, for nobody can move the store's clock or waits an hour");
    let url = case.presign(Presign { valid: SHORT, ..asked }, Altered::Not)?;
    let fresh = case.follow(&url, "GET", "").await?;
    case.expect("status of a URL of 2 s at once", fresh.status(), is(200));
    case.follow_until(&url, 403).await
}

/// What is not the URL that was made for sending sends nothing.
async fn nothing_is_sent(case: &mut Case, asked: Presign<'_>) -> Result<(), Stop> {
    let bare = case.store(Store::Main).by(Signer::Nobody).put(asked.bucket, asked.key, "intruder").send().await?;
    case.expect("status of sending without any signature", bare.status(), is(403));
    for (what, altered, signer) in [
        ("another signature", Altered::Signature, Signer::Owner),
        ("another object", Altered::Key("report.txt"), Signer::Owner),
        ("a longer time", Altered::Expiry(24 * HOUR), Signer::Owner),
        ("a signature with another secret", Altered::Not, Signer::Impostor),
    ] {
        let url = case.presign(Presign { signer, ..asked }, altered)?;
        let refused = case.follow(&url, "PUT", "intruder").await?;
        case.expect(format!("status of sending with {what}"), refused.status(), is(403));
    }
    let missing = case.store(Store::Main).get(asked.bucket, asked.key).send().await?;
    case.expect("status of the object that nobody has sent yet", missing.status(), is(404));
    let untouched = case.store(Store::Main).get(asked.bucket, "report.txt").send().await?;
    case.expect("what the other object holds", untouched.body(), is_not("intruder"));
    Ok(())
}
