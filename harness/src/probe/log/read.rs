//! Reading a log that may be of any length: only what is new of it, and of that no more than memory can bear.

use crate::check::CannotLook;
use crate::disk;
use crate::provision::Errand;
use crate::target::LogSource;
use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// More of a log is not read at a time.
pub(super) const MOST_BYTES: u64 = 16 << 20;
/// How long a command that prints a log may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    bytes: u64,
    /// The file that had so many (its inode); none of what a command prints.
    file: Option<u64>,
}

impl Place {
    /// The beginning of any log.
    pub const START: Place = Place { bytes: 0, file: None };

    /// Where that is in a file: at its beginning, if the log has been rotated or cut since; all of it is new then.
    fn within(self, facts: &Metadata) -> u64 {
        let same = self.file.is_none_or(|file| file == facts.ino()) && self.bytes <= facts.len();
        if same { self.bytes } else { 0 }
    }
}

/// What was written after a place in a log.
pub(super) struct Written {
    /// Its beginning, or all of it.
    pub bytes: Vec<u8>,
    /// Whether there is more than was read.
    pub more: bool,
    /// The end of the log by then; none where it is not known, and the log is read anew.
    pub end: Option<Place>,
}

/// The present end of a log.
pub(super) async fn end(source: &LogSource) -> Result<Place, CannotLook> {
    match source {
        LogSource::File(path) => {
            let facts = open(path)?.1;
            Ok(Place { bytes: facts.len(), file: Some(facts.ino()) })
        }
        LogSource::Command(words) => Ok(Place { bytes: printed(words, u64::MAX).await?.0, file: None }),
    }
}

/// What stands in a log after a place; nothing where its end is still the same, and so all of it has been seen.
pub(super) async fn since(
    source: &LogSource,
    place: Place,
    seen: Option<Place>,
) -> Result<Option<Written>, CannotLook> {
    match source {
        LogSource::File(path) => {
            let (mut file, facts) = open(path)?;
            let from = place.within(&facts);
            let at = |bytes| Place { bytes, file: Some(facts.ino()) };
            if seen == Some(at(facts.len())) {
                return Ok(None);
            }
            let read = |bytes: &mut Vec<u8>| {
                file.seek(SeekFrom::Start(from))?;
                file.take(MOST_BYTES + 1).read_to_end(bytes)
            };
            let mut bytes = Vec::new();
            read(&mut bytes).map_err(|error| unreadable(path, &error))?;
            let end = at(from + bytes.len() as u64);
            Ok(Some(Written { end: Some(end), ..cut(bytes) }))
        }
        LogSource::Command(words) => Ok(Some(cut(printed(words, place.bytes).await?.1))),
    }
}

fn cut(mut bytes: Vec<u8>) -> Written {
    let more = bytes.len() as u64 > MOST_BYTES;
    bytes.truncate(MOST_BYTES as usize);
    Written { bytes, more, end: None }
}

/// The file, and what the system says of it.
fn open(path: &Path) -> Result<(File, Metadata), CannotLook> {
    let opened = if path == Path::new("/dev/null") { File::open(path) } else { disk::open(path) };
    let with_facts = |file: File| file.metadata().map(|facts| (file, facts));
    opened.and_then(with_facts).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> CannotLook {
    CannotLook::new("log", format!("{}: {error}", path.display()))
}

/// How many bytes a command prints, and what comes after a place among them. It is ended once that is more than is read.
/// A command that fails has not printed the log.
async fn printed(words: &[String], from: u64) -> Result<(u64, Vec<u8>), CannotLook> {
    let cannot = |reason: String| CannotLook::new("log", reason);
    let (program, arguments) = words.split_first().ok_or_else(|| cannot("the log command is empty".into()))?;
    let read = async {
        let (errand, mut command) = Errand::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = Errand::start(command).await?;
        let mut output = child.stdout.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
        let (mut seen, mut kept, mut chunk) = (0, Vec::new(), vec![0; 64 << 10]);
        while kept.len() as u64 <= MOST_BYTES {
            let read = output.read(&mut chunk).await?;
            if read == 0 {
                let status = child.wait().await?;
                errand.is_over();
                let fault =
                    (!status.success()).then(|| format!("the log command failed ({status}): {}", words.join(" ")));
                return Ok((seen, kept, fault));
            }
            let before = usize::try_from(from.saturating_sub(seen)).unwrap_or(usize::MAX).min(read);
            kept.extend_from_slice(&chunk[before..read]);
            seen += read as u64;
        }
        Ok::<_, std::io::Error>((seen, kept, None))
    };
    let read = tokio::time::timeout(PATIENCE, read).await;
    let read = read.map_err(|_| cannot(format!("{program} did not end within {PATIENCE:?}")))?;
    let (seen, kept, fault) = read.map_err(|error| cannot(format!("{program}: {error}")))?;
    fault.map_or(Ok((seen, kept)), |fault| Err(cannot(fault)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn command(script: &str) -> LogSource {
        LogSource::Command(["sh", "-c", script].map(str::to_owned).to_vec())
    }

    #[tokio::test]
    async fn a_log_of_gigabytes_is_read_from_its_mark_on() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(8 << 30).unwrap();
        let source = LogSource::File(file.path().to_owned());
        let mark = end(&source).await.unwrap();
        assert_eq!(mark.bytes, 8 << 30);
        file.seek(SeekFrom::End(0)).unwrap();
        // Half a letter counts as the byte that it is.
        file.write_all(b"\xc3 new\n").unwrap();
        let written = since(&source, mark, Some(mark)).await.unwrap().unwrap();
        assert_eq!((written.bytes.as_slice(), written.more), (&b"\xc3 new\n"[..], false));
        assert!(since(&source, mark, written.end).await.unwrap().is_none());
        assert!(since(&source, Place::START, None).await.unwrap().unwrap().more);
    }

    #[tokio::test]
    async fn of_a_log_that_was_rotated_or_cut_all_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "old lines\n").unwrap();
        let source = LogSource::File(path.clone());
        let mark = end(&source).await.unwrap();
        let new = async || since(&source, mark, None).await.unwrap().unwrap().bytes;
        assert_eq!(new().await, b"");
        std::fs::write(&path, "new\n").unwrap();
        assert_eq!(new().await, b"new\n");
        std::fs::rename(&path, folder.path().join("log.1")).unwrap();
        std::fs::write(&path, "more lines than before\n").unwrap();
        assert_eq!(new().await, b"more lines than before\n");
    }

    #[tokio::test]
    async fn a_command_is_read_from_its_mark_on_and_ended_where_it_is_endless() {
        let mark = end(&command("printf abc; echo fault >&2")).await.unwrap();
        assert_eq!(mark.bytes, 3);
        let written = since(&command("printf abcdef"), mark, None).await.unwrap().unwrap();
        assert_eq!(written.bytes, b"def");
        assert!(since(&command("exec yes"), mark, None).await.unwrap().unwrap().more);
        assert!(end(&command("exec sleep 60")).await.unwrap_err().reason.contains("did not end"));
    }

    #[tokio::test]
    async fn a_command_that_fails_has_printed_no_log() {
        let told = end(&command("echo no such container; exit 3")).await.unwrap_err().reason;
        assert!(told.contains("failed (exit status: 3)") && told.contains("no such container"), "{told}");
        assert!(since(&command("kill $$"), Place::START, None).await.is_err());
        assert!(end(&LogSource::Command(vec!["/nowhere/at/all".into()])).await.is_err());
    }

    #[tokio::test]
    async fn what_is_no_file_is_no_log() {
        for path in ["/dev/zero", "/tmp", "/nowhere/at/all"] {
            assert!(end(&LogSource::File(path.into())).await.is_err(), "{path}");
        }
        assert_eq!(end(&LogSource::File("/dev/null".into())).await.unwrap().bytes, 0);
    }
}
