//! Writes a record while the run goes on, so that a run that breaks still leaves what it found.

use super::{Footer, Header, OUTCOMES_FILE, RecordError, RecordLine, Redactor, evidence_path};
use crate::outcome::{Evidence, Outcome, Verdict};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// A record that is being written; tasks share it by reference.
#[derive(Debug)]
pub struct RecordWriter {
    dir: PathBuf,
    redactor: Redactor,
    open: Mutex<Open>,
}

/// The file and what stands in it.
#[derive(Debug)]
struct Open {
    file: File,
    verdicts: BTreeMap<u16, Verdict>,
}

impl RecordWriter {
    /// Begins a record in a directory, which is made if it is not there.
    ///
    /// # Errors
    /// When the directory already holds a record or cannot be written.
    pub fn create(dir: &Path, header: &Header) -> Result<RecordWriter, RecordError> {
        RecordWriter::create_with(dir, header, Redactor::default())
    }

    /// Begins a record whose very header may name secrets.
    ///
    /// # Errors
    /// When the directory already holds a record or cannot be written.
    pub fn create_with(dir: &Path, header: &Header, redactor: Redactor) -> Result<RecordWriter, RecordError> {
        let evidence = dir.join("evidence");
        fs::create_dir_all(&evidence).map_err(|source| unwritable(&evidence, source))?;
        let path = dir.join(OUTCOMES_FILE);
        let file = File::options().append(true).create_new(true).open(&path);
        let file = file.map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => RecordError::Exists { dir: dir.into() },
            _ => unwritable(&path, source),
        })?;
        let writer =
            RecordWriter { dir: dir.into(), open: Mutex::new(Open { file, verdicts: BTreeMap::new() }), redactor };
        let line = RecordLine::Header(writer.redactor.header(header));
        writer.append(&mut writer.lock(), &line)?;
        Ok(writer)
    }

    /// The directory of the record.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Learns secrets that came up during the run; whatever is written from now on does not show them.
    pub fn know<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) {
        self.redactor.know(secrets);
    }

    /// Writes the evidence of a check, then its outcome.
    ///
    /// # Errors
    /// When the disk refuses, or the feature already has an outcome.
    pub fn outcome(&self, outcome: &Outcome, evidence: Option<&Evidence>) -> Result<(), RecordError> {
        let mut open = self.lock();
        if open.verdicts.contains_key(&outcome.feature) {
            return Err(RecordError::Twice { feature: outcome.feature });
        }
        if let Some(evidence) = evidence {
            // The evidence comes first: a line in the outcomes promises that it is there.
            let path = evidence_path(&self.dir, outcome.feature);
            let text = self.redactor.evidence(evidence).to_lines();
            fs::write(&path, text).map_err(|source| unwritable(&path, source))?;
        }
        self.append(&mut open, &RecordLine::Outcome(self.redactor.outcome(outcome)))?;
        open.verdicts.insert(outcome.feature, outcome.verdict);
        Ok(())
    }

    /// How many features have which verdict so far.
    pub fn totals(&self) -> BTreeMap<Verdict, usize> {
        let mut totals = BTreeMap::new();
        for verdict in self.lock().verdicts.values() {
            *totals.entry(*verdict).or_default() += 1;
        }
        totals
    }

    /// Ends the record.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(&self, footer: &Footer) -> Result<(), RecordError> {
        let mut open = self.lock();
        self.append(&mut open, &RecordLine::Footer(self.redactor.footer(footer)))?;
        open.file.sync_all().map_err(|source| unwritable(&self.dir.join(OUTCOMES_FILE), source))
    }

    /// One write for each line: whoever kills the run leaves whole lines, but perhaps for the last.
    fn append(&self, open: &mut Open, line: &RecordLine) -> Result<(), RecordError> {
        open.file
            .write_all(line.to_text().as_bytes())
            .map_err(|source| unwritable(&self.dir.join(OUTCOMES_FILE), source))
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().expect("nothing panics while it holds this lock")
    }
}

fn unwritable(path: &Path, source: std::io::Error) -> RecordError {
    RecordError::Unwritable { path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Record, fixture};

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let place = tempfile::tempdir().unwrap();
        fixture::write(place.path());
        let record = Record::read(place.path()).unwrap();
        assert_eq!(record.header, fixture::header());
        assert_eq!(record.outcomes, fixture::outcomes());
        assert_eq!(record.evidence(41).unwrap(), Some(fixture::evidence_of_41()));
        assert_eq!(record.evidence(44).unwrap(), None);
        assert!(record.finished());
    }

    #[test]
    fn a_record_is_never_written_over_another() {
        let place = tempfile::tempdir().unwrap();
        fixture::write(place.path());
        let before = fs::read(place.path().join(OUTCOMES_FILE)).unwrap();
        let told = RecordWriter::create(place.path(), &fixture::header()).unwrap_err();
        assert!(matches!(told, RecordError::Exists { .. }), "{told}");
        assert_eq!(fs::read(place.path().join(OUTCOMES_FILE)).unwrap(), before);
    }

    #[test]
    fn a_feature_has_one_outcome() {
        let place = tempfile::tempdir().unwrap();
        let writer = RecordWriter::create(place.path(), &fixture::header()).unwrap();
        let outcome = &fixture::outcomes()[0];
        writer.outcome(outcome, None).unwrap();
        assert!(matches!(writer.outcome(outcome, None), Err(RecordError::Twice { .. })));
        assert_eq!(writer.totals(), BTreeMap::from([(outcome.verdict, 1)]));
    }

    #[test]
    fn tasks_that_write_at_once_leave_whole_lines() {
        let place = tempfile::tempdir().unwrap();
        let writer = RecordWriter::create(place.path(), &fixture::header()).unwrap();
        let template = &fixture::outcomes()[0];
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let writer = &writer;
                scope.spawn(move || {
                    for turn in 0..50 {
                        let mut outcome = template.clone();
                        outcome.feature = thread * 50 + turn + 1;
                        writer.outcome(&outcome, None).unwrap();
                    }
                });
            }
        });
        let record = Record::read(place.path()).unwrap();
        assert_eq!(record.outcomes.len(), 200);
        assert!(!record.finished(), "there is no footer yet");
    }

    #[test]
    fn secrets_do_not_reach_the_disk() {
        let place = tempfile::tempdir().unwrap();
        let mut header = fixture::header();
        header.facts.insert("database".into(), "postgres://u:first-secret@h/db".into());
        let redactor = Redactor::new(["first-secret"]);
        let writer = RecordWriter::create_with(place.path(), &header, redactor).unwrap();
        writer.know(["second-secret"]);
        let mut outcome = fixture::outcomes()[0].clone();
        outcome.reason = Some("login with second-secret failed".into());
        let mut footer = fixture::footer();
        footer.environment.as_mut().unwrap()[0].version = Some("1.0 of second-secret".into());
        let mut evidence = fixture::evidence_of_41();
        evidence.observations[0].seen = serde_json::json!({"note": "second-secret", "cookie": "a=b"});
        writer.outcome(&outcome, Some(&evidence)).unwrap();
        writer.finish(&footer).unwrap();
        let outcomes = fs::read_to_string(place.path().join(OUTCOMES_FILE)).unwrap();
        let evidence = fs::read_to_string(evidence_path(place.path(), outcome.feature)).unwrap();
        for text in [&outcomes, &evidence] {
            assert!(!text.contains("-secret"), "{text}");
            assert!(text.contains("‹secret›"), "{text}");
        }
        assert!(evidence.contains(r#""cookie":"‹removed›""#), "{evidence}");
    }
}
