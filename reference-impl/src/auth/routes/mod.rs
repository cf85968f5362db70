//! The routes of the auth service, one file per resource; `/test/…` only when test endpoints are on.

mod bearer;
mod complex_query;
mod create;
mod error;
mod fast_query;
mod logging;
mod login;
mod me;
mod nested_error;
mod performance;
mod refresh;
mod register;
mod slow_query;
mod verify;

use axum::Router;

use super::Auth;
use crate::config::Settings;

pub(super) fn router(settings: &Settings) -> Router<Auth> {
    let router = Router::new()
        .merge(register::router())
        .merge(login::router())
        .merge(refresh::router())
        .merge(me::router())
        .merge(verify::router());
    if settings.test_endpoints { router.merge(test_router()) } else { router }
}

fn test_router() -> Router<Auth> {
    Router::new()
        .merge(performance::router())
        .merge(create::router())
        .merge(logging::router())
        .merge(error::router())
        .merge(nested_error::router())
        .merge(slow_query::router())
        .merge(complex_query::router())
        .merge(fast_query::router())
}
