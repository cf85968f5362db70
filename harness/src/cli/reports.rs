//! The reports that stand beside a record.

use super::place::CommandError;
use super::whole_file;
use crate::record::Record;
use crate::report::{Format, render};

/// Reports that a record does not have, and why.
#[derive(Debug, thiserror::Error)]
#[error("{} of {} reports are missing beside the record; `conform report` makes them of it{}",
    .0.len(), Format::BESIDE_A_RECORD.len(), one_by_one(.0))]
pub(super) struct Missing(Vec<CommandError>);

/// Writes every report beside a record. One that cannot be made or written keeps no other from it.
///
/// # Errors
/// Names each that is missing.
pub(super) fn write_reports(record: &Record) -> Result<(), Missing> {
    let reports = Format::BESIDE_A_RECORD.into_iter().map(|format| write(record, format));
    let missing: Vec<CommandError> = reports.filter_map(Result::err).collect();
    if missing.is_empty() { Ok(()) } else { Err(Missing(missing)) }
}

fn write(record: &Record, format: Format) -> Result<(), CommandError> {
    let path = record.dir.join(format.file_name());
    let text = render(record, format)?;
    whole_file::write(&path, &text).map_err(|source| CommandError::Unwritable { path, source })
}

fn one_by_one(missing: &[CommandError]) -> String {
    missing.iter().map(|error| format!("\n  {error}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;
    use std::fs;

    #[test]
    fn a_report_that_cannot_be_written_is_named_and_keeps_no_other_from_it() {
        let (_place, record) = fixture::finished();
        let path = |format: Format| record.dir.join(format.file_name());
        fs::create_dir(path(Format::Html)).unwrap();
        std::os::unix::fs::symlink("/dev/full", path(Format::Json)).unwrap();
        let told = write_reports(&record).unwrap_err().to_string();
        assert!(told.starts_with("2 of 6 reports are missing"), "{told}");
        assert!(told.contains("report.html cannot be written") && told.contains("report.json cannot be"), "{told}");
        for format in [Format::Markdown, Format::Junit, Format::Ctrf, Format::Badge] {
            assert!(path(format).is_file(), "{format:?}");
        }
    }
}
