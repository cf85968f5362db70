//! Something that checks make on somebody else's system and that should not stay there.

use crate::target::Service;
use serde::{Deserialize, Serialize};

/// How names begin that the suite gives to what it makes; nothing else is ever removed by name.
const OURS: &str = "conform-";
/// Ids are UUIDs or short words; what a target calls an id may be anything.
const LONGEST_ID: usize = 64;

/// One thing, by what it can be found again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "thing", rename_all = "snake_case", deny_unknown_fields)]
pub enum Thing {
    /// A service that was stopped.
    Stopped {
        /// Which.
        service: Service,
    },
    /// The database, which was put aside.
    Database {
        /// Its name.
        name: String,
    },
    /// An object in the S3 store, with all its versions.
    Object {
        /// Its bucket.
        bucket: String,
        /// Its key.
        key: String,
    },
    /// A bucket of the S3 store, with all that is in it.
    Bucket {
        /// Its name.
        name: String,
    },
    /// A diagram.
    Diagram {
        /// Its id.
        id: String,
        /// Id of the user whose it is; empty where it is not known.
        owner: String,
    },
    /// A backup of the database, here and in the store (contract, section 3.15).
    DatabaseBackup {
        /// Its file, with its ending.
        file: String,
    },
    /// A backup of a bucket, here and in the store.
    BucketBackup {
        /// Its name, without an ending.
        name: String,
    },
    /// A user, with all that is theirs.
    Account {
        /// The address that they sign in with.
        email: String,
    },
}

impl Thing {
    /// An object, if it or its bucket bears a name of the suite's.
    pub fn object(bucket: &str, key: &str) -> Option<Thing> {
        let ours = bucket.contains(OURS) || key.contains(OURS);
        let word = !bucket.is_empty() && !bucket.contains('/') && !key.is_empty();
        (ours && word).then(|| Thing::Object { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    /// A bucket, if it bears a name of the suite's.
    pub fn bucket(name: &str) -> Option<Thing> {
        (name.contains(OURS) && is_word(name, ".-")).then(|| Thing::Bucket { name: name.to_owned() })
    }

    /// A diagram, if its id can stand in a path and in a statement as it is.
    pub fn diagram(id: &str, owner: &str) -> Option<Thing> {
        let owner = if is_word(owner, "-_") { owner } else { "" };
        is_word(id, "-_").then(|| Thing::Diagram { id: id.to_owned(), owner: owner.to_owned() })
    }

    /// A user, if their address bears a name of the suite's.
    pub fn account(email: &str) -> Option<Thing> {
        (email.starts_with(OURS) && is_word(email, "@.-")).then(|| Thing::Account { email: email.to_owned() })
    }

    /// A backup of the database by the path of its file, if that bears a name of the suite's.
    pub fn database_backup(path: &str) -> Option<Thing> {
        let file = path.rsplit('/').next().unwrap_or(path);
        (file.starts_with(OURS) && is_word(file, ".-_")).then(|| Thing::DatabaseBackup { file: file.to_owned() })
    }

    /// A backup of a bucket, if it bears a name of the suite's.
    pub fn bucket_backup(name: &str) -> Option<Thing> {
        (name.starts_with(OURS) && is_word(name, ".-_")).then(|| Thing::BucketBackup { name: name.to_owned() })
    }

    /// Whether only the target's services can remove it, for somebody who is signed in.
    pub fn is_removed_by_a_service(&self) -> bool {
        matches!(self, Thing::Diagram { .. } | Thing::DatabaseBackup { .. } | Thing::BucketBackup { .. })
    }

    /// Whether it is one of those that this type's functions make: what a ledger holds is not trusted more than that.
    pub(super) fn is_sound(&self) -> bool {
        let made = match self {
            // Neither is removed, and both are only brought back where the target file says that they are.
            Thing::Stopped { .. } | Thing::Database { .. } => return true,
            Thing::Object { bucket, key } => Thing::object(bucket, key),
            Thing::Bucket { name } => Thing::bucket(name),
            Thing::Diagram { id, owner } => Thing::diagram(id, owner),
            Thing::DatabaseBackup { file } => Thing::database_backup(file),
            Thing::BucketBackup { name } => Thing::bucket_backup(name),
            Thing::Account { email } => Thing::account(email),
        };
        made.as_ref() == Some(self)
    }
}

/// Letters, digits and these marks, not too many.
fn is_word(text: &str, marks: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || marks.contains(letter))
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Thing::Stopped { service } => write!(f, "{service}, which was stopped"),
            Thing::Database { name } => write!(f, "database {name}, which was put aside"),
            Thing::Object { bucket, key } => write!(f, "object {key} in bucket {bucket}"),
            Thing::Bucket { name } => write!(f, "bucket {name}"),
            Thing::Diagram { id, .. } => write!(f, "diagram {id}"),
            Thing::DatabaseBackup { file } => write!(f, "database backup {file}"),
            Thing::BucketBackup { name } => write!(f, "bucket backup {name}"),
            Thing::Account { email } => write!(f, "account {email}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_bears_our_name_is_a_thing_of_ours() {
        assert!(Thing::account("conform-f041-1a2b3c4d@example.com").is_some());
        assert!(Thing::bucket("x-conform-f029-1a2b3c4d").is_some());
        assert!(Thing::object("diagrams", "kept/conform-f027-1a2b3c4d").is_some());
        let backup = Thing::database_backup("/var/backups/conform-f048-1a2b3c4d.dump").unwrap();
        assert_eq!(backup.to_string(), "database backup conform-f048-1a2b3c4d.dump");
        assert!(Thing::bucket_backup("conform-f049-1a2b3c4d").is_some());
        for thing in [
            Thing::account("admin@example.com"),
            Thing::account("conform-' or true; --@example.com"),
            Thing::bucket("diagrams"),
            Thing::object("diagrams", "beside"),
            Thing::object("a/../conform-", "key"),
            Thing::database_backup("/var/backups/conform-/../nightly.dump"),
            Thing::database_backup("nightly.dump"),
            Thing::bucket_backup("bucket_diagrams_20261101_000000"),
        ] {
            assert_eq!(thing, None);
        }
    }

    #[test]
    fn a_diagram_whose_id_leads_elsewhere_is_left_alone() {
        for id in ["", "../admin/users", "a?permanent=true", "a'b", &"a".repeat(65)] {
            assert_eq!(Thing::diagram(id, ""), None, "{id}");
        }
        let thing = Thing::diagram("7d5c1a90-0000-4000-8000-000000000001", "x' or true").unwrap();
        assert!(matches!(&thing, Thing::Diagram { owner, .. } if owner.is_empty()));
        assert!(thing.is_sound());
        assert!(!Thing::Account { email: "admin@example.com".to_owned() }.is_sound());
    }
}
