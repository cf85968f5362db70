//! The source probe: what version control keeps of the target's source, and what it leaves out.

use crate::check::{CannotLook, Case, Live, Seen, Stop};
use crate::target::Need;
use serde_json::{Map, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Command;

/// How long git may take.
const PATIENCE: Duration = Duration::from_secs(10);

impl Case {
    /// Of files that might lie in the target's source: `/ignored`, whether version control would pass over each, and
    /// `/kept`, all files that it keeps whose name fits one of the patterns (`.env*`), wherever they lie; `/repository` is
    /// false where the source is under none.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the source is not at hand; [`Stop::CannotLook`] where git is not.
    pub async fn version_control(&mut self, files: &[&str], patterns: &[&str]) -> Result<Seen, Stop> {
        self.needs(Need::Source)?;
        let asked = json!({"ignored": files, "kept": patterns});
        let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
        let patterns: Vec<String> = patterns.iter().map(|pattern| format!(":(top,glob)**/{pattern}")).collect();
        self.observe("source", asked, async |live: Arc<Live>| {
            let folder = live.target.source.as_ref();
            let folder = folder.ok_or_else(|| CannotLook::new("source", "the target gives no source"))?;
            if !is_repository(folder).await? {
                return Ok(json!({"repository": false}));
            }
            let mut ignored = Map::new();
            for file in &files {
                let asked = ["check-ignore", "--quiet", "--no-index", "--", file];
                let (code, _) = git(folder, &asked).await?;
                ignored.insert(file.clone(), json!(code == Some(0)));
            }
            let list: Vec<&str> = ["ls-files", "--"].into_iter().chain(patterns.iter().map(String::as_str)).collect();
            let (_, kept) = git(folder, &list).await?;
            Ok(json!({"ignored": ignored, "kept": kept.lines().collect::<Vec<_>>()}))
        })
        .await
    }
}

/// Whether the folder is under version control at all.
async fn is_repository(folder: &Path) -> Result<bool, CannotLook> {
    match git(folder, &["rev-parse", "--git-dir"]).await {
        Ok(_) => Ok(true),
        Err(cannot) if cannot.reason.contains("not a git repository") => Ok(false),
        Err(cannot) => Err(cannot),
    }
}

/// Exit code and output; 128 is git's own failure.
async fn git(folder: &Path, arguments: &[&str]) -> Result<(Option<i32>, String), CannotLook> {
    let cannot = |reason: String| CannotLook::new("source", reason);
    let run = Command::new("git").env("LC_ALL", "C").arg("-C").arg(folder).args(arguments).kill_on_drop(true).output();
    let output = tokio::time::timeout(PATIENCE, run).await;
    let output = output.map_err(|_| cannot(format!("git did not end within {PATIENCE:?}")))?;
    let output = output.map_err(|error| cannot(format!("cannot run git: {error}")))?;
    if output.status.code() == Some(128) {
        return Err(cannot(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok((output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned()))
}
