//! `conform report`: a record in a format for people or programs, or several side by side.

use super::place::{self, CommandError};
use crate::exit_code::Exit;
use crate::record::Record;
use crate::report::{self, Format, ReportError, side_by_side};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

pub(super) const EXAMPLES: &str = "\
Examples:
  conform report reports/latest --format html --output report.html
  conform report reports/latest --format md >> \"$GITHUB_STEP_SUMMARY\"
  conform report reports/latest --format junit --output junit.xml
  conform report reports/latest --format github      annotations of a workflow
  conform report runs/ours runs/theirs --format html --output side-by-side.html

Several records stand side by side, in html and md: a column for each, a row for each feature.";

/// Formats of `conform report`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// One self-contained page with all steps and evidence
    Html,
    /// Markdown
    Md,
    /// JSON as in reports/report.schema.json
    Json,
    /// JUnit XML
    Junit,
    /// JSON in the Common Test Report Format
    Ctrf,
    /// Markdown for a comment on a pull request: short, the details folded away
    Pr,
    /// Annotations of a GitHub workflow, by cause
    Github,
    /// A badge as SVG
    Badge,
}

/// Arguments of `conform report`.
#[derive(Debug, Clone, Args)]
pub(super) struct ReportArgs {
    /// Directory of the record, such as reports/latest; several stand side by side
    #[arg(required = true, value_name = "RECORD")]
    pub(super) records: Vec<PathBuf>,
    /// Format of the report
    #[arg(long, value_enum)]
    pub(super) format: ReportFormat,
    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// Writes the report to a file or to standard output.
pub(super) fn report(args: &ReportArgs) -> Result<Exit, CommandError> {
    let records = args.records.iter().map(|dir| Record::read(dir)).collect::<Result<Vec<_>, _>>()?;
    let text = match &records[..] {
        [one] => report::render(one, format(args.format))?,
        several => together(several, args.format)?,
    };
    place::put(&text, args.output.as_deref())?;
    // The report was made, whatever it says; `conform gate` is there to judge.
    Ok(Exit::Fine)
}

fn format(format: ReportFormat) -> Format {
    match format {
        ReportFormat::Html => Format::Html,
        ReportFormat::Md => Format::Markdown,
        ReportFormat::Json => Format::Json,
        ReportFormat::Junit => Format::Junit,
        ReportFormat::Ctrf => Format::Ctrf,
        ReportFormat::Pr => Format::PullRequest,
        ReportFormat::Github => Format::Github,
        ReportFormat::Badge => Format::Badge,
    }
}

fn together(records: &[Record], format: ReportFormat) -> Result<String, ReportError> {
    let format = match format {
        ReportFormat::Html => side_by_side::Format::Html,
        ReportFormat::Md => side_by_side::Format::Markdown,
        _ => return Err(ReportError::OneRecord),
    };
    side_by_side::render(records, format)
}
