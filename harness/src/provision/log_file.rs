//! The file that a child process writes its output to.

use super::error::ProvisionError;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Command, Stdio};

/// How much of a log an error shows.
const TAIL: u64 = 2_000;

/// Sends both outputs of the command to the end of one file, which is made if it is not there.
pub fn attach(command: &mut Command, path: &Path) -> Result<(), ProvisionError> {
    let open = || -> std::io::Result<(File, File)> {
        let log = OpenOptions::new().create(true).append(true).open(path)?;
        Ok((log.try_clone()?, log))
    };
    let (out, err) = open().map_err(ProvisionError::file("open", path))?;
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    Ok(())
}

/// The end of the file in whole lines, for an error message.
pub fn tail(path: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut log = File::open(path)?;
        let length = log.metadata()?.len();
        log.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut end = Vec::new();
        log.take(TAIL).read_to_end(&mut end)?;
        Ok(end)
    };
    match read() {
        Ok(end) if end.is_empty() => "(empty)".into(),
        Ok(end) => {
            let text = String::from_utf8_lossy(&end);
            let cut = end.len() as u64 == TAIL;
            let whole = text.split_once('\n').filter(|_| cut);
            whole.map_or(&*text, |(_, rest)| rest).trim_end().to_owned()
        }
        Err(error) => format!("(cannot be read: {error})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_begins_with_a_whole_line() {
        let path = std::env::temp_dir().join(format!("tail-{}", crate::provision::random::hex(4)));
        let line = "0123456789012345678901234567890123456789\n";
        std::fs::write(&path, line.repeat(100)).unwrap();
        let tail = tail(&path);
        std::fs::remove_file(&path).unwrap();
        assert!(tail.len() > 1_900);
        assert!(tail.lines().all(|found| found == line.trim_end()));
    }
}
