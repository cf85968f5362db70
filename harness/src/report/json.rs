//! The report for programs; `reports/report.schema.json` describes it.

use super::summary::flaky;
use super::{Group, Summary, Tally, plain};
use crate::catalogue::{Area, Phase};
use crate::outcome::Outcome;
use crate::record::{CatalogueId, Deadlines, Record, ServiceState};
use serde::Serialize;
use std::collections::BTreeMap;

/// Version of the report's form.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    report: u32,
    tool: &'a str,
    started: &'a str,
    ended: Option<&'a str>,
    duration_ms: Option<f64>,
    finished: bool,
    damage: Option<&'a str>,
    catalogue: &'a CatalogueId,
    backend: &'a str,
    target: &'a str,
    facts: &'a BTreeMap<String, String>,
    environment: Option<&'a [ServiceState]>,
    deadlines: Option<Deadlines>,
    seed: u64,
    patience_s: f64,
    selection: &'a [u16],
    missing: &'a [u16],
    totals: &'a Tally,
    flaky: Vec<u16>,
    phases: Vec<PhaseEntry<'a>>,
    areas: Vec<AreaEntry<'a>>,
    features: Vec<FeatureEntry<'a>>,
}

#[derive(Serialize)]
struct PhaseEntry<'a> {
    phase: Option<u8>,
    name: &'a str,
    first: u16,
    last: u16,
    totals: &'a Tally,
}

#[derive(Serialize)]
struct AreaEntry<'a> {
    area: &'a str,
    first: u16,
    last: u16,
    totals: &'a Tally,
}

#[derive(Serialize)]
struct FeatureEntry<'a> {
    phase: Option<u8>,
    area: Option<Area>,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

/// The report as indented JSON, ended by a newline.
pub(super) fn render(record: &Record) -> String {
    let summary = Summary::of(record);
    let header = &record.header;
    let report = Report {
        report: VERSION,
        tool: &header.tool,
        started: &header.started,
        ended: record.footer.as_ref().map(|footer| footer.ended.as_str()),
        duration_ms: record.footer.as_ref().map(|footer| footer.duration_ms),
        finished: record.finished(),
        damage: record.damage.as_deref(),
        catalogue: &header.catalogue,
        backend: &header.backend,
        target: &header.target,
        facts: &header.facts,
        environment: record.footer.as_ref().and_then(|footer| footer.environment.as_deref()),
        deadlines: record.footer.as_ref().and_then(|footer| footer.deadlines),
        seed: header.seed,
        patience_s: header.patience_s,
        selection: &header.selection,
        missing: &summary.missing,
        totals: &summary.tally,
        flaky: flaky(record).iter().map(|outcome| outcome.feature).collect(),
        phases: summary.phases.iter().map(phase_entry).collect(),
        areas: summary.areas.iter().map(area_entry).collect(),
        features: record.outcomes.iter().map(feature_entry).collect(),
    };
    let value = serde_json::to_value(&report).expect("plain data has a JSON form");
    let text = serde_json::to_string_pretty(&plain::tree(&value)).expect("a JSON value has a text");
    text + "\n"
}

fn phase_entry(group: &Group) -> PhaseEntry<'_> {
    PhaseEntry {
        phase: group.phase,
        name: group.name,
        first: *group.numbers.start(),
        last: *group.numbers.end(),
        totals: &group.tally,
    }
}

fn area_entry(group: &Group) -> AreaEntry<'_> {
    AreaEntry { area: group.name, first: *group.numbers.start(), last: *group.numbers.end(), totals: &group.tally }
}

fn feature_entry(outcome: &Outcome) -> FeatureEntry<'_> {
    FeatureEntry {
        phase: Phase::of(outcome.feature).map(|phase| phase.number),
        area: Area::of(outcome.feature),
        outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;
    use crate::record::schema::{faults, keys, property_names, published};
    use crate::report::snapshot;
    use serde_json::Value;

    fn reports() -> [Value; 2] {
        let (_place, finished) = fixture::finished();
        let (_place, mut damaged) = fixture::unfinished();
        damaged.damage = Some("line 9 breaks off".into());
        [finished, damaged].map(|record| serde_json::from_str(&render(&record)).unwrap())
    }

    #[test]
    fn the_report_is_as_its_snapshot() {
        let (_place, record) = fixture::finished();
        snapshot("report.json", &render(&record));
    }

    #[test]
    fn the_report_is_as_published() {
        let schema = published("reports/report.schema.json");
        let mut used = std::collections::BTreeSet::new();
        for report in reports() {
            assert_eq!(faults(&schema, &report), Vec::<String>::new());
            used.extend(keys(&report));
        }
        let idle: Vec<String> = property_names(&schema).difference(&used).cloned().collect();
        assert_eq!(idle, Vec::<String>::new());
    }

    #[test]
    fn no_control_character_is_left_in_any_text() {
        let (_place, record) = fixture::finished();
        let text = render(&record);
        assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'));
        assert!(!text.contains("\\u00"), "not even an escaped one");
        assert!(text.contains("␛[31mred␛[0m ␀"));
    }
}
