//! `conform rejudge`: the evidence of a record decided anew, by the checks as they are now.

use super::place::{self, CommandError};
use crate::catalogue::Catalogue;
use crate::checks;
use crate::exit_code::Exit;
use crate::outcome::{Evidence, Outcome, Verdict};
use crate::proof::replay;
use crate::record::{REMOVED, Record, RecordWriter};
use crate::report::{plain, reason};
use clap::Args;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Arguments of `conform rejudge`.
#[derive(Debug, Clone, Args)]
pub(super) struct RejudgeArgs {
    /// The record whose evidence is looked at again [default: reports/latest]
    #[arg(value_name = "RECORD")]
    record: Option<PathBuf>,
    /// Where to write a record with what was decided [default: nowhere; it is only told]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// The feature list [default: features/feature_list.json here or further up]
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
}

/// What became of one outcome.
enum Anew {
    /// Decided on the evidence.
    Decided(Outcome),
    /// There is nothing to decide it on, or what there is does not fit the check any more: it stays as it was.
    Kept(Outcome, Option<String>),
}

/// Decides anew, tells what changed, and ends as a run with these outcomes would have.
pub(super) fn rejudge(args: &RejudgeArgs) -> Result<Exit, CommandError> {
    let catalogue = place::catalogue(args.catalogue.as_deref())?;
    let record = place::record(args.record.as_deref())?.ok_or(CommandError::NoRecord)?;
    let (mut told, mut outcomes, mut decided, mut changed) = (String::new(), Vec::new(), 0, 0);
    for before in &record.outcomes {
        let evidence = record.evidence(before.feature)?;
        let (outcome, note) = match anew(&catalogue, before, evidence.as_ref()) {
            Anew::Decided(after) => {
                decided += 1;
                let note = (after.verdict != before.verdict)
                    .then(|| format!("{}, was {}", reason::why(&after), before.verdict));
                changed += usize::from(note.is_some());
                (after, note)
            }
            Anew::Kept(outcome, why) => (outcome, why.map(|why| format!("stays {}: {why}", before.verdict))),
        };
        if let Some(note) = note {
            let _ = writeln!(told, "f{:03}  {note}", outcome.feature);
        }
        outcomes.push(outcome);
    }
    let _ = writeln!(
        told,
        "{decided} of {} outcomes were decided anew on their evidence; {changed} changed",
        outcomes.len()
    );
    place::print(&plain::text(&told))?;
    if let Some(dir) = &args.output {
        write(&record, &outcomes, dir)?;
    }
    let verdicts = outcomes.iter().map(|outcome| outcome.verdict);
    Ok(Exit::of_run(&verdicts.fold(Default::default(), |mut totals: std::collections::BTreeMap<_, _>, verdict| {
        *totals.entry(verdict).or_insert(0) += 1;
        totals
    })))
}

fn anew(catalogue: &Catalogue, before: &Outcome, evidence: Option<&Evidence>) -> Anew {
    let kept = |why: Option<String>| Anew::Kept(before.clone(), why);
    let (Some(check), Some(feature)) = (checks::find(before.feature), catalogue.feature(before.feature)) else {
        return kept(None);
    };
    let Some(evidence) = evidence else {
        return kept(None);
    };
    let after = replay(check, feature, evidence).outcome;
    let unfit = after.steps.iter().find_map(|step| {
        let reason = step.reason.as_deref()?;
        (step.verdict == Verdict::Error && reason.contains("does not fit the check")).then(|| reason.to_owned())
    });
    if let Some(unfit) = unfit {
        return kept(Some(unfit));
    }
    // Where a secret stood, nobody can tell any more what the check would have made of it.
    if after.verdict != before.verdict && evidence.to_lines().contains(REMOVED) {
        return kept(Some("its evidence holds values that were removed as secrets".to_owned()));
    }
    Anew::Decided(Outcome { duration_ms: before.duration_ms, rounds: before.rounds.clone(), ..after })
}

fn write(record: &Record, outcomes: &[Outcome], dir: &std::path::Path) -> Result<(), CommandError> {
    let mut header = record.header.clone();
    header.tool = format!("conform {}", env!("CARGO_PKG_VERSION"));
    header.facts.insert("rejudged".to_owned(), format!("from a record of {}", record.header.tool));
    let writer = RecordWriter::create(dir, &header)?;
    for outcome in outcomes {
        writer.outcome(outcome, record.evidence(outcome.feature)?.as_ref())?;
    }
    if let Some(footer) = &record.footer {
        let mut footer = footer.clone();
        footer.totals = writer.totals();
        writer.finish(&footer)?;
    }
    Ok(())
}
