//! A PostgreSQL in a container.

use super::containers::{Container, Containers, Plan};
use super::images::Image;
use super::questions;
use crate::provision::error::ProvisionError;
use crate::target::{PostgresAccess, Secret};

/// The superuser.
const USER: &str = "autograph";

/// A server that answers.
pub struct Postgres {
    /// Its container.
    pub container: Container,
    /// The superuser's way into the maintenance database.
    pub access: PostgresAccess,
    /// `16.6`.
    pub version: String,
}

/// What a server is to be.
pub struct Wanted {
    /// The superuser's password.
    pub password: Secret,
    /// Where its data are, if not where the image has them.
    pub data: Option<String>,
    /// The port at which it is to be reached, if that matters.
    pub at: Option<u16>,
}

/// Starts a server with these settings and returns once it has answered a query.
pub async fn start(
    containers: &Containers,
    image: &Image,
    wanted: &Wanted,
    settings: &[&str],
) -> Result<Postgres, ProvisionError> {
    let mut variables = vec![
        ("POSTGRES_USER", USER.to_owned()),
        ("POSTGRES_PASSWORD", wanted.password.expose().to_owned()),
        ("POSTGRES_DB", "postgres".to_owned()),
        ("POSTGRES_INITDB_ARGS", "--no-sync --encoding=UTF8 --locale=C".to_owned()),
    ];
    variables.extend(wanted.data.clone().map(|data| ("PGDATA", data)));
    let arguments = settings.iter().flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]).collect();
    let container = containers.start(Plan { image, port: 5432, variables, arguments, at: wanted.at }).await?;
    let access = PostgresAccess {
        host: container.host.clone(),
        port: container.port,
        database: "postgres".into(),
        user: USER.into(),
        password: wanted.password.clone(),
        tls: false,
    };
    let version = container.ready(|| questions::postgres_version(&access)).await?;
    Ok(Postgres { container, access, version })
}
