//! `conform diff`: what one record says otherwise than another.

use super::place::{self, CommandError};
use crate::exit_code::Exit;
use crate::record::Record;
use crate::report::difference::Difference;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

pub(super) const EXAMPLES: &str = "\
Examples:
  conform diff runs/before runs/after                  what is better, worse, new and gone
  conform diff runs/before runs/after --format json    the same for programs

A skip, an error and a feature without a check stand between a pass and a failure: none of them is known.
Exit codes: 0 nothing stands worse, 1 a feature does, 2 there is nothing to compare, 3 something that was known before
could not be looked at and nothing stands worse.";

/// Formats of `conform diff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DiffFormat {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Arguments of `conform diff`.
#[derive(Debug, Clone, Args)]
pub(super) struct DiffArgs {
    /// Directory of the earlier record
    pub(super) before: PathBuf,
    /// Directory of the later record
    pub(super) after: PathBuf,
    /// Format of what is told
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: DiffFormat,
    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// Tells the difference, and judges it by what stands worse.
pub(super) fn diff(args: &DiffArgs) -> Result<Exit, CommandError> {
    let difference = Difference::between(&Record::read(&args.before)?, &Record::read(&args.after)?);
    let text = match args.format {
        DiffFormat::Text => difference.to_string(),
        DiffFormat::Json => serde_json::to_string_pretty(&difference).expect("plain data has a JSON form"),
    };
    place::put(&(text + "\n"), args.output.as_deref())?;
    Ok(if difference.target_regressed() {
        Exit::Failed
    } else if difference.lost_sight() {
        Exit::CouldNotLook
    } else {
        Exit::Fine
    })
}
