//! `conform merge`: the records of shards joined into one.

use super::run::write_reports;
use crate::exit_code::Exit;
use crate::record::{MergeError, Record, merge as join};
use crate::report::plain;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `conform merge`.
#[derive(Debug, Clone, Args)]
pub(super) struct MergeArgs {
    /// The records to join
    #[arg(value_name = "RECORD", required = true)]
    parts: Vec<PathBuf>,
    /// Where to write the whole
    #[arg(long, value_name = "DIR")]
    record: PathBuf,
}

/// Joins, writes the reports of the whole, and ends as a run with these outcomes would have.
pub(super) fn merge(args: &MergeArgs) -> ExitCode {
    match try_merge(args) {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {}", plain::text(&error.to_string()));
            Exit::Misused.into()
        }
    }
}

fn try_merge(args: &MergeArgs) -> Result<Exit, MergeError> {
    let parts = args.parts.iter().map(|dir| Record::read(dir)).collect::<Result<Vec<_>, _>>()?;
    join(&parts, &args.record)?;
    let whole = Record::read(&args.record)?;
    if let Err(error) = write_reports(&whole) {
        eprintln!("error: {}", plain::text(&error.to_string()));
        return Ok(Exit::CouldNotLook);
    }
    println!("{} outcomes of {} records: {}", whole.outcomes.len(), parts.len(), args.record.display());
    Ok(if whole.finished() { Exit::of_run(&whole.totals()) } else { Exit::CouldNotLook })
}
