//! A file that grows by lines while a run goes on, and is whole in the end even where somebody empties or removes it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A file that is open for writing at its end, and all that should stand in it.
#[derive(Debug)]
pub struct Journal {
    file: File,
    text: String,
}

impl Journal {
    /// A file in which this text should stand; [`Journal::mend`] writes it where it does not.
    pub fn holding(file: File, text: String) -> Journal {
        Journal { file, text }
    }

    /// All that should stand in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it still stands where it was made; one that was removed is mended only by another file of this text.
    pub fn stands_at(&self, path: &Path) -> bool {
        let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        match (self.file.metadata(), fs::metadata(path)) {
            (Ok(ours), Ok(there)) => place(ours) == place(there),
            _ => false,
        }
    }

    /// Writes a line, after all others.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn append(&mut self, line: &str) -> io::Result<()> {
        self.mend()?;
        write_whole(&mut self.file, line)?;
        self.text.push_str(line);
        Ok(())
    }

    /// Writes all lines anew where somebody has cut the file short, or none stands in it yet.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn mend(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() >= self.text.len() as u64 {
            return Ok(());
        }
        self.file.set_len(0)?;
        write_whole(&mut self.file, &self.text)
    }

    /// Waits until all of it is on the disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// Writes all of a text or nothing: half a line would spoil those that follow once the disk has room again.
fn write_whole(file: &mut File, text: &str) -> io::Result<()> {
    let before = file.metadata()?.len();
    file.write_all(text.as_bytes()).inspect_err(|_| drop(file.set_len(before)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(path: &Path) -> Journal {
        let file = File::options().append(true).create_new(true).open(path).unwrap();
        let mut journal = Journal::holding(file, "first\n".to_owned());
        journal.mend().unwrap();
        journal
    }

    #[test]
    fn a_file_that_was_cut_short_is_whole_with_the_next_line() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("journal");
        let mut journal = begun(&path);
        for (left, line) in [(0, "second\n"), (9, "third\n"), (1, "")] {
            File::options().write(true).open(&path).unwrap().set_len(left).unwrap();
            journal.append(line).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), journal.text());
        }
        assert_eq!(journal.text(), "first\nsecond\nthird\n");
    }

    #[test]
    fn a_file_that_was_removed_or_replaced_no_longer_stands() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("journal");
        let journal = begun(&path);
        assert!(journal.stands_at(&path));
        fs::remove_file(&path).unwrap();
        assert!(!journal.stands_at(&path));
        fs::write(&path, journal.text()).unwrap();
        assert!(!journal.stands_at(&path));
    }

    #[test]
    fn a_full_disk_costs_the_line_that_does_not_fit_and_no_other() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("journal");
        let mut journal = begun(&path);
        // A device without room takes the place of the file.
        let full = File::options().write(true).open("/dev/full").unwrap();
        let (sound, text) = (std::mem::replace(&mut journal.file, full), std::mem::take(&mut journal.text));
        journal.append("lost\n").unwrap_err();
        assert_eq!(journal.text(), "");
        (journal.file, journal.text) = (sound, text);
        journal.append("second\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "first\nsecond\n");
    }
}
