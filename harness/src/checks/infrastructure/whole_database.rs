//! All that a database holds, so that two moments can be compared: rows in every table, and a mark over each table.

use crate::actor::Actor;
use crate::check::{Case, Seen, Stop, at_least, is, one_of};
use crate::probe::Reply;
use crate::target::Service;
use serde_json::{Value, json};
use std::time::Duration;

/// How long making or restoring a backup is waited for.
const LONG: Duration = Duration::from_secs(60);

/// The tables of the schema (contract, section 4.1).
pub const TABLES: [&str; 12] = [
    "users",
    "teams",
    "folders",
    "files",
    "versions",
    "comments",
    "mentions",
    "shares",
    "git_connections",
    "audit_log",
    "api_keys",
    "usage_metrics",
];

/// Text that a careless copy spoils: quotes, a backslash, a tab, an empty line, the end mark of a dump's data.
const AWKWARD: &str = "E'it''s \"ä\" 漢字 \\\\N\\ttab\\n\\\\.\\n\\nend; -- \\\\x00'";

/// A request to the routes for administrators, which may take long.
pub async fn admin(case: &mut Case, token: Option<&str>, method: &str, path: &str) -> Result<Reply, Stop> {
    let mut request = case.http(Service::Gateway).method(method, &format!("/api/admin/{path}")).deadline(LONG);
    if let Some(token) = token {
        request = request.bearer(token);
    }
    request.send().await
}

/// A row in each table, with text that is hard to copy; the comment's id.
pub async fn fill_every_table(case: &mut Case, owner: &Actor) -> Result<(), Stop> {
    let [team, folder, file, version, comment, reply, mention, share, git, key] = std::array::from_fn(|_| case.id());
    let (owner, word) = (&owner.id, case.word());
    let statements = [
        format!(
            "insert into teams (id, name, slug, owner_id, plan) values ('{team}', {AWKWARD}, '{word}', '{owner}', 'free')"
        ),
        format!("insert into folders (id, name, owner_id, position) values ('{folder}', 'f', '{owner}', -1)"),
        format!(
            "insert into files (id, title, owner_id, team_id, folder_id, file_type, canvas_data, note_content, is_deleted) \
             values ('{file}', {AWKWARD}, '{owner}', '{team}', '{folder}', 'mixed', \
             '{{\"shapes\": [{{\"x\": 1.5, \"t\": \"\\u00e4\"}}], \"n\": null}}', '', false)"
        ),
        format!(
            "insert into versions (id, file_id, version_number, created_by) values ('{version}', '{file}', 1, '{owner}')"
        ),
        format!(
            "insert into comments (id, file_id, user_id, content, position_x) \
             values ('{comment}', '{file}', '{owner}', {AWKWARD}, 0.1)"
        ),
        format!(
            "insert into comments (id, file_id, user_id, parent_id, content) \
             values ('{reply}', '{file}', '{owner}', '{comment}', 'reply')"
        ),
        format!("insert into mentions (id, comment_id, user_id) values ('{mention}', '{reply}', '{owner}')"),
        format!(
            "insert into shares (id, file_id, token, permission, expires_at) \
             values ('{share}', '{file}', '{word}', 'view', '2031-02-03 04:05:06.789012+02')"
        ),
        format!(
            "insert into git_connections (id, user_id, provider, repository_url) \
             values ('{git}', '{owner}', 'github', 'https://example.org/{word}')"
        ),
        format!("insert into audit_log (user_id, action, extra_data) values ('{owner}', '{word}', '{{\"a\":  1}}')"),
        format!("insert into api_keys (id, user_id, name, key_hash) values ('{key}', '{owner}', 'k', '{word}')"),
        format!(
            "insert into usage_metrics (user_id, metric_type, metric_value) \
             select '{owner}', '{word}', n / 7.0 from generate_series(1, 500) n"
        ),
    ];
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    case.execute(&statements).await
}

/// Everything that the database holds: an object for each table (`/0`, …), in the order of [`TABLES`].
pub async fn contents(case: &mut Case) -> Result<Seen, Stop> {
    case.contents_of(&TABLES).await
}

/// Holds what there is now against what there was.
pub async fn is_as_before(case: &mut Case, when: &str, before: &Seen) -> Result<(), Stop> {
    let now = contents(case).await?;
    for (at, table) in TABLES.iter().enumerate() {
        let part = |all: &Seen, what: &str| all.at(&format!("/{at}/{what}"));
        case.expect(format!("rows of {table} {when}"), part(&now, "rows"), is(part(before, "rows")));
        case.expect(format!("mark over the rows of {table} {when}"), part(&now, "mark"), is(part(before, "mark")));
    }
    Ok(())
}

/// How often the tables, keys, indexes and counters of the schema are there.
pub async fn structure(case: &mut Case) -> Result<Seen, Stop> {
    case.rows(
        "select (select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
           where n.nspname = 'public' and c.relkind = 'r') as tables, \
         (select md5(string_agg(conrelid::regclass || pg_get_constraintdef(c.oid), '|' order by 1)) from \
           (select oid, conrelid from pg_constraint where connamespace = 'public'::regnamespace \
             order by conrelid::regclass::text, conname) c) as constraints, \
         (select md5(string_agg(indexdef, '|' order by indexdef)) from pg_indexes where schemaname = 'public') as indexes, \
         (select string_agg(sequencename || ' ' || last_value, ', ' order by sequencename) from pg_sequences \
           where schemaname = 'public') as counters",
    )
    .await
}

/// A diagram made over the gateway: its id.
pub async fn diagram(case: &mut Case, token: &str, title: &str) -> Result<String, Stop> {
    let body = json!({"title": title, "file_type": "canvas", "canvas_data": {"shapes": [1, 2, 3]}});
    let made = case.http(Service::Gateway).post("/api/diagrams/").bearer(token).json(body).send().await?;
    case.require("status of making a diagram", made.status(), one_of([200, 201]))?;
    Ok(made.at("/id").text().unwrap_or_default().to_owned())
}

/// The answer to whoever opens a diagram.
pub async fn open(case: &mut Case, token: &str, id: &str) -> Result<Reply, Stop> {
    case.http(Service::Gateway).get(&format!("/api/diagrams/{id}")).bearer(token).send().await
}

/// Makes a backup under a name of the suite's: the `backup` in the answer.
pub async fn back_up(case: &mut Case, token: &str, what: &str, (name, query): (&str, &str)) -> Result<Seen, Stop> {
    let path = format!("backup/create?upload_to_minio=false&backup_name={name}&{query}");
    let made = admin(case, Some(token), "POST", &path).await?;
    case.require(format!("status of making {what}"), made.status(), one_of([200, 201]))?;
    case.require(format!("success of making {what}"), made.at("/backup/success"), is(true))?;
    let size = made.at("/backup/file_size_bytes");
    case.expect(format!("size of {what}, in bytes"), size, at_least(1.0));
    Ok(made.at("/backup"))
}

/// A text in the query of a URL.
pub fn in_query(text: &Seen) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let text = text.text().unwrap_or("none");
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Restores what lies at a backup's `file_path`, in the place of what is there.
pub async fn restore(case: &mut Case, token: &str, what: &str, backup: &Seen, clean: bool) -> Result<(), Stop> {
    let path = in_query(&backup.at("/file_path"));
    let restored =
        admin(case, Some(token), "POST", &format!("backup/restore?backup_file={path}&clean={clean}")).await?;
    case.require(format!("status of restoring {what}"), restored.status(), is(200))?;
    case.expect(format!("success of restoring {what}"), restored.at("/restore/success"), is(true));
    Ok(())
}

/// A refusal: the caller's fault, and nothing else.
pub fn refused(status: &Value) -> bool {
    status.as_u64().is_some_and(|status| (400..=500).contains(&status) && status != 401)
}
