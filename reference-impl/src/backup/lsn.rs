//! Positions in the log of changes (WAL), and the files they are in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A position in the WAL: `0/3000028`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Lsn(u64);

/// What stands there is not a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a position in the WAL, which looks like 0/3000028")]
pub struct NotAPosition(String);

impl Lsn {
    /// The number of the segment that holds the byte before this position: where a backup that ends here ends.
    pub fn segment_before(self, size: u64) -> u64 {
        self.0.saturating_sub(1) / size
    }

    /// The number of the segment that this position is in.
    pub fn segment(self, size: u64) -> u64 {
        self.0 / size
    }

    /// Bytes from `start` to here.
    pub fn since(self, start: Lsn) -> u64 {
        self.0.saturating_sub(start.0)
    }

    /// Where a segment begins.
    pub fn start_of(segment: u64, size: u64) -> Lsn {
        Lsn(segment * size)
    }
}

/// The file of a segment: 24 hexadecimal digits.
pub fn file_name(timeline: u32, segment: u64, size: u64) -> String {
    let each = 0x1_0000_0000 / size;
    format!("{timeline:08X}{:08X}{:08X}", segment / each, segment % each)
}

/// The number of the segment in a file, also in one that is still being written.
pub fn segment_of(file: &str, size: u64) -> Option<u64> {
    let digits = file.strip_suffix(".partial").unwrap_or(file);
    if digits.len() != 24 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let high = u64::from_str_radix(&digits[8..16], 16).ok()?;
    let low = u64::from_str_radix(&digits[16..], 16).ok()?;
    Some(high * (0x1_0000_0000 / size) + low)
}

impl FromStr for Lsn {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Lsn, NotAPosition> {
        let parts = text
            .split_once('/')
            .and_then(|(high, low)| Some((u32::from_str_radix(high, 16).ok()?, u32::from_str_radix(low, 16).ok()?)));
        let (high, low) = parts.ok_or_else(|| NotAPosition(text.to_owned()))?;
        Ok(Lsn(u64::from(high) << 32 | u64::from(low)))
    }
}

impl TryFrom<String> for Lsn {
    type Error = NotAPosition;

    fn try_from(text: String) -> Result<Lsn, NotAPosition> {
        text.parse()
    }
}

impl From<Lsn> for String {
    fn from(lsn: Lsn) -> String {
        lsn.to_string()
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1024 * 1024;

    #[test]
    fn a_position_reads_as_it_is_written() {
        for text in ["0/0", "0/3000028", "16/B374D848"] {
            assert_eq!(text.parse::<Lsn>().unwrap().to_string(), text);
        }
        for text in ["", "3000028", "0/", "0/xyz", "1/2/3", "100000000/0"] {
            assert!(text.parse::<Lsn>().is_err(), "{text}");
        }
    }

    #[test]
    fn files_are_named_as_postgresql_names_them() {
        let lsn: Lsn = "16/B374D848".parse().unwrap();
        assert_eq!(file_name(1, lsn.segment(16 * MB), 16 * MB), "0000000100000016000000B3");
        assert_eq!(file_name(1, lsn.segment(MB), MB), "000000010000001600000B37");
        assert_eq!(segment_of("000000010000001600000B37.partial", MB), Some(lsn.segment(MB)));
        assert_eq!(segment_of("00000002.history", MB), None);
    }

    #[test]
    fn a_backup_that_ends_at_a_boundary_ends_in_the_segment_before_it() {
        let boundary = Lsn::start_of(5, MB);
        assert_eq!(boundary.segment(MB), 5);
        assert_eq!(boundary.segment_before(MB), 4);
    }
}
