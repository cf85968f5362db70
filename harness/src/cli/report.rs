//! `conform report`: a record in a format for people or programs.

use super::args::{ReportArgs, ReportFormat};
use super::place::{self, CommandError};
use crate::exit_code::Exit;
use crate::record::Record;
use crate::report::{self, Format};

/// Writes the report to a file or to standard output.
pub(super) fn report(args: &ReportArgs) -> Result<Exit, CommandError> {
    let record = Record::read(&args.record)?;
    let format = match args.format {
        ReportFormat::Html => Format::Html,
        ReportFormat::Md => Format::Markdown,
        ReportFormat::Json => Format::Json,
        ReportFormat::Junit => Format::Junit,
    };
    let text = report::render(&record, format)?;
    place::put(&text, args.output.as_deref())?;
    // The report was made, whatever it says; `conform gate` is there to judge.
    Ok(Exit::Fine)
}
