//! The database of somebody else's system while a check has taken it away: put aside under another name, whole, and brought
//! back whatever the target has made in its place.

use super::database::{MAINTENANCE, PATIENCE};
use super::refused::within;
use super::sql::options;
use crate::check::{CannotLook, Live};
use crate::ledger::Thing;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::time::Duration;

/// What the name of a database that was put aside begins with.
const KEPT: &str = "conform_kept_";
/// PostgreSQL cuts longer names (NAMEDATALEN).
const LONGEST_NAME: usize = 63;
/// Whoever is connected is sent away this often, for services connect anew at once.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// Puts the target's database aside and makes an empty one of the same name, owner and settings.
pub(super) async fn put_aside(live: &Live) -> Result<(), CannotLook> {
    let (options, name) = named(live)?;
    if within(live.patience.statement(), is_kept(options.clone(), &name)).await? {
        // Whoever put it aside has to bring it back: nobody else knows what has been written to the other since.
        let reason = format!(
            "the server has a database {}, which an earlier run put aside and did not come to bring back; \
             do that with `conform clean` of its record",
            kept(&name)
        );
        return Err(CannotLook::new("sql", reason));
    }
    live.note(Some(Thing::Database { name: name.clone() }), None, None)?;
    Ok(within(live.patience.statement(), exchanged(options, &name)).await?)
}

/// Whether the target's database is one that was put aside, and is not back.
pub(crate) fn is_aside(live: &Live) -> bool {
    let is_one = |thing: &Thing| matches!(thing, Thing::Database { .. });
    live.ledger.as_ref().is_some_and(|ledger| ledger.owed().iter().any(|owed| is_one(&owed.thing)))
}

/// The name under which a run other than this one has put the target's database aside and left it, if one has.
pub(crate) async fn left_by_another(live: &Live) -> Option<String> {
    let (options, name) = named(live).ok().filter(|_| !is_aside(live))?;
    let looked = within(PATIENCE.min(live.patience.rows()), is_kept(options, &name)).await;
    looked.ok().filter(|is_kept| *is_kept).map(|_| kept(&name))
}

/// Brings the database back that was put aside; nothing where there is none.
pub(crate) async fn bring_back(live: &Live) -> Result<(), CannotLook> {
    let (options, name) = named(live)?;
    live.sql.lock().expect("nothing panics while it holds this lock").take();
    within(live.patience.statement(), returned(options, &name)).await?;
    live.database_is_back(&name).map_err(|error| CannotLook::new("ledger", error))
}

/// How to reach it, and its name.
fn named(live: &Live) -> Result<(PgConnectOptions, String), CannotLook> {
    let options = options(live)?;
    let name = options.get_database().unwrap_or_default().to_owned();
    Ok((options, name))
}

fn kept(name: &str) -> String {
    let mut kept = format!("{KEPT}{name}");
    while kept.len() > LONGEST_NAME {
        kept.pop();
    }
    kept
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

async fn run(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(drop)
}

async fn is_there(connection: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(connection)
        .await
}

async fn is_kept(options: PgConnectOptions, name: &str) -> Result<bool, sqlx::Error> {
    let mut connection = PgConnection::connect_with(&options.database(MAINTENANCE)).await?;
    let kept = is_there(&mut connection, &kept(name)).await?;
    connection.close().await?;
    Ok(kept)
}

async fn exchanged(options: PgConnectOptions, name: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect_with(&options.database(MAINTENANCE)).await?;
    let (new, old) = (quoted(name), kept(name));
    let made = format!(
        "select format('create database %I owner %I template template0 encoding %L lc_collate %L lc_ctype %L', \
           d.datname, r.rolname, pg_encoding_to_char(d.encoding), d.datcollate, d.datctype) \
         from pg_database d join pg_roles r on r.oid = d.datdba where d.datname = {}",
        text(name)
    );
    let made: String = sqlx::query_scalar(AssertSqlSafe(made)).fetch_one(&mut connection).await?;
    let set = format!(
        "select array(select unnest(s.setconfig) from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase \
         where s.setrole = 0 and d.datname = {})",
        text(name)
    );
    let set: Vec<String> = sqlx::query_scalar(AssertSqlSafe(set)).fetch_one(&mut connection).await?;
    run(&mut connection, format!("alter database {new} allow_connections false")).await?;
    let renamed = renamed(&mut connection, name, &old).await;
    if renamed.is_err() {
        run(&mut connection, format!("alter database {new} allow_connections true")).await?;
    }
    renamed?;
    run(&mut connection, made).await?;
    for setting in set {
        let (key, value) = setting.split_once('=').unwrap_or((&setting, ""));
        // A list such as a search path is taken apart by the server itself. What only a superuser may set is left out: the
        // database itself comes back with it.
        let set = format!("select set_config({}, {}, false)", text(key), text(value));
        if run(&mut connection, set).await.is_ok() {
            let set = format!("alter database {new} set {} from current", quoted(key).replace('.', "\".\""));
            run(&mut connection, set).await.ok();
        }
    }
    connection.close().await
}

/// Gives a database to which nobody can connect any more another name, once nobody is connected.
async fn renamed(connection: &mut PgConnection, name: &str, to: &str) -> Result<(), sqlx::Error> {
    let rename = format!("alter database {} rename to {}", quoted(name), quoted(to));
    for _ in 1..TRIES {
        let others =
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()";
        sqlx::query(others).bind(name).execute(&mut *connection).await?;
        if run(connection, rename.clone()).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    run(connection, rename).await
}

async fn returned(options: PgConnectOptions, name: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect_with(&options.database(MAINTENANCE)).await?;
    let old = kept(name);
    if is_there(&mut connection, &old).await? {
        run(&mut connection, format!("drop database if exists {} with (force)", quoted(name))).await?;
        run(&mut connection, format!("alter database {} rename to {}", quoted(&old), quoted(name))).await?;
    }
    run(&mut connection, format!("alter database {} allow_connections true", quoted(name))).await?;
    connection.close().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_longer_than_the_server_keeps_them() {
        assert_eq!(kept("autograph"), "conform_kept_autograph");
        assert_eq!(kept(&"ä".repeat(40)).len(), 63);
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
