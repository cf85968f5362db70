//! What may stand in a target file: its keys and their types.

use super::error::{Source, TargetFileError};
use super::lengths;
use super::rules::HeadersTable;
use crate::target::Service;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::path::PathBuf;
use toml::Spanned;
use toml::de::DeTable;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetFile {
    pub name: Option<String>,
    #[serde(default)]
    pub disposable: bool,
    #[serde(default)]
    pub forwarded_for: bool,
    #[serde(default)]
    pub forbid: Vec<Spanned<String>>,
    pub requests_per_second: Option<Spanned<u32>>,
    pub manifests: Option<Spanned<PathBuf>>,
    pub kubeconfig: Option<Spanned<PathBuf>>,
    pub source: Option<Spanned<PathBuf>>,
    pub gateway: Option<ServiceTable>,
    #[serde(default)]
    pub services: BTreeMap<Service, ServiceTable>,
    pub postgres: Option<PostgresTable>,
    pub redis: Option<RedisTable>,
    pub object_store: Option<ObjectStoreTable>,
    #[serde(default)]
    pub accounts: Vec<AccountTable>,
    pub registration: Option<RegistrationTable>,
    pub tokens: Option<TokensTable>,
    pub tls: Option<TlsTable>,
    pub headers: Option<HeadersTable>,
    pub test: Option<TestTable>,
    pub control: Option<ControlTable>,
}

/// `[gateway]`, `[services.auth]`, …
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceTable {
    pub url: Spanned<String>,
    pub health: Option<Spanned<String>>,
    pub log: Option<Spanned<LogTable>>,
}

/// `log = { file = "…" }`, `log = { container = "…" }` or `log = { command = ["…"] }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogTable {
    pub file: Option<PathBuf>,
    pub container: Option<String>,
    pub command: Option<Vec<String>>,
}

/// `[postgres]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresTable {
    pub host: Spanned<String>,
    #[serde(default = "postgres_port")]
    pub port: NonZeroU16,
    pub database: String,
    pub user: String,
    pub password_env: Option<Spanned<String>>,
    #[serde(default)]
    pub tls: bool,
}

/// `[redis]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisTable {
    pub host: Spanned<String>,
    #[serde(default = "redis_port")]
    pub port: NonZeroU16,
    pub password_env: Option<Spanned<String>>,
    #[serde(default)]
    pub tls: bool,
}

/// `[object_store]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectStoreTable {
    pub endpoint: Spanned<String>,
    #[serde(default = "region")]
    pub region: String,
    pub access_key_env: Spanned<String>,
    pub secret_key_env: Spanned<String>,
    pub console: Option<Spanned<String>>,
    #[serde(default)]
    pub clock: bool,
    pub user: Option<StoreUserTable>,
}

/// `[object_store.user]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreUserTable {
    pub access_key_env: Spanned<String>,
    pub secret_key_env: Spanned<String>,
}

/// `[[accounts]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountTable {
    pub email: Spanned<String>,
    pub password_env: Spanned<String>,
}

/// `[registration]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationTable {
    pub fields: BTreeMap<String, Spanned<toml::Value>>,
}

/// `[tokens]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokensTable {
    pub signing_key_env: Spanned<String>,
}

/// `[tls]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsTable {
    pub ca: Spanned<PathBuf>,
}

/// `[test]`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct TestTable {
    #[serde(default)]
    pub endpoints: bool,
    pub clock: Option<Spanned<bool>>,
}

/// `[control]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlTable {
    pub stop: Spanned<Vec<String>>,
    pub start: Spanned<Vec<String>>,
    pub pid: Option<Spanned<Vec<String>>>,
}

fn postgres_port() -> NonZeroU16 {
    const { NonZeroU16::new(5432).unwrap() }
}

fn redis_port() -> NonZeroU16 {
    const { NonZeroU16::new(6379).unwrap() }
}

fn region() -> String {
    "us-east-1".into()
}

/// Parses the text; what is wrong with it is told with its place and its key.
pub fn parse(source: &Source) -> Result<TargetFile, TargetFileError> {
    let table = DeTable::parse(source.text)
        .map_err(|error| source.wrong(error.span().unwrap_or_default(), "", error.message()))?;
    lengths::check(source, table.get_ref())?;
    let deserializer = toml::Deserializer::from(table);
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let inner = error.inner();
        let place = inner.span().unwrap_or_default();
        let key = plain_key(&error.path().to_string(), source.text.get(place.clone()));
        let problem = match key.rsplit('.').next().and_then(variable_for) {
            Some(name) => format!(
                "a credential never stands in this file: expected `{name} = \"NAME\"`, the name of an environment variable"
            ),
            None => inner.message().to_owned(),
        };
        source.wrong(place, &key, &problem)
    })
}

/// The key as the user wrote it. A value that knows its place has a wrapper, which the path shows; and a key that
/// is itself wrong appears as a question mark.
fn plain_key(path: &str, found: Option<&str>) -> String {
    let segments: Vec<&str> = path
        .split('.')
        .filter(|segment| !segment.starts_with("$__"))
        .map(|segment| if segment == "?" { found.unwrap_or(segment) } else { segment })
        .collect();
    segments.join(".")
}

/// The key to use in place of one that would hold a credential.
fn variable_for(key: &str) -> Option<&'static str> {
    match key {
        "password" => Some("password_env"),
        "access_key" => Some("access_key_env"),
        "secret_key" => Some("secret_key_env"),
        "signing_key" => Some("signing_key_env"),
        _ => None,
    }
}
