//! The connections of a service to its database (feature 15): some stay open, more come with the load and go with it.
//!
//! A pool of our own, for none of the well-kept ones knows permanent and additional connections, or lets a caller wait
//! by a clock that can be moved.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::Clock;
use crate::retry::{self, Profile};

/// How many connections there may be, and how long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections that stay open once they are.
    pub permanent: usize,
    /// Connections beyond those, which are closed after their use.
    pub overflow: usize,
    /// How long a caller waits for a free one.
    pub wait: Duration,
    /// A connection is replaced after this long.
    pub longest_life: Duration,
}

/// The way to the database; clones share its connections. Statements run on `&Database` as on a connection.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    options: PgConnectOptions,
    limits: Limits,
    retries: Profile,
    clock: Clock,
    /// One for each connection that there may be.
    permits: Arc<Semaphore>,
    /// The last one used is the next to be used, so that the others may grow old and be replaced.
    idle: Mutex<Vec<Live>>,
}

/// An open connection.
struct Live {
    connection: PgConnection,
    since: Duration,
}

/// A connection in a caller's hands. Dropping it gives it back.
pub struct Borrowed {
    live: Option<Live>,
    permit: Option<OwnedSemaphorePermit>,
    database: Database,
}

impl Database {
    /// Nothing is connected before it is needed, so a service lives without its database.
    pub fn new(options: PgConnectOptions, limits: Limits, retries: Profile, clock: Clock) -> Database {
        let permits = Arc::new(Semaphore::new(limits.permanent + limits.overflow));
        Database(Arc::new(Inner { options, limits, retries, clock, permits, idle: Mutex::default() }))
    }

    /// A connection that answers: one that is open already, or else a new one.
    ///
    /// # Errors
    /// `PoolTimedOut` where none came free in time, else what the database or the way to it said.
    pub async fn acquire(&self) -> Result<Borrowed, sqlx::Error> {
        let permit = self.permit().await?;
        let live = match self.sound().await {
            Some(live) => live,
            None => self.open().await?,
        };
        Ok(Borrowed { live: Some(live), permit: Some(permit), database: self.clone() })
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, sqlx::Error> {
        let Inner { permits, clock, limits, .. } = &*self.0;
        if let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
            return Ok(permit);
        }
        let free = Arc::clone(permits).acquire_owned();
        match clock.timeout("free database connection", limits.wait, free).await {
            Ok(permit) => permit.map_err(|_| sqlx::Error::PoolClosed),
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// An open connection that is not too old and still answers. Those that are not are closed.
    async fn sound(&self) -> Option<Live> {
        loop {
            let mut live = self.idle().pop()?;
            let age = self.0.clock.monotonic().saturating_sub(live.since);
            if age < self.0.limits.longest_life && live.connection.ping().await.is_ok() {
                return Some(live);
            }
        }
    }

    async fn open(&self) -> Result<Live, sqlx::Error> {
        let Inner { options, retries, clock, .. } = &*self.0;
        let connect = || PgConnection::connect_with(options);
        let connection = retry::run(clock, "connection to the database", *retries, may_pass, connect).await?;
        Ok(Live { connection, since: clock.monotonic() })
    }

    /// Keeps a connection for the next caller, or closes it where enough are kept.
    async fn take_back(&self, mut live: Live) {
        // Waits for a statement that was given up, and takes an open transaction back.
        if live.connection.ping().await.is_err() {
            return;
        }
        let surplus = {
            let mut idle = self.idle();
            if idle.len() < self.0.limits.permanent {
                idle.push(live);
                return;
            }
            live
        };
        // It is gone for us, whether it hears our farewell or not.
        let _ = surplus.connection.close().await;
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Live>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let (Some(live), Some(permit)) = (self.live.take(), self.permit.take()) else {
            return;
        };
        let database = self.database.clone();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                database.take_back(live).await;
                drop(permit);
            });
        }
    }
}

const LENT: &str = "it is taken only when it is given back";

impl Deref for Borrowed {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.live.as_ref().expect(LENT).connection
    }
}

impl DerefMut for Borrowed {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.live.as_mut().expect(LENT).connection
    }
}

/// Whether a fault to connect may be gone in a moment (feature 35). A wrong password will not.
fn may_pass(fault: &sqlx::Error) -> bool {
    /// Starting up, shutting down, too many connections.
    const PASSING: [&str; 3] = ["57P03", "57P01", "53300"];
    match fault {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(refusal) => refusal.code().is_some_and(|code| PASSING.contains(&code.as_ref())),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_breaks_may_come_back_and_a_wrong_setting_does_not() {
        assert!(may_pass(&sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into())));
        assert!(!may_pass(&sqlx::Error::PoolTimedOut));
    }
}
