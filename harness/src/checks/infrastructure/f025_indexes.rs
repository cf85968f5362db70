//! Feature 25: indexes make the queries that matter measurably faster.

use super::indexes::{FoundIndex, dropping, indexes_led_by, partial_indexes};
use super::query_plan::{expect_index, scans};
use crate::check::{Case, Check, Seen, Stop, above, absent, at_least, contains, is, present, such_that};
use crate::sabotage::{Sabotage, run_sql};
use crate::target::{Need, Own, Power, Setup};
use serde_json::Value;

/// Owners, and files of each; of these every fourth is in the bin.
const OWNERS: u32 = 200;
const FILES_OF_EACH: u32 = 100;
const LIVE_OF_EACH: u32 = 75;
/// How often a query is timed, with the index and without.
const RUNS: usize = 7;

pub const CHECK: Check = Check {
    feature: 25,
    revision: 3,
    setup: Setup::Own(Own::of(&[])),
    needs: &[Need::Sql],
    control: "without its index the same query reads the whole table",
    sabotage: &[
        run_sql("no index leaves out what is softly deleted", "drop index idx_files_live").and_red(&[14]),
        run_sql(
            "the partial index holds what is softly deleted and nothing else",
            "drop index idx_files_live; create index idx_files_live on files (owner_id) where is_deleted",
        )
        .and_red(&[14]),
        // The schema is incomplete then, too, and feature 2 says so.
        Sabotage { also_red: &[2, 14], ..run_sql("files are not indexed by owner", "drop index idx_files_owner") },
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "An index on `files.owner_id` exists");
    let of_owner: Vec<String> = indexes_led_by(case, "files", "owner_id")
        .await?
        .iter()
        .filter(|one| one.begins_with("owner_id"))
        .map(FoundIndex::name)
        .collect();
    case.require("indexes that begin with owner_id and hold all files", of_owner.clone(), present())?;

    case.step(2, "EXPLAIN is asked about a query that filters by `owner_id`");
    case.needs(Need::Disposable)?;
    let word = case.word();
    fill(case, &word).await?;
    let looked = looked_up(case, &word, &of_owner).await;
    emptied(case, &word).await?;
    looked
}

/// Steps 2 to 8, on the rows whose ids begin with this word.
async fn looked_up(case: &mut Case, word: &str, of_owner: &[String]) -> Result<(), Stop> {
    let query = format!("select id from files where owner_id = '{word}-7'");
    let plan = case.explain(&query).await?.at("/plan");
    case.expect("files that the query found", plan.at("/Actual Rows"), is(FILES_OF_EACH));

    case.step(3, "The plan uses an index scan and no sequential scan");
    let used = expect_index(case, "the query by owner", &plan, of_owner);
    let asked: Vec<String> = used.into_iter().filter_map(|scan| scan.condition).collect();
    case.expect("what the index is asked for", asked.join(" "), contains("owner_id"));

    case.step(4, "The time of the query with the index is taken");
    let with = timed(case, &[], &query).await?;

    case.step(5, "The index is dropped and the time is taken again");
    let drop = dropping(case, of_owner).await?;
    let drop: Vec<&str> = drop.iter().map(String::as_str).collect();
    // Within transactions that are rolled back: nobody else is ever without the index.
    let without = timed(case, &drop, &query).await?;
    let last = without.last().cloned().unwrap_or_else(|| case.silence());
    let kinds: Vec<String> = scans(&last.at("/plan")).into_iter().map(|scan| scan.kind).collect();
    let sequential = such_that("a sequential scan", |kinds| kinds.to_string().contains("Seq Scan"));
    case.expect("ways in which the query comes to its rows without the index", kinds, sequential);
    case.expect("files that it found without the index", last.at("/plan/Actual Rows"), is(FILES_OF_EACH));

    case.step(6, "The query with the index is clearly faster than without");
    let mut times: Vec<f64> = with.iter().filter_map(|run| run.at("/ms").number()).collect();
    times.sort_by(f64::total_cmp);
    let median = times.get(RUNS / 2).copied().unwrap_or(f64::NAN);
    let fastest = without.iter().map(|run| run.at("/ms").number().unwrap_or(f64::NAN)).fold(f64::MAX, f64::min);
    // A machine that is busy makes runs longer, never shorter: the fastest run without is held against the middle one with.
    case.expect(
        "fastest run without the index, in ms, beside twice the median with it",
        fastest,
        at_least(2.0 * median),
    );

    several_columns(case, word).await?;
    partial(case, word).await
}

/// Takes the rows away again, from a system that is not the harness's own and thrown away as a whole.
async fn emptied(case: &mut Case, word: &str) -> Result<(), Stop> {
    if case.can(Need::Power(Power::Configure)) {
        return Ok(());
    }
    case.execute(&[
        &format!("delete from usage_metrics where user_id like '{word}-%'"),
        &format!("delete from audit_log where resource_type like '{word}-%'"),
        &format!("delete from versions where id like '{word}-%'"),
        &format!("delete from files where id like '{word}-%'"),
        &format!("delete from users where id like '{word}-%'"),
    ])
    .await
}

/// Rows enough that an index matters, with statistics.
async fn fill(case: &mut Case, word: &str) -> Result<(), Stop> {
    let files = OWNERS * FILES_OF_EACH;
    let statements = [
        format!(
            "insert into users (id, email, password_hash, is_active, is_verified, role) \
             select '{word}-' || n, '{word}-' || n || '@example.org', 'none', true, false, 'user' \
             from generate_series(0, {OWNERS} - 1) n"
        ),
        format!(
            "insert into files (id, title, owner_id, file_type, is_deleted, deleted_at) \
             select '{word}-' || n, 'f', '{word}-' || n % {OWNERS}, 'canvas', n / {OWNERS} % 4 = 0, \
                    case when n / {OWNERS} % 4 = 0 then now() end \
             from generate_series(0, {files} - 1) n"
        ),
        format!(
            "insert into versions (id, file_id, version_number) \
             select '{word}-' || n, '{word}-' || n % 50, n / 50 + 1 from generate_series(0, 4999) n"
        ),
        format!(
            "insert into audit_log (action, resource_type, resource_id) \
             select 'read', '{word}-' || n % 5, 'row-' || n % 1000 from generate_series(0, 9999) n"
        ),
        format!(
            "insert into usage_metrics (user_id, metric_type) \
             select '{word}-' || n % {OWNERS}, 'type-' || n / {OWNERS} % 10 from generate_series(0, 9999) n"
        ),
    ];
    for statement in &statements {
        let filled = case.change(statement).await?;
        case.require("refusal of rows to look for", filled.at("/sqlstate"), absent())?;
    }
    case.execute(&["analyze"]).await
}

/// Several runs of a query, each timed by the server itself.
async fn timed(case: &mut Case, after: &[&str], query: &str) -> Result<Vec<Seen>, Stop> {
    let mut runs = Vec::new();
    for number in 1..=RUNS {
        let run = case.explain_after(after, query).await?;
        case.expect(format!("time of run {number}, in ms"), run.at("/ms"), above(0.0));
        runs.push(run);
    }
    Ok(runs)
}

async fn several_columns(case: &mut Case, word: &str) -> Result<(), Stop> {
    case.step(7, "An index over several columns serves a query that filters by them");
    for (table, columns, query, rows) in [
        (
            "versions",
            ["file_id", "version_number"],
            format!("select id from versions where file_id = '{word}-7' and version_number = 9"),
            1,
        ),
        (
            "audit_log",
            ["resource_type", "resource_id"],
            format!("select id from audit_log where resource_type = '{word}-2' and resource_id = 'row-7'"),
            10,
        ),
        (
            "usage_metrics",
            ["user_id", "metric_type"],
            format!("select id from usage_metrics where user_id = '{word}-7' and metric_type = 'type-3'"),
            5,
        ),
    ] {
        let both = columns.join(", ");
        let names: Vec<String> = indexes_led_by(case, table, columns[0])
            .await?
            .iter()
            .filter(|one| one.begins_with(&both))
            .map(FoundIndex::name)
            .collect();
        case.expect(format!("indexes of {table} that begin with {both}"), names.clone(), present());
        let plan = case.explain(&query).await?.at("/plan");
        case.expect(format!("rows of {table} found"), plan.at("/Actual Rows"), is(rows));
        let used = expect_index(case, &format!("the query by {both}"), &plan, &names);
        let asked: Vec<String> = used.into_iter().filter_map(|scan| scan.condition).collect();
        for column in columns {
            case.expect(format!("what the index of {table} is asked for"), asked.join(" "), contains(column));
        }
    }
    Ok(())
}

async fn partial(case: &mut Case, word: &str) -> Result<(), Stop> {
    case.step(8, "A partial index covers the rows that are not softly deleted");
    let flag = |predicate: String| predicate.contains("is_deleted") || predicate.contains("deleted_at");
    let all = partial_indexes(case, "files").await?;
    let partial: Vec<&FoundIndex> = all.iter().filter(|one| one.predicate().is_some_and(flag)).collect();
    let names: Vec<String> = partial.iter().map(|one| one.name()).collect();
    case.require("partial indexes of files on whether a file is deleted", names.clone(), present())?;
    let sizes = case
        .rows(&format!(
            "select x.relname as index, x.reltuples as entries, \
                    (select count(*) from files where not is_deleted) as live \
             from pg_class x where x.relname in ('{}') order by 1",
            names.join("', '")
        ))
        .await?;
    // The number of entries is an estimate, which the server makes from a sample where there are many.
    let live = such_that("an index with about an entry for each file that is not deleted, and no more", |sizes| {
        let holds_these = |size: &Value| {
            let (entries, live) = (size["entries"].as_f64().unwrap_or(0.0), size["live"].as_f64().unwrap_or(f64::NAN));
            (entries - live).abs() <= 0.1 * live
        };
        sizes.as_array().is_some_and(|sizes| sizes.iter().any(holds_these))
    });
    case.expect("entries of the partial indexes", &sizes, live);
    let of_owner: Vec<String> = partial.iter().filter(|one| one.is_led_by("owner_id")).map(|one| one.name()).collect();
    if !of_owner.is_empty() {
        // In the words of the index itself, for others may say the same and the planner not know it.
        let first = partial.iter().find(|one| one.is_led_by("owner_id")).and_then(|one| one.predicate());
        let alive = first.unwrap_or_else(|| "not is_deleted".to_owned());
        let query = format!("select id from files where owner_id = '{word}-7' and {alive}");
        let all = indexes_led_by(case, "files", "owner_id").await?;
        let names: Vec<String> = all.iter().map(FoundIndex::name).collect();
        let plan = case.explain(&query).await?.at("/plan");
        case.expect("files found that are not deleted", plan.at("/Actual Rows"), is(LIVE_OF_EACH));
        // Which of several good indexes is taken is the planner's choice, and turns with what else is in the table.
        expect_index(case, "the query for an owner's live files", &plan, &names);
        let whole: Vec<String> = all.iter().filter(|one| one.predicate().is_none()).map(FoundIndex::name).collect();
        let drop = dropping(case, &whole).await?;
        let drop: Vec<&str> = drop.iter().map(String::as_str).collect();
        let plan = case.explain_after(&drop, &query).await?.at("/plan");
        case.expect("files found by the partial index alone", plan.at("/Actual Rows"), is(LIVE_OF_EACH));
        expect_index(case, "the query for an owner's live files, without the indexes over all files", &plan, &of_owner);
    }
    Ok(())
}
