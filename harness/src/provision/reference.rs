//! Finds the executable of the reference implementation, building it first where its source is at hand.

use super::command::complete;
use super::error::ProvisionError;
use super::run::Run;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

/// The variable that names an executable to be used instead of one built here.
pub const VARIABLE: &str = "AUTOGRAPH_BIN";

const PACKAGE: &str = "reference-impl";
const EXECUTABLE: &str = "autograph";

/// The executable, looked for while other things start.
pub struct Reference {
    run: Arc<Run>,
    conform: PathBuf,
    looking: Mutex<Option<JoinHandle<Result<PathBuf, ProvisionError>>>>,
    found: OnceCell<PathBuf>,
}

impl Reference {
    /// Begins to look for it, or to build it. Building something that is up to date takes a moment only.
    pub fn look(run: Arc<Run>, conform: PathBuf) -> Reference {
        let looking = tokio::spawn(find(run.clone(), conform.clone()));
        Reference { run, conform, looking: Mutex::new(Some(looking)), found: OnceCell::new() }
    }

    /// The executable, as soon as it is there.
    pub async fn path(&self) -> Result<&Path, ProvisionError> {
        let look = || async {
            let looking = self.looking().take();
            match looking {
                Some(looking) => {
                    let found = looking.await.map_err(io::Error::other);
                    found.map_err(ProvisionError::system("look for the reference"))?
                }
                // The first look failed; its reason went to another caller.
                None => find(self.run.clone(), self.conform.clone()).await,
            }
        };
        let found = self.found.get_or_try_init(look).await?;
        Ok(found)
    }

    /// The folder of its source, where it is at hand: the files it is deployed by are there.
    pub fn source(&self) -> Option<PathBuf> {
        let here = std::env::current_dir().unwrap_or_default();
        let workspace = workspace_above(&self.conform).or_else(|| workspace_above(&here))?;
        Some(workspace.join(PACKAGE))
    }

    /// Looks no further: nobody needs it any more.
    pub fn forget(&self) {
        if let Some(looking) = self.looking().take() {
            looking.abort();
        }
    }

    fn looking(&self) -> MutexGuard<'_, Option<JoinHandle<Result<PathBuf, ProvisionError>>>> {
        self.looking.lock().expect("nobody panics while taking a handle")
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.forget();
    }
}

async fn find(run: Arc<Run>, conform: PathBuf) -> Result<PathBuf, ProvisionError> {
    if let Some(named) = std::env::var_os(VARIABLE) {
        return existing(PathBuf::from(named), &format!("{VARIABLE} names it"));
    }
    let here = std::env::current_dir().unwrap_or_default();
    if let Some(workspace) = workspace_above(&conform).or_else(|| workspace_above(&here)) {
        return build(&run, &workspace, &conform).await;
    }
    existing(conform.with_file_name(EXECUTABLE), &format!("put it next to `conform` or name it by {VARIABLE}"))
}

fn existing(path: PathBuf, why: &str) -> Result<PathBuf, ProvisionError> {
    if path.is_file() {
        return Ok(path);
    }
    let missing = format!("{} is no file; {why}", path.display());
    Err(ProvisionError::NoReference(missing))
}

/// The nearest folder above that holds the workspace with the reference in it.
fn workspace_above(path: &Path) -> Option<PathBuf> {
    let is_workspace =
        |folder: &&Path| folder.join("Cargo.toml").is_file() && folder.join(PACKAGE).join("Cargo.toml").is_file();
    path.ancestors().find(is_workspace).map(Path::to_owned)
}

async fn build(run: &Run, workspace: &Path, conform: &Path) -> Result<PathBuf, ProvisionError> {
    let (target, profile) = target_and_profile(workspace, conform);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(workspace)
        // The executable and not the package: with all members selected, as the alias `conform` selects them,
        // dependencies have the features that `conform` was built with, and are not compiled anew.
        .args(["build", "--quiet", "--bin", EXECUTABLE])
        .args(["--profile", if profile == "debug" { "dev" } else { &profile }])
        .arg("--target-dir")
        .arg(&target);
    let executable = target.join(&profile).join(EXECUTABLE);
    if !executable.exists() {
        run.announce("building the reference implementation (once)");
    }
    let shown = format!("cargo build --bin {EXECUTABLE}");
    complete(run, &shown, command, Duration::from_secs(1_800)).await?;
    existing(executable, "`cargo build` should have made it")
}

/// Where `conform` itself was built, so that nothing is built twice; a `conform` from elsewhere gets a release build.
fn target_and_profile(workspace: &Path, conform: &Path) -> (PathBuf, String) {
    let folder = conform.parent();
    let target = folder.and_then(Path::parent);
    match (target, folder.and_then(Path::file_name)) {
        (Some(target), Some(profile)) if target.join("CACHEDIR.TAG").exists() => {
            (target.to_owned(), profile.to_string_lossy().into_owned())
        }
        _ => (workspace.join("target"), "release".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_found_from_anywhere_inside() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let workspace = here.parent().unwrap();
        assert_eq!(workspace_above(&here.join("src/provision")).as_deref(), Some(workspace));
        assert_eq!(workspace_above(Path::new("/")), None);
    }

    #[test]
    fn a_conform_from_elsewhere_gets_a_release_build() {
        let workspace = Path::new("/somewhere");
        let (target, profile) = target_and_profile(workspace, Path::new("/usr/bin/conform"));
        assert_eq!(target, workspace.join("target"));
        assert_eq!(profile, "release");
    }
}
