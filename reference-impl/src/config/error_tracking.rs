//! Where errors are sent, and what is said of the program that they come from.

use sentry::types::{Dsn, Scheme};

use super::given::{Given, SettingsError};

/// The error tracker.
#[derive(Debug, Clone)]
pub struct ErrorTracking {
    /// `SENTRY_DSN`; nothing is sent without one.
    pub dsn: Option<Dsn>,
    /// `ENV`.
    pub environment: String,
    /// `VERSION`.
    pub release: String,
}

const DSN: &str = "http://KEY@HOST/PROJECT; TLS is left to a relay nearby";

pub(super) fn read(given: &Given) -> Result<ErrorTracking, SettingsError> {
    let dsn = match given.get("SENTRY_DSN").map(|text| text.parse::<Dsn>()) {
        None => None,
        Some(Ok(dsn)) if dsn.scheme() == Scheme::Http => Some(dsn),
        Some(_) => return Err(given.malformed("SENTRY_DSN", DSN)),
    };
    Ok(ErrorTracking { dsn, environment: given.text("ENV", "development"), release: given.text("VERSION", "unknown") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracking(value: &str) -> Result<ErrorTracking, SettingsError> {
        let lookup = |name: &str| (name == "SENTRY_DSN").then(|| value.to_owned());
        read(&Given::new(&lookup))
    }

    #[test]
    fn only_an_address_that_can_be_spoken_to_is_taken() {
        assert!(tracking("").unwrap().dsn.is_none());
        assert_eq!(tracking("http://key@localhost:9001/7").unwrap().dsn.unwrap().port(), 9001);
        for value in ["https://key@example.org/7", "http://localhost/7", "somewhere"] {
            assert_eq!(tracking(value).unwrap_err().variable, "SENTRY_DSN", "{value}");
        }
    }
}
