//! `conform clean`: removes from somebody else's system what a run that was broken off has left there.

use super::guest::GuestArgs;
use super::place::{self, CommandError};
use super::voice::{complain, say};
use crate::check::{Live, Patience, Pulse};
use crate::exit_code::Exit;
use crate::ledger::{Ledger, LedgerError};
use crate::provision::external::{self, TargetFileError};
use crate::record::{Record, RecordError, claim};
use crate::report::plain;
use crate::settlement::{self, Settlement, settle};
use crate::target::Target;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

pub(super) const EXAMPLES: &str = "\
Examples:
  conform clean reports/latest --target staging.toml

A run does this itself as it ends. Exit codes: 0 nothing is left, 2 bad usage, 3 something is left.";

/// Arguments of `conform clean`.
#[derive(Debug, Clone, Args)]
pub(super) struct CleanArgs {
    /// The record of the run
    #[arg(value_name = "RECORD")]
    record: PathBuf,
    /// The file that describes the target of the run
    #[arg(long, value_name = "FILE")]
    target: PathBuf,
    /// At most so many requests a second, 5 or more; the target file may say it, too
    #[arg(long, value_name = "N", value_parser = GuestArgs::pace())]
    requests_per_second: Option<u32>,
}

/// Why nothing was removed.
#[derive(Debug, thiserror::Error)]
enum CleanError {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    TargetFile(#[from] TargetFileError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(
        "{} is of {recorded}, and the target file describes {here}: name the target file of that run",
        plain::path(dir)
    )]
    OfAnother { dir: PathBuf, recorded: String, here: String },
    #[error("the harness could not start: {0}")]
    Runtime(#[from] std::io::Error),
}

/// Removes, and says what of it is gone.
pub(super) fn clean(args: &CleanArgs) -> ExitCode {
    match try_clean(args) {
        Ok(exit) => exit.into(),
        Err(error) => {
            complain(&error);
            let exit = match error {
                CleanError::Runtime(_)
                | CleanError::Record(RecordError::Unwritable { .. })
                | CleanError::Ledger(LedgerError::Unwritable { .. }) => Exit::CouldNotLook,
                CleanError::Command(error) => error.exit(),
                _ => Exit::Misused,
            };
            exit.into()
        }
    }
}

fn try_clean(args: &CleanArgs) -> Result<Exit, CleanError> {
    let mut target = external::load(&args.target, &|name| std::env::var(name).ok())?;
    let record = Record::read(&args.record)?;
    // A run that goes on settles its own ledger.
    let _claim = claim(&args.record)?;
    if record.header.target != target.name {
        let (recorded, here) = (plain::line(&record.header.target), plain::line(&target.name));
        return Err(CleanError::OfAnother { dir: args.record.clone(), recorded, here });
    }
    GuestArgs::keep_pace(&mut target, args.requests_per_second);
    let ledger = Ledger::of(&args.record)?;
    if ledger.owed().is_empty() {
        place::print("nothing is left of this run\n")?;
        return Ok(Exit::Fine);
    }
    let live = Arc::new(Live::new(target, Patience::default(), Arc::<Pulse>::default(), 0));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let settlement = runtime.block_on(settle(&ledger, &live))?;
    let mut told = String::new();
    tell(&settlement, &args.record, |line| told += &format!("{line}\n"));
    place::print(&told)?;
    Ok(if settlement.left.is_empty() { Exit::Fine } else { Exit::CouldNotLook })
}

/// Starts the services that a run which was broken off has stopped, and tells of those that do not come back.
///
/// # Errors
/// When the ledger cannot be read or written.
pub(super) async fn bring_back(record: &Path, target: Target) -> Result<(), RecordError> {
    let ledger = Ledger::of(record)?;
    let live = Arc::new(Live::new(target, Patience::default(), Arc::<Pulse>::default(), 0));
    for missing in settlement::bring_back(&ledger, &live).await? {
        say(&plain::line(&missing));
    }
    Ok(())
}

/// Tells what became of the things that checks made, those that are left one by one.
pub(super) fn tell(settlement: &Settlement, record: &Path, mut say: impl FnMut(&str)) {
    let Settlement { removed, left } = settlement;
    say(&format!(
        "{} of {} things that checks made on the target are removed",
        removed.len(),
        removed.len() + left.len()
    ));
    for (thing, why) in left {
        say(&plain::line(&format!("left: {thing}: {why}")));
    }
    if !left.is_empty() {
        say(&format!("`conform clean {} --target FILE` tries it again", plain::path(record)));
    }
}

/// Tells of what a run that was broken off has left, if anything.
pub(super) fn remind(record: &Path) {
    let owed = Ledger::of(record).map(|ledger| ledger.owed().len()).unwrap_or_default();
    if owed > 0 {
        let record = plain::path(record);
        say(&format!("{owed} things that checks made are still on the target: `conform clean {record} --target FILE`"));
    }
}
