//! Users, passwords and tokens.

pub mod email;
pub mod password;
mod routes;
pub mod session;
pub mod token;
pub mod users;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::Router;

use crate::config::Settings;
use crate::postgres::{self, Database};
use crate::startup::{Context, StartupError};
use crate::telemetry::metrics::{Counter, Metrics};
use password::Passwords;
use session::Sessions;
use token::Tokens;

/// What the routes of this service stand on.
#[derive(Clone)]
struct Auth {
    settings: Arc<Settings>,
    clock: crate::clock::Clock,
    db: Database,
    passwords: Passwords,
    tokens: Tokens,
    sessions: Sessions,
    counts: Counts,
    /// Executions of `/test/create`.
    created: Arc<AtomicU64>,
}

/// The metrics of this service alone.
#[derive(Clone)]
struct Counts {
    logins: Counter,
    registrations: Counter,
    tokens: Counter,
}

/// All routes of the service.
pub async fn router(context: &Context) -> Result<Router, StartupError> {
    let sign_in = &context.settings.sign_in;
    let auth = Auth {
        settings: Arc::clone(&context.settings),
        clock: context.clock.clone(),
        db: postgres::pool(context),
        passwords: Passwords::new(sign_in.bcrypt_cost),
        tokens: Tokens::new(sign_in, context.clock.clone()),
        sessions: Sessions::new(Arc::clone(&context.settings), context.clock.clone()).await?,
        counts: Counts::register(&context.metrics),
        created: Arc::default(),
    };
    let router = routes::router(&context.settings).with_state(auth);
    Ok(router.merge(postgres::query_stats::router(context)))
}

impl Counts {
    fn register(metrics: &Metrics) -> Counts {
        Counts {
            logins: metrics.counter("auth_service_login_attempts_total", "Attempts to sign in.", &["result"]),
            registrations: metrics.counter(
                "auth_service_registration_attempts_total",
                "Attempts to register.",
                &["result"],
            ),
            tokens: metrics.counter("auth_service_tokens_issued_total", "Tokens handed out.", &["token_type"]),
        }
    }
}
