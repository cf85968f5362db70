//! `conform mark`: what a run of the reference found, written into the catalogue.

use super::args::MarkArgs;
use super::place::{self, CommandError};
use super::whole_file;
use crate::catalogue::{Catalogue, CatalogueError};
use crate::exit_code::Exit;
use crate::outcome::Verdict;
use crate::record::{CatalogueId, Record};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;

/// The target whose features the catalogue tells of.
const REFERENCE: &str = "reference";

/// Writes `passes` of every feature in the record; everything else in the file stays, to the byte.
pub(super) fn mark(args: &MarkArgs) -> Result<Exit, CommandError> {
    let path = place::catalogue_path(args.catalogue.as_deref())?;
    let record = Record::read(&args.record)?;
    let unreadable = |cause| CatalogueError::Unreadable { path: path.clone(), cause };
    let text = fs::read_to_string(&path).map_err(unreadable)?;
    let catalogue = Catalogue::parse(&text, &path)?;
    fit(&record, &catalogue)?;
    let marked = marked(&text, &record);
    if marked.text != text {
        // A link stays a link; the file it leads to changes.
        let replaced = fs::canonicalize(&path).and_then(|file| whole_file::replace(&file, &marked.text));
        replaced.map_err(|source| CommandError::Unwritable { path, source })?;
    }
    place::print(&format!(
        "{} of {} features in the record changed: {} pass now, {} no longer\n",
        marked.gained + marked.lost,
        record.outcomes.len(),
        marked.gained,
        marked.lost
    ))?;
    Ok(Exit::Fine)
}

/// Only a finished run of the reference, by this very catalogue, says what the reference can do.
fn fit(record: &Record, catalogue: &Catalogue) -> Result<(), CommandError> {
    let unfit = |why: String| Err(CommandError::Unfit(why));
    if let Some(damage) = &record.damage {
        return unfit(format!("the record is damaged: {damage}"));
    }
    if !record.finished() {
        return unfit("the run was broken off before its end".to_owned());
    }
    if record.header.target != REFERENCE {
        return unfit(format!("the record is of `{}`, not of the reference", record.header.target));
    }
    if record.header.catalogue != CatalogueId::of(catalogue) {
        return unfit("the record goes by another catalogue; run the features again".to_owned());
    }
    Ok(())
}

/// The text of a catalogue with what was found, and how much of it is news.
struct Marked {
    text: String,
    gained: usize,
    lost: usize,
}

fn marked(text: &str, record: &Record) -> Marked {
    let mut marked = Marked { text: String::with_capacity(text.len() + record.outcomes.len()), gained: 0, lost: 0 };
    let mut copied = 0;
    for (number, place) in (1..).zip(places(text)) {
        let Some(outcome) = record.outcome(number) else {
            continue;
        };
        let (before, now) = (&text[place.clone()], outcome.verdict == Verdict::Pass);
        match (before, now) {
            ("false", true) => marked.gained += 1,
            ("true", false) => marked.lost += 1,
            _ => {}
        }
        marked.text.push_str(&text[copied..place.start]);
        marked.text.push_str(if now { "true" } else { "false" });
        copied = place.end;
    }
    marked.text.push_str(&text[copied..]);
    marked
}

/// Where the value of `passes` stands in each entry.
fn places(text: &str) -> Vec<Range<usize>> {
    let is_catalogue = "the text was read as a catalogue before";
    let entries: Vec<BTreeMap<String, &RawValue>> = serde_json::from_str(text).expect(is_catalogue);
    let place = |entry: &BTreeMap<String, &RawValue>| {
        let value = entry["passes"].get();
        // The value is a part of the text, so the distance between their beginnings is its place.
        let start = value.as_ptr() as usize - text.as_ptr() as usize;
        start..start + value.len()
    };
    entries.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;

    const LIST: &str = "[ {\"passes\" :true, \"category\": \"style\",\r\n \"description\":\"\\\"passes\\\": true\",\n\
        \t\"steps\":[\"passes\"]},\n  {\"category\":\"style\",\"description\":\"ü\",\"steps\":[],\"passes\":\tfalse } ]\n\n";

    fn record(verdicts: &[(u16, Verdict)]) -> (tempfile::TempDir, Record) {
        let (place, mut record) = fixture::finished();
        let template = record.outcomes[0].clone();
        let outcome = |(feature, verdict): &(u16, Verdict)| crate::outcome::Outcome {
            feature: *feature,
            verdict: *verdict,
            ..template.clone()
        };
        record.outcomes = verdicts.iter().map(outcome).collect();
        record.header.catalogue = CatalogueId::of(&Catalogue::parse(LIST, "list.json").unwrap());
        (place, record)
    }

    #[test]
    fn only_the_marks_change() {
        let (_place, record) = record(&[(1, Verdict::Partial), (2, Verdict::Pass)]);
        let marked = marked(LIST, &record);
        let expected = LIST.replace("\" :true", "\" :false").replace("\tfalse", "\ttrue");
        assert_eq!(marked.text, expected);
        assert_eq!((marked.gained, marked.lost), (1, 1));
        let (before, after) = (Catalogue::parse(LIST, "a").unwrap(), Catalogue::parse(&marked.text, "a").unwrap());
        assert_eq!(CatalogueId::of(&before), CatalogueId::of(&after), "so it can be marked again");
    }

    #[test]
    fn features_that_were_not_run_keep_their_mark() {
        let (_place, record) = record(&[(2, Verdict::Fail)]);
        assert_eq!(marked(LIST, &record).text, LIST);
    }

    #[test]
    fn only_a_finished_run_of_the_reference_by_this_catalogue_will_do() {
        let catalogue = Catalogue::parse(LIST, "list.json").unwrap();
        let refused = |spoil: fn(&mut Record)| {
            let (_place, mut record) = record(&[(1, Verdict::Pass)]);
            spoil(&mut record);
            fit(&record, &catalogue).map_err(|error| error.to_string())
        };
        assert_eq!(refused(|_| {}), Ok(()));
        assert!(refused(|record| record.footer = None).unwrap_err().contains("broken off"));
        assert!(refused(|record| record.damage = Some("x".into())).unwrap_err().contains("damaged"));
        assert!(refused(|record| record.header.target = "mine".into()).unwrap_err().contains("not of the reference"));
        assert!(refused(|record| record.header.catalogue.hash.clear()).unwrap_err().contains("another catalogue"));
    }
}
