//! Feature 48: the database is backed up and brought back whole, in part, and as it was at any moment.

use super::whole_database::{
    TABLES, admin, back_up, contents, diagram, fill_every_table, is_as_before, open, refused, restore, structure,
};
use crate::actor::Actor;
use crate::check::{
    Case, Check, Matcher, Seen, Stop, above, absent, at_least, below, contains, is, is_not, present, such_that,
};
use crate::probe::Reply;
use crate::sabotage::{Sabotage, rewrite_text, run_sql, set_variable};
use crate::target::{Need, Own, Part, Power, Service, Setup};
use serde_json::json;

/// Ways to write a full backup (contract, section 3.15).
const FORMATS: [&str; 4] = ["custom", "plain", "directory", "tar"];
/// Bytes that a dump of twelve tables with rows surely has.
const SMALLEST_DUMP: f64 = 5_000.0;
/// Connections to the database that a service keeps (feature 15).
const CONNECTIONS: usize = 10;
/// Bytes of the rows that are added between two incremental backups.
const MANY: f64 = 1_000_000.0;

pub const CHECK: Check = Check {
    feature: 48,
    revision: 3,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Diagram]).with(&[
        Part::Postgres,
        Part::PostgresTools,
        Part::ObjectStore,
    ])),
    needs: &[Need::Address(Service::Gateway), Need::Sql, Need::Disposable, Need::Part(Part::PostgresTools)],
    control: "restoring a backup that does not exist is refused and changes nothing",
    sabotage: &[
        Sabotage {
            also_red: &[50],
            ..set_variable("the folder of backups cannot be made", Service::Gateway, "BACKUP_DIR", "/proc/backups")
        },
        Sabotage {
            also_red: &[50],
            ..set_variable("the log of changes is not kept", Service::Gateway, "BACKUP_WAL_STREAMING", "false")
        },
        Sabotage {
            also_red: &[14, 50],
            ..run_sql("dumps leave a table out", "alter extension pg_trgm add table usage_metrics")
        },
        rewrite_text(
            "the list of backups tells no sizes",
            Service::Gateway,
            "/api/admin/backup/list",
            "size_bytes",
            "size",
        ),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    let ended = lost_and_found(case).await;
    case.bring_database_back().await?;
    if !case.can(Need::Power(Power::Configure)) {
        connections_are_renewed(case).await?;
        // The users to whom these rows belong go later, and the rows would stay without them.
        case.execute(&["delete from audit_log where action like 'conform-f048-%'"]).await?;
    }
    ended
}

/// Services may still hold connections to a database that is gone; whoever comes next should not meet them.
async fn connections_are_renewed(case: &mut Case) -> Result<(), Stop> {
    let actor = case.actor().await?;
    for path in ["/api/auth/me", "/api/diagrams/"] {
        for _ in 0..CONNECTIONS {
            let signed_in = case.sign_in(&actor).await?;
            let token = signed_in.token("access_token");
            let reply = case.http(Service::Gateway).get(path).bearer(&token).send().await?;
            if reply.status().number() == Some(200.0) {
                break;
            }
        }
    }
    Ok(())
}

async fn lost_and_found(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "Test rows are in the database");
    let (owner, admins) = (case.actor().await?, [case.actor().await?, case.actor().await?]);
    let token = case.token_of(&owner).await?;
    // Restores may be limited to a few an hour for each caller.
    let [first, second] = [case.token_of(&admins[0]).await?, case.token_of(&admins[1]).await?];
    fill_every_table(case, &owner).await?;
    let title = case.word();
    let (drawn, unopened) = (diagram(case, &token, &title).await?, diagram(case, &token, &title).await?);
    let before = contents(case).await?;
    for (at, table) in TABLES.iter().enumerate() {
        case.expect(format!("rows of {table}"), before.at(&format!("/{at}/rows")), at_least(1.0));
    }
    let (shape, opened) = (structure(case).await?, open(case, &token, &drawn).await?);
    case.require("status of opening the diagram", opened.status(), is(200))?;

    case.step(2, "pg_dump makes a backup (POST /api/admin/backup/create)");
    strangers_are_refused(case).await?;
    let dumps = dump_in_every_format(case, &first).await?;
    // What comes after a backup is not in it.
    let late = add_row(case, &owner, "late").await?;

    case.step(3, "The backup file exists and is not empty");
    are_listed(case, &first, &dumps).await?;

    case.step(4, "The database is dropped");
    unknown_is_refused(case, &first).await?;
    case.drop_database().await?;
    let left = structure(case).await?;
    case.require("tables left", left.at("/0/tables"), is(0))?;
    // One that nobody has opened yet: what is kept of reads is not the database.
    let gone = open(case, &token, &unopened).await?;
    case.expect("status of opening the diagram without a database", gone.status(), is_not(200));

    case.step(5, "pg_restore brings it back from the backup");
    restore(case, &first, "the dump in format custom", &dumps[0], false).await?;
    // What was opened before may still be known from a cache.
    let there = structure(case).await?;
    case.expect("tables that are there again", there.at("/0/tables"), is(shape.at("/0/tables")));
    let unopened_yet = open(case, &token, &unopened).await?;
    case.expect("status of opening a diagram that nobody has opened", unopened_yet.status(), is(200));
    let again = open(case, &token, &drawn).await?;
    case.expect("status of opening the diagram", again.status(), is(200));
    case.expect("id of the diagram", again.at("/id"), is(opened.at("/id")));
    case.expect("what is drawn in it", again.at("/canvas_data"), is(opened.at("/canvas_data")));

    case.step(6, "All rows are as they were");
    is_as_before(case, "after the restore", &before).await?;
    row_is(case, "rows that are newer than the backup", &late, absent()).await?;
    structure_is_as_before(case, &shape).await?;
    counters_go_on(case, &owner).await?;
    for (format, dump) in FORMATS.iter().zip(&dumps).skip(1) {
        case.execute(&[&format!("delete from files where id = '{drawn}'")]).await?;
        add_row(case, &owner, "in the way").await?;
        restore(case, &first, &format!("the dump in format {format}"), dump, true).await?;
        is_as_before(case, &format!("after the restore of format {format}"), &before).await?;
    }
    copy_comes_back(case, &second).await?;

    case.step(7, "An incremental backup holds what changed since the last one");
    if !incremental(case, &second, &owner).await? {
        case.step(8, "The database can be brought back to a chosen point in time");
        case.lacks(Need::KindsOfBackups);
        return Ok(());
    }

    case.step(8, "The database can be brought back to a chosen point in time");
    point_in_time(case, &second, &owner, (&token, &unopened, &title)).await
}

/// A row that can be looked for: its word.
async fn add_row(case: &mut Case, owner: &Actor, what: &str) -> Result<String, Stop> {
    let word = case.word();
    let row =
        format!("insert into audit_log (user_id, action, resource_type) values ('{}', '{word}', '{what}')", owner.id);
    case.execute(&[&row]).await?;
    Ok(word)
}

/// What the row of this word is about, if it is there.
async fn row_is(case: &mut Case, requirement: &str, word: &str, wanted: Matcher) -> Result<(), Stop> {
    let found = case.rows(&format!("select resource_type from audit_log where action = '{word}'")).await?;
    case.expect(requirement, found.at("/0/resource_type"), wanted);
    Ok(())
}

/// Whoever may make and restore backups has all data in hand.
async fn strangers_are_refused(case: &mut Case) -> Result<(), Stop> {
    for (method, path) in [
        ("POST", "backup/create"),
        ("POST", "backup/restore?backup_name=stranger"),
        ("GET", "backup/list"),
        ("DELETE", "backup/stranger"),
    ] {
        let answer = admin(case, None, method, path).await?;
        case.expect(format!("status of {method} {path} without a token"), answer.status(), is(401));
    }
    Ok(())
}

async fn dump_in_every_format(case: &mut Case, token: &str) -> Result<Vec<Seen>, Stop> {
    let mut dumps = Vec::new();
    for format in FORMATS {
        let name = format!("{}-{format}", case.word());
        let query = format!("backup_format={format}");
        let dump = back_up(case, token, &format!("a dump in format {format}"), (&name, &query)).await?;
        case.expect(format!("name of the dump in format {format}"), dump.at("/backup_name"), is(name));
        case.expect(format!("format of the dump in format {format}"), dump.at("/format"), is(format));
        dumps.push(dump);
    }
    Ok(dumps)
}

async fn list(case: &mut Case, token: &str) -> Result<Reply, Stop> {
    let listed = admin(case, Some(token), "GET", "backup/list?include_minio=false").await?;
    case.require("status of the list of backups", listed.status(), is(200))?;
    Ok(listed)
}

async fn are_listed(case: &mut Case, token: &str, dumps: &[Seen]) -> Result<(), Stop> {
    let listed = list(case, token).await?;
    let entries = listed.at("/backups/local").items();
    case.expect("backups counted", listed.at("/local_count"), is(entries.len()));
    for (format, dump) in FORMATS.iter().zip(dumps) {
        let path = dump.at("/file_path");
        let entry = entries.iter().find(|entry| entry.at("/path").text() == path.text());
        let entry = entry.cloned().unwrap_or_else(|| case.silence());
        case.expect(
            format!("size of format {format} in the list, in bytes"),
            entry.at("/size_bytes"),
            above(SMALLEST_DUMP),
        );
        case.expect(format!("time of format {format} in the list"), entry.at("/modified"), present());
        // What counts as the size of a folder differs from system to system.
        if *format != "directory" {
            case.expect(
                format!("size of format {format} in the list and when it was made"),
                entry.at("/size_bytes"),
                is(dump.at("/file_size_bytes")),
            );
        }
    }
    Ok(())
}

/// The control.
async fn unknown_is_refused(case: &mut Case, token: &str) -> Result<(), Stop> {
    let (before, name) = (contents(case).await?, case.word());
    let answer =
        admin(case, Some(token), "POST", &format!("backup/restore?backup_name={name}.dump&clean=true")).await?;
    let refusal = such_that("a refusal", refused);
    case.expect("status of restoring a backup that does not exist", answer.status(), refusal);
    is_as_before(case, "after a restore that was refused", &before).await
}

async fn structure_is_as_before(case: &mut Case, before: &Seen) -> Result<(), Stop> {
    let now = structure(case).await?;
    for what in ["tables", "constraints", "indexes", "counters"] {
        let pointer = format!("/0/{what}");
        case.expect(format!("{what} of the schema"), now.at(&pointer), is(before.at(&pointer)));
    }
    Ok(())
}

/// Ids are given out from where they had been, and references are still enforced.
async fn counters_go_on(case: &mut Case, owner: &Actor) -> Result<(), Stop> {
    let insert = |owner: &str| format!("insert into usage_metrics (user_id, metric_type) values ('{owner}', 'next')");
    let next = case.attempt(&[&insert(&owner.id)]).await?;
    case.expect("rows added to a table that numbers its rows", next.at("/rows"), is(1));
    let nobody = case.id();
    let orphan = case.attempt(&[&insert(&nobody)]).await?;
    case.expect("SQLSTATE of a row that refers to nobody", orphan.at("/sqlstate"), is("23503"));
    Ok(())
}

/// A backup goes to the object store as well, and from there it is restored when the one here is gone.
async fn copy_comes_back(case: &mut Case, token: &str) -> Result<(), Stop> {
    if !case.can(Need::ObjectStore) {
        return Ok(());
    }
    let (before, name) = (contents(case).await?, case.word());
    let query = format!("backup/create?backup_name={name}&upload_to_minio=true");
    let made = admin(case, Some(token), "POST", &query).await?;
    if made.at("/backup/uploaded_to_minio").value() == false && !case.can(Need::Power(Power::Configure)) {
        // Who is not told where the object store is uploads nothing (contract, section 1.4).
        return Ok(());
    }
    case.expect("uploaded_to_minio of a dump", made.at("/backup/uploaded_to_minio"), is(true));
    let (key, file) = (format!("postgres/{name}.dump"), format!("{name}.dump"));
    case.expect("minio_key of a dump", made.at("/backup/minio_key"), is(key.clone()));
    let listed = admin(case, Some(token), "GET", "backup/list?include_local=false").await?;
    let copies = listed.at("/backups/minio").items();
    let copy = copies.iter().find(|copy| copy.at("/key").text() == Some(&key));
    let copy = copy.cloned().unwrap_or_else(|| case.silence());
    let size = made.at("/backup/file_size_bytes");
    case.expect("size of the copy in the store, in bytes", copy.at("/size_bytes"), is(size));
    let deleted = admin(case, Some(token), "DELETE", &format!("backup/{file}?delete_minio=false")).await?;
    case.expect("local_deleted of a dump", deleted.at("/results/local_deleted"), is(true));
    case.execute(&["delete from usage_metrics"]).await?;
    let query = format!("backup/restore?backup_name={file}&download_from_minio=true&clean=true");
    let restored = admin(case, Some(token), "POST", &query).await?;
    case.expect("status of restoring the copy", restored.status(), is(200));
    is_as_before(case, "after the restore of the copy", &before).await
}

/// Whether there are such backups at all: how to ask for one, the contract does not say (section 3.15).
async fn incremental(case: &mut Case, token: &str, owner: &Actor) -> Result<bool, Stop> {
    let [named, first, second] = [case.word(), case.word(), case.word()];
    let base = back_up(case, token, "a base", (&named, "backup_type=base")).await?;
    if base.at("/backup_type").text() != Some("base") && !case.can(Need::Power(Power::Configure)) {
        case.lacks(Need::KindsOfBackups);
        return Ok(false);
    }
    let small = add_row(case, owner, "small").await?;
    let one = back_up(case, token, "an incremental backup", (&first, "backup_type=incremental")).await?;
    case.execute(&[&format!(
        "insert into usage_metrics (user_id, metric_type, extra_data) \
         select '{}', 'large', json_build_object('text', repeat(md5(n::text), 32)) from generate_series(1, 1000) n",
        owner.id
    )])
    .await?;
    let two = back_up(case, token, "a second incremental backup", (&second, "backup_type=incremental")).await?;
    let wanted = contents(case).await?;
    let later = add_row(case, owner, "later").await?;

    case.expect("backup that the first goes on from", one.at("/parent"), is(base.at("/backup_name")));
    case.expect("backup that the second goes on from", two.at("/parent"), is(one.at("/backup_name")));
    case.expect("bytes that changed before the first", one.at("/wal_bytes"), above(0.0));
    case.expect("bytes that changed before the first", one.at("/wal_bytes"), below(MANY));
    case.expect("bytes that changed between the two", two.at("/wal_bytes"), above(MANY));
    let whole = base.at("/file_size_bytes").number().unwrap_or_default();
    case.expect("size of the first beside the base, in bytes", one.at("/file_size_bytes"), below(whole));
    let (end, start) = (position(&one.at("/to_lsn")), position(&two.at("/from_lsn")));
    let goes_on = such_that("where the first ended, or the next file of the log", move |start| {
        start.as_u64().zip(end).is_some_and(|(start, end)| start >= end && start - end <= 1 << 30)
    });
    case.expect("position where the second begins", start, goes_on);

    restore(case, token, "the second incremental backup", &two, true).await?;
    row_is(case, "row from before the first", &small, is("small")).await?;
    is_as_before(case, "after the restore of an incremental backup", &wanted).await?;
    row_is(case, "rows from after the second", &later, absent()).await?;
    Ok(true)
}

/// The number of a position in the log of changes, `0/3000028`.
fn position(text: &Seen) -> Option<u64> {
    let (high, low) = text.text()?.split_once('/')?;
    Some(u64::from_str_radix(high, 16).ok()? << 32 | u64::from_str_radix(low, 16).ok()?)
}

async fn point_in_time(case: &mut Case, token: &str, owner: &Actor, drawn: (&str, &str, &str)) -> Result<(), Stop> {
    let (user, diagram, title) = drawn;
    let early = add_row(case, owner, "early").await?;
    let wanted = contents(case).await?;
    let now = case
        .rows("select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as now")
        .await?;
    let now = now.at("/0/now").text().unwrap_or("unknown").to_owned();
    let late = add_row(case, owner, "late").await?;
    let renamed = case.http(Service::Gateway).method("PUT", &format!("/api/diagrams/{diagram}")).bearer(user);
    let renamed = renamed.json(json!({"title": "renamed"})).send().await?;
    case.expect("status of renaming a diagram", renamed.status(), is(200));
    let opened = open(case, user, diagram).await?;
    case.expect("title of the diagram after the moment", opened.at("/title"), is("renamed"));
    delete_files(case, &format!("owner_id = '{}' and id <> '{diagram}'", owner.id)).await?;
    let spoilt = contents(case).await?;

    let too_early = back_to(case, token, "2001-01-01T00:00:00Z").await?;
    case.expect("status of going back to before all backups", too_early.status(), such_that("a refusal", refused));
    is_as_before(case, "after a moment before all backups was refused", &spoilt).await?;

    let restored = back_to(case, token, &now).await?;
    case.require("status of going back to a moment", restored.status(), is(200))?;
    case.expect("moment that was gone back to", restored.at("/restore/target_time"), contains(&now));
    row_is(case, "row from before the moment", &early, is("early")).await?;
    row_is(case, "rows from after the moment", &late, absent()).await?;
    is_as_before(case, "after going back to a moment", &wanted).await?;
    let opened = open(case, user, diagram).await?;
    case.expect("title of the diagram that was renamed after the moment", opened.at("/title"), is(title));
    Ok(())
}

/// Deletes files with what hangs on them. That mentions would go by themselves is what feature 24 demands, not this one.
async fn delete_files(case: &mut Case, which: &str) -> Result<(), Stop> {
    let comments = format!("select id from comments where file_id in (select id from files where {which})");
    let mentions = format!("delete from mentions where comment_id in ({comments})");
    case.execute(&[&mentions, &format!("delete from files where {which}")]).await
}

async fn back_to(case: &mut Case, token: &str, moment: &str) -> Result<Reply, Stop> {
    admin(case, Some(token), "POST", &format!("backup/restore?target_time={moment}&clean=true")).await
}
