//! What the environment says, as numbers, ports, durations and flags.

use std::str::FromStr;
use std::time::Duration;

/// A variable holds something it cannot hold.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is {value:?}, but must be {expected}; correct it or unset it to get the default")]
pub struct SettingsError {
    /// Which variable.
    pub variable: String,
    /// What it held.
    pub value: String,
    /// What it may hold.
    pub expected: &'static str,
}

/// What the environment says, read by kind.
pub(super) struct Given<'a>(&'a dyn Fn(&str) -> Option<String>);

impl<'a> Given<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Given<'a> {
        Given(lookup)
    }

    pub(super) fn get(&self, variable: &str) -> Option<String> {
        (self.0)(variable).filter(|value| !value.is_empty())
    }

    pub(super) fn text(&self, variable: &str, default: &str) -> String {
        self.get(variable).unwrap_or_else(|| default.to_owned())
    }

    pub(super) fn parsed<T: FromStr>(
        &self,
        variable: &str,
        default: T,
        expected: &'static str,
    ) -> Result<T, SettingsError> {
        let Some(value) = self.get(variable) else {
            return Ok(default);
        };
        value.trim().parse().map_err(|_| self.malformed(variable, expected))
    }

    pub(super) fn malformed(&self, variable: &str, expected: &'static str) -> SettingsError {
        SettingsError { variable: variable.to_owned(), value: self.text(variable, ""), expected }
    }

    pub(super) fn port(&self, variable: &str, default: u16) -> Result<u16, SettingsError> {
        self.parsed(variable, default, "a port from 0 to 65535")
    }

    /// A whole number of at least one.
    pub(super) fn count<T: FromStr + PartialEq + Default>(
        &self,
        variable: &str,
        default: T,
    ) -> Result<T, SettingsError> {
        let expected = "an integer of at least 1";
        let count = self.parsed(variable, default, expected)?;
        if count == T::default() {
            return Err(self.malformed(variable, expected));
        }
        Ok(count)
    }

    /// A number above zero.
    pub(super) fn positive(&self, variable: &str, default: f64) -> Result<f64, SettingsError> {
        let expected = "a number above 0, at most 1e9";
        let number = self.parsed(variable, default, expected)?;
        if !(number > 0.0 && number <= 1e9) {
            return Err(self.malformed(variable, expected));
        }
        Ok(number)
    }

    pub(super) fn seconds(&self, variable: &str, default: f64) -> Result<Duration, SettingsError> {
        self.positive(variable, default).map(Duration::from_secs_f64)
    }

    pub(super) fn milliseconds(&self, variable: &str, default: f64) -> Result<Duration, SettingsError> {
        self.positive(variable, default).map(|number| Duration::from_secs_f64(number / 1000.0))
    }

    /// Seconds that may also be none at all, which is the default.
    pub(super) fn seconds_or_none(&self, variable: &str) -> Result<Duration, SettingsError> {
        let expected = "a number from 0 to 1e9";
        let number = self.parsed(variable, 0.0, expected)?;
        if !(0.0..=1e9).contains(&number) {
            return Err(self.malformed(variable, expected));
        }
        Ok(Duration::from_secs_f64(number))
    }

    pub(super) fn flag(&self, variable: &str, default: bool) -> Result<bool, SettingsError> {
        match self.get(variable).map(|value| value.to_ascii_lowercase()) {
            None => Ok(default),
            Some(value) => match value.as_str() {
                "1" | "true" | "yes" | "on" => Ok(true),
                "0" | "false" | "no" | "off" => Ok(false),
                _ => Err(self.malformed(variable, "true or false")),
            },
        }
    }
}
