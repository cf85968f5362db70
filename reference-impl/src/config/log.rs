//! What of the log is written, and in which form.

use tracing::level_filters::LevelFilter;

use super::given::{Given, SettingsError};

/// The log of a service.
#[derive(Debug, Clone)]
pub struct Log {
    /// `LOG_LEVEL`, understood. An unknown word means INFO.
    pub level: LevelFilter,
    /// `LOG_LEVEL` as it was given, or `INFO`.
    pub level_text: String,
    /// `LOG_LEVELS`: modules with a level of their own, by the name that stands in their lines.
    pub modules: Vec<(String, LevelFilter)>,
    /// `LOG_FORMAT`.
    pub format: LogFormat,
}

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object, for machines.
    Json,
    /// Words, for a person at a terminal.
    Text,
}

const FORMATS: &str = "json or text";
const MODULES: &str = "MODULE=LEVEL, more of them after commas, as in auth.routes=DEBUG,postgres=WARNING";

pub(super) fn read(given: &Given) -> Result<Log, SettingsError> {
    let level_text = given.text("LOG_LEVEL", "INFO");
    let format = match given.text("LOG_FORMAT", "json").to_ascii_lowercase().as_str() {
        "json" => LogFormat::Json,
        "text" => LogFormat::Text,
        _ => return Err(given.malformed("LOG_FORMAT", FORMATS)),
    };
    let modules = given.text("LOG_LEVELS", "");
    let entries = modules.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let modules = entries.map(module).collect::<Option<_>>().ok_or_else(|| given.malformed("LOG_LEVELS", MODULES))?;
    Ok(Log { level: level(&level_text).unwrap_or(LevelFilter::INFO), level_text, modules, format })
}

fn module(entry: &str) -> Option<(String, LevelFilter)> {
    let (name, word) = entry.split_once('=')?;
    let name = name.trim();
    (!name.is_empty()).then_some(())?;
    Some((name.to_owned(), level(word.trim())?))
}

fn level(word: &str) -> Option<LevelFilter> {
    match word.to_ascii_uppercase().as_str() {
        "DEBUG" => Some(LevelFilter::DEBUG),
        "INFO" => Some(LevelFilter::INFO),
        "WARNING" => Some(LevelFilter::WARN),
        "ERROR" => Some(LevelFilter::ERROR),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(variable: &str, value: &str) -> Result<Log, SettingsError> {
        let lookup = |name: &str| (name == variable).then(|| value.to_owned());
        read(&Given::new(&lookup))
    }

    #[test]
    fn unknown_level_means_info_and_is_still_told_as_given() {
        let log = log("LOG_LEVEL", "chatty").unwrap();
        assert_eq!(log.level, LevelFilter::INFO);
        assert_eq!(log.level_text, "chatty");
    }

    #[test]
    fn modules_have_levels_of_their_own() {
        let log = log("LOG_LEVELS", "auth.routes=debug, postgres = ERROR,").unwrap();
        let wanted = [("auth.routes".to_owned(), LevelFilter::DEBUG), ("postgres".to_owned(), LevelFilter::ERROR)];
        assert_eq!(log.modules, wanted);
    }

    #[test]
    fn what_is_neither_module_nor_format_is_refused() {
        for levels in ["DEBUG", "auth=", "auth=chatty", "=INFO"] {
            assert_eq!(log("LOG_LEVELS", levels).unwrap_err().variable, "LOG_LEVELS");
        }
        assert!(log("LOG_FORMAT", "xml").unwrap_err().to_string().contains("json or text"));
        assert_eq!(log("LOG_FORMAT", "TEXT").unwrap().format, LogFormat::Text);
    }
}
