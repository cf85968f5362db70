//! The databases of a run: one that is migrated once, and copies of it for the stacks.

use super::command::complete;
use super::error::ProvisionError;
use super::random;
use super::run::Run;
use crate::target::PostgresAccess;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::OnceCell;

/// Makes databases on the PostgreSQL of the run.
pub struct Databases {
    run: Arc<Run>,
    maintenance: PostgresAccess,
    template: OnceCell<String>,
    made: AtomicU32,
}

impl Databases {
    /// Nothing is made yet.
    pub fn new(run: Arc<Run>, maintenance: PostgresAccess) -> Databases {
        Databases { run, maintenance, template: OnceCell::new(), made: AtomicU32::new(0) }
    }

    /// A database for the stack, with the reference's schema and whatever the statements make of it.
    pub async fn create(
        &self,
        stack: &str,
        reference: &Path,
        statements: &[&str],
    ) -> Result<PostgresAccess, ProvisionError> {
        let template = self.template.get_or_try_init(|| self.migrate(reference)).await?;
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}_{number}", identifier(stack));
        let create = format!("create database {name} template {template}");
        self.execute(&self.maintenance, &format!("create the database {name}"), &create).await?;
        let access = self.within(&name);
        for statement in statements {
            let action = format!("run `{statement}`");
            self.execute(&access, &action, statement).await?;
        }
        Ok(access)
    }

    /// Drops a stack's database, whoever is still connected to it. If that fails, it goes with the server.
    pub async fn remove(&self, access: &PostgresAccess) {
        let statement = format!("drop database if exists {} with (force)", access.database);
        let _ = self.execute(&self.maintenance, "drop a database", &statement).await;
    }

    /// Makes the template: an empty database and the reference's own migrations.
    async fn migrate(&self, reference: &Path) -> Result<String, ProvisionError> {
        let name = format!("template_{}", random::hex(4));
        let create = format!("create database {name}");
        self.execute(&self.maintenance, "create the template database", &create).await?;
        let mut command = Command::new(reference);
        command.arg("migrate").env_clear().envs(variables(&self.within(&name)));
        complete(&self.run, "autograph migrate", command, Duration::from_secs(60)).await?;
        Ok(name)
    }

    fn within(&self, database: &str) -> PostgresAccess {
        PostgresAccess { database: database.to_owned(), ..self.maintenance.clone() }
    }

    async fn execute(&self, access: &PostgresAccess, action: &str, statement: &str) -> Result<(), ProvisionError> {
        let work = async {
            let mut connection = connect(access).await?;
            // Names in it are our own, and sabotages are constants of the harness.
            let statement = AssertSqlSafe(statement.to_owned());
            sqlx::raw_sql(statement).execute(&mut connection).await?;
            connection.close().await
        };
        work.await.map_err(ProvisionError::database(action))
    }
}

/// Connects as PostgreSQL's own clients do, without TLS: it is this machine.
pub async fn connect(access: &PostgresAccess) -> Result<PgConnection, sqlx::Error> {
    PgConnectOptions::new_without_pgpass()
        .host(&access.host)
        .port(access.port)
        .username(&access.user)
        .password(access.password.expose())
        .database(&access.database)
        .disable_statement_logging()
        .connect()
        .await
}

/// Makes an empty database of this name, unless there is one.
pub async fn ensure(maintenance: &PostgresAccess, name: &str) -> Result<(), ProvisionError> {
    let work = async {
        let mut connection = connect(maintenance).await?;
        let there = sqlx::query_scalar("select exists (select from pg_database where datname = $1)").bind(name);
        if !there.fetch_one(&mut connection).await? {
            // Names are our own and need no quoting.
            sqlx::raw_sql(AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await?;
        }
        connection.close().await
    };
    work.await.map_err(ProvisionError::database(format!("create the database {name}")))
}

/// The variables by which a service finds its database.
pub fn variables(access: &PostgresAccess) -> [(&'static str, String); 5] {
    [
        ("POSTGRES_HOST", access.host.clone()),
        ("POSTGRES_PORT", access.port.to_string()),
        ("POSTGRES_DB", access.database.clone()),
        ("POSTGRES_USER", access.user.clone()),
        ("POSTGRES_PASSWORD", access.password.expose().to_owned()),
    ]
}

/// A name that needs no quoting.
fn identifier(stack: &str) -> String {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() { letter } else { '_' }
    };
    let name: String = stack.to_ascii_lowercase().chars().map(plain).take(40).collect();
    format!("stack_{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_databases_need_no_quoting() {
        assert_eq!(identifier("f041"), "stack_f041");
        assert_eq!(identifier("F41; drop"), "stack_f41__drop");
    }
}
