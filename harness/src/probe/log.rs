//! The log probe: what a service wrote since a mark. It waits and it reads; it judges nothing.

use crate::check::{CannotLook, Case, Live, Seen, Stop};
use crate::target::{LogSource, Need, Service};
use serde_json::{Value, json};
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

/// How long a command that prints a log may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a log that does not grow is looked at.
const PAUSE: Duration = Duration::from_millis(5);
/// More lines are not kept.
const MOST_LINES: usize = 200;
/// More of a log is not read at a time.
const MOST_BYTES: u64 = 16 << 20;

/// A place in a service's log; what was written before it is not looked at.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    service: Service,
    bytes: u64,
}

impl Case {
    /// The present end of a service's log.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the log cannot be read.
    pub async fn mark(&mut self, service: Service) -> Result<Mark, Stop> {
        self.needs(Need::Log(service))?;
        let bytes = match self.live_target() {
            Some(live) => end(source(&live, service)?).await?,
            None => 0,
        };
        Ok(Mark { service, bytes })
    }

    /// The beginning of a service's log.
    pub fn log_start(&self, service: Service) -> Mark {
        Mark { service, bytes: 0 }
    }

    /// Lines written since the mark that hold one of the texts, as soon as one of them is `wanted` or patience ends.
    /// A JSON line is seen as its object, any other as `{"text": line}`. No line at all is an observation.
    ///
    /// # Errors
    /// [`Stop::CannotLook`] where the log cannot be read.
    pub async fn lines(
        &mut self,
        mark: Mark,
        containing: &[&str],
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Seen>, Stop> {
        self.lines_until(mark, containing, |lines| lines.iter().any(&wanted)).await
    }

    /// The first line since the mark that holds a text and has all these fields, waited for; `null` where none comes.
    ///
    /// # Errors
    /// [`Stop::CannotLook`] where the log cannot be read.
    pub async fn line_with(&mut self, mark: Mark, containing: &str, fields: &[&str]) -> Result<Seen, Stop> {
        let asked = json!({"log": mark.service.name(), "line that holds": containing, "and has": fields});
        self.observe("log", asked, async |live: Arc<Live>| {
            let parts = [live.vault.open(containing)];
            let deadline = tokio::time::Instant::now() + live.patience.moment();
            loop {
                let text = read(source(&live, mark.service)?, mark.bytes).await?;
                let mut lines = matching(&text, &parts).into_iter();
                let found = lines.find(|line| fields.iter().all(|field| !line[field].is_null()));
                if found.is_some() || tokio::time::Instant::now() > deadline {
                    return Ok(found.unwrap_or_default());
                }
                tokio::time::sleep(PAUSE).await;
            }
        })
        .await
    }

    /// As [`Case::lines`], as soon as the lines are `enough` together.
    ///
    /// # Errors
    /// As [`Case::lines`].
    pub async fn lines_until(
        &mut self,
        mark: Mark,
        containing: &[&str],
        enough: impl Fn(&[Value]) -> bool,
    ) -> Result<Vec<Seen>, Stop> {
        let asked = json!({"log": mark.service.name(), "containing": containing});
        let parts: Vec<String> = containing.iter().map(|&part| part.to_owned()).collect();
        let seen = self
            .observe("log", asked, async |live: Arc<Live>| {
                let parts: Vec<String> = parts.iter().map(|part| live.vault.open(part)).collect();
                let deadline = tokio::time::Instant::now() + live.patience.moment();
                loop {
                    let text = read(source(&live, mark.service)?, mark.bytes).await?;
                    let lines = matching(&text, &parts);
                    if enough(&lines) || tokio::time::Instant::now() > deadline {
                        return Ok(Value::Array(lines));
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            })
            .await?;
        Ok(seen.items())
    }
}

fn source(live: &Live, service: Service) -> Result<&LogSource, CannotLook> {
    let endpoint = live.target.services.get(&service);
    endpoint
        .and_then(|endpoint| endpoint.log.as_ref())
        .ok_or_else(|| CannotLook::new("log", format!("the target gives no log of {service}")))
}

/// Whole lines that hold one of the parts. A line still being written is left for the next look.
fn matching(text: &str, parts: &[String]) -> Vec<Value> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .filter(|line| parts.iter().any(|part| line.contains(part.as_str())))
        .take(MOST_LINES)
        .map(|line| match serde_json::from_str::<Value>(line) {
            Ok(object @ Value::Object(_)) => object,
            _ => json!({"text": line.chars().take(2000).collect::<String>()}),
        })
        .collect()
}

/// How long a log is. A file may be longer than what is read of it at a time.
async fn end(source: &LogSource) -> Result<u64, CannotLook> {
    match source {
        LogSource::File(path) => match std::fs::metadata(path) {
            Ok(file) => Ok(file.len()),
            Err(error) => Err(CannotLook::new("log", format!("{}: {error}", path.display()))),
        },
        LogSource::Command(_) => Ok(read(source, 0).await?.len() as u64),
    }
}

async fn read(source: &LogSource, from: u64) -> Result<String, CannotLook> {
    let cannot = |reason: String| CannotLook::new("log", reason);
    match source {
        LogSource::File(path) => {
            let read = || -> std::io::Result<Vec<u8>> {
                let mut file = std::fs::File::open(path)?;
                file.seek(SeekFrom::Start(from))?;
                let mut bytes = Vec::new();
                file.take(MOST_BYTES).read_to_end(&mut bytes)?;
                Ok(bytes)
            };
            let bytes = read().map_err(|error| cannot(format!("{}: {error}", path.display())))?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        LogSource::Command(words) => {
            let (program, arguments) = words.split_first().ok_or_else(|| cannot("the log command is empty".into()))?;
            let run = tokio::process::Command::new(program).args(arguments).kill_on_drop(true).output();
            let output = tokio::time::timeout(PATIENCE, run).await;
            let output = output.map_err(|_| cannot(format!("{program} did not end within {PATIENCE:?}")))?;
            let output = output.map_err(|error| cannot(format!("{program}: {error}")))?;
            let from = (from as usize).min(output.stdout.len());
            Ok(String::from_utf8_lossy(&output.stdout[from..]).into_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_still_being_written_is_not_seen() {
        let parts = ["slow".to_owned()];
        assert_eq!(matching("{\"a\":\"slow\"}\n{\"b\":\"slow", &parts), [json!({"a": "slow"})]);
    }

    #[test]
    fn lines_that_are_not_json_are_seen_as_text() {
        let parts = ["slow".to_owned()];
        assert_eq!(matching("plain slow\nother\n", &parts), [json!({"text": "plain slow"})]);
    }
}
