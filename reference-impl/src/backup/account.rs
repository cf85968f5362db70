//! The account that a recovered server runs under: PostgreSQL refuses to be root.

use std::io;
use std::os::unix::fs::chown;
use std::path::Path;

/// User and group by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: u32,
    /// The group.
    pub group: u32,
}

/// `nobody`, wherever the list of accounts does not say otherwise.
const NOBODY: Account = Account { user: 65534, group: 65534 };

impl Account {
    /// The account to change to: none unless we are root, else `postgres`, else `nobody`.
    pub fn to_change_to() -> Option<Account> {
        rustix::process::geteuid().is_root().then(|| {
            let list = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
            entry(&list, "postgres").or_else(|| entry(&list, "nobody")).unwrap_or(NOBODY)
        })
    }

    /// Gives it a file or folder.
    pub fn own(self, path: &Path) -> io::Result<()> {
        chown(path, Some(self.user), Some(self.group))
    }
}

fn entry(list: &str, name: &str) -> Option<Account> {
    list.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        // After the name come the password's place, the user and the group.
        let (user, group) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(Account { user, group })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_name() {
        let list = "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104::/var/lib:/bin/bash\n";
        assert_eq!(entry(list, "postgres"), Some(Account { user: 101, group: 104 }));
        assert_eq!(entry(list, "nobody"), None);
    }
}
