//! Feature 24: foreign keys keep rows from referring to what is gone.

use super::twelve_tables::FOREIGN_KEY_VIOLATION;
use crate::actor::Actor;
use crate::check::{Case, Check, Seen, Stop, absent, is, one_of};
use crate::sabotage::run_sql;
use crate::target::{Need, Service, Setup};
use serde_json::json;

pub const CHECK: Check = Check {
    feature: 24,
    revision: 1,
    setup: Setup::Shared,
    needs: &[Need::Sql, Need::Address(Service::Gateway)],
    control: "a user without files can be deleted, and rows that only mention the deleted user stay",
    sabotage: &[
        run_sql(
            "deleting a user takes the user's files along",
            "alter table files drop constraint files_owner_id_fkey, add constraint files_owner_id_fkey \
             foreign key (owner_id) references users (id) on delete cascade",
        )
        .and_red(&[14]),
        run_sql(
            "a comment in which somebody is mentioned cannot be deleted",
            "alter table mentions drop constraint mentions_comment_id_fkey, add constraint mentions_comment_id_fkey \
             foreign key (comment_id) references comments (id)",
        )
        .and_red(&[14]),
        run_sql(
            "a folder takes the files in it along",
            "alter table files drop constraint files_folder_id_fkey, add constraint files_folder_id_fkey \
             foreign key (folder_id) references folders (id) on delete cascade",
        )
        .and_red(&[14]),
    ],
    run: |case| Box::pin(run(case)),
};

/// What becomes of a row when others are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It goes with the user who is deleted.
    WithUser,
    /// It loses this column's reference, and goes with the file.
    WithFile(&'static str),
    /// It loses these columns' references, or has none to lose, and stays.
    Stays(&'static [&'static str]),
}

/// A row that hangs on others.
struct Member {
    /// Names it, in words of a report.
    name: &'static str,
    table: &'static str,
    /// The column that its own id stands in.
    own: &'static str,
    /// Further columns, and their values; `@name` is the id of another member.
    columns: &'static str,
    values: &'static str,
    fate: Fate,
}

const fn member(
    name: &'static str,
    (table, own): (&'static str, &'static str),
    columns: &'static str,
    values: &'static str,
    fate: Fate,
) -> Member {
    Member { name, table, own, columns, values, fate }
}

/// Every reference of the schema (contract, section 4.2) but `files.owner_id`, each the only one that decides what
/// becomes of its row. `@user` is deleted first, then `@file`; both files are of `@owner`.
#[rustfmt::skip]
const FAMILY: [Member; 17] = [
    member("team", ("teams", "id"), "name, slug, owner_id, plan", "'t', '@team', '@user', 'free'", Fate::WithUser),
    member("folder", ("folders", "id"), "name, owner_id", "'f', '@user'", Fate::WithUser),
    member("subfolder", ("folders", "id"), "name, owner_id, parent_id", "'s', '@owner', '@folder'", Fate::WithUser),
    member("file", ("files", "id"), "title, owner_id, file_type", "'f', '@owner', 'canvas'", Fate::WithFile("team_id")),
    member("second file", ("files", "id"), "title, owner_id, file_type, folder_id, team_id",
        "'s', '@owner', 'canvas', '@folder', '@team'", Fate::Stays(&["folder_id", "team_id"])),
    member("version", ("versions", "id"), "file_id, version_number, created_by", "'@file', 1, '@user'", Fate::WithFile("created_by")),
    member("comment", ("comments", "id"), "file_id, user_id, content", "'@file', '@user', 'c'", Fate::WithUser),
    member("answer", ("comments", "id"), "file_id, user_id, parent_id, content", "'@file', '@owner', '@comment', 'a'", Fate::WithUser),
    member("remark", ("comments", "id"), "file_id, user_id, content, resolved_by", "'@file', '@owner', 'r', '@user'", Fate::WithFile("resolved_by")),
    member("mention", ("mentions", "id"), "comment_id, user_id", "'@comment', '@owner'", Fate::WithUser),
    member("naming", ("mentions", "id"), "comment_id, user_id", "'@remark', '@user'", Fate::WithUser),
    member("share", ("shares", "id"), "file_id, token, permission, created_by", "'@file', '@share', 'view', '@user'", Fate::WithFile("created_by")),
    member("connection", ("git_connections", "id"), "user_id, provider, repository_url", "'@user', 'github', 'r'", Fate::WithUser),
    member("key", ("api_keys", "id"), "user_id, name, key_hash", "'@user', 'k', '@key'", Fate::WithUser),
    member("usage", ("usage_metrics", "metric_type"), "user_id", "'@user'", Fate::WithUser),
    member("audit entry", ("audit_log", "resource_id"), "user_id, action", "'@user', 'sign_in'", Fate::Stays(&["user_id"])),
    member("team of another", ("teams", "id"), "name, slug, owner_id, plan", "'o', '@audit entry', '@owner', 'free'", Fate::Stays(&[])),
];

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "A user is created (id 1 in the example)");
    let owner = case.actor().await?;
    let there = count(case, "users", &owner.id).await?;
    case.require("users with the new id", there, is(1))?;

    case.step(2, "A file is created whose `owner_id` is that user");
    let file = create_file(case, &owner).await?;
    let row = case.rows(&format!("select owner_id from files where id = '{file}'")).await?;
    case.require("owner_id of the file", row.at("/0/owner_id"), is(owner.id.as_str()))?;

    case.step(3, "Deleting the user is attempted while the file exists");
    let attempt = delete(case, "users", &owner.id).await?;
    case.expect("rows that the attempt deleted", attempt.at("/rows"), absent());
    for (table, id) in [("users", &owner.id), ("files", &file)] {
        let there = count(case, table, id).await?;
        case.expect(format!("rows left in {table} after the attempt"), there, is(1));
    }

    case.step(4, "A foreign key refuses the deletion with SQLSTATE 23503");
    refused_for_its_files(case, &attempt);

    case.step(5, "The file is deleted first");
    let deleted = delete(case, "files", &file).await?;
    case.expect("files deleted", deleted.at("/rows"), is(1));

    case.step(6, "The user can be deleted after that");
    let deleted = delete(case, "users", &owner.id).await?;
    case.expect("users deleted once the file is gone", deleted.at("/rows"), is(1));
    let there = count(case, "users", &owner.id).await?;
    case.expect("users left with that id", there, is(0));
    let without_files = case.actor().await?;
    let deleted = delete(case, "users", &without_files.id).await?;
    case.expect("users deleted who never had a file", deleted.at("/rows"), is(1));

    let family = Family::make(case).await?;
    family.cascades(case).await?;
    family.restricts(case).await
}

async fn create_file(case: &mut Case, owner: &Actor) -> Result<String, Stop> {
    let (token, title) = (case.token_of(owner).await?, case.word());
    let post = case.http(Service::Gateway).post("/api/diagrams/").bearer(&token);
    let created = post.json(json!({"title": title, "file_type": "canvas"})).send().await?;
    case.require("status of creating a file", created.status(), one_of([200, 201]))?;
    Ok(created.at("/id").text().unwrap_or_default().to_owned())
}

async fn delete(case: &mut Case, table: &str, id: &str) -> Result<Seen, Stop> {
    case.change(&format!("delete from {table} where id = '{id}'")).await
}

async fn count(case: &mut Case, table: &str, id: &str) -> Result<Seen, Stop> {
    let rows = case.rows(&format!("select count(*) as rows from {table} where id = '{id}'")).await?;
    Ok(rows.at("/0/rows"))
}

fn refused_for_its_files(case: &mut Case, attempt: &Seen) {
    case.expect("SQLSTATE of the attempt", attempt.at("/sqlstate"), is(FOREIGN_KEY_VIOLATION));
    case.expect("table whose rows stand in the way", attempt.at("/table"), is("files"));
}

/// Two users and the rows that hang on them.
struct Family {
    /// Name and id; the names are those of [`FAMILY`], and `user` and `owner`.
    ids: Vec<(&'static str, String)>,
}

impl Family {
    async fn make(case: &mut Case) -> Result<Family, Stop> {
        case.step(7, "Where a key cascades, deleting the parent removes its children");
        let mut ids = vec![("user", case.actor().await?.id), ("owner", case.actor().await?.id)];
        ids.extend(FAMILY.iter().map(|member| (member.name, case.id())));
        let family = Family { ids };
        for member in &FAMILY {
            let inserted = case.change(&family.insert(member)).await?;
            case.require(format!("rows added for the {}", member.name), inserted.at("/rows"), is(1))?;
        }
        Ok(family)
    }

    fn id(&self, name: &str) -> &str {
        self.ids.iter().find(|(known, _)| *known == name).map_or("", |(_, id)| id)
    }

    fn insert(&self, member: &Member) -> String {
        let Member { name, table, own, columns, values, .. } = member;
        let named = format!("insert into {table} ({own}, {columns}) values ('@{name}', {values})");
        self.ids.iter().fold(named, |sql, (name, id)| sql.replace(&format!("'@{name}'"), &format!("'{id}'")))
    }

    /// How many rows there are of each member, by name.
    async fn rows(&self, case: &mut Case) -> Result<Seen, Stop> {
        let counts: Vec<String> = FAMILY
            .iter()
            .map(|Member { name, table, own, .. }| {
                format!("(select count(*) from {table} where {own} = '{}') as \"{name}\"", self.id(name))
            })
            .collect();
        Ok(case.rows(&format!("select {}", counts.join(", "))).await?.at("/0"))
    }

    /// Step 7: the user goes, then the file.
    async fn cascades(&self, case: &mut Case) -> Result<(), Stop> {
        let before = self.rows(case).await?;
        for Member { name, .. } in &FAMILY {
            case.expect(format!("{name} before anything is deleted"), before.key(name), is(1));
        }
        let deleted = delete(case, "users", self.id("user")).await?;
        case.expect("users deleted who have no file", deleted.at("/rows"), is(1));
        let after = self.rows(case).await?;
        for Member { name, fate, .. } in &FAMILY {
            let left = if *fate == Fate::WithUser { 0 } else { 1 };
            case.expect(format!("{name} after the user was deleted"), after.key(name), is(left));
        }
        self.references_are_let_go(case).await?;
        let deleted = delete(case, "files", self.id("file")).await?;
        case.expect("files deleted", deleted.at("/rows"), is(1));
        let after = self.rows(case).await?;
        for Member { name, fate, .. } in &FAMILY {
            let left = if matches!(fate, Fate::Stays(_)) { 1 } else { 0 };
            case.expect(format!("{name} after the file was deleted"), after.key(name), is(left));
        }
        Ok(())
    }

    /// What merely mentioned the user, or lay in a folder or a team of the user's, is there and mentions nobody.
    async fn references_are_let_go(&self, case: &mut Case) -> Result<(), Stop> {
        for Member { name, table, own, fate, .. } in &FAMILY {
            let columns: Vec<&str> = match fate {
                Fate::WithFile(column) => vec![column],
                Fate::Stays(columns) => columns.to_vec(),
                Fate::WithUser => Vec::new(),
            };
            for column in columns {
                let id = self.id(name);
                let row = case.rows(&format!("select {column} as refers_to from {table} where {own} = '{id}'")).await?;
                case.expect(format!("what {column} of the {name} refers to now"), row.at("/0/refers_to"), absent());
            }
        }
        Ok(())
    }

    /// Step 8: the owner cannot go, and nothing of the owner's goes, even while the last file is in the bin.
    async fn restricts(&self, case: &mut Case) -> Result<(), Stop> {
        case.step(8, "Where a key restricts, deleting the parent is refused while children exist");
        let (owner, file) = (self.id("owner"), self.id("second file"));
        case.change(&format!("update files set is_deleted = true, deleted_at = now() where id = '{file}'")).await?;
        let attempt = delete(case, "users", owner).await?;
        refused_for_its_files(case, &attempt);
        let left = self.rows(case).await?;
        for name in ["second file", "team of another"] {
            case.expect(format!("{name} after the refusal"), left.key(name), is(1));
        }
        let deleted = delete(case, "files", file).await?;
        case.expect("files deleted out of the bin", deleted.at("/rows"), is(1));
        let deleted = delete(case, "users", owner).await?;
        case.expect("users deleted once no child is left", deleted.at("/rows"), is(1));
        let left = self.rows(case).await?;
        case.expect("team of another after its owner was deleted", left.key("team of another"), is(0));
        case.change(&format!("delete from audit_log where resource_id = '{}'", self.id("audit entry"))).await?;
        Ok(())
    }
}
