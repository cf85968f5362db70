//! How much memory this process has, and how much the machine.

use std::fs;
use std::io;

const OF_THE_PROCESS: &str = "/proc/self/status";
const OF_THE_MACHINE: &str = "/proc/meminfo";

/// Memory at one moment, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// What this process has in physical memory.
    pub resident: u64,
    /// What the machine has.
    pub system_total: u64,
    /// What the machine could still give away.
    pub system_available: u64,
}

/// Memory could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// A file of the kernel's is not there or not ours to read.
    #[error("cannot read {file}: {source}; memory is watched on Linux only")]
    File {
        /// Which file.
        file: &'static str,
        /// Why.
        source: io::Error,
    },
    /// It does not say what it should.
    #[error("{file} has no line {field}")]
    Field {
        /// Which file.
        file: &'static str,
        /// Which line.
        field: &'static str,
    },
}

impl Unreadable {
    /// One word for what went wrong.
    pub fn kind(&self) -> &'static str {
        match self {
            Unreadable::File { .. } => "FileUnreadable",
            Unreadable::Field { .. } => "FieldMissing",
        }
    }
}

impl Usage {
    /// Memory now.
    pub fn now() -> Result<Usage, Unreadable> {
        let process = read(OF_THE_PROCESS)?;
        let machine = read(OF_THE_MACHINE)?;
        Ok(Usage {
            resident: bytes(&process, OF_THE_PROCESS, "VmRSS:")?,
            system_total: bytes(&machine, OF_THE_MACHINE, "MemTotal:")?,
            system_available: bytes(&machine, OF_THE_MACHINE, "MemAvailable:")?,
        })
    }

    /// The share of the machine's memory that this process has.
    pub fn percent(&self) -> f64 {
        percent(self.resident, self.system_total)
    }

    /// The share of the machine's memory that is not available.
    pub fn system_used_percent(&self) -> f64 {
        let used = self.system_total.saturating_sub(self.system_available);
        percent(used, self.system_total)
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64 * 100.0
}

fn read(file: &'static str) -> Result<String, Unreadable> {
    fs::read_to_string(file).map_err(|source| Unreadable::File { file, source })
}

/// The number in a line like `VmRSS:   12345 kB`.
fn bytes(text: &str, file: &'static str, field: &'static str) -> Result<u64, Unreadable> {
    text.lines()
        .find_map(|line| line.strip_prefix(field))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse::<u64>().ok())
        .map(|kilobytes| kilobytes * 1024)
        .ok_or(Unreadable::Field { file, field })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_by_its_field() {
        let text = "VmSize:\t  900 kB\nVmRSS:\t   12 kB\n";
        assert_eq!(bytes(text, OF_THE_PROCESS, "VmRSS:").expect("is there"), 12 * 1024);
        assert!(bytes(text, OF_THE_PROCESS, "VmSwap:").is_err());
    }

    #[test]
    fn this_process_has_some_of_the_memory_there_is() {
        let usage = Usage::now().expect("is readable here");
        assert!(usage.resident > 0 && usage.resident < usage.system_total);
        assert!(usage.percent() > 0.0 && usage.system_used_percent() < 100.0);
    }
}
