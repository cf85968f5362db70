//! Feature 26: titles are searched by trigrams, so that misspelt words find their match.

use super::indexes::{FoundIndex, indexes_led_by};
use super::query_plan::expect_index;
use crate::actor::Actor;
use crate::check::{Case, Check, Seen, Stop, at_least, below, is, present, within};
use crate::sabotage::{rewrite_text, run_sql};
use crate::target::{Need, Own, Service, Setup};
use serde_json::{Value, json};

/// The word, and how it is written wrongly.
const WORD: &str = "architecture";
const MISSPELT: &str = "architecure";
/// Titles that hold the word, the most similar last; [`MISSPELT`] is similar to them by 0.67, 0.48 and 0.32.
const MATCHES: [&str; 3] = ["System Architecture Overview", "Cloud architecture", "Architecture"];
/// Titles that share a few trigrams with it, by less than 0.3.
const OTHERS: [&str; 3] = ["Marching orders", "Structure of a lecture", "Arc of a story"];
/// Titles searched.
const TITLES: usize = 10_000;
/// The list of the caller's diagrams.
const LIST: &str = "/api/diagrams/";

pub const CHECK: Check = Check {
    feature: 26,
    revision: 3,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Diagram])),
    needs: &[Need::Sql],
    control: "titles that share a few trigrams with the word are not found",
    sabotage: &[
        run_sql("titles have no index of trigrams", "drop index idx_files_title_trgm").and_red(&[14]),
        run_sql(
            "a title must be alike by 0.6 to be found",
            "do $$ begin execute format('alter database %I set pg_trgm.similarity_threshold = 0.6', \
             current_database()); end $$",
        ),
        rewrite_text(
            "the search finds something else",
            Service::Gateway,
            LIST,
            "Cloud architecture",
            "Marching orders",
        ),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "The extension `pg_trgm` is on");
    let extension = case
        .rows(
            "select e.extname as name, quote_ident(n.nspname) as schema \
             from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm'",
        )
        .await?;
    case.require("extension", extension.at("/0/name"), is("pg_trgm"))?;
    // Who connects may look for names in other schemas than the services do.
    let schema = extension.at("/0/schema").text().unwrap_or("public").to_owned();

    case.step(2, "A GIN index of trigrams on `files.title` exists");
    let of_title: Vec<String> = indexes_led_by(case, "files", "title")
        .await?
        .iter()
        .filter(|one| one.is("gin", "title") && one.operators() == "gin_trgm_ops")
        .map(FoundIndex::name)
        .collect();
    case.expect("GIN indexes of the trigrams of titles", of_title.clone(), present());

    case.step(3, "Titles are searched for `architecture`");
    case.needs(Need::Disposable)?;
    let actor = case.actor().await?;
    fill(case, &actor).await?;
    let searched = Searched { owner: actor.id.clone(), schema: schema.clone() };
    let found = searched.search(case, WORD, None).await?;
    case.require("titles found", &found, is(json!(MATCHES)))?;
    let api = Api::of(case, &actor).await?;
    api.expect(case, WORD).await?;

    case.step(4, "The misspelt `architecure` still finds titles with `architecture`");
    let found = searched.search(case, MISSPELT, None).await?;
    case.expect("titles found for the misspelt word", &found, is(json!(MATCHES)));
    api.expect(case, MISSPELT).await?;
    api.is_private(case).await?;

    case.step(5, "The similarity threshold decides which titles count as a match");
    let limit = case.rows(&format!("select {schema}.show_limit() as threshold")).await?;
    case.expect("threshold that is set", limit.at("/0/threshold"), within(1e-6, 0.3));
    for (threshold, found) in [(0.31, &MATCHES[..]), (0.4, &MATCHES[1..]), (0.6, &MATCHES[2..]), (0.7, &[])] {
        let seen = searched.search(case, MISSPELT, Some(threshold)).await?;
        case.expect(format!("titles found with threshold {threshold}"), &seen, is(json!(found)));
    }
    let lower = searched.search(case, MISSPELT, Some(0.1)).await?;
    case.expect("number of titles found with threshold 0.1", lower.items().len(), at_least(4.0));

    case.step(6, "The search is timed over 10,000 files");
    let files = case.rows("select count(*) as files from files").await?;
    case.expect("files searched", files.at("/0/files"), at_least(TITLES as f64));
    // All files are searched, and those that are somebody else's may be found as well.
    let timed = case.explain(&query(&schema, MISSPELT)).await?;
    let found = timed.at("/plan/Actual Rows");
    case.expect("files found by the search that was timed", found, at_least(MATCHES.len() as f64));

    case.step(7, "The search takes less than 500 ms");
    case.expect("time of the search, in ms", timed.at("/ms"), below(500.0));
    expect_index(case, "the search", &timed.at("/plan"), &of_title);
    Ok(())
}

/// Files of one user: the titles that are meant, and many that are not. Without a vacuum, much of a GIN index would
/// still wait to be put in order.
async fn fill(case: &mut Case, actor: &Actor) -> Result<(), Stop> {
    let (owner, word) = (&actor.id, case.word());
    let titles = MATCHES.iter().chain(&OTHERS).enumerate();
    let named: Vec<String> = titles.map(|(at, title)| format!("({at}, '{title}')")).collect();
    let insert = "insert into files (id, title, owner_id, file_type, is_deleted, current_version)";
    let noise = TITLES - named.len();
    case.execute(&[
        &format!(
            "{insert} select '{word}-named-' || at, title, '{owner}', 'canvas', false, 1 \
             from (values {}) as named (at, title)",
            named.join(", ")
        ),
        &format!(
            "{insert} select '{word}-' || n, 'Sketch ' || n || ' of ' || md5(n::text) || ' as it was drawn', \
                    '{owner}', 'canvas', false, 1 from generate_series(1, {noise}) n"
        ),
        "vacuum analyze files",
    ])
    .await
}

fn query(schema: &str, word: &str) -> String {
    format!("select title from files where title operator({schema}.%) '{word}'")
}

/// The files of this owner: those of others hold what they like.
struct Searched {
    owner: String,
    /// Where the extension is.
    schema: String,
}

impl Searched {
    /// Titles that are similar to a word, the most similar last.
    async fn search(&self, case: &mut Case, word: &str, threshold: Option<f64>) -> Result<Seen, Stop> {
        let Searched { owner, schema } = self;
        let query = query(schema, word);
        let ordered = format!("{query} and owner_id = '{owner}' order by {schema}.similarity(title, '{word}'), title");
        let titles = format!("select coalesce(json_agg(title), '[]') as titles from ({ordered}) found");
        let set: Vec<String> =
            threshold.iter().map(|value| format!("set local pg_trgm.similarity_threshold = {value}")).collect();
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        Ok(case.rows_under(&set, &titles).await?.at("/0/titles"))
    }
}

/// The search that users have, where the list of diagrams has one.
struct Api {
    /// Of the user whose files are searched; nothing where there is no search.
    token: Option<String>,
}

impl Api {
    /// The list without a search holds files, and with a search for a word that stands nowhere, none.
    async fn of(case: &mut Case, actor: &Actor) -> Result<Api, Stop> {
        if !case.can(Need::Address(Service::Gateway)) {
            return Ok(Api { token: None });
        }
        let token = case.token_of(actor).await?;
        let nowhere = format!("{LIST}?search=qqqxxxzzz");
        let all = case.http(Service::Gateway).get(LIST).bearer(&token).send().await?;
        let none = case.http(Service::Gateway).get(&nowhere).bearer(&token).send().await?;
        let lists = !all.at("/diagrams").items().is_empty();
        let searches = lists && none.at("/diagrams").value() == &json!([]);
        Ok(Api { token: searches.then_some(token) })
    }

    async fn expect(&self, case: &mut Case, word: &str) -> Result<(), Stop> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let path = format!("{LIST}?search={word}");
        let reply = case.http(Service::Gateway).get(&path).bearer(token).send().await?;
        let mut titles: Vec<Value> =
            reply.at("/diagrams").items().iter().map(|one| one.at("/title").value().clone()).collect();
        titles.sort_by_key(Value::to_string);
        let mut wanted = MATCHES;
        wanted.sort_unstable();
        case.expect(format!("titles that the API finds for {word}"), titles, is(json!(wanted)));
        case.expect(format!("number of titles that the API says to have found for {word}"), reply.at("/total"), is(3));
        Ok(())
    }

    /// Another user's search finds nothing of these files.
    async fn is_private(&self, case: &mut Case) -> Result<(), Stop> {
        if self.token.is_none() {
            return Ok(());
        }
        let other = case.actor().await?;
        let token = case.token_of(&other).await?;
        let path = format!("{LIST}?search={WORD}");
        let reply = case.http(Service::Gateway).get(&path).bearer(&token).send().await?;
        case.expect("diagrams that another user finds", reply.at("/diagrams"), is(json!([])));
        Ok(())
    }
}
