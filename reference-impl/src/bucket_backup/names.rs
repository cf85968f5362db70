//! Names of backups. They become names of files and keys of objects, so they are plain.

use std::fmt;

use chrono::{DateTime, Utc};

use super::error::BackupError;

/// A name that is safe to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupName(String);

/// What the name of each archive ends with.
const ENDING: &str = ".tar.gz";
/// What the key of each archive begins with.
const PREFIX: &str = "buckets/";

impl BackupName {
    /// The name, if it is one.
    pub fn new(text: &str) -> Result<BackupName, BackupError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if text.is_empty() || text.len() > 128 || text.starts_with('.') || !text.bytes().all(plain) {
            return Err(BackupError::Name);
        }
        Ok(BackupName(text.to_owned()))
    }

    /// The name that a backup gets when nobody gives it one: `bucket_uploads_20250131_120000`.
    pub fn dated(kind: &str, bucket: &str, now: DateTime<Utc>) -> Result<BackupName, BackupError> {
        BackupName::new(&format!("{kind}_{bucket}_{}", now.format("%Y%m%d_%H%M%S")))
    }

    /// The name that the file or the key of an archive tells, if it tells one.
    pub fn of_archive(path: &str) -> Option<BackupName> {
        let name = path.strip_prefix(PREFIX).unwrap_or(path).strip_suffix(ENDING)?;
        BackupName::new(name).ok()
    }

    /// What the file of the archive is called.
    pub fn file(&self) -> String {
        format!("{}{ENDING}", self.0)
    }

    /// The key of the archive in the store.
    pub fn key(&self) -> String {
        format!("{PREFIX}{}{ENDING}", self.0)
    }
}

impl fmt::Display for BackupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_and_leads_nowhere_else() {
        for name in ["bucket_uploads_20250131_120000", "a", "before-1.0"] {
            let name = BackupName::new(name).expect("is plain");
            assert_eq!(BackupName::of_archive(&name.key()), Some(name.clone()));
            assert_eq!(BackupName::of_archive(&name.file()), Some(name));
        }
        for name in ["", "../etc", "a/b", ".hidden", "a b", &"x".repeat(129)] {
            assert!(BackupName::new(name).is_err(), "{name}");
        }
    }
}
