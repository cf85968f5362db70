//! What belongs to one run of the harness as a whole: its id, its folders, its ports, its reaper.

use super::error::ProvisionError;
use super::leftovers;
use super::options::{Announce, Options};
use super::ports::Ports;
use super::random;
use super::reaper::Reaper;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file system in memory, where there is one.
const MEMORY: &str = "/dev/shm";

/// How much room it must have; containers often have next to none.
const ROOM: u64 = 1 << 30;

/// One run of the harness. Both backends get it.
pub struct Run {
    /// Names the run wherever something of it must be found again: `4711-9f3ac2d1`, the first part being our process id.
    pub id: String,
    /// The run's folder for temporary files; it is removed at the end, or by the reaper.
    pub directory: PathBuf,
    /// A folder like it for what is written much and kept for the run only: in memory if there is room, else the same.
    pub scratch: PathBuf,
    /// The process that cleans up after us if we cannot.
    pub reaper: Reaper,
    /// Hands out ports.
    pub ports: Arc<Ports>,
    announce: Announce,
}

impl Run {
    /// Sweeps what dead runs left behind, then makes the folders and starts the reaper.
    pub fn begin(options: &Options) -> Result<Arc<Run>, ProvisionError> {
        let (disk, memory) = (std::env::temp_dir(), Path::new(MEMORY));
        leftovers::sweep(&disk);
        leftovers::sweep(memory);
        let id = format!("{}-{}", std::process::id(), random::hex(4));
        let name = format!("{}{id}", leftovers::PREFIX);
        let directory = disk.join(&name);
        let scratch = if has_room(memory) { memory.join(&name) } else { directory.clone() };
        let run = Run {
            id,
            directory,
            scratch,
            reaper: Reaper::start(&options.conform)?,
            ports: Arc::default(),
            announce: options.announce.clone(),
        };
        run.make_folder(&run.directory)?;
        if run.scratch != run.directory {
            run.make_folder(&run.scratch)?;
        }
        Ok(Arc::new(run))
    }

    fn make_folder(&self, folder: &Path) -> Result<(), ProvisionError> {
        self.reaper.directory(folder);
        std::fs::create_dir(folder).map_err(ProvisionError::file("create", folder))?;
        // Others may pass through, as the account of PostgreSQL must, but see nothing.
        let passable = std::fs::Permissions::from_mode(0o711);
        std::fs::set_permissions(folder, passable).map_err(ProvisionError::file("set the permissions of", folder))?;
        leftovers::sign(folder)
    }

    /// Tells the user what is going on.
    pub fn announce(&self, line: &str) {
        (self.announce)(line);
    }

    /// Removes the run's folders, then sends the reaper away.
    pub fn end(&self) {
        // What cannot be removed here, the reaper tries again.
        let _ = std::fs::remove_dir_all(&self.scratch);
        let _ = std::fs::remove_dir_all(&self.directory);
        self.reaper.dismiss();
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.end();
    }
}

fn has_room(folder: &Path) -> bool {
    rustix::fs::statvfs(folder).is_ok_and(|space| space.f_bavail * space.f_frsize >= ROOM)
}
