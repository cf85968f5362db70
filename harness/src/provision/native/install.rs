//! Installs missing programs by the system's package manager, where the harness may.

use super::programs::on_path;
use crate::provision::command::complete;
use crate::provision::error::ProvisionError;
use crate::provision::run::Run;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Something that can be installed.
#[derive(Debug, Clone, Copy)]
pub struct Installable {
    /// What messages call it.
    pub name: &'static str,
    /// Its package on Debian and Ubuntu.
    package: &'static str,
    /// The packages that bring it elsewhere, for a message.
    pub packages: &'static str,
}

/// PostgreSQL's server with its contributed extensions.
pub const POSTGRES: Installable = Installable {
    name: "PostgreSQL 13 or newer",
    package: "postgresql",
    packages: "`postgresql` (Fedora: `postgresql-server` with `postgresql-contrib`)",
};

/// Redis.
pub const REDIS: Installable = Installable {
    name: "Redis 6.2 or newer",
    package: "redis-server",
    packages: "`redis-server` (Homebrew: `redis`; Fedora: `valkey`)",
};

/// Debian makes a cluster nobody needs, unless this file says otherwise before the package comes.
const CLUSTER_CONFIGURATION: &str = "/etc/postgresql-common/createcluster.conf";

/// Debian starts services as it installs them, unless this program forbids it.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs what is missing and returns an empty text, or returns why the harness may not: ` (because …)`.
pub async fn install(run: &Run, allowed: bool, missing: &[Installable]) -> Result<String, ProvisionError> {
    let refused = |why: &str| Ok(format!(", and the harness did not install it ({why})"));
    if !allowed {
        return refused("installing was forbidden");
    }
    if on_path("apt-get").is_empty() {
        return refused("there is no apt-get");
    }
    let Some(become_root) = root_prefix() else {
        return refused("neither root nor sudo without a password");
    };
    let packages: Vec<&str> = missing.iter().map(|program| program.package).collect();
    run.announce(&format!("installing {}", packages.join(" and ")));
    let script = script(&packages);
    let mut command = Command::new("/bin/sh");
    if let Some(sudo) = become_root {
        command = Command::new(sudo);
        command.args(["-n", "/bin/sh"]);
    }
    command.args(["-c", &script]);
    let shown = format!("apt-get install {}", packages.join(" "));
    complete(run, &shown, command, Duration::from_secs(900)).await?;
    Ok(String::new())
}

/// What comes before a command that root must run: nothing for root; none if we cannot become root.
fn root_prefix() -> Option<Option<std::path::PathBuf>> {
    if rustix::process::geteuid().is_root() {
        return Some(None);
    }
    let sudo = on_path("sudo").into_iter().next()?;
    let mut ask = Command::new(&sudo);
    ask.args(["-n", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let may = ask.status().is_ok_and(|status| status.success());
    may.then_some(Some(sudo))
}

/// One script, so that what it lays down before the installation is taken away after it, come what may.
fn script(packages: &[&str]) -> String {
    let mut script = String::from("set -e\nexport DEBIAN_FRONTEND=noninteractive\n");
    let absent = |path: &str| !Path::new(path).exists();
    if packages.contains(&POSTGRES.package) && absent(CLUSTER_CONFIGURATION) {
        // It stays: the package would ask about a file that changed under it, and this one says what it says.
        script += &format!(
            "mkdir -p \"$(dirname {CLUSTER_CONFIGURATION})\"\n\
             echo 'create_main_cluster = false' > {CLUSTER_CONFIGURATION}\n"
        );
    }
    if absent(POLICY) {
        script += &format!(
            "trap 'rm -f {POLICY}' EXIT\n\
             printf '#!/bin/sh\\nexit 101\\n' > {POLICY}\n\
             chmod 755 {POLICY}\n"
        );
    }
    script += &format!(
        "apt-get -q update\n\
         apt-get -q install -y --no-install-recommends -o Dpkg::Options::=--force-confold {}\n",
        packages.join(" ")
    );
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_installs_what_is_missing_and_starts_nothing() {
        let script = script(&["redis-server"]);
        assert!(script.contains("--no-install-recommends"));
        assert!(script.trim_end().ends_with(" redis-server"));
        assert!(!script.contains(CLUSTER_CONFIGURATION));
        assert_eq!(script.contains("exit 101"), !Path::new(POLICY).exists());
    }
}
