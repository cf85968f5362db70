//! Feature 2: a fresh PostgreSQL holds the complete schema of 12 tables, with keys and indexes.

use super::indexes::{FoundIndex, indexes};
use super::twelve_tables::{FOREIGN_KEY_VIOLATION, Index, TABLES, Table};
use crate::check::{Case, Check, Stop, above, absent, at_least, is, present};
use crate::sabotage::{Sabotage, run_sql};
use crate::target::{Need, Setup};

/// PostgreSQL 13, the oldest that AutoGraph's schema is accepted on, as `server_version_num` counts.
const OLDEST: f64 = 130_000.0;

pub const CHECK: Check = Check {
    feature: 2,
    revision: 1,
    setup: Setup::Shared,
    needs: &[Need::Sql],
    control: "the same rows with existing parents are accepted",
    sabotage: &[
        // Feature 24 looks at what the same references do when a parent goes, feature 14 at what migrations make of the
        // schema, 48 and 50 at every table after it was brought back.
        Sabotage {
            also_red: &[14, 24],
            ..run_sql(
                "mentions may refer to comments that do not exist",
                "alter table mentions drop constraint mentions_comment_id_fkey",
            )
        },
        run_sql("the index of a file's comments is missing", "drop index idx_comments_file").and_red(&[14]),
        Sabotage { also_red: &[14, 24, 48, 50], ..run_sql("a table is missing", "drop table git_connections") },
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "PostgreSQL is started and answers queries");
    let server = case
        .rows("select current_setting('server_version_num')::int as version, pg_is_in_recovery() as standby")
        .await?;
    case.require("server_version_num", server.at("/0/version"), at_least(OLDEST))?;
    case.expect("server only repeats another", server.at("/0/standby"), is(false));

    case.step(2, "A client connects to the database at the deployment's PostgreSQL address (port 5432 by default)");
    let connection = case
        .rows("select current_database() as database, inet_server_port() as port, current_schema() as schema")
        .await?;
    case.expect("database connected to", connection.at("/0/database"), present());
    case.expect("TCP port of the server", connection.at("/0/port"), above(0.0));
    case.expect("schema in use", connection.at("/0/schema"), is("public"));

    for (number, text, table) in table_steps() {
        case.step(number, text);
        table_is_complete(case, table).await?;
    }

    case.step(15, "Every index of the schema exists: on keys, unique columns, references, lookups and JSON documents");
    indexes_exist(case).await?;

    case.step(16, "A row that refers to a missing parent is refused with SQLSTATE 23503");
    references_are_enforced(case).await
}

/// Steps 3 to 14: one for each table, in the catalogue's words.
fn table_steps() -> impl Iterator<Item = (u8, &'static str, &'static Table)> {
    const TEXTS: [&str; 12] = [
        "Table `users` exists with its columns, among them id, email, password_hash and created_at",
        "Table `teams` exists and its owner refers to `users`",
        "Table `files` exists and refers to `users` and `teams`",
        "Table `versions` exists and refers to `files`",
        "Table `comments` exists and refers to `files` and `users`",
        "Table `mentions` exists and refers to `comments` and `users`",
        "Table `folders` exists and refers to `users`",
        "Table `shares` exists and refers to `files`",
        "Table `git_connections` exists and refers to `users`",
        "Table `audit_log` exists and refers to `users`",
        "Table `api_keys` exists and refers to `users`",
        "Table `usage_metrics` exists and refers to `users`",
    ];
    static TABLES_IN_ORDER: [Table; 12] = TABLES;
    (3..).zip(TEXTS).zip(&TABLES_IN_ORDER).map(|((number, text), table)| (number, text, table))
}

async fn table_is_complete(case: &mut Case, table: &Table) -> Result<(), Stop> {
    let name = table.name;
    let columns = case
        .rows(&format!(
            "select column_name as name, data_type as type, character_maximum_length as longest, \
                    is_nullable = 'YES' as nullable \
             from information_schema.columns \
             where table_schema = 'public' and table_name = '{name}' order by ordinal_position"
        ))
        .await?
        .items();
    case.expect(format!("columns of {name}"), columns.len(), at_least(1.0));
    let mut faults = Vec::new();
    for &(column, kind, nullable) in table.columns {
        let Some(found) = columns.iter().find(|one| one.at("/name").text() == Some(column)) else {
            faults.push(format!("{column} is missing"));
            continue;
        };
        let (data_type, may_be_null) = (found.at("/type"), found.at("/nullable"));
        let longest = found.at("/longest");
        if !data_type.text().is_some_and(|data_type| kind.is(data_type, longest.number())) {
            let (data_type, longest) = (data_type.value(), longest.value());
            faults.push(format!("{column} is {data_type} (longest {longest}) instead of {kind:?}"));
        }
        if may_be_null.value() != nullable {
            faults.push(format!("{column} may be null: {}", may_be_null.value()));
        }
    }
    case.expect(format!("columns of {name} that are not as they should be"), faults, absent());
    let primary = case
        .rows(&format!(
            "select a.attname as name from pg_constraint c \
             join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any (c.conkey) \
             where c.contype = 'p' and c.conrelid = to_regclass('public.{name}')"
        ))
        .await?;
    case.expect(format!("primary key of {name}"), primary.at("/0/name"), is("id"));
    references_exist(case, table).await
}

async fn references_exist(case: &mut Case, table: &Table) -> Result<(), Stop> {
    if table.references.is_empty() {
        return Ok(());
    }
    let name = table.name;
    let keys = case
        .rows(&format!(
            "select a.attname as column, c.confrelid::regclass::text as parent, c.convalidated \
                    and not exists (select from pg_trigger t where t.tgconstraint = c.oid and t.tgenabled <> 'O') \
                    as enforced \
             from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1] \
             where c.contype = 'f' and c.conrelid = to_regclass('public.{name}') order by 1"
        ))
        .await?
        .items();
    for &(column, parent) in table.references {
        let key = keys.iter().find(|key| key.at("/column").text() == Some(column));
        let refers_to = key.map(|key| key.at("/parent").value().clone()).unwrap_or_default();
        case.expect(format!("{name}.{column} refers to"), refers_to, is(parent));
        let enforced = key.map(|key| key.at("/enforced").value().clone()).unwrap_or_default();
        case.expect(format!("reference {name}.{column} is enforced for all rows"), enforced, is(true));
    }
    Ok(())
}

async fn indexes_exist(case: &mut Case) -> Result<(), Stop> {
    let all = indexes(case).await?;
    for table in &TABLES {
        let of_table: Vec<&FoundIndex> = all.iter().filter(|one| one.table() == table.name).collect();
        let keys = std::iter::once(&("id", Index::Unique));
        let missing: Vec<String> = keys
            .chain(table.indexes)
            .filter(|(columns, index)| !of_table.iter().any(|one| serves(one, columns, *index)))
            .map(|(columns, index)| format!("{index:?} on {columns}"))
            .collect();
        case.expect(format!("indexes missing on {}", table.name), missing, absent());
    }
    Ok(())
}

/// Whether an index does what is asked of one on these columns.
fn serves(found: &FoundIndex, columns: &str, wanted: Index) -> bool {
    match wanted {
        Index::Plain => found.begins_with(columns),
        Index::Unique => found.is("btree", columns) && found.is_unique(),
        Index::Gin => found.is("gin", columns),
    }
}

/// Inserts with a parent that is not there, and, as the control, with parents that are.
async fn references_are_enforced(case: &mut Case) -> Result<(), Stop> {
    let (user, file, comment, nobody) = (case.id(), case.id(), case.id(), case.id());
    let email = case.word();
    let hash = case.password();
    let add_user = format!(
        "insert into users (id, email, password_hash, is_active, is_verified, role) \
         values ('{user}', '{email}@example.com', '{hash}', true, true, 'user')"
    );
    let add_file = |owner: &str| {
        format!("insert into files (id, title, owner_id, file_type) values ('{file}', 'f', '{owner}', 'canvas')")
    };
    let add_version =
        |file: &str| format!("insert into versions (id, file_id, version_number) values ('{comment}', '{file}', 1)");
    let add_comment = |file: &str, user: &str| {
        format!("insert into comments (id, file_id, user_id, content) values ('{comment}', '{file}', '{user}', 'c')")
    };
    let add_mention = |comment: &str, user: &str| {
        format!("insert into mentions (id, comment_id, user_id) values ('{file}', '{comment}', '{user}')")
    };
    let (sound_file, sound_comment) = (add_file(&user), add_comment(&file, &user));
    let parents = [add_user.as_str(), sound_file.as_str(), sound_comment.as_str()];
    for (what, statement) in [
        ("files.owner_id", add_file(&nobody)),
        ("versions.file_id", add_version(&nobody)),
        ("comments.file_id", add_comment(&nobody, &user)),
        ("comments.user_id", add_comment(&file, &nobody)),
        ("mentions.comment_id", add_mention(&nobody, &user)),
        ("mentions.user_id", add_mention(&comment, &nobody)),
    ] {
        // Only what the statement itself refers to is made first, lest its own row is there already.
        let before = match what.split('.').next() {
            Some("files") => &parents[..1],
            Some("versions" | "comments") => &parents[..2],
            _ => &parents[..],
        };
        let statements: Vec<&str> = before.iter().copied().chain([statement.as_str()]).collect();
        let refusal = case.attempt(&statements).await?;
        case.expect(
            format!("SQLSTATE of a row whose {what} refers to nothing"),
            refusal.at("/sqlstate"),
            is(FOREIGN_KEY_VIOLATION),
        );
    }
    let mention = add_mention(&comment, &user);
    let statements: Vec<&str> = parents.iter().copied().chain([mention.as_str()]).collect();
    let control = case.attempt(&statements).await?;
    case.expect("rows accepted where every parent exists", control.at("/rows"), is(1));
    Ok(())
}
