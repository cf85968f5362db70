//! Finds PostgreSQL and Redis on this machine.

use crate::provision::error::ProvisionError;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest that will do, as major and minor number.
const OLDEST_POSTGRES: (u32, u32) = (13, 0);
const OLDEST_REDIS: (u32, u32) = (6, 2);

/// Where packages put PostgreSQL without putting it on the search path; `*` stands for a version.
const POSTGRES_FOLDERS: [&str; 7] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Library/PostgreSQL/*/bin",
];

/// The same for Redis.
const REDIS_FOLDERS: [&str; 4] = ["/usr/bin", "/usr/local/bin", "/usr/sbin", "/opt/homebrew/bin"];

/// The programs of one PostgreSQL.
#[derive(Debug, Clone)]
pub struct PostgresPrograms {
    /// Makes a data folder.
    pub initdb: PathBuf,
    /// The server.
    pub postgres: PathBuf,
    /// `15.18`.
    pub version: String,
}

/// A Redis, or a Valkey.
#[derive(Debug, Clone)]
pub struct RedisProgram {
    /// The server.
    pub path: PathBuf,
    /// `7.0.15`.
    pub version: String,
}

/// The first PostgreSQL that is new enough; an error if there are only older ones.
pub fn postgres() -> Result<Option<PostgresPrograms>, ProvisionError> {
    let mut candidates = on_path("postgres");
    candidates.extend(in_folders(&POSTGRES_FOLDERS, "postgres"));
    // A link on the search path leads to the folder where `initdb` and the rest of its version are.
    let real = candidates.into_iter().filter_map(|path| path.canonicalize().ok());
    let complete = real.filter(|path| path.with_file_name("initdb").is_file());
    let found = new_enough("postgresql", complete, OLDEST_POSTGRES, "13")?;
    Ok(found.map(|(postgres, version)| PostgresPrograms {
        initdb: postgres.with_file_name("initdb"),
        postgres,
        version,
    }))
}

/// The first Redis or Valkey that is new enough; an error if there are only older ones.
pub fn redis() -> Result<Option<RedisProgram>, ProvisionError> {
    let names = ["redis-server", "valkey-server"];
    let mut candidates: Vec<PathBuf> = names.iter().flat_map(|name| on_path(name)).collect();
    candidates.extend(names.iter().flat_map(|name| in_folders(&REDIS_FOLDERS, name)));
    let found = new_enough("redis", candidates.into_iter(), OLDEST_REDIS, "6.2")?;
    Ok(found.map(|(path, version)| RedisProgram { path, version }))
}

/// Whether the programs that back a database up and bring it back stand beside its server.
pub fn has_tools(programs: &PostgresPrograms) -> bool {
    let tools = ["pg_dump", "pg_restore", "psql", "pg_basebackup", "pg_receivewal", "pg_ctl"];
    tools.iter().all(|tool| programs.postgres.with_file_name(tool).is_file())
}

/// Whether this machine has all programs of a PostgreSQL of this version, as far as its first number goes.
pub fn has_tools_of(version: &str) -> bool {
    let fits = |programs: PostgresPrograms| numbers(&programs.version).0 == numbers(version).0 && has_tools(&programs);
    postgres().ok().flatten().is_some_and(fits)
}

/// The programs of this name in the folders of `PATH`.
pub fn on_path(name: &str) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = std::env::split_paths(&path).map(|folder| folder.join(name));
    candidates.filter(|program| program.is_file()).collect()
}

fn new_enough(
    program: &'static str,
    candidates: impl Iterator<Item = PathBuf>,
    oldest: (u32, u32),
    wanted: &'static str,
) -> Result<Option<(PathBuf, String)>, ProvisionError> {
    let mut too_old = None;
    for path in candidates {
        let Some(version) = version_of(&path) else {
            continue;
        };
        if numbers(&version) >= oldest {
            return Ok(Some((path, version)));
        }
        too_old.get_or_insert(ProvisionError::TooOld { program, path, found: version, wanted });
    }
    too_old.map_or(Ok(None), Err)
}

fn version_of(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    stated_version(&String::from_utf8_lossy(&output.stdout))
}

/// The version in `postgres (PostgreSQL) 15.18 (Debian …)` and in `Redis server v=7.0.15 sha=…`.
fn stated_version(line: &str) -> Option<String> {
    let words = line.split_whitespace();
    let mut bare = words.map(|word| word.strip_prefix("v=").unwrap_or(word));
    let is_version = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
    bare.find(is_version).map(str::to_owned)
}

/// Major and minor number. `17beta1` is a 17.
fn numbers(version: &str) -> (u32, u32) {
    let number = |part: &str| {
        let digits = part.find(|letter: char| !letter.is_ascii_digit());
        part[..digits.unwrap_or(part.len())].parse().unwrap_or(0)
    };
    let mut parts = version.split('.').map(number);
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// The programs of this name in the folders, the highest version first.
fn in_folders(folders: &[&str], name: &str) -> Vec<PathBuf> {
    let programs = folders.iter().flat_map(|folder| expand(folder));
    let programs = programs.map(|folder| folder.join(name));
    programs.filter(|program| program.is_file()).collect()
}

/// The folders that a pattern with at most one `*` in one of its parts means.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((head, tail)) = pattern.split_once('*') else {
        return vec![PathBuf::from(pattern)];
    };
    let (parent, prefix) = head.rsplit_once('/').unwrap_or(("", head));
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut versions: Vec<String> = names.filter_map(|name| name.strip_prefix(prefix).map(str::to_owned)).collect();
    versions.sort_by_key(|version| std::cmp::Reverse(numbers(version)));
    let folder = |version: String| PathBuf::from(format!("{parent}/{prefix}{version}{tail}"));
    versions.into_iter().map(folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_programs_say() {
        let stated = |line: &str| stated_version(line).unwrap();
        assert_eq!(stated("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), "15.18");
        assert_eq!(stated("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0"), "7.0.15");
        assert_eq!(stated("Valkey server v=8.0.1 sha=00000000:0"), "8.0.1");
        assert_eq!(stated_version("no version here"), None);
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(numbers("9.6.24") < OLDEST_POSTGRES);
        assert!(numbers("17beta1") >= OLDEST_POSTGRES);
        assert!(numbers("6.0.16") < OLDEST_REDIS);
        assert!(numbers("6.2.7") >= OLDEST_REDIS);
    }

    #[test]
    fn a_star_stands_for_each_version_the_highest_first() {
        let root = std::env::temp_dir().join(format!("expand-{}", crate::provision::random::hex(4)));
        for version in ["9", "16", "13"] {
            std::fs::create_dir_all(root.join(format!("pg-{version}/bin"))).unwrap();
        }
        let found = expand(&format!("{}/pg-*/bin", root.display()));
        std::fs::remove_dir_all(&root).unwrap();
        let wanted = ["16", "13", "9"].map(|version| root.join(format!("pg-{version}/bin")));
        assert_eq!(found, wanted);
    }
}
