//! The program that reads compose files: `docker compose`, or `docker-compose` where the plugin is not there.

use std::process::{Command, Stdio};

/// A program that reads compose files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    words: &'static [&'static str],
    /// What it says of its version.
    pub version: String,
}

/// The plugin first: it is the newer of the two.
const CANDIDATES: [&[&str]; 2] = [&["docker", "compose"], &["docker-compose"]];

impl Tool {
    /// The first that answers.
    pub async fn find() -> Option<Tool> {
        for words in CANDIDATES {
            let mut asked = tokio::process::Command::from(command(words));
            asked.arg("version").stdin(Stdio::null()).kill_on_drop(true);
            if let Ok(answer) = asked.output().await
                && answer.status.success()
            {
                let text = String::from_utf8_lossy(&answer.stdout);
                return Some(Tool { words, version: text.lines().next().unwrap_or_default().to_owned() });
            }
        }
        None
    }

    /// The command without arguments.
    pub fn command(&self) -> Command {
        command(self.words)
    }
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}
