//! Several records side by side: targets as columns, features as rows, who passes what.

mod html;
mod markdown;

use super::{ReportError, Tally, plain, reason};
use crate::catalogue::Phase;
use crate::outcome::{Outcome, Verdict};
use crate::record::Record;
use serde::Serialize;
use std::collections::BTreeSet;

/// A format of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One self-contained page.
    Html,
    /// For people and pull requests.
    Markdown,
}

/// The records side by side in a format.
///
/// # Errors
/// When the page cannot be laid out.
pub fn render(records: &[Record], format: Format) -> Result<String, ReportError> {
    let table = SideBySide::of(records);
    match format {
        Format::Html => html::render(&table),
        Format::Markdown => Ok(markdown::render(&table)),
    }
}

/// The whole table; every text in it is harmless to a terminal, and to be escaped for the format.
#[derive(Debug, Serialize)]
struct SideBySide {
    columns: Vec<Column>,
    caveats: Vec<String>,
    rows: Vec<Row>,
    /// Rows in which not every column says the same.
    differing: usize,
}

#[derive(Debug, Serialize)]
struct Column {
    name: String,
    /// What ran, on what: shown below the name.
    facts: Vec<String>,
    words: String,
    pass: usize,
    of: usize,
}

#[derive(Debug, Serialize)]
struct Row {
    feature: u16,
    phase: u8,
    description: String,
    differs: bool,
    cells: Vec<Cell>,
}

#[derive(Debug, Serialize)]
struct Cell {
    /// The verdict's word, or `none` where the record has no outcome.
    verdict: &'static str,
    why: Option<String>,
}

impl SideBySide {
    fn of(records: &[Record]) -> SideBySide {
        let numbers: BTreeSet<u16> =
            records.iter().flat_map(|record| &record.outcomes).map(|outcome| outcome.feature).collect();
        let rows: Vec<Row> = numbers.into_iter().map(|feature| row(records, feature)).collect();
        SideBySide {
            columns: records.iter().enumerate().map(|(at, record)| column(records, at, record)).collect(),
            caveats: caveats(records),
            differing: rows.iter().filter(|row| row.differs).count(),
            rows,
        }
    }
}

fn column(records: &[Record], place: usize, record: &Record) -> Column {
    let header = &record.header;
    let tally = Tally::of(&record.outcomes);
    let whole = if record.finished() { None } else { Some("not whole".to_owned()) };
    let facts = [header.backend.clone(), header.tool.clone(), header.started.clone()];
    Column {
        name: name(records, place, record),
        facts: facts.into_iter().chain(whole).map(|fact| plain::line(&fact)).collect(),
        words: tally.words(),
        pass: tally.count(Verdict::Pass),
        of: tally.all(),
    }
}

/// The target; where two have the same, with the folder of the record, and with its place where even that is the same.
fn name(records: &[Record], place: usize, record: &Record) -> String {
    let target = plain::line(&record.header.target);
    let namesakes: Vec<usize> = (0..records.len())
        .filter(|other| *other != place && records[*other].header.target == record.header.target)
        .collect();
    if namesakes.is_empty() {
        return target;
    }
    let folder = |record: &Record| record.dir.file_name().map(|name| name.to_string_lossy().into_owned());
    match folder(record).filter(|own| namesakes.iter().all(|other| folder(&records[*other]).as_ref() != Some(own))) {
        Some(folder) => format!("{target} ({})", plain::line(&folder)),
        None => format!("{target} ({})", place + 1),
    }
}

fn row(records: &[Record], feature: u16) -> Row {
    let outcomes: Vec<Option<&Outcome>> = records.iter().map(|record| record.outcome(feature)).collect();
    let cells: Vec<Cell> = outcomes.iter().map(|outcome| cell(*outcome)).collect();
    Row {
        feature,
        phase: Phase::of(feature).map_or(0, |phase| phase.number),
        description: outcomes.iter().flatten().next().map(|one| plain::line(&one.description)).unwrap_or_default(),
        differs: cells.windows(2).any(|pair| pair[0].verdict != pair[1].verdict),
        cells,
    }
}

fn cell(outcome: Option<&Outcome>) -> Cell {
    Cell {
        verdict: outcome.map_or("none", |outcome| outcome.verdict.word()),
        why: outcome.filter(|outcome| outcome.verdict != Verdict::Unchecked).and_then(reason::because),
    }
}

/// What keeps the columns from being compared.
fn caveats(records: &[Record]) -> Vec<String> {
    let mut caveats = Vec::new();
    let differ = |what: fn(&Record) -> String| records.windows(2).any(|pair| what(&pair[0]) != what(&pair[1]));
    if differ(|record| record.header.catalogue.hash.clone()) {
        caveats.push("The records go by different catalogues: a feature may demand something else in each.".to_owned());
    }
    if differ(|record| record.header.tool.clone()) {
        caveats.push("The records were written by different versions of the suite.".to_owned());
    }
    let features: BTreeSet<u16> = records.iter().flat_map(|one| &one.outcomes).map(|one| one.feature).collect();
    let revised = |feature: &&u16| {
        let revisions: BTreeSet<u32> = records
            .iter()
            .filter_map(|record| record.outcome(**feature))
            .filter(|outcome| outcome.verdict != Verdict::Unchecked)
            .map(|outcome| outcome.revision)
            .collect();
        revisions.len() > 1
    };
    match features.iter().filter(revised).count() {
        0 => {}
        1 => caveats.push("One feature was decided by different revisions of its check.".to_owned()),
        count => caveats.push(format!("{count} features were decided by different revisions of their checks.")),
    }
    for (at, record) in records.iter().enumerate().filter(|(_, record)| !record.finished()) {
        caveats.push(format!("The record of {} is not whole.", name(records, at, record)));
    }
    caveats
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;
    use roxmltree::{Document, ParsingOptions};

    /// The fixture twice: once as it is, once of another target in which everything passes but one.
    fn records() -> Vec<Record> {
        let (_place, one) = fixture::finished();
        let mut other = one.clone();
        other.header.target = "other | <b>".into();
        other.outcomes.pop();
        for outcome in other.outcomes.iter_mut().filter(|outcome| outcome.feature != 42) {
            outcome.verdict = Verdict::Pass;
        }
        vec![one, other]
    }

    #[test]
    fn every_feature_of_any_record_has_a_row_and_every_record_a_column() {
        let table = SideBySide::of(&records());
        assert_eq!((table.columns.len(), table.rows.len()), (2, 8));
        assert!(table.rows.iter().all(|row| row.cells.len() == 2));
        let differing: Vec<u16> = table.rows.iter().filter(|row| row.differs).map(|row| row.feature).collect();
        assert_eq!(differing, [43, 44, 45, 46, 64, 679]);
        assert_eq!(table.rows[7].cells[1].verdict, "none");
        assert_eq!(table.caveats, Vec::<String>::new());
    }

    #[test]
    fn columns_of_the_same_target_are_told_apart() {
        let (_place, one) = fixture::finished();
        let mut other = one.clone();
        other.dir = "runs/second".into();
        let table = SideBySide::of(&[one.clone(), other, one]);
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["reference (1)", "reference (second)", "reference (3)"]);
    }

    #[test]
    fn whatever_spoils_the_comparison_is_said() {
        let mut records = records();
        records[1].header.catalogue.hash = "another".into();
        records[1].header.tool = "conform 9".into();
        records[1].outcomes[0].revision = 2;
        records[1].footer = None;
        let caveats = SideBySide::of(&records).caveats.join(" ");
        for words in ["different catalogues", "different versions", "One feature", "other | <b> is not whole"] {
            assert!(caveats.contains(words), "{caveats}");
        }
    }

    #[test]
    fn the_page_is_well_formed_and_its_texts_stay_text() {
        let page = render(&records(), Format::Html).unwrap();
        let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
        let document = Document::parse_with_options(&page, options).unwrap();
        let rows = document.descendants().filter(|node| node.has_attribute("data-differs"));
        assert_eq!(rows.count(), 8);
        assert!(!page.contains("<script>alert") && !page.contains('\u{1b}'));
    }

    #[test]
    fn the_table_in_markdown_has_as_many_cells_in_every_line() {
        let page = render(&records(), Format::Markdown).unwrap();
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        let rows: Vec<usize> = page.lines().filter(|line| line.starts_with('|')).map(cells).collect();
        assert!(rows.len() > 8 && rows.iter().all(|count| *count == rows[0]), "{page}");
    }
}
