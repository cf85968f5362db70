//! Feature 36: a repeated request with the same idempotency key runs only once.

use super::executions::Executions;
use super::stored_value::databases;
use crate::actor::Actor;
use crate::check::{Case, Check, Stop, absent, between, is, is_not, one_of, present, such_that};
use crate::probe::Reply;
use crate::sabotage::set_variable;
use crate::target::{Need, Service, Setup};
use serde_json::json;

/// The operation: it makes a row that can be counted.
const ROUTE: &str = "/api/diagrams/";
/// How long an answer is kept, in seconds (contract, section 2.11).
const KEPT: f64 = 86_400.0;
/// Twins sent at the same moment.
const TWINS: usize = 10;

pub const CHECK: Check = Check {
    feature: 36,
    revision: 5,
    setup: Setup::Shared,
    needs: &[Need::Address(Service::Gateway)],
    control: "the same request with another key, or of another user, runs anew",
    sabotage: &[set_variable(
        "the gateway pays no heed to idempotency keys",
        Service::Gateway,
        "IDEMPOTENCY_ENABLED",
        "false",
    )
    .and_red(&[13, 16])],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    let actor = case.actor().await?;
    let token = case.token_of(&actor).await?;
    let (key, title) = (case.id(), case.word());

    case.step(1, "A POST is sent with an idempotency key");
    let first = create(case, Some(&token), &key, &title).await?;
    case.require("status of the first request", first.status(), one_of([200, 201]))?;
    let diagram = first.at("/id").text().unwrap_or_default().to_owned();
    case.expect("X-Idempotency-Hit of the first answer", first.header("x-idempotency-hit"), is("false"));

    case.step(2, "The operation has run once");
    let tally = Tally::of(case, &actor, &token, &title, &diagram).await?;

    case.step(3, "The same request is sent again with the same key");
    let second = create(case, Some(&token), &key, &title).await?;
    case.expect("status of the second request", second.status(), is(first.status()));

    case.step(4, "The operation has not run a second time");
    tally.made(case, "both requests", &title, 1).await?;
    tally.executions_again(case).await?;
    let twins = twins_run_once(case, &tally, &token).await?;
    updates_run_once(case, &token, &diagram, &key).await?;

    case.step(5, "The answer is the stored one, marked as a replay");
    case.expect("body of the second answer", second.body(), is(first.body()));
    case.expect("X-Idempotency-Hit of the second answer", second.header("x-idempotency-hit"), is("true"));
    let content_type = (first.header("content-type"), second.header("content-type"));
    case.expect("content type of the second answer", content_type.1, is(content_type.0));
    let ids = (first.header("x-correlation-id"), second.header("x-correlation-id"));
    case.expect("correlation id of the second answer", ids.1, is_not(ids.0));
    another_path_is_another_request(case, &key).await?;
    answer_is_kept_for_a_day(case, &key).await?;
    answer_is_private(case, &key, &title, &first).await?;
    reading_is_never_replayed(case, &token, &key).await?;
    failures_are_not_kept(case, &actor, &token).await?;

    case.step(6, "The request is sent with another key");
    let other_key = case.id();
    let third = create(case, Some(&token), &other_key, &title).await?;
    case.expect("status of the request with another key", third.status(), is(first.status()));
    case.expect("X-Idempotency-Hit of its answer", third.header("x-idempotency-hit"), is("false"));

    case.step(7, "The operation has run anew");
    tally.made(case, "both keys", &title, 2).await?;
    tally.executions_anew(case).await?;
    case.expect("id of the diagram that the other key made", third.at("/id"), is_not(first.at("/id")));
    // Looked at once more, now that whatever was done behind the answers has had its time.
    tally.made(case, &format!("{TWINS} twins in the end"), &twins, 1).await
}

async fn create(case: &mut Case, token: Option<&str>, key: &str, title: &str) -> Result<Reply, Stop> {
    let mut request = case
        .http(Service::Gateway)
        .post(ROUTE)
        .header("idempotency-key", key)
        .json(json!({"title": title, "file_type": "canvas"}));
    if let Some(token) = token {
        request = request.bearer(token);
    }
    request.send().await
}

/// How it is known how often the operation has run.
enum Tally {
    /// By the rows in the database.
    Rows(String),
    /// By the user's list of diagrams.
    List(String),
    /// By the probe that counts itself, since the list shows nobody's diagrams.
    Probe(Executions),
    /// Not at all.
    Unknown,
}

impl Tally {
    /// The first request has made a diagram of this title and id: where that can be seen, further ones are counted.
    async fn of(case: &mut Case, actor: &Actor, token: &str, title: &str, diagram: &str) -> Result<Tally, Stop> {
        let rows = Tally::Rows(actor.id.clone());
        let list = Tally::List(token.to_owned());
        let tally = if case.can(Need::Sql) { rows } else { list };
        let made = tally.count(case, title).await?;
        if !case.can(Need::Sql) && made == Some(0) {
            let alone = case.http(Service::Gateway).get(&format!("{ROUTE}{diagram}")).bearer(token).send().await?;
            if alone.status().number() == Some(200.0) {
                case.observed_as("the list of diagrams shows none, so a probe that counts its executions stands in");
                if case.can(Need::TestEndpoints) {
                    return Ok(Tally::Probe(Executions::first(case).await?));
                }
                case.lacks(Need::Sql);
                return Ok(Tally::Unknown);
            }
        }
        case.require("diagrams made by the first request", json!(made), is(1))?;
        Ok(tally)
    }

    /// How many diagrams of this title there are, where that is known.
    async fn count(&self, case: &mut Case, title: &str) -> Result<Option<u64>, Stop> {
        match self {
            Tally::Rows(owner) => {
                let query =
                    format!("select count(*) as made from files where title = '{title}' and owner_id = '{owner}'");
                let rows = case.rows(&query).await?;
                Ok(rows.at("/0/made").number().map(|made| made as u64))
            }
            Tally::List(token) => {
                let list = case.http(Service::Gateway).get(ROUTE).bearer(token).send().await?;
                let titles = list.at("/diagrams").items();
                Ok(Some(titles.iter().filter(|one| one.at("/title").text() == Some(title)).count() as u64))
            }
            Tally::Probe(_) | Tally::Unknown => Ok(None),
        }
    }

    async fn made(&self, case: &mut Case, by: &str, title: &str, wanted: u64) -> Result<(), Stop> {
        match self {
            Tally::Probe(_) => {}
            Tally::Unknown => case.lacks(Need::Sql),
            Tally::Rows(_) | Tally::List(_) => {
                let made = self.count(case, title).await?;
                case.expect(format!("diagrams made by {by}"), json!(made), is(wanted));
            }
        }
        Ok(())
    }

    async fn executions_again(&self, case: &mut Case) -> Result<(), Stop> {
        if let Tally::Probe(executions) = self { executions.again(case).await } else { Ok(()) }
    }

    async fn executions_anew(&self, case: &mut Case) -> Result<(), Stop> {
        if let Tally::Probe(executions) = self { executions.anew(case).await } else { Ok(()) }
    }
}

/// Requests with one key at the same moment: one runs, the others get its answer. Returns their title.
async fn twins_run_once(case: &mut Case, tally: &Tally, token: &str) -> Result<String, Stop> {
    let (key, title) = (case.id(), case.word());
    let replies = case
        .http(Service::Gateway)
        .post(ROUTE)
        .bearer(token)
        .header("idempotency-key", &key)
        .json(json!({"title": title, "file_type": "canvas"}))
        .twins(TWINS)
        .await?;
    tally.made(case, &format!("{TWINS} twins at the same moment"), &title, 1).await?;
    // Whoever comes while the first is under way waits for its answer or is told to come again; it makes nothing.
    let is_told_to_wait = |reply: &&Reply| [409.0, 425.0, 429.0].map(Some).contains(&reply.status().number());
    let again = create(case, Some(token), &key, &title).await?;
    case.expect("status of the same request after the twins", again.status(), one_of([200, 201]));
    let answered = replies.iter().filter(|reply| !is_told_to_wait(reply)).chain([&again]);
    let ids: std::collections::BTreeSet<String> = answered.map(|reply| reply.at("/id").value().to_string()).collect();
    let one =
        such_that("one and the same id", |ids| ids.as_array().is_some_and(|ids| ids.len() == 1 && ids[0] != "null"));
    case.expect(format!("ids answered to {TWINS} twins"), ids.into_iter().collect::<Vec<_>>(), one);
    Ok(title)
}

/// A PUT with the key of the POST is another operation, and runs; the same PUT again does not. Either spelling of the
/// header will do.
async fn updates_run_once(case: &mut Case, token: &str, diagram: &str, key: &str) -> Result<(), Stop> {
    let path = format!("{ROUTE}{diagram}");
    for (what, header) in
        [("a PUT with the key of the POST", "idempotency-key"), ("the same PUT again", "x-idempotency-key")]
    {
        let put = case.http(Service::Gateway).method("PUT", &path).bearer(token).header(header, key);
        let reply = put.json(json!({"description": "once"})).send().await?;
        case.expect(format!("status of {what}"), reply.status(), is(200));
        case.expect(format!("version after {what}"), reply.at("/current_version"), is(2));
    }
    let now = case.http(Service::Gateway).get(&path).bearer(token).send().await?;
    case.expect("version after both PUTs", now.at("/current_version"), is(2));
    // The same method, body and key on another path.
    let (another_key, title) = (case.id(), case.word());
    let other = create(case, Some(token), &another_key, &title).await?;
    let other = other.at("/id").text().unwrap_or("no-diagram").to_owned();
    let put = case.http(Service::Gateway).method("PUT", &format!("{ROUTE}{other}")).bearer(token);
    let reply = put.header("idempotency-key", key).json(json!({"description": "once"})).send().await?;
    case.expect("version after the same PUT to another diagram", reply.at("/current_version"), is(2));
    case.expect("id in its answer", reply.at("/id"), is(other.as_str()));
    Ok(())
}

/// The header means nothing on a GET.
async fn reading_is_never_replayed(case: &mut Case, token: &str, key: &str) -> Result<(), Stop> {
    for time in ["first", "second"] {
        let read = case.http(Service::Gateway).get(ROUTE).bearer(token).header("idempotency-key", key).send().await?;
        case.expect(
            format!("X-Idempotency-Hit of the {time} GET with the key"),
            read.header("x-idempotency-hit"),
            absent(),
        );
    }
    Ok(())
}

/// A request that failed is run again: the diagram that was missing is there the second time.
async fn failures_are_not_kept(case: &mut Case, actor: &Actor, token: &str) -> Result<(), Stop> {
    if !case.can(Need::Sql) || !case.can(Need::Disposable) {
        return Ok(());
    }
    let (key, diagram) = (case.id(), case.id());
    let path = format!("{ROUTE}{diagram}");
    for (what, status) in [("a PUT to a diagram that is missing", 404), ("the same PUT once it is there", 200)] {
        let put = case.http(Service::Gateway).method("PUT", &path).bearer(token).header("idempotency-key", &key);
        let reply = put.json(json!({"title": "kept"})).send().await?;
        case.expect(format!("status of {what}"), reply.status(), is(status));
        case.execute(&[&format!(
            "insert into files (id, title, owner_id, file_type, is_deleted, current_version) \
             values ('{diagram}', 'late', '{}', 'canvas', false, 1) on conflict do nothing",
            actor.id
        )])
        .await?;
    }
    Ok(())
}

/// The stored answer's TTL, where we may look into Redis.
async fn answer_is_kept_for_a_day(case: &mut Case, key: &str) -> Result<(), Stop> {
    if !case.can(Need::Redis) {
        return Ok(());
    }
    let mut lives = Vec::new();
    // Which database keeps the answers differs between deployments (contract, section 5.1).
    for database in databases(case).await? {
        for found in case.redis_keys(database, &format!("idempotency:*{key}*")).await?.items() {
            let name = found.text().unwrap_or_default().to_owned();
            lives.push(case.redis(database, &["TTL", &name]).await?);
        }
    }
    if lives.is_empty() {
        // Under which name an answer is kept is the system's own affair.
        return Ok(());
    }
    let longest = lives.iter().filter_map(crate::check::Seen::number).fold(f64::NAN, f64::max);
    case.expect("TTL of the stored answer, in s", longest, between(KEPT - 60.0, KEPT));
    Ok(())
}

/// Under the same key another path runs anew. Here it is a registration, which is answered 201, and so is its replay.
async fn another_path_is_another_request(case: &mut Case, key: &str) -> Result<(), Stop> {
    let email = format!("{}@example.com", case.word());
    let body = json!({"email": email, "password": case.password(), "full_name": "Conformance"});
    let mut replies = Vec::new();
    for _ in 0..2 {
        let request = case.http(Service::Gateway).post("/api/auth/register").header("idempotency-key", key);
        replies.push(request.json(body.clone()).send().await?);
    }
    let [first, second] = &replies[..] else { return Ok(()) };
    case.expect("status of a registration under the key of another path", first.status(), one_of([200, 201]));
    case.expect("X-Idempotency-Hit of its answer", first.header("x-idempotency-hit"), is("false"));
    case.expect("status of its replay", second.status(), is(first.status()));
    case.expect("body of its replay", second.body(), is(first.body()));
    case.expect("X-Idempotency-Hit of its replay", second.header("x-idempotency-hit"), is("true"));
    Ok(())
}

/// Whoever else knows key and path must not get the stored answer.
async fn answer_is_private(case: &mut Case, key: &str, title: &str, first: &Reply) -> Result<(), Stop> {
    let anonymous = create(case, None, key, title).await?;
    case.expect("status of a replay without a token", anonymous.status(), is(401));
    let other = case.actor().await?;
    let token = case.token_of(&other).await?;
    let foreign = create(case, Some(&token), key, title).await?;
    case.expect("status of another user's request with the same key", foreign.status(), present());
    case.expect("id answered to another user", foreign.at("/id"), is_not(first.at("/id")));
    Ok(())
}
