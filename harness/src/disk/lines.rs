//! Reads a file of lines one by one; a line that does not end is told, and not read on.

use super::open;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// The most bytes that a line may have, far beyond the longest that a run writes.
pub const LONGEST_LINE: u64 = 64 << 20;

/// Why a line was not read.
#[derive(Debug, thiserror::Error)]
pub enum BadLine {
    /// It is longer than [`LONGEST_LINE`].
    #[error("a line of at most {} MB", LONGEST_LINE >> 20)]
    TooLong,
    /// The system refused.
    #[error("a line that can be read: {0}")]
    Unreadable(#[from] io::Error),
}

/// The lines of a file, each with the newline that ends it; only the last one may have none.
pub struct Lines<Source> {
    source: Source,
    longest: u64,
}

impl Lines<BufReader<File>> {
    /// Those of a regular file.
    ///
    /// # Errors
    /// As [`open`].
    pub fn open(path: &Path) -> io::Result<Lines<BufReader<File>>> {
        Ok(Lines { source: BufReader::new(open(path)?), longest: LONGEST_LINE })
    }
}

impl<Source: BufRead> Iterator for Lines<Source> {
    type Item = Result<Vec<u8>, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        match self.source.by_ref().take(self.longest + 1).read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(length) if length as u64 > self.longest => Some(Err(BadLine::TooLong)),
            Ok(_) => Some(Ok(line)),
            Err(error) => Some(Err(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_one_by_one_until_one_is_too_long() {
        let mut lines = Lines { source: &b"one\n\nthree\nlonger\nlast"[..], longest: 6 };
        for line in ["one\n", "\n", "three\n"] {
            assert_eq!(lines.next().unwrap().unwrap(), line.as_bytes());
        }
        let told = lines.next().unwrap().unwrap_err();
        assert_eq!(told.to_string(), "a line of at most 64 MB");
    }

    #[test]
    fn the_last_line_may_break_off() {
        let lines = Lines { source: &b"one\nla"[..], longest: 6 };
        assert_eq!(lines.map(Result::unwrap).collect::<Vec<_>>(), [&b"one\n"[..], b"la"]);
    }
}
