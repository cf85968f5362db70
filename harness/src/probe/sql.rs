//! The SQL probe: queries with their rows as JSON, statements with their SQLSTATE, and locks that are held a while.

use super::http::read_json;
use super::refused::{Refused, within};
use crate::check::{CannotLook, Case, Live, Seen, Stop, absent};
use crate::guard::Protocol;
use crate::target::Need;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Connection};
use std::sync::Arc;
use std::time::Duration;

/// JSON as the database wrote it, not taken apart yet.
type Text = Json<Box<RawValue>>;

/// A lock that is held; dropping it closes its connection, and so lets go.
pub struct Held(Option<sqlx::PgConnection>);

impl Case {
    /// The rows of a query, each an object by column name; the query may name secrets.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access; [`Stop::CannotLook`] where the query is refused.
    pub async fn rows(&mut self, query: &str) -> Result<Seen, Stop> {
        self.rows_under(&[], query).await
    }

    /// As [`Case::rows`], under settings (`set local …`) that hold for this query alone.
    ///
    /// # Errors
    /// As [`Case::rows`].
    pub async fn rows_under(&mut self, settings: &[&str], query: &str) -> Result<Seen, Stop> {
        self.needs(Need::Sql)?;
        let mut asked = json!({"query": query});
        if !settings.is_empty() {
            asked["under"] = json!(settings);
        }
        let settings: Vec<String> = settings.iter().map(|&one| one.to_owned()).collect();
        let wrapped = wrapped(query);
        let seen = self.observe("sql", asked, async |live: Arc<Live>| read(&live, &settings, &wrapped).await).await?;
        self.all_defined(seen)
    }

    /// As [`Case::rows`], in another database of the same server.
    ///
    /// # Errors
    /// As [`Case::rows`].
    pub async fn rows_in(&mut self, database: &str, query: &str) -> Result<Seen, Stop> {
        self.needs(Need::Sql)?;
        let asked = json!({"database": database, "query": query});
        let (database, wrapped) = (database.to_owned(), wrapped(query));
        let seen = self.observe("sql", asked, async |live: Arc<Live>| {
            let options = options(&live)?.database(&database);
            let read = async {
                let mut connection = sqlx::PgConnection::connect_with(&options).await?;
                let query = AssertSqlSafe(live.vault.open(&wrapped));
                let rows = sqlx::query_scalar::<_, Text>(query).fetch_one(&mut connection).await?;
                connection.close().await?;
                Ok(rows)
            };
            match within(live.patience.rows(), read).await {
                Ok(rows) => value(rows),
                Err(refused) => refused.seen(),
            }
        });
        let seen = seen.await?;
        self.all_defined(seen)
    }

    /// The rows of a query, asked again and again until they are `wanted` or `within` has passed: the last ones.
    ///
    /// # Errors
    /// As [`Case::rows`].
    pub async fn rows_until(
        &mut self,
        query: &str,
        within: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Seen, Stop> {
        self.needs(Need::Sql)?;
        let asked = json!({"query": query, "until it changes, within ms": within.as_millis() as u64});
        let wrapped = wrapped(query);
        let seen = self.observe("sql", asked, async |live: Arc<Live>| {
            let deadline = tokio::time::Instant::now() + within;
            loop {
                let rows = read(&live, &[], &wrapped).await?;
                if wanted(&rows) || tokio::time::Instant::now() > deadline {
                    return Ok(rows);
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let seen = seen.await?;
        self.all_defined(seen)
    }

    /// Runs a query under `EXPLAIN (ANALYZE)`: `/plan` (its root node) and `/ms`, how long it ran.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access; [`Stop::CannotLook`] where the query is refused.
    pub async fn explain(&mut self, query: &str) -> Result<Seen, Stop> {
        self.needs(Need::Sql)?;
        let explain = format!("explain (analyze, format json) {query}");
        let seen = self.observe("sql", json!({"explain": query}), async |live: Arc<Live>| {
            let (run, pool) = (sqlx::query_scalar::<_, Text>(AssertSqlSafe(explain)), pool(&live)?);
            let plan = match within(live.patience.statement(), run.fetch_one(&pool)).await {
                Ok(plan) => value(plan)?,
                Err(refused) => return refused.seen(),
            };
            Ok(json!({"plan": plan[0]["Plan"], "ms": plan[0]["Execution Time"]}))
        });
        let seen = seen.await?;
        self.all_defined(seen)
    }

    /// As [`Case::explain`], after statements that hold for this look alone: its transaction is rolled back.
    ///
    /// # Errors
    /// As [`Case::explain`]; [`Stop::Needs`] where nobody may write.
    pub async fn explain_after(&mut self, statements: &[&str], query: &str) -> Result<Seen, Stop> {
        self.may_write()?;
        let asked = json!({"after": statements, "explain": query});
        let statements: Vec<String> = statements.iter().map(|&one| one.to_owned()).collect();
        let explain = format!("explain (analyze, format json) {query}");
        let seen = self.observe("sql", asked, async |live: Arc<Live>| {
            let pool = pool(&live)?;
            let look = async {
                let mut transaction = pool.begin().await?;
                for statement in statements {
                    sqlx::query(AssertSqlSafe(statement)).execute(&mut *transaction).await?;
                }
                let plan = sqlx::query_scalar::<_, Text>(AssertSqlSafe(explain)).fetch_one(&mut *transaction).await?;
                transaction.rollback().await?;
                Ok(plan)
            };
            let plan = match within(live.patience.statement(), look).await {
                Ok(plan) => value(plan)?,
                Err(refused) => return refused.seen(),
            };
            Ok(json!({"plan": plan[0]["Plan"], "ms": plan[0]["Execution Time"]}))
        });
        let seen = seen.await?;
        self.all_defined(seen)
    }

    /// Runs statements in one transaction that is rolled back at the end: what the last of them came to,
    /// `/rows` (affected), or `/sqlstate`, `/message` and `/table` of its refusal.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access; [`Stop::CannotLook`] where an earlier statement fails.
    pub async fn attempt(&mut self, statements: &[&str]) -> Result<Seen, Stop> {
        self.may_write()?;
        let asked = json!({"attempt": statements});
        let statements: Vec<String> = statements.iter().map(|&one| one.to_owned()).collect();
        let seen = self.observe("sql", asked, async |live: Arc<Live>| {
            let pool = pool(&live)?;
            let attempt = async {
                let mut transaction = pool.begin().await?;
                let mut seen = Value::Null;
                for (at, statement) in statements.iter().enumerate() {
                    let statement = live.vault.open(statement);
                    let run = sqlx::query(AssertSqlSafe(statement)).execute(&mut *transaction).await;
                    match run {
                        Ok(done) => seen = json!({"rows": done.rows_affected()}),
                        Err(error) if at + 1 == statements.len() => seen = refusal(&error).ok_or(error)?,
                        Err(error) => return Err(error),
                    }
                }
                transaction.rollback().await?;
                Ok(seen)
            };
            within(live.patience.statement(), attempt).await.or_else(Refused::seen)
        });
        let seen = seen.await?;
        self.all_defined(seen)
    }

    /// Runs statements for good, on a stack that may be disturbed or in rows of the case's own.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access; [`Stop::CannotLook`] where one fails.
    pub async fn execute(&mut self, statements: &[&str]) -> Result<(), Stop> {
        self.may_write()?;
        let asked = json!({"execute": statements});
        let statements: Vec<String> = statements.iter().map(|&one| one.to_owned()).collect();
        let seen = self.observe("sql", asked, async |live: Arc<Live>| {
            let pool = pool(&live)?;
            let mut rows = 0;
            for statement in &statements {
                let run = sqlx::query(AssertSqlSafe(live.vault.open(statement))).execute(&pool);
                match within(live.patience.statement(), run).await {
                    Ok(done) => rows += done.rows_affected(),
                    Err(refused) => return refused.seen(),
                }
            }
            Ok(json!({"rows": rows}))
        });
        let seen = seen.await?;
        self.all_defined(seen).map(drop)
    }

    /// Runs one statement for good, in rows of the case's own: `/rows` (affected), or `/sqlstate`, `/message` and
    /// `/table` of its refusal.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access; [`Stop::CannotLook`] where the database does not answer.
    pub async fn change(&mut self, statement: &str) -> Result<Seen, Stop> {
        self.may_write()?;
        let asked = json!({"change": statement});
        let statement = statement.to_owned();
        self.observe("sql", asked, async |live: Arc<Live>| {
            let pool = pool(&live)?;
            let change = async {
                match sqlx::query(AssertSqlSafe(live.vault.open(&statement))).execute(&pool).await {
                    Ok(done) => Ok(json!({"rows": done.rows_affected()})),
                    Err(error) => refusal(&error).ok_or(error),
                }
            };
            Ok(within(live.patience.statement(), change).await?)
        })
        .await
    }

    /// A table or a column that a statement speaks of and that is not there is the target's fault: what the feature
    /// demands cannot hold, and the check goes no further.
    fn all_defined(&mut self, seen: Seen) -> Result<Seen, Stop> {
        if seen.holds("/undefined") {
            self.require("tables and columns that are looked at", seen.at("/undefined"), absent())?;
        }
        Ok(seen)
    }

    /// Takes a lock (`lock table users in access exclusive mode`) and returns as soon as it is held; it is let go by
    /// [`Case::release`], or when the returned value is dropped.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access; [`Stop::CannotLook`] where it is refused.
    pub async fn hold(&mut self, statement: &str) -> Result<Held, Stop> {
        self.may_write()?;
        let asked = json!({"hold": statement});
        let statement = statement.to_owned();
        let mut held = Held(None);
        let slot = &mut held;
        self.observe("sql", asked, async move |live: Arc<Live>| {
            let options = options(&live)?;
            let lock = async {
                let mut connection = sqlx::PgConnection::connect_with(&options).await?;
                sqlx::raw_sql("begin").execute(&mut connection).await?;
                sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
                Ok(connection)
            };
            slot.0 = Some(within(live.patience.statement(), lock).await?);
            Ok(json!("held"))
        })
        .await?;
        Ok(held)
    }

    /// Lets go of a lock once somebody has waited for it this long.
    ///
    /// # Errors
    /// [`Stop::CannotLook`] where that cannot be seen.
    pub async fn release(&mut self, held: Held, waited: Duration) -> Result<(), Stop> {
        let asked = json!({"release, once waited for, in ms": waited.as_millis() as u64});
        self.observe("sql", asked, async move |live: Arc<Live>| {
            let pool = pool(&live)?;
            let waiting = "select exists (select from pg_stat_activity \
                 where datname = current_database() and wait_event_type = 'Lock' \
                 and now() - query_start >= make_interval(secs => $1))";
            let deadline = tokio::time::Instant::now() + live.patience.rows();
            let seen = loop {
                let query = sqlx::query_scalar::<_, bool>(waiting).bind(waited.as_secs_f64());
                if within(live.patience.rows(), query.fetch_one(&pool)).await? {
                    break json!("waited for, and released");
                }
                if tokio::time::Instant::now() > deadline {
                    break json!("nobody waited for it");
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            drop(held);
            Ok(seen)
        })
        .await?;
        Ok(())
    }
}

fn value(text: Text) -> Result<Value, CannotLook> {
    let text = text.0.get();
    let value = read_json(text.as_bytes());
    value.ok_or_else(|| CannotLook::new("sql", format!("the rows are too much to be read: {} bytes", text.len())))
}

/// A query whose rows come as one JSON array.
fn wrapped(query: &str) -> String {
    format!("select coalesce(json_agg(row_to_json(q)), '[]'::json) from ({query}) q")
}

async fn read(live: &Live, settings: &[String], wrapped: &str) -> Result<Value, CannotLook> {
    let pool = pool(live)?;
    let run = async {
        let mut transaction = pool.begin().await?;
        for setting in settings {
            sqlx::query(AssertSqlSafe(setting.clone())).execute(&mut *transaction).await?;
        }
        let query = AssertSqlSafe(live.vault.open(wrapped));
        let rows = sqlx::query_scalar::<_, Text>(query).fetch_one(&mut *transaction).await?;
        transaction.rollback().await?;
        Ok(rows)
    };
    match tokio::time::timeout(live.patience.rows(), run).await {
        Ok(Ok(rows)) => value(rows),
        Ok(Err(error)) => silence(live, &error).map_or_else(|| Refused::of(error).seen(), Ok),
        Err(_) => Ok(json!({"silence": "no answer in time"})),
    }
}

/// How the target's database is reached.
pub(super) fn options(live: &Live) -> Result<PgConnectOptions, CannotLook> {
    let access = live.target.postgres.as_ref();
    let access = access.ok_or_else(|| CannotLook::new("sql", "the target gives no access"))?;
    // Where TLS is wanted, the guard speaks it.
    let way = live.way_to(Protocol::Postgres, &access.host, access.port, access.tls);
    let (host, port) = way.map_err(|error| CannotLook::new("sql", error))?;
    Ok(PgConnectOptions::new_without_pgpass()
        .host(&host)
        .port(port)
        .database(&access.database)
        .username(&access.user)
        .password(access.password.expose())
        .ssl_mode(PgSslMode::Disable)
        .application_name("conform"))
}

/// The case's own few connections.
pub(super) fn pool(live: &Live) -> Result<PgPool, CannotLook> {
    let mut slot = live.sql.lock().expect("nothing panics while it holds this lock");
    if let Some(pool) = &*slot {
        return Ok(pool.clone());
    }
    let pool =
        PgPoolOptions::new().max_connections(4).acquire_timeout(live.patience.answer).connect_lazy_with(options(live)?);
    *slot = Some(pool.clone());
    Ok(pool)
}

/// A refusal by the database, with its SQLSTATE and the table whose rule it was.
fn refusal(error: &sqlx::Error) -> Option<Value> {
    let error = error.as_database_error()?;
    Some(json!({"sqlstate": error.code(), "message": error.message(), "table": error.table()}))
}

/// No connection: an observation, too.
fn silence(live: &Live, error: &sqlx::Error) -> Option<Value> {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => Some(match live.offence(Protocol::Postgres) {
            Some(offence) => json!({"silence": "what answers does not speak as PostgreSQL does", "offence": offence}),
            None => json!({"silence": "no connection"}),
        }),
        _ => None,
    }
}
