//! A service on the recovered database, started as it would be after a disaster, and asked whether it serves the data.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use sqlx::Connection;
use tokio::process::Child;

use super::super::child::tethered;
use super::super::error::BackupError;
use super::super::server::Access;
use crate::service::Service;
use crate::supervisor::Ending;

/// How long the service may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is started where it ends at once.
const TRIES: usize = 3;

/// The service, running. Dropping it ends it.
pub struct RecoveredService {
    port: u16,
    process: Child,
}

impl RecoveredService {
    /// Starts the diagram service on the database that `access` leads to and returns once it is healthy.
    pub async fn start(access: &Access) -> Result<RecoveredService, BackupError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut service = Self::spawn(access)?;
            match service.healthy().await {
                Ok(()) => return Ok(service),
                // Somebody may take the port between its choice and its use; then the service ends at once.
                Err(_) if tries < TRIES && service.process.try_wait().is_ok_and(|ended| ended.is_some()) => {}
                Err(how) => {
                    return Err(BackupError::Program { program: "autograph serve diagram", how, said: String::new() });
                }
            }
        }
    }

    fn spawn(access: &Access) -> Result<RecoveredService, BackupError> {
        let port = free_port().map_err(BackupError::file("find a port on", "127.0.0.1"))?;
        let postgres = &access.0;
        let this = Path::new("/proc/self/exe");
        let mut command = tethered(this, Ending::Terminate, None);
        command
            .args(["serve", Service::Diagram.command()])
            .env(Service::Diagram.port_variable(), port.to_string())
            .env("BIND_ADDRESS", Ipv4Addr::LOCALHOST.to_string())
            .env("POSTGRES_HOST", &postgres.host)
            .env("POSTGRES_PORT", postgres.port.to_string())
            .env("POSTGRES_DB", &postgres.database)
            .env("POSTGRES_USER", &postgres.user)
            .env("POSTGRES_PASSWORD", postgres.password.reveal())
            // What it says is not what the live services say.
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = command.spawn().map_err(BackupError::file("start", this))?;
        Ok(RecoveredService { port, process })
    }

    /// Waits until it is; what is wrong where it does not become so.
    async fn healthy(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while self.get("/health", None).await.is_none() {
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("ended with {status} before it was healthy"));
            }
            if Instant::now() > deadline {
                return Err(format!("not healthy within {PATIENCE:?}"));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// How many diagrams it serves to the user who has most of them, which must be as many as the database has.
    pub async fn serves(&self, access: &Access) -> Result<i64, BackupError> {
        let mut connection = access.connect(access.database()).await?;
        let owner: Option<(String, i64)> = sqlx::query_as(
            "select owner_id, count(*) from files where not coalesce(is_deleted, false) \
             group by owner_id order by 2 desc limit 1",
        )
        .fetch_optional(&mut connection)
        .await
        .map_err(BackupError::database("look for a diagram"))?;
        let _ = connection.close().await;
        // Nobody has any: then a stranger is told so.
        let (owner, wanted) = owner.unwrap_or_else(|| (uuid::Uuid::new_v4().to_string(), 0));
        let served = self.get("/", Some(&owner)).await.and_then(|page| page["total"].as_i64());
        if served == Some(wanted) {
            return Ok(wanted);
        }
        let how = format!("it serves {served:?} diagrams of a user who has {wanted}");
        Err(BackupError::Program { program: "autograph serve diagram", how, said: String::new() })
    }

    async fn get(&self, path: &str, user: Option<&str>) -> Option<Value> {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let mut request = Request::get(format!("http://127.0.0.1:{}{path}", self.port));
        if let Some(user) = user {
            request = request.header("x-user-id", user);
        }
        let answer = client.request(request.body(Empty::new()).ok()?).await.ok()?;
        if answer.status() != StatusCode::OK {
            return None;
        }
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        serde_json::from_slice(&body).ok()
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
