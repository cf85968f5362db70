//! Every feature of the catalogue as a test of the reference: `cargo test --features all --test conformance -- f041`.
//!
//! The selected features are checked in one run, on one set of servers, before the first test is told; each test
//! then reads its own outcome. `AUTOGRAPH_BACKEND` is `docker`, `native` or `auto`, and the record of the run stands
//! under `reports/runs` as that of any other.

use harness::catalogue::{Catalogue, Feature};
use harness::check::Patience;
use harness::checks;
use harness::outcome::{Outcome, StepOutcome, Verdict};
use harness::provision::{BackendChoice, Options};
use harness::record::{Record, evidence_path, point_latest};
use harness::report::{Format, plain, reason, render};
use harness::runner::{News, Rounds, Session, Subject, conduct};
use harness::target::Need;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Checks at a time: they wait more than they work.
const JOBS: usize = 8;
/// Ids and chance are the same in every run of the tests.
const SEED: u64 = 41;
/// The variable that says how the target is brought up.
const BACKEND: &str = "AUTOGRAPH_BACKEND";

/// What the run found, once there was one: its record, or why there is none.
type Found = Arc<OnceLock<Result<Record, String>>>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize();
    let root = root.expect("the package stands in its workspace");
    let catalogue = Catalogue::load(root.join("features/feature_list.json"));
    let catalogue = catalogue.unwrap_or_else(|error| panic!("there is nothing to check by: {error}"));
    let found = Found::default();

    let checked: Vec<u16> = checks::all().map(|check| check.feature).collect();
    let mut trials: Vec<(Trial, Vec<u16>)> =
        catalogue.features().iter().map(|feature| (trial(feature, &found), vec![feature.number])).collect();
    // What an engine decides is not the same on every machine.
    let everywhere = checks::all().filter(|check| !check.needs.contains(&Need::Containers));
    let everywhere: Vec<u16> = everywhere.map(|check| check.feature).collect();
    trials.push((snapshot_trial(&found, &everywhere), everywhere.clone()));
    trials.push((secrets_trial(&found), everywhere));

    let mut wanted: Vec<u16> = trials
        .iter()
        .filter(|(trial, _)| !arguments.is_filtered_out(trial) && !arguments.is_ignored(trial))
        .flat_map(|(_, numbers)| numbers)
        .copied()
        .filter(|number| checked.contains(number))
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    if !arguments.list && !wanted.is_empty() {
        found.get_or_init(|| check(&root, catalogue, wanted));
    }
    let trials = trials.into_iter().map(|(trial, _)| trial).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

// --- The tests ---

/// `f041::infrastructure::slow_database_queries_are_noticed_explained_and_followed_over_time`
fn name(feature: &Feature) -> String {
    let letters = feature.description.to_lowercase();
    let words = letters.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("_");
    format!("f{:03}::{}::{slug}", feature.number, feature.area.name())
}

fn trial(feature: &Feature, found: &Found) -> Trial {
    let (feature, found) = (feature.clone(), found.clone());
    let unchecked = checks::find(feature.number).is_none();
    Trial::ignorable_test(name(&feature), move || {
        if unchecked {
            return Ok(Completion::ignored_with("no check exists yet"));
        }
        let record = record(&found)?;
        let outcome = record.outcome(feature.number).ok_or("the record does not hold this feature")?;
        judge(&feature, outcome, record)
    })
    .with_ignored_flag(unchecked)
}

fn record(found: &Found) -> Result<&Record, Failed> {
    match found.get() {
        Some(Ok(record)) => Ok(record),
        Some(Err(reason)) => Err(reason.into()),
        None => Err("nothing was run".into()),
    }
}

/// Red where the catalogue promises a pass and there is none.
fn judge(feature: &Feature, outcome: &Outcome, record: &Record) -> Result<Completion, Failed> {
    match (feature.passes, outcome.verdict) {
        (true, Verdict::Pass) => Ok(Completion::Completed),
        (false, Verdict::Pass) => {
            eprintln!(
                "note: f{:03} passes and the catalogue does not say so yet; `conform mark` writes it down",
                feature.number
            );
            Ok(Completion::Completed)
        }
        // This machine lacks something; what it can see holds.
        (true, Verdict::Skip | Verdict::Partial) => {
            Ok(Completion::ignored_with(format!("not decided on this machine; {}", reason::why(outcome))))
        }
        (true, _) => Err(explained(outcome, &record.dir).into()),
        (false, _) => {
            let why = reason::why(outcome);
            Ok(Completion::ignored_with(format!("the catalogue does not say that it passes; {why}")))
        }
    }
}

/// Everything that is not as it should be, with where to look on.
fn explained(outcome: &Outcome, dir: &Path) -> String {
    let mut lines = vec![format!("feature {} is {}: {}", outcome.feature, outcome.verdict, outcome.description)];
    match &outcome.reason {
        // It holds for every step alike.
        Some(reason) => lines.push(format!("  {}", plain::line(reason))),
        None => {
            let steps = outcome.steps.iter();
            let short_of = steps.filter(|step| step.verdict != Verdict::Pass);
            lines.extend(short_of.flat_map(explained_step));
        }
    }
    let evidence = evidence_path(dir, outcome.feature);
    lines.push(String::new());
    if evidence.exists() {
        lines.push(format!("  evidence: {}", evidence.display()));
    }
    let report = dir.join(Format::Html.file_name());
    lines.push(format!("  report:   {}", report.display()));
    let (number, dir) = (outcome.feature, dir.display());
    lines.push(format!("  more:     cargo conform explain {number} --record {dir}"));
    lines.join("\n")
}

/// The step, why it has its verdict, and every expectation that does not hold.
fn explained_step(step: &StepOutcome) -> Vec<String> {
    let (number, verdict) = (step.step, step.verdict);
    let mut lines = vec![format!("\n  step {number} is {verdict}: {}", step.text)];
    lines.extend(step.reason.iter().map(|reason| format!("    {}", plain::line(reason))));
    for wrong in step.expectations.iter().filter(|one| !one.holds) {
        let seen: Vec<String> = wrong.evidence.iter().map(|seq| format!("#{seq}")).collect();
        let observed = plain::short(&plain::value_line(&wrong.observed), 500);
        lines.push(format!("    requirement  {}", plain::line(&wrong.requirement)));
        lines.push(format!("    expected     {}", plain::line(&wrong.expected)));
        lines.push(format!("    observed     {observed}"));
        lines.push(format!("    observations {}", seen.join(", ")));
    }
    lines
}

/// A changed verdict of any step is a changed snapshot.
fn snapshot_trial(found: &Found, checked: &[u16]) -> Trial {
    let (found, checked) = (found.clone(), checked.to_vec());
    Trial::test("verdicts::of_every_step_are_as_in_the_snapshot", move || {
        let record = record(&found)?;
        let outcomes: Vec<&Outcome> = checked.iter().filter_map(|&number| record.outcome(number)).collect();
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../../reports/snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!("verdicts.txt", table(&outcomes)));
        Ok(())
    })
}

/// How tokens begin, plain and in base64, and passwords and hashes that checks make up.
const CREDENTIALS: [&str; 5] = ["eyJ", "ZXlK", "Pw!7", "$2b$12$", "Seeded!Passw0rd"];

/// Whatever the checks had in hands, no byte of the record or of a report shows it.
fn secrets_trial(found: &Found) -> Trial {
    let found = found.clone();
    Trial::test("record::shows_no_credential", move || {
        let record = record(&found)?;
        for path in files(&record.dir) {
            let bytes = std::fs::read(&path)?;
            let shown = |mark: &&&str| bytes.windows(mark.len()).any(|window| window == mark.as_bytes());
            if let Some(mark) = CREDENTIALS.iter().find(shown) {
                return Err(format!("{} shows what begins with {mark}", path.display()).into());
            }
        }
        Ok(())
    })
}

/// Every file in a folder, at any depth.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn table(outcomes: &[&Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        let (number, verdict) = (outcome.feature, outcome.verdict);
        writeln!(text, "f{number:03} {verdict:<8} {}", outcome.description).expect("a string takes any text");
        for step in &outcome.steps {
            writeln!(text, "  {}", row(step)).expect("a string takes any text");
        }
    }
    text
}

fn row(step: &StepOutcome) -> String {
    let equivalent = step.observed_as.as_ref().map(|said| format!(" [observed as: {said}]"));
    format!("{:>2} {:<8} {}{}", step.step, step.verdict, step.text, equivalent.unwrap_or_default())
}

// --- The run ---

/// Checks these features of the reference. When it returns, nothing that it started runs any more.
fn check(root: &Path, catalogue: Catalogue, numbers: Vec<u16>) -> Result<Record, String> {
    let choice = choice(std::env::var(BACKEND).ok().as_deref())?;
    let reports = root.join("reports");
    let stamp = chrono::Utc::now().format("%Y-%m-%dT%H-%M-%S%.3fZ");
    let dir = reports.join("runs").join(format!("{stamp}-{}", std::process::id()));
    let session = Session {
        subject: Subject::Reference(Options {
            cluster: None,
            choice,
            install: true,
            conform: PathBuf::from(env!("CARGO_BIN_EXE_conform")),
            announce: Arc::new(|line| eprintln!("{line}")),
        }),
        catalogue,
        numbers,
        record: dir.clone(),
        resumes: false,
        rounds: Rounds::ONE,
        jobs: JOBS,
        patience: Patience::default(),
        seed: SEED,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the harness could not start: {error}"))?;
    let listen = |news: News<'_>| {
        if let News::Finished(outcome) = news {
            let seconds = outcome.duration_ms / 1000.0;
            eprintln!("f{:03} {:<8} {seconds:>5.1} s", outcome.feature, outcome.verdict);
        }
    };
    let conducted = runtime.block_on(conduct(session, listen));
    runtime.shutdown_timeout(Duration::from_secs(5));
    conducted.map_err(|error| error.to_string())?;
    let record = Record::read(&dir).map_err(|error| error.to_string())?;
    write_reports(&record)?;
    point_latest(&reports, &dir).map_err(|error| error.to_string())?;
    Ok(record)
}

fn choice(word: Option<&str>) -> Result<BackendChoice, String> {
    match word {
        None | Some("" | "auto") => Ok(BackendChoice::Auto),
        Some("docker") => Ok(BackendChoice::Docker),
        Some("native") => Ok(BackendChoice::Native),
        Some(other) => Err(format!("{BACKEND} is `{other}`; it may be `auto`, `docker` or `native`")),
    }
}

fn write_reports(record: &Record) -> Result<(), String> {
    for format in [Format::Html, Format::Markdown, Format::Json, Format::Junit] {
        let text = render(record, format).map_err(|error| error.to_string())?;
        let path = record.dir.join(format.file_name());
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
