//! `conform merge`: the records of shards joined into one.

use super::place::{self, CommandError};
use super::reports::{Missing, write_reports};
use super::voice::complain;
use crate::exit_code::Exit;
use crate::record::{MergeError, Record, RecordError, merge as join};
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

/// Why there is no whole, or not all of it.
#[derive(Debug, thiserror::Error)]
enum WholeError {
    #[error(transparent)]
    Merge(#[from] MergeError),
    #[error(transparent)]
    Reports(#[from] Missing),
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl WholeError {
    fn exit(&self) -> Exit {
        match self {
            WholeError::Reports(_) | WholeError::Merge(MergeError::Record(RecordError::Unwritable { .. })) => {
                Exit::CouldNotLook
            }
            WholeError::Command(error) => error.exit(),
            WholeError::Merge(_) => Exit::Misused,
        }
    }
}

/// Joins, writes the reports of the whole, and ends as a run with these outcomes would have.
pub(super) fn merge(args: &MergeArgs) -> ExitCode {
    match try_merge(args) {
        Ok(exit) => exit.into(),
        Err(error) => {
            complain(&error);
            error.exit().into()
        }
    }
}

fn try_merge(args: &MergeArgs) -> Result<Exit, WholeError> {
    let parts = args.parts.iter().map(|dir| Record::read(dir)).collect::<Result<Vec<_>, _>>();
    let parts = parts.map_err(CommandError::from)?;
    join(&parts, &args.record)?;
    let whole = Record::read(&args.record).map_err(CommandError::from)?;
    write_reports(&whole)?;
    let (outcomes, dir) = (whole.outcomes.len(), plain::path(&args.record));
    place::print(&format!("{outcomes} outcomes of {} records: {dir}\n", parts.len()))?;
    Ok(if whole.finished() { Exit::of_run(&whole.totals()) } else { Exit::CouldNotLook })
}
