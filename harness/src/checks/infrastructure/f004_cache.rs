//! Feature 4: Redis holds cache entries for five minutes and lets them go when the data changes.

use super::stored_value::{all_keys, value_of};
use crate::check::{Case, Check, Seen, Stop, absent, between, contains, is, one_of, such_that};
use crate::probe::Reply;
use crate::sabotage::{run_redis, set_variable};
use crate::target::{Need, Own, Part, Service, Setup};
use serde_json::json;
use std::time::Duration;

/// Life of an entry, in seconds.
const LIFE: &str = "300";
/// Changes that are made while others read.
const ROUNDS: u32 = 8;

pub const CHECK: Check = Check {
    feature: 4,
    revision: 2,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Diagram]).with(&[Part::PostgresRelay])),
    needs: &[Need::Redis, Need::Address(Service::Gateway)],
    control: "an entry with life left stays when another runs out",
    sabotage: &[
        set_variable("entries live for an hour", Service::Diagram, "CACHE_TTL_SECONDS", "3600"),
        set_variable("nothing is cached", Service::Diagram, "CACHE_ENABLED", "false"),
        // A key of idempotency that cannot be let go of keeps its request from being done again (feature 36).
        run_redis("entries cannot be dropped", &["ACL", "SETUSER", "default", "-unlink", "-del"]).and_red(&[36]),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "A client connects to Redis and gets PONG for PING");
    let pong = case.redis(0, &["PING"]).await?;
    case.require("reply to PING", &pong, is("PONG"))?;

    case.step(2, "A cache entry is written with an expiry of 5 minutes");
    let (own, content) = (format!("cache:{}", case.word()), json!({"text": case.id(), "n": 1.5}).to_string());
    let written = case.redis(0, &["SET", &own, &content, "EX", LIFE]).await?;
    case.expect("reply to writing an entry with 5 minutes", &written, is("OK"));
    let actor = case.actor().await?;
    let token = case.token_of(&actor).await?;
    let diagram = Diagram::create(case, &token).await?;
    let read_at = case.now().await?;
    let (first, entry) = diagram.read_into_cache(case).await?;
    if entry.is_none() {
        case.observed_as("what a client of Redis wrote; reading a diagram left nothing there");
    }

    case.step(3, "TTL of the entry is 300 s");
    let own_ttl = [["SET", &own, &content, "EX", LIFE].to_vec(), ["TTL", &own].to_vec()]
        .map(|words| words.into_iter().map(str::to_owned).collect());
    let ttl = case.redis_all(0, &own_ttl).await?;
    case.expect("TTL of an entry just written anew, in s", ttl.at("/1"), between(299.0, 300.0));
    if let Some(entry) = &entry {
        entry.expect_five_minutes(case, read_at).await?;
    }

    case.step(4, "The cached value reads back unchanged");
    let stored = case.redis(0, &["GET", &own]).await?;
    case.expect("entry that was written", &stored, is(content.as_str()));
    diagram.expect_same(case, "the second time", &first).await?;
    if entry.is_some() && case.can(Need::Part(Part::PostgresRelay)) {
        // What is answered now can only come from the cache.
        case.cut_postgres().await?;
        diagram.expect_same(case, "while the database is cut off", &first).await?;
        case.mend_postgres().await?;
    }
    cached_or_not_is_the_same_to_others(case, &diagram, &token).await?;

    case.step(5, "Once the expiry has passed the key no longer exists");
    case.observed_as("the rest of the entries' life is shortened to 20 ms, for nobody waits five minutes");
    let short = format!("cache:{}", case.word());
    case.redis(0, &["SET", &short, &content, "PX", "20"]).await?;
    let gone = case.redis_until(0, &["EXISTS", &short], Duration::from_secs(2), |reply| *reply == json!(0)).await?;
    case.expect("entries whose expiry has passed", &gone, is(0));
    if let Some(entry) = &entry {
        entry.is_not_kept_longer_by_a_read(case, &diagram).await?;
        entry.runs_out(case).await?;
    }
    let control = case.redis(0, &["EXISTS", &own]).await?;
    case.expect("entries with life left", &control, is(1));
    let read_at = case.now().await?;
    let again = diagram.read(case).await?;
    case.expect("status of reading after the expiry", again.status(), is(200));
    if let Some(entry) = &entry {
        entry.expect_five_minutes(case, read_at).await?;
    }

    case.step(6, "When the underlying data is updated, the stale entry is dropped");
    // Nobody but the system knows when its data changes, so this cannot be seen of an entry of our own.
    case.expect("entry that reading a diagram left in Redis, and a change would drop", entry.is_some(), is(true));
    if let Some(entry) = &entry {
        diagram.updates_drop_the_entry(case, entry).await?;
    }
    diagram.updates_while_others_read(case).await?;
    diagram.deletion_drops_the_entry(case, entry.as_ref()).await?;
    let dropped = case.redis(0, &["GETDEL", &own]).await?;
    case.expect("entry of our own, which nobody else may drop", &dropped, is(content.as_str()));
    Ok(())
}

/// What the system keeps of a diagram that was read.
struct Entry {
    database: u8,
    key: String,
}

impl Entry {
    async fn value(&self, case: &mut Case) -> Result<Seen, Stop> {
        value_of(case, self.database, &self.key).await
    }

    /// Of the five minutes, no more is gone than since the diagram was read; a TTL is told in whole seconds.
    async fn expect_five_minutes(&self, case: &mut Case, read_at: f64) -> Result<(), Stop> {
        let ttl = case.redis(self.database, &["TTL", &self.key]).await?;
        let gone = (case.now().await? - read_at).max(0.0);
        case.expect("TTL of the system's entry, in s", &ttl, between(299.0 - gone.ceil(), 300.0));
        Ok(())
    }

    /// A read from the cache does not lengthen the entry's life, or what is read often would never be read anew.
    async fn is_not_kept_longer_by_a_read(&self, case: &mut Case, diagram: &Diagram) -> Result<(), Stop> {
        let shortened = case.redis(self.database, &["EXPIRE", &self.key, "200"]).await?;
        case.expect("reply to taking 100 s from the life of the system's entry", &shortened, is(1));
        let read = diagram.read(case).await?;
        case.expect("status of reading the diagram then", read.status(), is(200));
        let ttl = case.redis(self.database, &["TTL", &self.key]).await?;
        case.expect("TTL of the system's entry after that, in s", &ttl, between(1.0, 200.0));
        Ok(())
    }

    async fn runs_out(&self, case: &mut Case) -> Result<(), Stop> {
        let shortened = case.redis(self.database, &["PEXPIRE", &self.key, "20"]).await?;
        case.expect("reply to shortening the life of the system's entry", &shortened, is(1));
        let exists = ["EXISTS", &self.key];
        let gone = case.redis_until(self.database, &exists, Duration::from_secs(2), |reply| *reply == json!(0)).await?;
        case.expect("entries of the system whose expiry has passed", &gone, is(0));
        Ok(())
    }
}

/// A diagram of the check's own, and its owner.
struct Diagram {
    id: String,
    title: String,
    token: String,
}

impl Diagram {
    async fn create(case: &mut Case, token: &str) -> Result<Diagram, Stop> {
        let (token, title) = (token.to_owned(), case.word());
        let body =
            json!({"title": title, "file_type": "canvas", "canvas_data": {"zoom": 0.1, "shapes": [{"x": 1e21}]}});
        let created = case.http(Service::Gateway).post("/api/diagrams/").bearer(&token).json(body).send().await?;
        case.require("status of creating a diagram", created.status(), one_of([200, 201]))?;
        Ok(Diagram { id: created.at("/id").text().unwrap_or_default().to_owned(), title, token })
    }

    fn path(&self) -> String {
        format!("/api/diagrams/{}", self.id)
    }

    async fn read(&self, case: &mut Case) -> Result<Reply, Stop> {
        case.http(Service::Gateway).get(&self.path()).bearer(&self.token).send().await
    }

    /// Reads it, and finds what the system keeps of that in Redis, if it does.
    async fn read_into_cache(&self, case: &mut Case) -> Result<(Reply, Option<Entry>), Stop> {
        let before = all_keys(case).await?;
        let reply = self.read(case).await?;
        case.require("status of reading the diagram", reply.status(), is(200))?;
        let mut found = Vec::new();
        for (database, key) in all_keys(case).await?.difference(&before) {
            if value_of(case, *database, key).await?.value().to_string().contains(&self.title) {
                found.push(Entry { database: *database, key: key.clone() });
            }
        }
        let names: Vec<&str> = found.iter().map(|entry| entry.key.as_str()).collect();
        let one = such_that("one key whose value holds the diagram, or none", |keys| {
            keys.as_array().is_some_and(|keys| keys.len() <= 1)
        });
        case.expect("entries that reading the diagram wrote to Redis", names, one);
        Ok((reply, found.pop()))
    }

    async fn expect_same(&self, case: &mut Case, when: &str, first: &Reply) -> Result<(), Stop> {
        let reply = self.read(case).await?;
        case.expect(format!("status of reading the diagram {when}"), reply.status(), is(200));
        for field in ["/id", "/title", "/owner_id", "/canvas_data", "/current_version", "/updated_at"] {
            case.expect(format!("{} as read {when}", &field[1..]), reply.at(field), is(first.at(field)));
        }
        Ok(())
    }

    async fn updates_drop_the_entry(&self, case: &mut Case, entry: &Entry) -> Result<(), Stop> {
        let stale = self.title.clone();
        let fresh = || {
            let stale = stale.clone();
            such_that("nothing, or nothing of the old title", move |value| !value.to_string().contains(&stale))
        };
        let title = case.word();
        let before = entry.value(case).await?;
        case.expect("entry before the update", &before, contains(self.title.as_str()));
        let put = case.http(Service::Gateway).method("PUT", &self.path()).bearer(&self.token);
        let changed = put.json(json!({"title": title})).send().await?;
        case.expect("status of changing the title", changed.status(), is(200));
        let after = entry.value(case).await?;
        case.expect("entry after the update", &after, fresh());
        let read_at = case.now().await?;
        let reply = self.read(case).await?;
        case.expect("title read after the update", reply.at("/title"), is(title.as_str()));
        let again = entry.value(case).await?;
        case.expect("entry after the diagram was read again", &again, contains(title.as_str()));
        entry.expect_five_minutes(case, read_at).await
    }

    /// A reader that is slower than the change must not bring the old state back.
    async fn updates_while_others_read(&self, case: &mut Case) -> Result<(), Stop> {
        for round in 1..=ROUNDS {
            let title = format!("{} {round}", self.title);
            let put = case.http(Service::Gateway).method("PUT", &self.path()).bearer(&self.token);
            let change = put.json(json!({"title": title})).start()?;
            let reads = case.http(Service::Gateway).get(&self.path()).bearer(&self.token).twins(4).await?;
            let changed = case.answer(change).await?;
            case.expect(format!("status of change {round}"), changed.status(), is(200));
            case.expect(format!("answers to reads during change {round}"), reads.len(), is(4));
            for read in &reads {
                case.expect(format!("status of a read during change {round}"), read.status(), is(200));
            }
            let reply = self.read(case).await?;
            case.expect(format!("title read after change {round}"), reply.at("/title"), is(title.as_str()));
        }
        Ok(())
    }

    /// Where diagrams can be deleted.
    async fn deletion_drops_the_entry(&self, case: &mut Case, entry: Option<&Entry>) -> Result<(), Stop> {
        let deleted = case.http(Service::Gateway).method("DELETE", &self.path()).bearer(&self.token).send().await?;
        if deleted.status().number() == Some(405.0) {
            return Ok(());
        }
        case.expect("status of deleting the diagram", deleted.status(), one_of([200, 204]));
        if let Some(entry) = entry {
            let left = entry.value(case).await?;
            case.expect("entry after the diagram was deleted", &left, absent());
        }
        let reply = self.read(case).await?;
        case.expect("status of reading the deleted diagram", reply.status(), one_of([404, 410]));
        Ok(())
    }
}

/// Another user sees as much of a diagram that is cached as of one that nobody has read yet.
async fn cached_or_not_is_the_same_to_others(case: &mut Case, cached: &Diagram, token: &str) -> Result<(), Stop> {
    let unread = Diagram::create(case, token).await?;
    let other = case.actor().await?;
    let token = case.token_of(&other).await?;
    let before = case.http(Service::Gateway).get(&unread.path()).bearer(&token).send().await?;
    let after = case.http(Service::Gateway).get(&cached.path()).bearer(&token).send().await?;
    case.expect("status for another user of a diagram that is cached", after.status(), is(before.status()));
    Ok(())
}
