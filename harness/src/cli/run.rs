//! `conform run`: checks features of a target and writes a record.

use super::args::{Backend, RunArgs};
use super::reports::{Missing, write_reports};
use super::voice::{complain, say};
use super::{clean, guest, place};
use crate::catalogue::Catalogue;
use crate::check::Patience;
use crate::exit_code::Exit;
use crate::ledger::LedgerError;
use crate::provision::{BackendChoice, Options, external};
use crate::record::{OUTCOMES_FILE, Record, RecordError, point_latest};
use crate::report::{Format, MINUTE, Terminal, plain};
use crate::runner::{News, Session, Subject, conduct};
use crate::shard::{NoShard, Shard};
use crate::target::{Cluster, Target};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Checks at a time unless the user says otherwise: they wait more than they work.
const JOBS: usize = 8;
/// No wait of a record is longer, whatever it says: a week.
const LONGEST_PATIENCE_S: f64 = 604_800.0;

/// Why there was no run, or no end of it.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Command(#[from] place::CommandError),
    #[error(transparent)]
    TargetFile(#[from] external::TargetFileError),
    #[error("--backend {0} and --target do not go together: a target file describes a system that already runs")]
    TargetAndBackend(&'static str),
    #[error("--backend external needs --target FILE, which says where the system is; docs/target-file.md describes it")]
    NoTarget,
    #[error("--kubeconfig {}: {source}", plain::path(path))]
    Kubeconfig { path: PathBuf, source: std::io::Error },
    #[error("--kubeconfig needs `kubectl`, which is not on the PATH")]
    NoKubectl,
    #[error("none of the selected features is in shard {0}; take fewer shards or more features")]
    EmptyShard(Shard),
    #[error(transparent)]
    Shard(#[from] NoShard),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Reports(#[from] Missing),
    #[error("the harness could not start: {0}")]
    Runtime(#[from] std::io::Error),
}

impl RunError {
    fn exit(&self) -> Exit {
        match self {
            RunError::Runtime(_) | RunError::Reports(_) => Exit::CouldNotLook,
            RunError::Command(error) => error.exit(),
            RunError::Record(
                RecordError::Exists { .. }
                | RecordError::Missing { .. }
                | RecordError::Line { .. }
                | RecordError::InUse { .. }
                | RecordError::Ended { .. }
                | RecordError::OfAnother { .. }
                | RecordError::Ledger(LedgerError::Line { .. }),
            ) => Exit::Misused,
            RunError::Record(_) => Exit::CouldNotLook,
            _ => Exit::Misused,
        }
    }
}

/// Runs, reports, and says how it ended.
pub fn run(args: RunArgs) -> ExitCode {
    match try_run(args) {
        Ok(exit) => exit.into(),
        Err(error) => {
            complain(&error);
            error.exit().into()
        }
    }
}

fn try_run(args: RunArgs) -> Result<Exit, RunError> {
    let catalogue = place::catalogue(args.which.catalogue.as_deref())?;
    let broken_off = args.course.resume.as_deref().map(Record::read).transpose()?;
    let numbers = match &broken_off {
        Some(record) => record.missing(),
        None => selected(&args, &catalogue)?,
    };
    let terminal = Arc::new(Terminal::new(numbers.len(), std::io::stderr().is_terminal()));
    let subject = subject(&args, &terminal)?;
    if let (true, Subject::External(target)) = (args.guest.dry_run, &subject) {
        let path = place::catalogue_path(args.which.catalogue.as_deref())?;
        guest::list(target, &catalogue, &path, &numbers)?;
        return Ok(Exit::Fine);
    }
    let reports = reports_folder(args.which.catalogue.as_deref())?;
    let named = args.record.is_some() || broken_off.is_some();
    let rounds = args.course.rounds();
    let mut patience = patience(&args);
    let mut seed = args.seed.unwrap_or_else(random_seed);
    if let Some(earlier) = &broken_off {
        seed = earlier.header.seed;
        patience.longest_wait = Duration::from_secs_f64(earlier.header.patience_s.clamp(0.0, LONGEST_PATIENCE_S));
    }
    let record = args.course.resume.or(args.record).unwrap_or_else(|| fresh_record(&reports));
    let guest_of = match &subject {
        Subject::External(target) => Some(Target::clone(target)),
        Subject::Reference(_) => None,
    };
    let session = Session {
        subject,
        catalogue,
        numbers,
        record: record.clone(),
        resumes: broken_off.is_some(),
        jobs: args.jobs.map_or(JOBS, usize::from),
        patience,
        seed,
        rounds,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let finished = runtime.block_on(async {
        let listen = |news: News<'_>| match news {
            News::Started { feature, description } => terminal.started(feature, description),
            News::Finished(outcome) => terminal.finished(outcome),
            News::Settled(settlement) => clean::tell(settlement, &record, |line| terminal.note(line)),
        };
        tokio::select! {
            // Asked first, so that it listens before anything is started.
            biased;
            () = interrupted() => Ok(false),
            () = tell_of_long_ones(&terminal) => Ok(false),
            finished = conduct(session, listen) => finished.map(|_| true),
        }
    })?;
    if !finished && let Some(target) = guest_of {
        runtime.block_on(clean::bring_back(&record, target))?;
    }
    // Dropping the runtime drops every stack; what is left then is the reaper's.
    runtime.shutdown_timeout(Duration::from_secs(5));
    if !finished && !record.join(OUTCOMES_FILE).is_file() {
        say("interrupted before anything was found");
        return Ok(Exit::CouldNotLook);
    }
    // A disk that has no room for the link may have some for reports.
    let linked = named || point_latest(&reports, &record).map_err(|error| complain(&error)).is_ok();
    let concluded = conclude(&record, &terminal);
    if !finished {
        say("interrupted: the record holds what was found until then");
        clean::remind(&record);
    }
    let exit = concluded?;
    Ok(if finished && linked { exit } else { Exit::CouldNotLook })
}

/// Names every minute what takes its time; never ends.
async fn tell_of_long_ones(terminal: &Terminal) {
    loop {
        tokio::time::sleep(MINUTE).await;
        terminal.still_running();
    }
}

/// The features that the command line names, as far as they are of this shard.
fn selected(args: &RunArgs, catalogue: &Catalogue) -> Result<Vec<u16>, RunError> {
    let last = place::record(None).ok().flatten();
    let mut numbers = place::select(&args.which.selection, catalogue, last.as_ref())?.numbers().to_vec();
    if let Some(shard) = args.course.shard()? {
        numbers.retain(|&feature| shard.holds(feature));
        if numbers.is_empty() {
            return Err(RunError::EmptyShard(shard));
        }
    }
    Ok(numbers)
}

fn patience(args: &RunArgs) -> Patience {
    let usual = Patience::default();
    Patience {
        longest_wait: args.patience.unwrap_or(usual.longest_wait),
        answer: args.answer_within.unwrap_or(usual.answer),
    }
}

fn subject(args: &RunArgs, terminal: &Arc<Terminal>) -> Result<Subject, RunError> {
    let cluster = cluster(args.kubeconfig.as_deref())?;
    let choice = match (args.backend, &args.target) {
        (Backend::Auto | Backend::External, Some(file)) => {
            let mut target = external::load(file, &|name| std::env::var(name).ok())?;
            target.cluster = cluster.or(target.cluster);
            args.guest.apply(&mut target);
            return Ok(Subject::External(Box::new(target)));
        }
        (Backend::External, None) => return Err(RunError::NoTarget),
        (Backend::Docker, Some(_)) => return Err(RunError::TargetAndBackend("docker")),
        (Backend::Native, Some(_)) => return Err(RunError::TargetAndBackend("native")),
        (Backend::Auto, None) => BackendChoice::Auto,
        (Backend::Docker, None) => BackendChoice::Docker,
        (Backend::Native, None) => BackendChoice::Native,
    };
    let terminal = terminal.clone();
    Ok(Subject::Reference(Options {
        choice,
        install: !args.no_install,
        cluster,
        conform: std::env::current_exe()?,
        announce: Arc::new(move |text| terminal.note(text)),
    }))
}

/// The cluster that `--kubeconfig` names, if `kubectl` can be expected to reach it.
fn cluster(kubeconfig: Option<&Path>) -> Result<Option<Cluster>, RunError> {
    let Some(path) = kubeconfig else {
        return Ok(None);
    };
    let unreadable = |source| RunError::Kubeconfig { path: path.to_owned(), source };
    std::fs::File::open(path).map_err(unreadable)?;
    let kubeconfig = std::path::absolute(path).map_err(unreadable)?;
    let folders = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&folders).any(|folder| folder.join("kubectl").is_file()) {
        return Err(RunError::NoKubectl);
    }
    Ok(Some(Cluster { kubeconfig }))
}

/// Writes every report beside the record and tells where the one for people lies.
fn conclude(dir: &Path, terminal: &Terminal) -> Result<Exit, RunError> {
    let record = Record::read(dir)?;
    let reported = write_reports(&record);
    // What was found is told, whatever became of the reports.
    terminal.end(&record);
    reported?;
    let html = dir.join(Format::Html.file_name());
    place::print(&format!("\nreport: {}\n", plain::path(&html)))?;
    Ok(Exit::of_run(&record.totals()))
}

/// `reports` beside the catalogue's folder, or here where the catalogue was named.
fn reports_folder(named: Option<&Path>) -> Result<PathBuf, RunError> {
    let reports = match named {
        Some(_) => PathBuf::from("reports"),
        None => {
            let catalogue = place::catalogue_path(None)?;
            let root = catalogue.parent().and_then(Path::parent);
            root.map_or_else(|| PathBuf::from("reports"), |root| root.join("reports"))
        }
    };
    std::fs::create_dir_all(reports.join("runs"))?;
    Ok(reports)
}

fn fresh_record(reports: &Path) -> PathBuf {
    let stamp = chrono::Utc::now().format("%Y-%m-%dT%H-%M-%S%.3fZ");
    reports.join("runs").join(stamp.to_string())
}

/// A seed from the operating system; it stands in the record, so that the run can be done again.
pub(super) fn random_seed() -> u64 {
    // Small enough that every JSON reader keeps it exactly.
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish() >> 16
}

/// Ends when the user or the system asks for it.
pub(super) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
