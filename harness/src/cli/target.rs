//! `conform target check FILE`: says what of somebody else's system can be looked at, before anything is run on it.

use super::args::Which;
use super::place::{self, CommandError};
use super::voice::complain;
use crate::catalogue::Feature;
use crate::check::Check;
use crate::checks;
use crate::exit_code::Exit;
use crate::provision::external::{self, TargetFileError};
use crate::report::plain;
use crate::survey::{Decidable, Looked, decidable, key, look};
use crate::target::{Need, Target};
use clap::{Args, Subcommand};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  conform target check staging.toml             what can be looked at there, and what that decides
  conform target check staging.toml phase 1 --patience 65s

Nothing is stopped, started or written. Exit codes: 0 the target answers, 2 the file is wrong, 3 nothing answers.";

/// Arguments of `conform target`.
#[derive(Debug, Clone, Args)]
pub(super) struct TargetArgs {
    #[command(subcommand)]
    command: TargetCommand,
}

/// What to do with a target file.
#[derive(Debug, Clone, Subcommand)]
enum TargetCommand {
    /// Try each probe once and say which features can be decided
    #[command(after_help = EXAMPLES)]
    Check(CheckArgs),
}

/// Arguments of `conform target check`.
#[derive(Debug, Clone, Args)]
struct CheckArgs {
    /// The target file
    file: PathBuf,
    #[command(flatten)]
    which: Which,
    /// How long a single wait of a run would be allowed to last, such as 90s or 2m
    #[arg(long, value_name = "TIME", value_parser = super::duration::duration)]
    patience: Option<Duration>,
}

/// Why a target file could not be tried.
#[derive(Debug, thiserror::Error)]
enum SurveyError {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    TargetFile(#[from] TargetFileError),
    #[error("the harness could not start: {0}")]
    Runtime(#[from] std::io::Error),
}

/// Does what is asked and says how it ended.
pub(super) fn target(args: &TargetArgs) -> ExitCode {
    let TargetCommand::Check(args) = &args.command;
    match check(args) {
        Ok(exit) => exit.into(),
        Err(error) => {
            complain(&error);
            let exit = match error {
                SurveyError::Runtime(_) => Exit::CouldNotLook,
                SurveyError::Command(error) => error.exit(),
                SurveyError::TargetFile(_) => Exit::Misused,
            };
            exit.into()
        }
    }
}

fn check(args: &CheckArgs) -> Result<Exit, SurveyError> {
    let target = external::load(&args.file, &|name| std::env::var(name).ok())?;
    let path = place::catalogue_path(args.which.catalogue.as_deref())?;
    let catalogue = place::catalogue(Some(&path))?;
    let selected = place::select(&args.which.selection, &catalogue, None)?;
    let chosen: Vec<(Feature, &'static Check)> = selected
        .numbers()
        .iter()
        .filter_map(|&number| Some((catalogue.feature(number)?.clone(), checks::find(number)?)))
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (looked, usable) = runtime.block_on(look(&target));
    let evidence = place::shipped_evidence(&path);
    let patience = args.patience.unwrap_or_default();
    let mut all = Vec::new();
    for (feature, check) in &chosen {
        if let Ok(evidence) = place::evidence(&evidence, feature.number) {
            all.push(decidable(check, feature, &evidence, &usable, patience));
        }
    }
    let decided = match all.is_empty() && !chosen.is_empty() {
        true => {
            let evidence = plain::path(&evidence);
            format!("\nwhat that decides is told by the suite's own evidence, which is not in {evidence}\n")
        }
        false => sum(&all),
    };
    place::print(&(table(&target, &looked) + &decided))?;
    let answers = looked.iter().any(|one| one.answered);
    Ok(if answers { Exit::Fine } else { Exit::CouldNotLook })
}

fn table(target: &Target, looked: &[Looked]) -> String {
    let mut text = format!("target {}\n\n", plain::line(&target.name));
    let width = looked.iter().map(|one| one.at.to_string().len()).max().unwrap_or_default();
    for one in looked {
        let mark = if one.works { "yes" } else { "no " };
        let _ = writeln!(text, "  {mark}  {:width$}  {}", one.at.to_string(), plain::line(&one.seen));
    }
    for rule in &target.rules.forbidden {
        let _ = writeln!(text, "  forbidden: {}", plain::line(&rule.to_string()));
    }
    text
}

/// How many features can be decided, and what would decide more.
fn sum(all: &[Decidable]) -> String {
    let whole = all.iter().filter(|one| one.is_whole()).count();
    let part = all.iter().filter(|one| one.is_part()).count();
    let mut text = format!("\n{whole} of {} features can be decided here, {part} more in part\n", all.len());
    let mut gains = BTreeMap::<Need, usize>::new();
    for one in all {
        let mut missing = one.missing.iter();
        if let (Some(&need), None) = (missing.next(), missing.next()) {
            *gains.entry(need).or_default() += 1;
        }
    }
    let mut gains: Vec<(usize, String)> =
        gains.into_iter().filter_map(|(need, gain)| Some((gain, key(need)?))).collect();
    gains.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    for (gain, key) in gains {
        let _ = writeln!(text, "  `{key}` would add {gain}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(feature: u16, decided: usize, missing: &[Need]) -> Decidable {
        Decidable { feature, steps: 4, decided, missing: missing.iter().copied().collect() }
    }

    #[test]
    fn only_what_is_missing_alone_would_add_a_feature() {
        let all = [
            one(1, 4, &[]),
            one(2, 2, &[Need::Redis]),
            one(3, 0, &[Need::Sql]),
            one(4, 3, &[Need::Sql]),
            one(5, 0, &[Need::Sql, Need::Redis]),
            one(6, 1, &[Need::Containers]),
        ];
        let text = sum(&all);
        assert_eq!(
            text,
            "\n1 of 6 features can be decided here, 3 more in part\n  `[postgres]` would add 2\n  `[redis]` would add 1\n"
        );
    }
}
