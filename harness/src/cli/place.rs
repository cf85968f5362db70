//! Where commands find things, the catalogue and the last record, and how they end.

use super::voice::complain;
use super::whole_file;
use crate::baseline::BaselineError;
use crate::catalogue::{Catalogue, CatalogueError};
use crate::checks;
use crate::disk;
use crate::exit_code::Exit;
use crate::outcome::Evidence;
use crate::record::{self, Record, RecordError};
use crate::report::{ReportError, plain};
use crate::selection::{Selection, SelectionError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where the catalogue stands within the project.
const CATALOGUE: &str = "features/feature_list.json";
/// A check keeps 16 MB of what it has seen, which escaped is no more than this in a file.
const MOST_EVIDENCE: u64 = 128 << 20;

/// Why a command could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// No catalogue was found.
    #[error("there is no {CATALOGUE} here or further up; name the feature list with --catalogue")]
    NoCatalogue,
    /// The catalogue is wrong.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The selection is wrong.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// The record is missing or wrong.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// There is no record yet.
    #[error("there is no reports/latest here or further up; run `conform run` first or name a record with --record")]
    NoRecord,
    /// The baseline is wrong.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// The report could not be made.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The number of a feature that is not there.
    #[error("there is no feature {feature}; the features are 1 to {last}")]
    NoFeature {
        /// The number.
        feature: u16,
        /// The last one there is.
        last: usize,
    },
    /// A record from which the catalogue must not be marked.
    #[error("the catalogue is not marked: {0}")]
    Unfit(String),
    /// A file could not be written.
    #[error("{} cannot be written: {source}", plain::path(path))]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Standard output is gone.
    #[error("standard output cannot be written: {0}")]
    Output(#[source] io::Error),
}

impl CommandError {
    /// How a command ends with it: what was asked for is wrong, unless what was found could not be given out.
    pub(super) fn exit(&self) -> Exit {
        match self {
            CommandError::Unwritable { .. }
            | CommandError::Output(_)
            | CommandError::Record(RecordError::Unwritable { .. }) => Exit::CouldNotLook,
            _ => Exit::Misused,
        }
    }
}

/// Ends a command: its exit code, or what is wrong and the code of that.
pub(super) fn end(outcome: Result<Exit, CommandError>) -> ExitCode {
    let exit = outcome.unwrap_or_else(|error| {
        complain(&error);
        error.exit()
    });
    exit.into()
}

/// Prints to standard output. A reader that has seen enough (`conform list | head`) is no error.
pub(super) fn print(text: &str) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CommandError::Output(error)),
        _ => Ok(()),
    }
}

/// Writes to a file, whole or not at all, or prints where none is named.
///
/// # Errors
/// When neither can be written.
pub(super) fn put(text: &str, file: Option<&Path>) -> Result<(), CommandError> {
    let Some(path) = file else {
        return print(text);
    };
    whole_file::write(path, text).map_err(|source| CommandError::Unwritable { path: path.to_owned(), source })
}

/// The file of the catalogue: the one that is named, else the one in this directory or a parent of it, else the one
/// of the workspace that the executable was built in.
///
/// # Errors
/// When there is none anywhere.
pub(super) fn catalogue_path(named: Option<&Path>) -> Result<PathBuf, CommandError> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let above = |place: PathBuf| {
        let mut candidates = place.ancestors().map(|parent| parent.join(CATALOGUE));
        candidates.find(|path| path.is_file())
    };
    let here = std::env::current_dir().ok().and_then(above);
    let beside = || std::env::current_exe().ok().and_then(above);
    here.or_else(beside).ok_or(CommandError::NoCatalogue)
}

/// The catalogue.
///
/// # Errors
/// When there is none, or it is wrong.
pub(super) fn catalogue(named: Option<&Path>) -> Result<Catalogue, CommandError> {
    Ok(Catalogue::load(catalogue_path(named)?)?)
}

/// Where the evidence of passing checks lies that comes with the suite, beside the catalogue's folder.
pub(super) fn shipped_evidence(catalogue: &Path) -> PathBuf {
    catalogue.parent().and_then(Path::parent).unwrap_or(Path::new(".")).join("fixtures/evidence")
}

/// The evidence of one feature in a folder.
///
/// # Errors
/// Says why there is none.
pub(super) fn evidence(dir: &Path, feature: u16) -> Result<Evidence, String> {
    let path = dir.join(format!("f{feature:03}.jsonl"));
    let text = disk::read_text(&path, MOST_EVIDENCE).map_err(|error| format!("{}: {error}", plain::path(&path)))?;
    Evidence::from_lines(&text).map_err(|error| format!("{}: {error}", plain::path(&path)))
}

/// The directory of the last record, if anything ran before.
pub(super) fn latest() -> Option<PathBuf> {
    record::latest(&std::env::current_dir().ok()?)
}

/// The record that is named, else the last one, which need not be there.
///
/// # Errors
/// When the record is wrong, or the named one is not there.
pub(super) fn record(named: Option<&Path>) -> Result<Option<Record>, CommandError> {
    let dir = named.map(Path::to_owned).or_else(latest);
    Ok(dir.map(|dir| Record::read(&dir)).transpose()?)
}

/// The numbers of all features that have a check.
pub(super) fn checked() -> Vec<u16> {
    checks::all().map(|check| check.feature).collect()
}

/// The features that a command line names.
///
/// # Errors
/// When a word means nothing, or nothing is selected.
pub(super) fn select(
    words: &[String],
    catalogue: &Catalogue,
    last: Option<&Record>,
) -> Result<Selection, CommandError> {
    Ok(Selection::parse(words, catalogue, &checked(), last)?)
}
