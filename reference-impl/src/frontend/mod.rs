//! The web pages: one so far, and a health route where the original's is.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, Request};
use axum::response::Html;
use axum::routing::get;
use http_body_util::Full;

use crate::every_service::health;
use crate::http_client::Client;
use crate::service::Service;
use crate::startup::{Context, StartupError};
use crate::telemetry::calls::CALLER;

/// How long a page waits for the gateway. Real time, as all on the network.
const PATIENCE: Duration = Duration::from_secs(1);

const PAGE: &str = include_str!("start_page.html");
/// Where the page tells whether the gateway answers.
const STATE: &str = "{{state}}";

/// All routes of the service.
pub async fn router(context: &Context) -> Result<Router, StartupError> {
    let gateway = Gateway {
        client: Client::new(),
        health: format!("{}/health", context.settings.place(Service::Gateway).base_url()),
    };
    let pages = Router::new().route("/", get(start_page)).with_state(gateway);
    Ok(pages.route("/api/health", get(health).with_state(context.clone())))
}

/// The gateway, as the pages see it.
#[derive(Clone)]
struct Gateway {
    client: Client,
    health: String,
}

async fn start_page(State(gateway): State<Gateway>) -> Html<String> {
    let state = match tokio::time::timeout(PATIENCE, gateway.is_well()).await {
        Ok(true) => "All is ready.",
        _ => "The service is away at the moment, please come back shortly.",
    };
    Html(PAGE.replace(STATE, state))
}

impl Gateway {
    async fn is_well(&self) -> bool {
        let name = HeaderValue::from_static(Service::Frontend.name());
        let Ok(request) = Request::get(&self.health).header(CALLER, name).body(Full::default()) else {
            return false;
        };
        self.client.status(request).await.is_ok_and(|status| status == 200)
    }
}
