//! How long the texts of a target file may be: reports, records and errors repeat them.

use super::error::{Source, TargetFileError};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The most bytes that a whole file may have.
pub(super) const LONGEST_FILE: u64 = 1 << 20;
/// The most characters of the target's name, and of any key.
const LONGEST_NAME: usize = 200;
/// The most characters of any other text: what the system takes for a path.
const LONGEST_TEXT: usize = 4096;

/// Looks at all keys and texts of a table; what is too long is told with its place and its key.
pub(super) fn check(source: &Source, table: &DeTable) -> Result<(), TargetFileError> {
    check_table(source, "", table)
}

fn check_table(source: &Source, path: &str, table: &DeTable) -> Result<(), TargetFileError> {
    table.iter().try_for_each(|(key, value)| {
        let (place, key) = (key.span(), key.get_ref());
        check_length(source, path, "key", (place, key), LONGEST_NAME)?;
        let path = if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
        check_value(source, &path, value)
    })
}

fn check_value(source: &Source, path: &str, value: &Spanned<DeValue>) -> Result<(), TargetFileError> {
    match value.get_ref() {
        DeValue::String(text) => {
            let most = if path == "name" { LONGEST_NAME } else { LONGEST_TEXT };
            check_length(source, path, "text", (value.span(), text), most)
        }
        DeValue::Array(items) => items.iter().try_for_each(|item| check_value(source, path, item)),
        DeValue::Table(table) => check_table(source, path, table),
        _ => Ok(()),
    }
}

fn check_length(
    source: &Source,
    path: &str,
    what: &str,
    (place, text): (Range<usize>, &str),
    most: usize,
) -> Result<(), TargetFileError> {
    match text.chars().count() {
        length if length > most => {
            let problem = format!("expected a {what} of at most {most} characters, and it has {length}");
            Err(source.wrong(place, path, &problem))
        }
        _ => Ok(()),
    }
}
