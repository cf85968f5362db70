//! The SQL probe: queries with their rows as JSON, statements with their SQLSTATE, and locks that are held a while.

use crate::check::{CannotLook, Case, Live, Seen, Stop};
use crate::target::Need;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{AssertSqlSafe, Connection};
use std::sync::Arc;
use std::time::Duration;

/// How long a statement of ours may take.
const PATIENCE: Duration = Duration::from_secs(20);

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
        self.observe("sql", asked, async |live: Arc<Live>| read(&live, &settings, &wrapped).await).await
    }

    /// As [`Case::rows`], in another database of the same server.
    ///
    /// # Errors
    /// As [`Case::rows`].
    pub async fn rows_in(&mut self, database: &str, query: &str) -> Result<Seen, Stop> {
        self.needs(Need::Sql)?;
        let asked = json!({"database": database, "query": query});
        let (database, wrapped) = (database.to_owned(), wrapped(query));
        self.observe("sql", asked, async |live: Arc<Live>| {
            let options = options(&live)?.database(&database);
            let read = async {
                let mut connection = sqlx::PgConnection::connect_with(&options).await?;
                let query = AssertSqlSafe(live.vault.open(&wrapped));
                let rows = sqlx::query_scalar::<_, Value>(query).fetch_one(&mut connection).await?;
                connection.close().await?;
                Ok(rows)
            };
            let rows = tokio::time::timeout(PATIENCE, read).await;
            rows.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(|error| CannotLook::new("sql", error))
        })
        .await
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
        self.observe("sql", asked, async |live: Arc<Live>| {
            let deadline = tokio::time::Instant::now() + within;
            loop {
                let rows = read(&live, &[], &wrapped).await?;
                if wanted(&rows) || tokio::time::Instant::now() > deadline {
                    return Ok(rows);
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
    }

    /// Runs a query under `EXPLAIN (ANALYZE)`: `/plan` (its root node) and `/ms`, how long it ran.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access; [`Stop::CannotLook`] where the query is refused.
    pub async fn explain(&mut self, query: &str) -> Result<Seen, Stop> {
        self.needs(Need::Sql)?;
        let explain = format!("explain (analyze, format json) {query}");
        self.observe("sql", json!({"explain": query}), async |live: Arc<Live>| {
            let run = sqlx::query_scalar::<_, Value>(AssertSqlSafe(explain));
            let plan = run.fetch_one(&pool(&live)?).await;
            let plan = plan.map_err(|error| CannotLook::new("sql", error))?;
            Ok(json!({"plan": plan[0]["Plan"], "ms": plan[0]["Execution Time"]}))
        })
        .await
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
        self.observe("sql", asked, async |live: Arc<Live>| {
            let cannot = |error: sqlx::Error| CannotLook::new("sql", error);
            let mut transaction = pool(&live)?.begin().await.map_err(cannot)?;
            let mut seen = Value::Null;
            for (at, statement) in statements.iter().enumerate() {
                let statement = live.vault.open(statement);
                let run = sqlx::query(AssertSqlSafe(statement)).execute(&mut *transaction).await;
                match run {
                    Ok(done) => seen = json!({"rows": done.rows_affected()}),
                    Err(error) if at + 1 == statements.len() => seen = refusal(&error).ok_or_else(|| cannot(error))?,
                    Err(error) => return Err(cannot(error)),
                }
            }
            transaction.rollback().await.map_err(cannot)?;
            Ok(seen)
        })
        .await
    }

    /// Runs statements for good, on a stack that may be disturbed or in rows of the case's own.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access; [`Stop::CannotLook`] where one fails.
    pub async fn execute(&mut self, statements: &[&str]) -> Result<(), Stop> {
        self.may_write()?;
        let asked = json!({"execute": statements});
        let statements: Vec<String> = statements.iter().map(|&one| one.to_owned()).collect();
        self.observe("sql", asked, async |live: Arc<Live>| {
            let pool = pool(&live)?;
            let mut rows = 0;
            for statement in &statements {
                let run = sqlx::query(AssertSqlSafe(live.vault.open(statement))).execute(&pool);
                let done = run.await.map_err(|error| CannotLook::new("sql", error))?;
                rows += done.rows_affected();
            }
            Ok(json!({"rows": rows}))
        })
        .await?;
        Ok(())
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
            match sqlx::query(AssertSqlSafe(live.vault.open(&statement))).execute(&pool).await {
                Ok(done) => Ok(json!({"rows": done.rows_affected()})),
                Err(error) => refusal(&error).ok_or_else(|| CannotLook::new("sql", error)),
            }
        })
        .await
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
            let cannot = |error: sqlx::Error| CannotLook::new("sql", error);
            let options = options(&live)?;
            let connection = sqlx::PgConnection::connect_with(&options).await;
            let mut connection = connection.map_err(cannot)?;
            sqlx::raw_sql("begin").execute(&mut connection).await.map_err(cannot)?;
            let lock = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await;
            lock.map_err(cannot)?;
            slot.0 = Some(connection);
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
            let deadline = tokio::time::Instant::now() + PATIENCE;
            let seen = loop {
                let query = sqlx::query_scalar::<_, bool>(waiting).bind(waited.as_secs_f64());
                let long_enough = query.fetch_one(&pool).await;
                if long_enough.map_err(|error| CannotLook::new("sql", error))? {
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
        let rows = sqlx::query_scalar::<_, Value>(query).fetch_one(&mut *transaction).await?;
        transaction.rollback().await?;
        Ok(rows)
    };
    match tokio::time::timeout(PATIENCE, run).await {
        Ok(Ok(rows)) => Ok(rows),
        Ok(Err(error)) => silence(&error).ok_or_else(|| CannotLook::new("sql", &error)),
        Err(_) => Ok(json!({"silence": "no answer in time"})),
    }
}

/// How the target's database is reached.
pub(super) fn options(live: &Live) -> Result<PgConnectOptions, CannotLook> {
    let access = live.target.postgres.as_ref();
    let access = access.ok_or_else(|| CannotLook::new("sql", "the target gives no access"))?;
    Ok(PgConnectOptions::new_without_pgpass()
        .host(&access.host)
        .port(access.port)
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
fn silence(error: &sqlx::Error) -> Option<Value> {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => Some(json!({"silence": "no connection"})),
        _ => None,
    }
}
