//! Finds the programs of PostgreSQL that fit the version of a server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tokio::process::Command;

use super::error::BackupError;

/// Where packages put the programs without putting them on the search path; `*` stands for a version.
const FOLDERS: [&str; 4] =
    ["/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/bin"];

/// The programs of PostgreSQL on this machine.
pub struct Tools {
    /// `PG_BIN`: where they are, if someone said so.
    given: Option<PathBuf>,
    /// What was found, by version of the server and by program.
    found: Mutex<BTreeMap<(u32, &'static str), PathBuf>>,
}

impl Tools {
    /// Looks in `given` alone, or in all usual places.
    pub fn new(given: Option<PathBuf>) -> Tools {
        Tools { given, found: Mutex::default() }
    }

    /// The program of this name that fits a server of this version.
    ///
    /// A client of the same version knows all that the server does. A newer one can read an older server, but not the
    /// other way round. A server that recovers another's files must be of its very version.
    pub async fn program(&self, program: &'static str, major: u32) -> Result<PathBuf, BackupError> {
        if let Some(known) = self.found.lock().unwrap_or_else(PoisonError::into_inner).get(&(major, program)) {
            return Ok(known.clone());
        }
        let mut newer: Option<(u32, PathBuf)> = None;
        for candidate in self.candidates(program) {
            match version_of(&candidate).await {
                Some(version) if version == major => {
                    self.found
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert((major, program), candidate.clone());
                    return Ok(candidate);
                }
                Some(version) if version > major && newer.as_ref().is_none_or(|(known, _)| version < *known) => {
                    newer = Some((version, candidate));
                }
                _ => {}
            }
        }
        let may_be_newer = !["postgres", "pg_ctl"].contains(&program);
        newer.filter(|_| may_be_newer).map(|(_, path)| path).ok_or(BackupError::NoProgram { program, major })
    }

    fn candidates(&self, program: &str) -> Vec<PathBuf> {
        let folders = match &self.given {
            Some(given) => vec![given.clone()],
            // The search path last: what stands there may be a wrapper that chooses a version by itself.
            None => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                FOLDERS.iter().flat_map(|folder| expand(folder)).chain(std::env::split_paths(&path)).collect()
            }
        };
        folders.into_iter().map(|folder| folder.join(program)).filter(|path| path.is_file()).collect()
    }
}

async fn version_of(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").kill_on_drop(true).output().await.ok()?;
    stated_major(&String::from_utf8_lossy(&output.stdout))
}

/// The 15 in `pg_dump (PostgreSQL) 15.18 (Debian …)`; `17beta1` is a 17.
fn stated_major(line: &str) -> Option<u32> {
    let number = line.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let end = number.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().ok()
}

/// The folders that a pattern with at most one `*` means.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((head, tail)) = pattern.split_once('*') else {
        return vec![PathBuf::from(pattern)];
    };
    let (parent, prefix) = head.rsplit_once('/').unwrap_or(("", head));
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(prefix)).map(|name| PathBuf::from(format!("{parent}/{name}{tail}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_a_program_says() {
        assert_eq!(stated_major("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(stated_major("postgres (PostgreSQL) 17beta1"), Some(17));
        assert_eq!(stated_major("no version here"), None);
    }

    #[tokio::test]
    async fn a_missing_program_says_what_to_do() {
        let tools = Tools::new(Some(PathBuf::from("/nowhere")));
        let error = tools.program("pg_dump", 16).await.unwrap_err().to_string();
        assert!(error.contains("pg_dump") && error.contains("16") && error.contains("PG_BIN"), "{error}");
    }
}
