//! What can be written after `conform`: commands, options and the help that explains them.

use super::baseline::BaselineArgs;
use super::clean::{self, CleanArgs};
use super::completions::CompletionsArgs;
use super::course::CourseArgs;
use super::diff::{self, DiffArgs};
use super::duration::duration;
use super::guest::GuestArgs;
use super::merge::MergeArgs;
use super::object_store::ObjectStoreArgs;
use super::rejudge::RejudgeArgs;
use super::report::{self, ReportArgs};
use super::repro::{self, ReproArgs};
use super::serve::{self, ServeArgs};
use super::target::TargetArgs;
use crate::proof::Share;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

const SELECTIONS: &str = "\
Selections:
  41            one feature               phase 1     a phase, also `phase 1-3`
  1-50          a range                   area auth   an area
  checked       all that have a check     failing     all that failed in the last record
  all           all 679                   not 44 45   leaves out, also `not phase 2`
Words add up, commas may join them, and all that stands after `not` is taken away: `conform list phase 1 not 44 45`.
What is wanted stands before `not`; where nothing does, it is all 679.";

const EXAMPLES: &str = "\
Examples:
  conform run 41                          check one feature of the reference implementation
  conform run phase 1 --backend native    check a phase without containers
  conform run --target mine.toml          check a deployment of your own
  conform explain 41                      what feature 41 demands and what was seen of it
  conform report reports/latest --format html --output report.html
  conform gate 1-50                       may this be merged?

Exit codes: 0 all is well, 1 something did not pass, 2 the command line is wrong, 3 the harness could not look.";

const RUN_EXAMPLES: &str = "\
Examples:
  conform run                             all features, against the reference implementation
  conform run 41 42 --patience 2m         two features, with leave to wait two minutes in earnest
  conform run phase 1 --backend native    without containers
  conform run --target mine.toml area auth

The record is written while the run goes on; `reports/latest` leads to the last one.
Exit codes: 0 nothing failed, 1 a feature failed, 3 something could not be looked at and nothing failed.";

const LIST_EXAMPLES: &str = "\
Examples:
  conform list                            all features, with what the last record says of each
  conform list area auth not checked      what is still without a check
  conform list phase 2 --steps            what each feature of a phase demands, step by step";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  conform explain 41                      with what was seen in the last record
  conform explain 41 --record runs/mine   with what was seen in another";

const PROGRESS_EXAMPLES: &str = "\
Examples:
  conform progress                        what the last run found beyond the one before
  conform progress --since reports/runs/2025-11-23T22-10-00.000Z --format html --output progress.html

Without --since it is the last whole run before, of the same target, that looked at everything the record looked at.";

const GATE_EXAMPLES: &str = "\
Examples:
  conform gate 41 42                      both features passed in the last record
  conform gate phase 1 --accept-partial   what could be observed of phase 1 passed

Only `pass` passes. A feature without a check or an outcome has not passed, and nothing has in an unfinished record.
Exit codes: 0 the gate is passed, 1 it is not, 2 there is nothing to judge.";

const PROVE_EXAMPLES: &str = "\
Examples:
  conform prove 41                        tamper with its evidence, then break a target on purpose
  conform prove checked --offline         only tamper, with no target at all";

const MARK_EXAMPLES: &str = "\
Examples:
  conform mark reports/latest             let the catalogue say what the last run of the reference found

Features that the record does not have keep what they say. Nothing else in the file changes.";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  conform completions bash > ~/.local/share/bash-completion/completions/conform
  conform completions fish > ~/.config/fish/completions/conform.fish";

/// Checks any deployment of AutoGraph v3, feature by feature, step by step, on evidence.
#[derive(Debug, Parser)]
#[command(name = "conform", version, after_help = EXAMPLES, max_term_width = 120)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check features of a target and write a record
    #[command(after_help = RUN_EXAMPLES, after_long_help = long(RUN_EXAMPLES))]
    Run(RunArgs),
    /// List features, whether they have a check, and what the last record says of them
    #[command(after_help = LIST_EXAMPLES, after_long_help = long(LIST_EXAMPLES))]
    List(ListArgs),
    /// Tell all about one feature: its steps, what was seen of each, how its check is shown able to fail
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// Show a record in a format for people or programs, or several side by side
    #[command(after_help = report::EXAMPLES)]
    Report(ReportArgs),
    /// Tell what one record says otherwise than another
    #[command(after_help = diff::EXAMPLES)]
    Diff(DiffArgs),
    /// Show a record as a page that follows it while the run goes on
    #[command(after_help = serve::EXAMPLES)]
    Serve(ServeArgs),
    /// Report what a run found beyond an earlier one, from their records alone
    #[command(after_help = PROGRESS_EXAMPLES)]
    Progress(ProgressArgs),
    /// Judge a record: an exit code for CI
    #[command(after_help = GATE_EXAMPLES, after_long_help = long(GATE_EXAMPLES))]
    Gate(GateArgs),
    /// Show that checks can fail, by tampering with evidence and by breaking targets
    #[command(after_help = PROVE_EXAMPLES, after_long_help = long(PROVE_EXAMPLES))]
    Prove(ProveArgs),
    /// Write what fails in a record into a file of known failures, for the gate
    Baseline(BaselineArgs),
    /// Join the records of shards into one
    Merge(MergeArgs),
    /// Decide the evidence of a record anew, by the checks as they are now
    Rejudge(RejudgeArgs),
    /// Remove from somebody else's system what a run that was broken off has left there
    #[command(after_help = clean::EXAMPLES)]
    Clean(CleanArgs),
    /// Print the shortest sequence of requests that still shows a recorded failure, as a script
    #[command(after_help = repro::EXAMPLES)]
    Repro(ReproArgs),
    /// Try a target file: what can be looked at there, and which features that decides
    Target(TargetArgs),
    /// Write what a run of the reference found into the catalogue
    #[command(after_help = MARK_EXAMPLES)]
    Mark(MarkArgs),
    /// Print a script that completes commands and options in a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(CompletionsArgs),
    /// Serve the embedded S3 store alone
    #[command(hide = true)]
    ObjectStore(ObjectStoreArgs),
}

fn long(examples: &str) -> String {
    format!("{SELECTIONS}\n\n{examples}")
}

/// Which features, by which catalogue.
#[derive(Debug, Clone, Args)]
pub struct Which {
    /// Features, such as `41`, `1-50`, `phase 1`, `area auth`, `failing`, `not 44`; all if nothing is said
    #[arg(value_name = "SELECTION")]
    pub selection: Vec<String>,
    /// The feature list [default: features/feature_list.json here or further up]
    #[arg(long, value_name = "FILE")]
    pub catalogue: Option<PathBuf>,
}

/// How a target is brought up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// `external` with a target file, else `docker` if an engine answers, else `native`
    Auto,
    /// Throw-away containers
    Docker,
    /// Throw-away processes of programs on this machine
    Native,
    /// A target that already runs, as a target file describes it
    External,
}

/// Arguments of `conform run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Which features.
    #[command(flatten)]
    pub which: Which,
    /// How the target is brought up
    #[arg(long, value_enum, default_value = "auto")]
    pub backend: Backend,
    /// A file that describes a target which already runs
    #[arg(long, value_name = "FILE")]
    pub target: Option<PathBuf>,
    /// A test cluster to try the Kubernetes manifests in, by `kubectl`; what they describe is removed again
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Where to write the record [default: a new directory under reports/runs]
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// How many checks run at the same time [default: what suits the machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// How long a single wait may really last, such as 90s or 2m [default: no longer than needed anyway]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub patience: Option<Duration>,
    /// How long an answer is waited for before it counts as silence [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub answer_within: Option<Duration>,
    /// Ids and chance of every check follow from it [default: a fresh one]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Manners on somebody else's system.
    #[command(flatten)]
    pub guest: GuestArgs,
    /// Never install a missing program, only name it
    #[arg(long)]
    pub no_install: bool,
    /// How the run goes.
    #[command(flatten)]
    pub course: CourseArgs,
}

/// Arguments of `conform list`.
#[derive(Debug, Clone, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) which: Which,
    /// Also list the steps of each feature
    #[arg(long)]
    pub(super) steps: bool,
}

/// Arguments of `conform explain`.
#[derive(Debug, Clone, Args)]
pub(super) struct ExplainArgs {
    /// Number of the feature
    pub(super) feature: u16,
    /// The record that tells what was seen [default: reports/latest]
    #[arg(long, value_name = "DIR")]
    pub(super) record: Option<PathBuf>,
    /// The feature list [default: features/feature_list.json here or further up]
    #[arg(long, value_name = "FILE")]
    pub(super) catalogue: Option<PathBuf>,
}

/// Formats of `conform progress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ProgressFormat {
    /// Markdown
    Md,
    /// One self-contained page
    Html,
}

/// Arguments of `conform progress`.
#[derive(Debug, Clone, Args)]
pub(super) struct ProgressArgs {
    /// The record to report [default: reports/latest]
    #[arg(long, value_name = "DIR")]
    pub(super) record: Option<PathBuf>,
    /// The earlier record to compare with [default: the last one before it]
    #[arg(long, value_name = "DIR")]
    pub(super) since: Option<PathBuf>,
    /// Format of the report
    #[arg(long, value_enum, default_value = "md")]
    pub(super) format: ProgressFormat,
    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// Arguments of `conform gate`.
#[derive(Debug, Clone, Args)]
pub(super) struct GateArgs {
    #[command(flatten)]
    pub(super) which: Which,
    /// The record to judge [default: reports/latest]
    #[arg(long, value_name = "DIR")]
    pub(super) record: Option<PathBuf>,
    /// Let `partial` pass, and say what was not observed
    #[arg(long)]
    pub(super) accept_partial: bool,
    /// Known failures to let pass, as `conform baseline` writes them
    #[arg(long, value_name = "FILE")]
    pub(super) baseline: Option<PathBuf>,
}

/// Arguments of `conform prove`.
#[derive(Debug, Clone, Args)]
pub struct ProveArgs {
    /// Which features.
    #[command(flatten)]
    pub which: Which,
    /// Only tamper with evidence; bring no target up
    #[arg(long)]
    pub offline: bool,
    /// With --offline: where to read evidence of passing checks [default: the evidence that comes with the suite]
    #[arg(long, value_name = "DIR", requires = "offline")]
    pub evidence: Option<PathBuf>,
    /// Where to save the evidence of this run, to be tampered with later
    #[arg(long, value_name = "DIR", conflicts_with = "offline")]
    pub save: Option<PathBuf>,
    /// How many of the other checks must stay as they are on each broken target: `all`, `none`, or a share such as
    /// `1/10`, drawn anew for each sabotage by the seed
    #[arg(long, value_name = "SHARE", default_value = "all")]
    pub others: Share,
    /// Seed of ids and of the draw
    #[arg(long, value_name = "N", default_value_t = 41)]
    pub seed: u64,
}

/// Arguments of `conform mark`.
#[derive(Debug, Clone, Args)]
pub(super) struct MarkArgs {
    /// Directory of a finished record of the reference
    pub(super) record: PathBuf,
    /// The feature list [default: features/feature_list.json here or further up]
    #[arg(long, value_name = "FILE")]
    pub(super) catalogue: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
