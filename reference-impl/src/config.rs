//! Settings from the environment, read once at start.

mod alerts;
mod backup;
mod environment;
mod error_tracking;
mod given;
mod layers;
mod log;
mod secret;
mod storage;
mod stores;
mod watches;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::service::Service;
pub use alerts::{Alerts, Email, Slack};
pub use backup::Backup;
pub use environment::Environment;
pub use error_tracking::ErrorTracking;
use given::Given;
pub use given::SettingsError;
pub use layers::ConfigError;
use layers::Layers;
pub use log::{Log, LogFormat};
pub use secret::Secret;
pub use storage::{BucketBackups, Buckets, Disk, ObjectStore, StorePlace};
pub use stores::{Postgres, Redis, Retry};
pub use watches::{Cpu, Memory, Network};

/// Everything a service can be told from outside.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `BIND_ADDRESS`.
    pub bind_address: IpAddr,
    /// Where each service is, in the order of [`Service::all`]; read it through [`Settings::place`].
    places: Vec<Place>,
    /// `LOG_LEVEL`, `LOG_LEVELS`, `LOG_FORMAT`.
    pub log: Log,
    /// `SENTRY_DSN`, `ENV`, `VERSION`.
    pub error_tracking: ErrorTracking,
    /// `AUTOGRAPH_TEST_ENDPOINTS`: serve `/test/…` and let the clock be moved.
    pub test_endpoints: bool,
    /// `AUTOGRAPH_TEST_CLOCK_MS`: how far a clock that can be moved has been moved already, so that a service that is
    /// started again lives by the time of the others.
    pub test_clock_ahead: Duration,
    /// `REQUEST_TIMEOUT`.
    pub request_timeout: Duration,
    /// `SHUTDOWN_SECONDS`: how long requests in flight may take to end.
    pub shutdown_limit: Duration,
    /// `SLOW_REQUEST_THRESHOLD_MS`.
    pub slow_request_threshold: Duration,
    /// `METRICS_ENABLED`.
    pub metrics_enabled: bool,
    /// `CORS_ORIGINS`, split at commas, otherwise as given.
    pub cors_origins: Vec<String>,
    /// `JWT_*` and `BCRYPT_COST`, `SESSION_TTL_SECONDS`.
    pub sign_in: SignIn,
    /// `POSTGRES_*`, `SLOW_QUERY_THRESHOLD_MS`.
    pub postgres: Postgres,
    /// `REDIS_*`.
    pub redis: Redis,
    /// `RETRY_*`.
    pub retry: Retry,
    /// `RATE_LIMIT_*`.
    pub rate_limit: RateLimit,
    /// `CIRCUIT_BREAKER_*`.
    pub circuit_breaker: CircuitBreaker,
    /// `IDEMPOTENCY_*`.
    pub idempotency: Idempotency,
    /// `CACHE_*`.
    pub cache: Cache,
    /// `MEMORY_*`.
    pub memory: Memory,
    /// `CPU_*`.
    pub cpu: Cpu,
    /// `COMPRESSION_*`, `LARGE_PAYLOAD_BYTES`.
    pub network: Network,
    /// `DEPENDENCIES_KEPT_SECONDS`: how long a dependency stays on the map after its last call.
    pub dependencies_kept_for: Duration,
    /// `ALERT_*`, `SMTP_*`.
    pub alerts: Alerts,
    /// `BACKUP_*`, `DR_*`, `PG_BIN`.
    pub backup: Backup,
    /// `MINIO_*`.
    pub object_store: ObjectStore,
    /// `DISK_*`, `STORAGE_CAPACITY_BYTES`.
    pub disk: Disk,
    /// `MINIO_BACKUP_*`.
    pub bucket_backups: BucketBackups,
}

/// Host and port of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl Place {
    /// `http://host:port`.
    pub fn base_url(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }
}

/// Tokens, passwords and sessions.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// `JWT_SECRET`.
    pub secret: Secret,
    /// Whether the development secret stands in for a missing one.
    pub secret_is_default: bool,
    /// `JWT_ACCESS_TOKEN_EXPIRE_MINUTES`.
    pub access_life: Duration,
    /// `JWT_REFRESH_TOKEN_EXPIRE_DAYS`.
    pub refresh_life: Duration,
    /// `JWT_LEEWAY_SECONDS`.
    pub leeway: Duration,
    /// `BCRYPT_COST`.
    pub bcrypt_cost: u32,
    /// `SESSION_TTL_SECONDS`.
    pub session_ttl: Duration,
}

/// Requests per window.
#[derive(Debug, Clone)]
pub struct RateLimit {
    /// `RATE_LIMIT_PER_USER`.
    pub per_user: u64,
    /// `RATE_LIMIT_PER_IP`.
    pub per_ip: u64,
    /// `RATE_LIMIT_WINDOW_SECONDS`.
    pub window: Duration,
}

/// When a breaker opens and closes.
#[derive(Debug, Clone)]
pub struct CircuitBreaker {
    /// `CIRCUIT_BREAKER_FAILURE_THRESHOLD`.
    pub failure_threshold: u32,
    /// `CIRCUIT_BREAKER_OPEN_SECONDS`.
    pub open_for: Duration,
    /// `CIRCUIT_BREAKER_SUCCESS_THRESHOLD`.
    pub success_threshold: u32,
}

/// Replays of stored answers.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// `IDEMPOTENCY_ENABLED`.
    pub enabled: bool,
    /// `IDEMPOTENCY_TTL_SECONDS`.
    pub ttl: Duration,
}

/// What is kept of reads, so that the next one need not ask the database.
#[derive(Debug, Clone)]
pub struct Cache {
    /// `CACHE_ENABLED`.
    pub enabled: bool,
    /// `CACHE_TTL_SECONDS`.
    pub ttl: Duration,
}

/// The secret both sides fall back to when none is given, so that a fresh checkout runs.
const DEVELOPMENT_JWT_SECRET: &str = "autograph-development-secret";

impl Settings {
    /// The settings in the environment of this process, and in the files of its folder.
    pub fn from_environment() -> Result<Settings, ConfigError> {
        let layers = Layers::of_this_process()?;
        Ok(Settings::read(|name| layers.get(name))?)
    }

    /// The settings that `lookup` finds; an empty value counts as none.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Settings, SettingsError> {
        let given = Given::new(&lookup);
        Ok(Settings {
            bind_address: given.parsed("BIND_ADDRESS", IpAddr::V4(Ipv4Addr::LOCALHOST), "an IP address")?,
            places: places(&given)?,
            log: log::read(&given)?,
            error_tracking: error_tracking::read(&given)?,
            test_endpoints: given.flag("AUTOGRAPH_TEST_ENDPOINTS", false)?,
            test_clock_ahead: Duration::from_millis(given.parsed("AUTOGRAPH_TEST_CLOCK_MS", 0, "milliseconds")?),
            request_timeout: given.seconds("REQUEST_TIMEOUT", 30.0)?,
            shutdown_limit: given.seconds("SHUTDOWN_SECONDS", 30.0)?,
            slow_request_threshold: given.milliseconds("SLOW_REQUEST_THRESHOLD_MS", 1000.0)?,
            metrics_enabled: given.flag("METRICS_ENABLED", true)?,
            cors_origins: given.text("CORS_ORIGINS", "http://localhost:3000").split(',').map(str::to_owned).collect(),
            sign_in: sign_in(&given)?,
            postgres: stores::postgres(&given)?,
            redis: stores::redis(&given)?,
            retry: stores::retry(&given)?,
            rate_limit: RateLimit {
                per_user: given.count("RATE_LIMIT_PER_USER", 100)?,
                per_ip: given.count("RATE_LIMIT_PER_IP", 1000)?,
                window: given.seconds("RATE_LIMIT_WINDOW_SECONDS", 60.0)?,
            },
            circuit_breaker: CircuitBreaker {
                failure_threshold: given.count("CIRCUIT_BREAKER_FAILURE_THRESHOLD", 5)?,
                open_for: given.seconds("CIRCUIT_BREAKER_OPEN_SECONDS", 30.0)?,
                success_threshold: given.count("CIRCUIT_BREAKER_SUCCESS_THRESHOLD", 2)?,
            },
            idempotency: Idempotency {
                enabled: given.flag("IDEMPOTENCY_ENABLED", true)?,
                ttl: given.seconds("IDEMPOTENCY_TTL_SECONDS", 86_400.0)?,
            },
            cache: Cache {
                enabled: given.flag("CACHE_ENABLED", true)?,
                ttl: given.seconds("CACHE_TTL_SECONDS", 300.0)?,
            },
            memory: watches::memory(&given)?,
            cpu: watches::cpu(&given)?,
            network: watches::network(&given)?,
            dependencies_kept_for: given.seconds("DEPENDENCIES_KEPT_SECONDS", 86_400.0)?,
            alerts: alerts::alerts(&given)?,
            backup: backup::read(&given)?,
            object_store: storage::object_store(&given)?,
            disk: storage::disk(&given)?,
            bucket_backups: storage::bucket_backups(&given)?,
        })
    }

    /// Where `service` is: its own port, and its host as the gateway sees it.
    pub fn place(&self, service: Service) -> &Place {
        &self.places[service as usize]
    }
}

fn places(given: &Given) -> Result<Vec<Place>, SettingsError> {
    Service::all()
        .map(|service| {
            // The renderer is also told its port by the bare name, as its original was.
            let fallback = match service {
                Service::SvgRenderer => given.port("PORT", service.default_port())?,
                _ => service.default_port(),
            };
            Ok(Place {
                host: given.text(&service.host_variable(), "localhost"),
                port: given.port(&service.port_variable(), fallback)?,
            })
        })
        .collect()
}

fn sign_in(given: &Given) -> Result<SignIn, SettingsError> {
    let secret = given.get("JWT_SECRET");
    let minutes = given.count::<u32>("JWT_ACCESS_TOKEN_EXPIRE_MINUTES", 60)?;
    let days = given.count::<u32>("JWT_REFRESH_TOKEN_EXPIRE_DAYS", 30)?;
    let cost = given.parsed("BCRYPT_COST", 12, BCRYPT_COSTS)?;
    if !(4..=31).contains(&cost) {
        return Err(given.malformed("BCRYPT_COST", BCRYPT_COSTS));
    }
    Ok(SignIn {
        secret_is_default: secret.is_none(),
        secret: Secret::new(secret.unwrap_or_else(|| DEVELOPMENT_JWT_SECRET.to_owned())),
        access_life: Duration::from_secs(u64::from(minutes) * 60),
        refresh_life: Duration::from_secs(u64::from(days) * 86_400),
        leeway: given.seconds_or_none("JWT_LEEWAY_SECONDS")?,
        bcrypt_cost: cost,
        session_ttl: given.seconds("SESSION_TTL_SECONDS", 86_400.0)?,
    })
}

const BCRYPT_COSTS: &str = "an integer from 4 to 31";

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::level_filters::LevelFilter;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn nothing_given_means_the_defaults() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.place(Service::Auth).port, 8085);
        assert_eq!(settings.request_timeout, Duration::from_secs(30));
        assert_eq!(settings.log.level, LevelFilter::INFO);
        assert!(settings.sign_in.secret_is_default);
    }

    #[test]
    fn malformed_value_names_variable_value_and_expectation() {
        let error = read(&[("RATE_LIMIT_PER_USER", "many")]).unwrap_err();
        assert_eq!(error.variable, "RATE_LIMIT_PER_USER");
        let text = error.to_string();
        assert!(text.contains("many") && text.contains("integer of at least 1"));
        for (name, value) in [
            ("REQUEST_TIMEOUT", "0"),
            ("REQUEST_TIMEOUT", "NaN"),
            ("BCRYPT_COST", "3"),
            ("AUTH_SERVICE_PORT", "70000"),
            ("IDEMPOTENCY_ENABLED", "perhaps"),
            ("JWT_LEEWAY_SECONDS", "-1"),
        ] {
            assert!(read(&[(name, value)]).is_err(), "{name}={value}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let settings = read(&[("JWT_SECRET", "hush"), ("POSTGRES_PASSWORD", "hush")]).unwrap();
        assert!(!format!("{settings:?}").contains("hush"));
    }

    #[test]
    fn renderer_prefers_its_own_variable_to_the_bare_one() {
        let both = [("PORT", "1"), ("SVG_RENDERER_PORT", "2")];
        assert_eq!(read(&both).unwrap().place(Service::SvgRenderer).port, 2);
        assert_eq!(read(&both[..1]).unwrap().place(Service::SvgRenderer).port, 1);
    }
}
