//! PostgreSQL and Redis as processes of this machine: private, throw-away, on ports of their own.

mod account;
mod cluster;
mod install;
mod own_postgres;
mod postgres;
pub mod programs;
mod redis;

use super::error::ProvisionError;
use super::options::Options;
use super::run::Run;
use super::servers::{Infrastructure, PostgresServer, RedisServer};
use crate::target::{Boxed, ObjectStoreAccess, PostgresAccess};
use install::Installable;
use postgres::Postgres;
use programs::{PostgresPrograms, RedisProgram};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The native backend, with its PostgreSQL running.
pub struct Native {
    run: Arc<Run>,
    postgres: Postgres,
    programs: PostgresPrograms,
    redis: RedisProgram,
}

/// Finds the programs, installing them where that is allowed, and starts PostgreSQL.
pub async fn start(run: &Arc<Run>, options: &Options) -> Result<Box<dyn Infrastructure>, ProvisionError> {
    let (programs, redis) = find(run, options).await?;
    let postgres = Postgres::start(run, &programs).await?;
    Ok(Box::new(Native { run: run.clone(), postgres, programs, redis }))
}

/// Looks for both programs before complaining of either, so that one installation brings all that is missing.
async fn find(run: &Run, options: &Options) -> Result<(PostgresPrograms, RedisProgram), ProvisionError> {
    let (postgres, redis) = (programs::postgres()?, programs::redis()?);
    if let (Some(postgres), Some(redis)) = (&postgres, &redis) {
        return Ok((postgres.clone(), redis.clone()));
    }
    let mut missing = Vec::new();
    missing.extend(postgres.is_none().then_some(install::POSTGRES));
    missing.extend(redis.is_none().then_some(install::REDIS));
    let installing = install::install(run, options.install, &missing).await?;
    let (postgres, redis) = (programs::postgres()?, programs::redis()?);
    let listed = |part: fn(&Installable) -> &'static str| {
        let parts: Vec<&str> = missing.iter().map(part).collect();
        parts.join(" and ")
    };
    postgres.zip(redis).ok_or_else(|| ProvisionError::NotInstalled {
        programs: listed(|program| program.name),
        installing,
        packages: listed(|program| program.packages),
    })
}

impl Infrastructure for Native {
    fn postgres(&self) -> &PostgresAccess {
        &self.postgres.access
    }

    fn redis<'a>(&'a self, stack: &'a str) -> Boxed<'a, Result<RedisServer, ProvisionError>> {
        Box::pin(redis::start(&self.run, &self.redis, stack))
    }

    fn own_postgres<'a>(&'a self, stack: &'a str) -> Boxed<'a, Result<PostgresServer, ProvisionError>> {
        Box::pin(own_postgres::start(&self.run, &self.programs, stack))
    }

    fn has_postgres_tools(&self) -> bool {
        programs::has_tools(&self.programs)
    }

    fn object_store(&self) -> Option<&ObjectStoreAccess> {
        None
    }

    fn facts(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("postgresql".into(), self.programs.version.clone()),
            ("redis".into(), self.redis.version.clone()),
        ])
    }

    fn stop(self: Box<Self>) -> Boxed<'static, ()> {
        Box::pin(async move { self.postgres.stop().await })
    }
}
