//! Writes a record while the run goes on, so that a run that breaks still leaves what it found.

use super::read::{bytes_of, text_of};
use super::{Footer, Header, OUTCOMES_FILE, Record, RecordError, RecordLine, Redactor, evidence_path};
use crate::disk::{Journal, open_with};
use crate::outcome::{Evidence, Outcome, Verdict};
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// A record that is being written; tasks share it by reference.
#[derive(Debug)]
pub struct RecordWriter {
    dir: PathBuf,
    redactor: Redactor,
    open: Mutex<Open>,
}

/// The file, locked for as long as it is open, and what stands in it.
#[derive(Debug)]
struct Open {
    journal: Journal,
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
        let open = Open { journal: Journal::holding(new_file(dir)?, String::new()), verdicts: BTreeMap::new() };
        let writer = RecordWriter { dir: dir.into(), open: Mutex::new(open), redactor };
        let line = RecordLine::Header(writer.redactor.header(header));
        writer.append(&mut writer.lock(), &line)?;
        Ok(writer)
    }

    /// Goes on with a record whose run was broken off. A line that breaks off is taken away.
    ///
    /// # Errors
    /// When there is no such record, when it has come to its end, or when another run is writing it.
    pub fn resume(dir: &Path, redactor: Redactor) -> Result<(RecordWriter, Header), RecordError> {
        let path = dir.join(OUTCOMES_FILE);
        let file = claim(dir)?;
        let record = Record::read(dir)?;
        if record.footer.is_some() {
            return Err(RecordError::Ended { dir: dir.into() });
        }
        let mut bytes = bytes_of(&path)?;
        // The last line may break off in the middle of a letter.
        bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        let text = text_of(&path, bytes)?;
        file.set_len(text.len() as u64).map_err(|source| unwritable(&path, source))?;
        let verdicts = record.outcomes.iter().map(|outcome| (outcome.feature, outcome.verdict)).collect();
        let open = Open { journal: Journal::holding(file, text), verdicts };
        let writer = RecordWriter { dir: dir.into(), open: Mutex::new(open), redactor };
        Ok((writer, record.header))
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
            self.evidence(outcome.feature, &self.redactor.evidence(evidence).to_lines())?;
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
        open.journal.sync().map_err(|source| unwritable(&self.dir.join(OUTCOMES_FILE), source))
    }

    /// One write for each line: whoever kills the run leaves whole lines, but perhaps for the last.
    fn append(&self, open: &mut Open, line: &RecordLine) -> Result<(), RecordError> {
        let path = self.dir.join(OUTCOMES_FILE);
        if !open.journal.stands_at(&path) {
            open.journal = Journal::holding(new_file(&self.dir)?, open.journal.text().to_owned());
        }
        open.journal.append(&line.to_text()).map_err(|source| unwritable(&path, source))
    }

    /// Evidence is there whole or not at all.
    fn evidence(&self, feature: u16, text: &str) -> Result<(), RecordError> {
        let path = evidence_path(&self.dir, feature);
        let folder = path.parent().unwrap_or(&self.dir);
        let half = path.with_extension("jsonl.half");
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&half, text));
        written.and_then(|()| fs::rename(&half, &path)).map_err(|source| {
            fs::remove_file(&half).ok();
            unwritable(&path, source)
        })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().expect("nothing panics while it holds this lock")
    }
}

/// The file of a new record, in a directory that is made if it is not there.
fn new_file(dir: &Path) -> Result<File, RecordError> {
    let evidence = dir.join("evidence");
    fs::create_dir_all(&evidence).map_err(|source| unwritable(&evidence, source))?;
    let path = dir.join(OUTCOMES_FILE);
    let file = File::options().append(true).create_new(true).open(&path).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => RecordError::Exists { dir: dir.into() },
        _ => unwritable(&path, source),
    })?;
    lock_for_writing(&file, dir)?;
    Ok(file)
}

/// Takes a record that is there for oneself, for as long as the file is open.
///
/// # Errors
/// When there is no such record, or when a run is writing it.
pub fn claim(dir: &Path) -> Result<File, RecordError> {
    let path = dir.join(OUTCOMES_FILE);
    let file = open_with(File::options().append(true), &path).map_err(|source| match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => RecordError::Missing { dir: dir.into() },
        // It is no regular file.
        ErrorKind::InvalidInput => RecordError::Unreadable { path: path.clone(), source },
        _ => unwritable(&path, source),
    })?;
    lock_for_writing(&file, dir)?;
    Ok(file)
}

/// One run writes a record at a time. The lock goes with the process, however it ends; a file system without locks is
/// no reason not to run.
fn lock_for_writing(file: &File, dir: &Path) -> Result<(), RecordError> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(RecordError::InUse { dir: dir.into() }),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

fn unwritable(path: &Path, source: std::io::Error) -> RecordError {
    RecordError::Unwritable { path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::pipe;
    use crate::record::{Record, fixture};
    use std::io::Write;

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
    fn a_run_that_was_broken_off_goes_on_where_it_stood() {
        let place = tempfile::tempdir().unwrap();
        let outcomes = fixture::outcomes();
        let writer = RecordWriter::create(place.path(), &fixture::header()).unwrap();
        writer.outcome(&outcomes[0], None).unwrap();
        let told = RecordWriter::resume(place.path(), Redactor::default()).unwrap_err();
        assert!(matches!(told, RecordError::InUse { .. }), "{told}");
        drop(writer);
        let path = place.path().join(OUTCOMES_FILE);
        let half = &RecordLine::Outcome(outcomes[1].clone()).to_text()[..40];
        File::options().append(true).open(&path).unwrap().write_all(half.as_bytes()).unwrap();

        let (writer, header) = RecordWriter::resume(place.path(), Redactor::default()).unwrap();
        assert_eq!(header, fixture::header());
        assert!(matches!(writer.outcome(&outcomes[0], None), Err(RecordError::Twice { .. })));
        writer.outcome(&outcomes[1], None).unwrap();
        writer.finish(&Footer { totals: writer.totals(), ..fixture::footer() }).unwrap();
        drop(writer);
        let record = Record::read(place.path()).unwrap();
        assert!(record.finished());
        assert_eq!(record.outcomes, outcomes[..2]);
        let told = RecordWriter::resume(place.path(), Redactor::default()).unwrap_err();
        assert!(matches!(told, RecordError::Ended { .. }), "{told}");
    }

    #[test]
    fn a_directory_that_is_removed_meanwhile_is_made_again_with_all_outcomes() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("record");
        let outcomes = fixture::outcomes();
        let writer = RecordWriter::create(&dir, &fixture::header()).unwrap();
        writer.outcome(&outcomes[0], None).unwrap();
        fs::remove_dir_all(&dir).unwrap();
        writer.outcome(&outcomes[1], Some(&fixture::evidence_of_41())).unwrap();
        writer.finish(&Footer { totals: writer.totals(), ..fixture::footer() }).unwrap();
        let record = Record::read(&dir).unwrap();
        assert!(record.finished());
        assert_eq!(record.outcomes, outcomes[..2]);
    }

    #[test]
    fn outcomes_that_are_cut_short_meanwhile_are_written_again() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(OUTCOMES_FILE);
        let outcomes = fixture::outcomes();
        let writer = RecordWriter::create(place.path(), &fixture::header()).unwrap();
        for (outcome, left) in outcomes.iter().zip([0, 5, 200]) {
            writer.outcome(outcome, None).unwrap();
            File::options().write(true).open(&path).unwrap().set_len(left).unwrap();
        }
        writer.finish(&Footer { totals: writer.totals(), ..fixture::footer() }).unwrap();
        let record = Record::read(place.path()).unwrap();
        assert!(record.finished());
        assert_eq!(record.outcomes, outcomes[..3]);
    }

    #[test]
    fn a_run_goes_on_after_a_line_that_breaks_off_within_a_letter() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(OUTCOMES_FILE);
        drop(RecordWriter::create(place.path(), &fixture::header()).unwrap());
        File::options().append(true).open(&path).unwrap().write_all(b"{\"reason\":\"\xc3").unwrap();
        drop(RecordWriter::resume(place.path(), Redactor::default()).unwrap());
        assert_eq!(Record::read(place.path()).unwrap().damage, None);
    }

    #[test]
    fn a_pipe_in_place_of_the_outcomes_is_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        pipe(&place.path().join(OUTCOMES_FILE));
        let told = RecordWriter::resume(place.path(), Redactor::default()).unwrap_err().to_string();
        assert!(told.contains("outcomes.jsonl cannot be read: it is a pipe"), "{told}");
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
