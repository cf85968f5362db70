//! The account that PostgreSQL runs under: it refuses to be root.

use std::io;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// User and group by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// The account to change to: none unless we are root, else `postgres`, else `nobody`.
    pub fn to_change_to() -> Option<Account> {
        rustix::process::geteuid().is_root().then(|| {
            let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
            let named = |name| entry(&accounts, name);
            // 65534 is nobody wherever the file does not say otherwise.
            named("postgres").or_else(|| named("nobody")).unwrap_or(Account { user: 65534, group: 65534 })
        })
    }

    /// Runs the command as this account, somewhere it may be.
    pub fn run_as(self, command: &mut Command) {
        command.uid(self.user).gid(self.group).current_dir("/");
    }

    /// Gives it a file or folder.
    pub fn own(self, path: &Path) -> io::Result<()> {
        chown(path, Some(self.user), Some(self.group))
    }
}

fn entry(accounts: &str, name: &str) -> Option<Account> {
    accounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        match fields[..] {
            [found, _, user, group, ..] if found == name => {
                Some(Account { user: user.parse().ok()?, group: group.parse().ok()? })
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_name() {
        let accounts = "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104::/var/lib:/bin/bash\n";
        let postgres = Account { user: 101, group: 104 };
        assert_eq!(entry(accounts, "postgres"), Some(postgres));
        assert_eq!(entry(accounts, "nobody"), None);
    }
}
