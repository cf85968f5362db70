//! Removes the temporary folders of runs that died without cleaning up.

use super::error::ProvisionError;
use super::process_identity;
use std::path::Path;

/// How the folder of a run begins; the process id of the harness follows.
pub const PREFIX: &str = "autograph-conformance-";

/// The file in such a folder that says whose it is.
const OWNER: &str = "owner";

/// Writes into the folder which process it belongs to.
pub fn sign(directory: &Path) -> Result<(), ProvisionError> {
    let me = std::process::id();
    let start = process_identity::started(me).unwrap_or_default();
    let owner = format!("{} {me} {start}", process_identity::namespace());
    let file = directory.join(OWNER);
    std::fs::write(&file, owner).map_err(ProvisionError::file("write", &file))
}

/// Removes the folders whose owner is dead. What cannot be removed stays: it is no reason not to run.
pub fn sweep(temporary: &Path) {
    for entry in std::fs::read_dir(temporary).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if ours && is_dead(&entry.path()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether the owner is known to be dead. In doubt it is not, as with the owner of another container.
fn is_dead(directory: &Path) -> bool {
    let Ok(owner) = std::fs::read_to_string(directory.join(OWNER)) else {
        return false;
    };
    let mut words = owner.split(' ');
    let same_space = words.next() == Some(process_identity::namespace().as_str());
    let mut number = || words.next().and_then(|word| word.parse::<u64>().ok());
    let (Some(pid), Some(start)) = (number(), number()) else {
        return false;
    };
    let pid = u32::try_from(pid).unwrap_or_default();
    same_space && start != 0 && !process_identity::is_alive(pid, start)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_dead_runs_are_removed() {
        let temporary = std::env::temp_dir().join(format!("leftovers-{}", crate::provision::random::hex(4)));
        let folder = |name: &str| {
            let path = temporary.join(format!("{PREFIX}{name}"));
            std::fs::create_dir_all(&path).unwrap();
            path
        };
        let (mine, dead, unsigned) = (folder("mine"), folder("dead"), folder("unsigned"));
        sign(&mine).unwrap();
        let other = format!("{} {} 1", process_identity::namespace(), std::process::id());
        std::fs::write(dead.join(OWNER), other).unwrap();

        sweep(&temporary);

        assert!(mine.exists() && unsigned.exists());
        assert!(!dead.exists());
        std::fs::remove_dir_all(&temporary).unwrap();
    }
}
