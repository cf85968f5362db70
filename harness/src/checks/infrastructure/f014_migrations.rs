//! Feature 14: migrations move the schema forward and back.

use crate::actor::Actor;
use crate::check::{Case, Check, Seen, Stop, absent, at_least, contains, is, is_not, one_of, present};
use crate::sabotage::run_sql;
use crate::target::{Need, Own, Power, Service, Setup};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a request without a schema may take to fail.
const LONGEST: Duration = Duration::from_secs(60);
/// More steps than any system has.
const ALL: u32 = 10_000;
/// So many of the newest steps are looked through for one that adds a column.
const LOOKED_THROUGH: u32 = 40;

/// Every table, the one that records the version included.
const TABLES: &str = "select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace \
     where n.nspname = 'public' and c.relkind in ('r', 'p') order by 1";
/// Every column, as `table.column`.
const COLUMNS: &str = "select table_name || '.' || column_name as name \
     from information_schema.columns where table_schema = 'public' order by 1";
/// What each table is made of, down to its keys and indexes, and what there is beside tables: a digest of each.
const SCHEMA: &str = "select name, count(*) as parts, md5(string_agg(what, ' ' order by what)) as digest from ( \
         select table_name::text as name, concat_ws(' ', column_name, data_type, character_maximum_length, \
             is_nullable, column_default) as what \
         from information_schema.columns where table_schema = 'public' \
     union all select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint \
         where connamespace = 'public'::regnamespace and conrelid <> 0 \
     union all select tablename::text, indexdef from pg_indexes where schemaname = 'public' \
     union all select tgrelid::regclass::text, tgname::text from pg_trigger where not tgisinternal \
     union all select 'beside tables', extname::text from pg_extension where extname <> 'plpgsql' \
     union all select 'beside tables', relname::text from pg_class \
         where relnamespace = 'public'::regnamespace and relkind in ('S', 'v', 'm') \
     union all select 'beside tables', p.oid::regprocedure::text from pg_proc p \
         where p.pronamespace = 'public'::regnamespace \
         and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e') \
     ) parts group by 1 order by 1";

pub const CHECK: Check = Check {
    feature: 14,
    revision: 1,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Auth, Service::Diagram])),
    needs: &[Need::Sql, Need::Disposable, Need::Control, Need::Power(Power::Migrate)],
    control: "taking the steps once more changes nothing, and a step back leaves other columns and all rows alone",
    sabotage: &[
        run_sql("a table stands in the schema that no step makes", "create table notes (id text primary key)"),
        run_sql("a column was added by hand", "alter table users add column nickname text"),
    ],
    run: |case| Box::pin(run(case)),
};

/// A step that adds a column.
struct Added {
    table: String,
    column: String,
    /// Steps back that lead from the newest to the one before it.
    steps: u32,
    /// The schema without it.
    before: Value,
}

async fn run(case: &mut Case) -> Result<(), Stop> {
    for service in [Service::Auth, Service::Diagram] {
        case.stop_service(service).await?;
    }
    let newest = case.rows(SCHEMA).await?.value().clone();
    let actor = case.actor().await?;

    case.step(5, "A further migration that adds a column is written");
    let added = find_added_column(case, &actor).await?;

    case.step(8, "After the step down the column is gone");
    let gone = column(case, &added).await?;
    case.expect("the column after the step down", &gone, absent());
    let Added { table, column, .. } = &added;
    let left = case
        .rows(&format!(
            "select count(*) filter (where column_name = '{column}') as dropped, count(*) as kept \
         from information_schema.columns where table_schema = 'public' and table_name = '{table}'"
        ))
        .await?;
    case.expect("columns of that name after the step down", left.at("/0/dropped"), is(0));
    case.expect("other columns of the table after the step down", left.at("/0/kept"), at_least(1.0));

    case.step(1, "Migrations are set up in auth-service, with a table that records the version");
    let down = case.migrate(Some(ALL)).await?;
    case.expect("exit code of taking all steps back", down.at("/code"), is(0));
    let left = case.rows(TABLES).await?;
    case.require("tables left when all steps are taken back", left.items().len(), is(1))?;
    let version_table = left.at("/0/name").text().unwrap_or_default().to_owned();
    let schema = names(&case.rows(SCHEMA).await?);
    case.expect("what else is left when all steps are taken back", schema, is(json!([version_table.as_str()])));

    case.step(2, "The first migration describes table `users`");
    let first = case.migrate_up(1).await?;
    case.expect("exit code of the first step", first.at("/code"), is(0));
    let tables = case.rows(TABLES).await?;
    case.expect("tables after the first step", names(&tables), contains("users"));
    let columns = case.rows(COLUMNS).await?;
    for column in ["users.id", "users.email", "users.password_hash"] {
        case.expect("columns after the first step", names(&columns), contains(column));
    }

    case.step(3, "The migrations are run up to the newest (`alembic upgrade head`)");
    let up = case.migrate(None).await?;
    case.expect("exit code of taking all steps", up.at("/code"), is(0));
    let version = version_of(case, &version_table).await?;
    let again = case.migrate(None).await?;
    case.expect("exit code of taking them once more", again.at("/code"), is(0));
    let version_again = version_of(case, &version_table).await?;
    case.expect("version after taking them once more", version_again.value().clone(), is(version.value().clone()));

    case.step(4, "The database now has table `users`");
    let users =
        case.rows("select to_regclass('public.users') is not null as there, count(*) as rows from users").await?;
    case.expect("table users is there", users.at("/0/there"), is(true));
    case.expect("rows of users after all steps back and forth", users.at("/0/rows"), is(0));
    the_same(case, &newest, "after all steps back and forth").await?;

    one_step_back_and_forth(case, &added, &newest, &version_table, &version).await?;

    case.step(9, "Migrations serve every service that keeps data in the database");
    services_work(case, &newest).await
}

/// Takes steps back one at a time until one has taken away a column of a table that stays.
async fn find_added_column(case: &mut Case, actor: &Actor) -> Result<Added, Stop> {
    case.observed_as("the newest of the system's own steps that adds a column stands for one more that is written");
    let mut above = names(&case.rows(COLUMNS).await?);
    let mut found = None;
    let mut steps = 0;
    while found.is_none() && steps < LOOKED_THROUGH {
        let down = case.migrate(Some(1)).await?;
        case.require("exit code of one step back", down.at("/code"), is(0))?;
        let below = names(&case.rows(COLUMNS).await?);
        let stays = |table: &str| below.iter().any(|name| name.starts_with(&format!("{table}.")));
        let split = |name: &String| name.split_once('.').map(|(table, column)| (table.to_owned(), column.to_owned()));
        let mut dropped = above.iter().filter(|name| !below.contains(name)).filter_map(split);
        found = dropped.find(|(table, _)| stays(table));
        above = below;
        steps += 1;
    }
    let name = found.as_ref().map(|(table, column)| format!("{table}.{column}"));
    case.require("column of a table that stays, taken away by a step back", name, present())?;
    let (table, column) = found.unwrap_or_default();
    let kept = rows_of(case, actor).await?;
    case.expect("users left without the column", &kept, is(1));
    let before = case.rows(SCHEMA).await?.value().clone();
    Ok(Added { table, column, steps, before })
}

/// Up to the newest again, with a row that is there already; then back and forth by the steps above the column.
async fn one_step_back_and_forth(
    case: &mut Case,
    added: &Added,
    newest: &Value,
    version_table: &str,
    version: &Seen,
) -> Result<(), Stop> {
    let actor = case.actor().await?;

    case.step(7, "One step down leads back to the version before");
    let down = case.migrate(Some(1)).await?;
    case.expect("exit code of one step down", down.at("/code"), is(0));
    let below = version_of(case, version_table).await?;
    case.expect("version after one step down", below.value().clone(), is_not(version.value().clone()));
    if added.steps > 1 {
        let down = case.migrate(Some(added.steps - 1)).await?;
        case.expect("exit code of the steps down to the column", down.at("/code"), is(0));
    }
    the_same(case, &added.before, "one step before the column").await?;
    let kept = rows_of(case, &actor).await?;
    case.expect("users after the step down", &kept, is(1));

    case.step(6, "After the upgrade the column is there");
    let missing = column(case, added).await?;
    case.expect("the column before the upgrade", &missing, absent());
    let up = case.migrate_up(1).await?;
    case.expect("exit code of one step up", up.at("/code"), is(0));
    let there = column(case, added).await?;
    case.expect("the column after one step up", there.at("/0/name"), is(added.column.as_str()));
    let kept = rows_of(case, &actor).await?;
    case.expect("users that were there before the step", &kept, is(1));
    let up = case.migrate(None).await?;
    case.expect("exit code of the remaining steps", up.at("/code"), is(0));
    the_same(case, newest, "after one step back and forth").await
}

/// What services write works on the schema that the steps have made, and services add nothing to it themselves.
async fn services_work(case: &mut Case, newest: &Value) -> Result<(), Stop> {
    let down = case.migrate(Some(ALL)).await?;
    case.expect("exit code of taking all steps back", down.at("/code"), is(0));
    for service in [Service::Auth, Service::Diagram] {
        case.start_service(service).await?;
    }
    let body = json!({"email": format!("{}@example.com", case.word()), "password": case.password()});
    let early = case.http(Service::Gateway).post("/api/auth/register").json(body.clone());
    let early = early.deadline(LONGEST).send().await?;
    case.expect("status of registering without a schema", early.status(), one_of([500, 503]));
    let tables = case.rows(TABLES).await?;
    case.expect("tables made by services themselves", tables.items().len().saturating_sub(1), is(0));

    let up = case.migrate(None).await?;
    case.expect("exit code of taking all steps while services run", up.at("/code"), is(0));
    let registered = case.http(Service::Gateway).post("/api/auth/register").json(body.clone()).send().await?;
    case.require("status of registering once the schema is there", registered.status(), is(201))?;
    let id = registered.at("/id").text().unwrap_or_default().to_owned();
    let users = case.rows(&format!("select count(*) as rows from users where id = '{id}'")).await?;
    case.expect("rows of that user", users.at("/0/rows"), is(1));
    let signed_in = case.http(Service::Gateway).post("/api/auth/login").json(body).send().await?;
    case.require("status of signing in", signed_in.status(), is(200))?;
    let token = signed_in.token("access_token");
    let title = case.word();
    let post = case.http(Service::Gateway).post("/api/diagrams/").bearer(&token);
    let made = post.json(json!({"title": title})).send().await?;
    case.expect("status of creating a diagram", made.status(), one_of([200, 201]));
    let files = case.rows(&format!("select count(*) as rows from files where title = '{title}'")).await?;
    case.expect("rows of that diagram", files.at("/0/rows"), at_least(1.0));
    the_same(case, newest, "after services have written").await
}

/// Every table is as it was at another moment, and so is what there is beside tables.
async fn the_same(case: &mut Case, wanted: &Value, when: &str) -> Result<(), Stop> {
    let now = case.rows(SCHEMA).await?;
    case.expect(format!("the schema {when}"), &now, is(wanted.clone()));
    Ok(())
}

/// All rows of the table that records the version.
async fn version_of(case: &mut Case, table: &str) -> Result<Seen, Stop> {
    let state = "md5(string_agg(t::text, '' order by t::text)) as state";
    let rows = case.rows(&format!("select {state}, count(*) as rows from {table} t")).await?;
    case.expect("rows of the table that records the version", rows.at("/0/rows"), at_least(1.0));
    Ok(rows.at("/0/state"))
}

async fn rows_of(case: &mut Case, actor: &Actor) -> Result<Seen, Stop> {
    let rows = case.rows(&format!("select count(*) as rows from users where id = '{}'", actor.id)).await?;
    Ok(rows.at("/0/rows"))
}

async fn column(case: &mut Case, added: &Added) -> Result<Seen, Stop> {
    let Added { table, column, .. } = added;
    case.rows(&format!(
        "select column_name as name from information_schema.columns \
         where table_schema = 'public' and table_name = '{table}' and column_name = '{column}'"
    ))
    .await
}

fn names(rows: &Seen) -> Vec<String> {
    rows.items().iter().filter_map(|row| row.at("/name").text().map(str::to_owned)).collect()
}
