//! The log probe: what a service wrote since a mark. It waits and it reads; it judges nothing.

mod read;

use self::read::{Place, end, since};
use crate::check::{CannotLook, Case, Live, Seen, Stop, Vault};
use crate::probe::http::read_json;
use crate::target::{LogSource, Need, Service};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How often a log that does not grow is looked at.
const PAUSE: Duration = Duration::from_millis(5);
/// More lines are not kept.
const MOST_LINES: usize = 200;
/// Nor are lines of more bytes together.
const MOST_KEPT: usize = 1 << 20;
/// A longer line is seen as the beginning of its text, JSON or not.
const LONGEST_LINE: usize = 64 << 10;
/// As much is seen of a line that is no JSON.
const LONGEST_TEXT: usize = 2000;

/// A place in a service's log; what was written before it is not looked at.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    service: Service,
    place: Place,
}

impl Case {
    /// The present end of a service's log.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the log cannot be read.
    pub async fn mark(&mut self, service: Service) -> Result<Mark, Stop> {
        self.needs(Need::Log(service))?;
        let place = match self.live_target() {
            Some(live) => end(source(&live, service)?).await?,
            None => Place::START,
        };
        Ok(Mark { service, place })
    }

    /// The beginning of a service's log.
    pub fn log_start(&self, service: Service) -> Mark {
        Mark { service, place: Place::START }
    }

    /// Lines written since the mark that hold one of the texts, as soon as one of them is `wanted` or patience ends.
    /// A JSON line is seen as its object, any other as `{"text": line}`. No line at all is an observation.
    ///
    /// Of very many lines, these are the first.
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

    /// As [`Case::lines`], for whoever says something of all lines: none is left out.
    ///
    /// # Errors
    /// [`Stop::CannotLook`] where the log cannot be read, or there are more lines than are kept.
    pub async fn all_lines(
        &mut self,
        mark: Mark,
        containing: &[&str],
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Seen>, Stop> {
        self.look_for(mark, containing, |lines| Enough::of_all(lines.iter().any(&wanted))).await
    }

    /// The first line since the mark that holds a text and has all these fields, waited for; `null` where none comes.
    ///
    /// # Errors
    /// [`Stop::CannotLook`] where the log cannot be read.
    pub async fn line_with(&mut self, mark: Mark, containing: &str, fields: &[&str]) -> Result<Seen, Stop> {
        let asked = json!({"log": mark.service.name(), "line that holds": containing, "and has": fields});
        self.observe("log", asked, async |live: Arc<Live>| {
            let meant = |line: &Value| fields.iter().all(|field| !line[field].is_null());
            let enough = |lines: &[Value]| lines.iter().any(meant);
            let parts = [live.vault.open(containing)];
            let lines = wait(&live, mark, &parts, |lines| Enough::of_these(enough(lines))).await?;
            Ok(lines.into_iter().find(meant).unwrap_or_default())
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
        self.look_for(mark, containing, |lines| Enough::of_these(enough(lines))).await
    }

    async fn look_for(
        &mut self,
        mark: Mark,
        containing: &[&str],
        enough: impl Fn(&[Value]) -> Enough,
    ) -> Result<Vec<Seen>, Stop> {
        let asked = json!({"log": mark.service.name(), "containing": containing});
        let parts: Vec<String> = containing.iter().map(|&part| part.to_owned()).collect();
        let seen = self
            .observe("log", asked, async |live: Arc<Live>| {
                let parts: Vec<String> = parts.iter().map(|part| live.vault.open(part)).collect();
                Ok(Value::Array(wait(&live, mark, &parts, enough).await?))
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

/// Whether lines are enough.
enum Enough {
    /// These are, whatever follows them.
    Yes,
    /// These are if they are all that there are by now.
    IfAll,
    /// Not yet.
    No,
}

impl Enough {
    fn of_these(enough: bool) -> Enough {
        if enough { Enough::Yes } else { Enough::No }
    }

    fn of_all(enough: bool) -> Enough {
        if enough { Enough::IfAll } else { Enough::No }
    }
}

/// The lines since the mark that hold one of the parts, once they are enough or patience ends.
async fn wait(
    live: &Live,
    mark: Mark,
    parts: &[String],
    enough: impl Fn(&[Value]) -> Enough,
) -> Result<Vec<Value>, CannotLook> {
    let source = source(live, mark.service)?;
    let deadline = tokio::time::Instant::now() + live.patience.moment();
    let (mut found, mut seen) = (Found::default(), None);
    loop {
        // What has not grown says nothing new.
        if let Some(written) = since(source, mark.place, seen).await? {
            found = matching(&written.bytes, parts, &live.vault);
            seen = written.end;
            if written.more {
                let limit = read::MOST_BYTES >> 20;
                found.beyond = Some(format!("{} wrote more than {limit} MB, and no more is read", mark.service));
            }
        }
        match (enough(&found.lines), &found.beyond) {
            (Enough::Yes, _) | (Enough::IfAll, None) => return Ok(found.lines),
            (_, Some(beyond)) => return Err(CannotLook::new("log", beyond)),
            (Enough::No, None) => {}
        }
        if tokio::time::Instant::now() > deadline {
            return Ok(found.lines);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Lines that hold one of the parts.
#[derive(Default)]
struct Found {
    lines: Vec<Value>,
    /// Why these are not all.
    beyond: Option<String>,
}

/// Whole lines that hold one of the parts. A line still being written is left for the next look.
fn matching(bytes: &[u8], parts: &[String], vault: &Vault) -> Found {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(&[][..], |end| &bytes[..end]);
    let (mut lines, mut kept) = (Vec::new(), 0);
    // A log without a whole line has no empty one either.
    for line in whole.split(|byte| *byte == b'\n').filter(|_| !whole.is_empty()) {
        let text = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        if !parts.iter().any(|part| text.contains(part.as_str())) {
            continue;
        }
        kept += text.len().min(LONGEST_LINE);
        if lines.len() == MOST_LINES || kept > MOST_KEPT {
            let beyond = format!("more than {} lines hold what is looked for, and no more are kept", lines.len());
            return Found { lines, beyond: Some(beyond) };
        }
        let read = (text.len() <= LONGEST_LINE).then(|| read_json(text.as_bytes())).flatten();
        lines.push(match read {
            Some(object @ Value::Object(_)) => object,
            _ => json!({"text": beginning(&text, vault)}),
        });
    }
    Found { lines, beyond: None }
}

/// As much as is kept of a line that is no JSON.
fn beginning(text: &str, vault: &Vault) -> String {
    if text.len() > LONGEST_TEXT { vault.beginning(text, LONGEST_TEXT) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::mutation::mutants;

    fn matching(bytes: &[u8], parts: &[String]) -> Vec<Value> {
        super::matching(bytes, parts, &Vault::default()).lines
    }

    #[test]
    fn no_half_of_a_secret_stands_at_the_end_of_a_line() {
        let vault = Vault::default();
        vault.seal("key", "signing-key-0123456789");
        for before in LONGEST_TEXT - 30..LONGEST_TEXT + 5 {
            let line = format!("{}signing-key-0123456789 and more {}\n", "x".repeat(before), "y".repeat(200));
            let seen = super::matching(line.as_bytes(), &[String::new()], &vault).lines;
            assert!(!seen[0].to_string().contains("sign"), "{before}");
        }
    }

    #[test]
    fn a_line_that_is_still_being_written_is_not_seen() {
        let parts = ["slow".to_owned()];
        assert_eq!(matching(b"{\"a\":\"slow\"}\n{\"b\":\"slow", &parts), [json!({"a": "slow"})]);
        for nothing in [&b""[..], b"still being written"] {
            assert!(matching(nothing, &[String::new()]).is_empty());
        }
    }

    #[test]
    fn lines_that_are_not_json_are_seen_as_text() {
        let parts = ["slow".to_owned()];
        assert_eq!(matching(b"plain slow\r\nother\n", &parts), [json!({"text": "plain slow"})]);
        let seen = matching(b"\xff\xfe slow\n{\"ok\":\"slow\"}\n", &parts);
        assert_eq!(seen, [json!({"text": "\u{fffd}\u{fffd} slow"}), json!({"ok": "slow"})]);
    }

    #[test]
    fn a_line_too_long_or_too_deep_is_seen_by_its_beginning() {
        let parts = ["slow".to_owned()];
        for line in [
            format!("{{\"slow\": \"{}\"}}", "x".repeat(LONGEST_LINE)),
            format!("slow {}", "[".repeat(100_000)),
            format!("{{\"slow\": {}1{}}}", "[".repeat(1000), "]".repeat(1000)),
        ] {
            let seen = matching(format!("{line}\n").as_bytes(), &parts);
            assert!(seen[0]["text"].as_str().is_some_and(|text| text.len() <= 2000), "{:.60}", line);
        }
        let many = "slow and slower\n".repeat(100 * MOST_LINES);
        assert_eq!(matching(many.as_bytes(), &parts).len(), MOST_LINES);
        let cut = super::matching(many.as_bytes(), &parts, &Vault::default());
        assert!(cut.beyond.is_some_and(|why| why.contains("more than 200 lines")));
        let heavy = format!("slow {}\n", "x".repeat(LONGEST_LINE - 10)).repeat(100);
        assert!(matching(heavy.as_bytes(), &parts).len() < 20);
    }

    #[test]
    fn whatever_is_logged_is_seen_as_lines() {
        let some: [&[u8]; 2] = [b"{\"a\":\"slow\",\"b\":[1,2]}\nplain slow\r\nother\n", b"slow\n\nslow"];
        for bytes in mutants(&some, 3000) {
            let lines = matching(&bytes, &["slow".to_owned()]);
            assert!(lines.iter().all(Value::is_object));
        }
    }
}
