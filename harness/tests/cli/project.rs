//! A folder with a catalogue and records in it, in which commands are run.

use harness::catalogue::Catalogue;
use harness::outcome::{Circumstances, Evidence, Expectation, Observation, Outcome, StepOutcome, Verdict};
use harness::record::{CatalogueId, Footer, Header, RecordWriter, VERSION, point_latest};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many features the catalogue of a project has.
pub const FEATURES: u16 = 60;

/// A folder that is removed at the end.
pub struct Project {
    dir: tempfile::TempDir,
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Project {
    /// A project with a catalogue and without any record.
    pub fn new() -> Project {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("features")).unwrap();
        let entries: Vec<String> = (1..=FEATURES).map(entry).collect();
        let project = Project { dir };
        fs::write(project.catalogue_path(), format!("[\n{}\n]\n", entries.join(",\n"))).unwrap();
        project
    }

    /// A project whose last record has these verdicts.
    pub fn with_record(verdicts: &[(u16, Verdict)]) -> Project {
        let project = Project::new();
        let record = project.record("last", "reference", verdicts, true);
        point_latest(&project.path().join("reports"), &record).unwrap();
        project
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn catalogue_path(&self) -> PathBuf {
        self.path().join("features/feature_list.json")
    }

    pub fn catalogue_text(&self) -> String {
        fs::read_to_string(self.catalogue_path()).unwrap()
    }

    /// Writes a record and tells where.
    pub fn record(&self, name: &str, target: &str, verdicts: &[(u16, Verdict)], finished: bool) -> PathBuf {
        let dir = self.path().join("reports/runs").join(name);
        let writer = RecordWriter::create(&dir, &self.header(target, verdicts)).unwrap();
        for (feature, verdict) in verdicts {
            let evidence = (*verdict != Verdict::Unchecked).then(|| evidence(*feature));
            writer.outcome(&outcome(*feature, *verdict), evidence.as_ref()).unwrap();
        }
        if finished {
            let footer = Footer {
                ended: "2025-11-24T06:50:00Z".into(),
                duration_ms: 60_000.0,
                totals: writer.totals(),
                environment: None,
                deadlines: None,
            };
            writer.finish(&footer).unwrap();
        }
        dir
    }

    fn header(&self, target: &str, verdicts: &[(u16, Verdict)]) -> Header {
        Header {
            version: VERSION,
            tool: "conform 0.1.0".into(),
            started: "2025-11-24T06:49:00Z".into(),
            catalogue: CatalogueId::of(&Catalogue::load(self.catalogue_path()).unwrap()),
            backend: "native".into(),
            target: target.into(),
            facts: [].into(),
            seed: 7,
            patience_s: 0.0,
            selection: verdicts.iter().map(|(feature, _)| *feature).collect(),
        }
    }

    /// Runs `conform` in the folder.
    pub fn conform(&self, words: &[&str]) -> Ran {
        Ran::of(&mut self.command(words))
    }

    /// `conform` in the folder, yet to be run.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_conform"));
        command.args(words).current_dir(self.path());
        command
    }
}

impl Ran {
    /// Runs a command; what it writes is kept, unless it goes elsewhere.
    pub fn of(command: &mut Command) -> Ran {
        let output = command.output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Feature 50 has no steps yet; every third is said to pass.
fn entry(number: u16) -> String {
    let steps = if number == 50 { json!([]) } else { json!(["It is done", "It is seen"]) };
    let passes = number.is_multiple_of(3);
    format!(
        "  {{\"category\": \"functional\", \"description\": \"Demand {number}\", \"steps\": {steps},  \"passes\": {passes}}}"
    )
}

fn outcome(feature: u16, verdict: Verdict) -> Outcome {
    let second = match verdict {
        Verdict::Partial => Verdict::Skip,
        other => other,
    };
    let steps = vec![step(1, "It is done", Verdict::Pass), step(2, "It is seen", second)];
    Outcome {
        feature,
        description: format!("Demand {feature}"),
        verdict,
        revision: 1,
        steps: if verdict == Verdict::Unchecked { vec![] } else { steps },
        duration_ms: 12.0,
        rounds: Default::default(),
        reason: None,
    }
}

fn step(step: u8, text: &str, verdict: Verdict) -> StepOutcome {
    let reason = matches!(verdict, Verdict::Skip | Verdict::Error).then(|| "needs access to Redis".to_owned());
    let expectation = Expectation {
        requirement: "status".into(),
        expected: "200".into(),
        observed: json!(if verdict == Verdict::Fail { 500 } else { 200 }),
        holds: verdict != Verdict::Fail,
        evidence: vec![1],
    };
    StepOutcome {
        step,
        text: text.into(),
        verdict,
        expectations: if reason.is_some() { vec![] } else { vec![expectation] },
        observed_as: None,
        reason,
    }
}

fn evidence(feature: u16) -> Evidence {
    Evidence {
        circumstances: Circumstances { feature, revision: 1, seed: 7, had: vec![], patience_s: 0.0 },
        observations: vec![Observation {
            seq: 1,
            step: 1,
            probe: "http".into(),
            asked: json!({"service": "gateway", "method": "GET", "path": "/health"}),
            seen: json!({"status": 200, "body": "<i>\u{1b}[31m"}),
            took_ms: 1.0,
        }],
    }
}
