//! `conform baseline`: what fails in a record, as a file of known failures.

use super::place::{self, CommandError};
use crate::baseline::Baseline;
use crate::exit_code::Exit;
use chrono::NaiveDate;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `conform baseline`.
#[derive(Debug, Clone, Args)]
pub(super) struct BaselineArgs {
    /// The record whose failures are to be accepted [default: reports/latest]
    #[arg(value_name = "RECORD")]
    record: Option<PathBuf>,
    /// Why they are, such as a ticket
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The last day on which they are, such as 2027-01-31
    #[arg(long, value_name = "DAY")]
    expires: NaiveDate,
    /// Where to write it [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes the file.
pub(super) fn baseline(args: &BaselineArgs) -> Result<Exit, CommandError> {
    let record = place::record(args.record.as_deref())?.ok_or(CommandError::NoRecord)?;
    place::put(&Baseline::of(&record, &args.reason, args.expires), args.output.as_deref())?;
    Ok(Exit::Fine)
}
