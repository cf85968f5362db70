//! `conform repro`: the shortest sequence of requests that still shows a recorded failure.

use super::args::Backend;
use super::clean;
use super::duration::duration;
use super::place::{self, CommandError};
use super::run::{interrupted, random_seed};
use super::voice::{complain, say};
use crate::catalogue::Feature;
use crate::check::{Check, Patience};
use crate::checks;
use crate::exit_code::Exit;
use crate::ledger::{Ledger, LedgerError};
use crate::provision::{BackendChoice, Options, ProvisionError, Servers, external};
use crate::record::Record;
use crate::report::plain;
use crate::repro::{Ended, Failure, Ground, NoFailure, Script, TrialError, Trials, reproduce};
use crate::target::Target;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) const EXAMPLES: &str = "\
Examples:
  conform repro reports/latest 9                       the first failure of feature 9, on the backend of the record
  conform repro reports/latest 9 5 > f009.sh           that of step 5, as a script
  conform repro runs/theirs 9 --target theirs.toml     on somebody else's system

The script goes to standard output, all else to standard error. It is printed only after it has shown the failure twice.
Exit codes: 0 it is printed, 1 the failure does not show any more or comes and goes, 2 there is no such failure in the
record, 3 there is no target or it could not be looked at.";

/// Arguments of `conform repro`.
#[derive(Debug, Clone, Args)]
pub(super) struct ReproArgs {
    /// The record that holds the failure
    #[arg(value_name = "RECORD")]
    record: PathBuf,
    /// Number of the feature
    #[arg(value_name = "FEATURE")]
    feature: u16,
    /// Number of the step [default: the first that fails]
    #[arg(value_name = "STEP")]
    step: Option<u8>,
    /// The file that describes the target, where it is none of the harness's own
    #[arg(long, value_name = "FILE")]
    target: Option<PathBuf>,
    /// How the reference is brought up; `auto` does it as for the record
    #[arg(long, value_enum, default_value = "auto")]
    backend: Backend,
    /// How long a shorter sequence is looked for; the first trial and the last are made in any case
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "2m")]
    within: Duration,
    /// How long an answer is waited for before it counts as silence [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    answer_within: Option<Duration>,
    /// The feature list [default: features/feature_list.json here or further up]
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
}

/// Why no sequence was looked for, or none was found.
#[derive(Debug, thiserror::Error)]
enum ReproError {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    NoFailure(#[from] NoFailure),
    #[error(transparent)]
    TargetFile(#[from] external::TargetFileError),
    #[error("feature {0} has no check, so nothing can be tried again")]
    NoCheck(u16),
    #[error(
        "the record is of {0:?}, a system that is none of the harness's own; name its target file with --target FILE"
    )]
    NoTarget(String),
    #[error("the record is of the reference, which is brought up for each trial; leave --target away")]
    NeedlessTarget,
    #[error("--backend goes with a record of the reference, and this one is of another system; leave it away")]
    NeedlessBackend,
    #[error(transparent)]
    Trial(#[from] TrialError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the harness could not start: {0}")]
    Runtime(#[from] std::io::Error),
}

impl ReproError {
    fn exit(&self) -> Exit {
        match self {
            ReproError::Trial(_) | ReproError::Ledger(_) | ReproError::Runtime(_) => Exit::CouldNotLook,
            ReproError::Command(error) => error.exit(),
            _ => Exit::Misused,
        }
    }
}

impl From<ProvisionError> for ReproError {
    fn from(error: ProvisionError) -> ReproError {
        ReproError::Trial(error.into())
    }
}

/// Looks for the sequence, prints it, and says how it ended.
pub(super) fn repro(args: &ReproArgs) -> ExitCode {
    match try_repro(args) {
        Ok(exit) => exit.into(),
        Err(error) => {
            complain(&error);
            error.exit().into()
        }
    }
}

/// Where the target comes from.
enum Subject {
    System(Box<Target>),
    Reference(Options),
}

/// Everything that the trials need.
struct Task {
    failure: Failure,
    feature: Feature,
    check: &'static Check,
    seed: u64,
    patience: Patience,
    within: Duration,
}

fn try_repro(args: &ReproArgs) -> Result<Exit, ReproError> {
    let record = Record::read(&args.record).map_err(CommandError::from)?;
    let failure = Failure::recorded(&record, args.feature, args.step)?;
    let catalogue = place::catalogue(args.catalogue.as_deref())?;
    let last = catalogue.features().len();
    let feature = catalogue.feature(args.feature).ok_or(CommandError::NoFeature { feature: args.feature, last })?;
    let check = checks::find(args.feature).ok_or(ReproError::NoCheck(args.feature))?;
    let evidence = record.evidence(args.feature).map_err(CommandError::from)?;
    let circumstances = evidence.map(|evidence| evidence.circumstances);
    let usual = Patience::default();
    let longest_wait = circumstances.as_ref().map_or(record.header.patience_s, |there| there.patience_s);
    let task = Task {
        failure,
        feature: feature.clone(),
        check,
        seed: circumstances.map_or(record.header.seed, |there| there.seed),
        patience: Patience {
            longest_wait: Duration::try_from_secs_f64(longest_wait).unwrap_or(usual.longest_wait),
            answer: args.answer_within.unwrap_or(usual.answer),
        },
        within: args.within,
    };
    let subject = subject(args, &record)?;
    say(&format!("feature {}, {}", args.feature, task.failure.told()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        tokio::select! {
            // Asked first, so that it listens before anything is started.
            biased;
            () = interrupted() => Ok(None),
            ended = try_often(&task, subject, &args.record) => ended.map(Some),
        }
    });
    // Dropping the runtime drops every stack; what is left then is the reaper's.
    runtime.shutdown_timeout(Duration::from_secs(5));
    let ended = ended?;
    if ended.is_none() {
        clean::remind(&args.record);
    }
    conclude(ended, &task.feature)
}

fn subject(args: &ReproArgs, record: &Record) -> Result<Subject, ReproError> {
    let recorded = match record.header.backend.as_str() {
        "docker" => BackendChoice::Docker,
        "native" => BackendChoice::Native,
        _ if matches!(args.backend, Backend::Docker | Backend::Native) => return Err(ReproError::NeedlessBackend),
        _ => {
            let name = || plain::line(&record.header.target);
            let file = args.target.as_ref().ok_or_else(|| ReproError::NoTarget(name()))?;
            let target = external::load(file, &|name| std::env::var(name).ok())?;
            if target.name != record.header.target {
                let here = plain::line(&target.name);
                say(&format!("note: the record is of {:?} and the target file of {here:?}", name()));
            }
            return Ok(Subject::System(Box::new(target)));
        }
    };
    if args.target.is_some() || args.backend == Backend::External {
        return Err(ReproError::NeedlessTarget);
    }
    let choice = match args.backend {
        Backend::Docker => BackendChoice::Docker,
        Backend::Native => BackendChoice::Native,
        Backend::Auto | Backend::External => recorded,
    };
    Ok(Subject::Reference(Options {
        choice,
        install: true,
        cluster: None,
        conform: std::env::current_exe()?,
        announce: Arc::new(say),
    }))
}

/// What the trials came to, and the target as a script may speak of it.
async fn try_often(task: &Task, subject: Subject, record: &Path) -> Result<(Ended, Target), ReproError> {
    let (ground, target) = match subject {
        Subject::System(target) => (Ground::system((*target).clone(), Ledger::of(record)?), *target),
        Subject::Reference(options) => {
            (Ground::Servers(Arc::new(Servers::start(options).await?)), Target::unreachable("reference"))
        }
    };
    let mut trials = Trials::new(ground, task.feature.clone(), task.check, task.patience, random_seed());
    let tell = |text: String| say(&text);
    let until = Instant::now() + task.within;
    let ended = reproduce(&mut trials, &task.failure, task.seed, until, tell).await;
    if let Some(settlement) = trials.end().await? {
        clean::tell(&settlement, record, say);
    }
    Ok((ended?, target))
}

fn conclude(ended: Option<(Ended, Target)>, feature: &Feature) -> Result<Exit, ReproError> {
    let (exit, text) = match ended {
        None => (Exit::CouldNotLook, "interrupted; nothing is printed".to_owned()),
        Some((Ended::Gone(text) | Ended::ComesAndGoes(text), _)) => (Exit::Failed, text),
        Some((Ended::Unseen(text), _)) => (Exit::CouldNotLook, text),
        Some((Ended::Shown(found), target)) => {
            place::print(&Script { found: &found, feature, target: &target }.text())?;
            (Exit::Fine, format!("{} of {} observations show it", found.observations.len(), found.of))
        }
    };
    say(&text);
    Ok(exit)
}
