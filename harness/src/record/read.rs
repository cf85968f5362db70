//! Reads a record back, finished or not, and says precisely what is wrong with one that is none.

use super::{Footer, Header, OUTCOMES_FILE, RecordError, RecordLine, VERSION, evidence_path};
use crate::disk::Lines;
use crate::outcome::{Evidence, Outcome, Verdict};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A record on disk, its outcomes in the order of their numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The directory it stands in.
    pub dir: PathBuf,
    /// What ran, on what.
    pub header: Header,
    /// What was found, ascending by feature.
    pub outcomes: Vec<Outcome>,
    /// How it ended; none where the run was broken off.
    pub footer: Option<Footer>,
    /// What is wrong with a record that can be read all the same.
    pub damage: Option<String>,
}

impl Record {
    /// Reads the record in a directory.
    ///
    /// A broken last line is what a killed run leaves; it is tolerated and stands in [`Record::damage`].
    ///
    /// # Errors
    /// When there is no record, or a line of it is not what it should be.
    pub fn read(dir: &Path) -> Result<Record, RecordError> {
        let path = dir.join(OUTCOMES_FILE);
        let lines = Lines::open(&path).map_err(|source| match source.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => RecordError::Missing { dir: dir.into() },
            _ => RecordError::Unreadable { path: path.clone(), source },
        })?;
        let mut reading = Reading { path: &path, header: None, outcomes: BTreeMap::new(), footer: None, damage: None };
        for (at, line) in lines.enumerate() {
            reading.line(at + 1, &line.map_err(|bad| RecordError::bad_line(&path, at + 1, bad))?)?;
        }
        reading.into_record(dir)
    }

    /// Whether the run came to its end and nothing of it is lost.
    pub fn finished(&self) -> bool {
        self.footer.is_some() && self.damage.is_none()
    }

    /// The outcome of a feature.
    pub fn outcome(&self, feature: u16) -> Option<&Outcome> {
        let at = self.outcomes.binary_search_by_key(&feature, |outcome| outcome.feature);
        self.outcomes.get(at.ok()?)
    }

    /// Features that were to be checked and have no outcome, because the run was broken off.
    pub fn missing(&self) -> Vec<u16> {
        let selected = self.header.selection.iter().copied();
        selected.filter(|feature| self.outcome(*feature).is_none()).collect()
    }

    /// How many features have which verdict.
    pub fn totals(&self) -> BTreeMap<Verdict, usize> {
        let mut totals = BTreeMap::new();
        for outcome in &self.outcomes {
            *totals.entry(outcome.verdict).or_default() += 1;
        }
        totals
    }

    /// The evidence of a feature; none where the check left none.
    ///
    /// # Errors
    /// When the file cannot be read or a line of it is wrong.
    pub fn evidence(&self, feature: u16) -> Result<Option<Evidence>, RecordError> {
        let path = evidence_path(&self.dir, feature);
        let bytes = match bytes_of(&path) {
            Err(RecordError::Unreadable { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let text = text_of(&path, bytes)?;
        let evidence = Evidence::from_lines(&text).map_err(|bad| RecordError::Line {
            path: path.clone(),
            line: bad.line,
            expected: format!("a line of evidence: {}", bad.expected),
        })?;
        if evidence.circumstances.feature != feature {
            return Err(RecordError::Line {
                path,
                line: 1,
                expected: format!("evidence of feature {feature}; it is of feature {}", evidence.circumstances.feature),
            });
        }
        Ok(Some(evidence))
    }
}

/// All of a file in a record, none of whose lines is too long.
pub(super) fn bytes_of(path: &Path) -> Result<Vec<u8>, RecordError> {
    let lines = Lines::open(path).map_err(|source| RecordError::Unreadable { path: path.into(), source })?;
    let mut bytes = Vec::new();
    for (at, line) in lines.enumerate() {
        bytes.extend(line.map_err(|bad| RecordError::bad_line(path, at + 1, bad))?);
    }
    Ok(bytes)
}

/// The same as text.
pub(super) fn text_of(path: &Path, bytes: Vec<u8>) -> Result<String, RecordError> {
    let unreadable = |source| RecordError::Unreadable { path: path.into(), source };
    String::from_utf8(bytes).map_err(|error| unreadable(io::Error::new(ErrorKind::InvalidData, error)))
}

/// What has been read so far.
struct Reading<'a> {
    path: &'a Path,
    header: Option<Header>,
    outcomes: BTreeMap<u16, Outcome>,
    footer: Option<Footer>,
    damage: Option<String>,
}

impl Reading<'_> {
    /// One line; the last one may lack its end.
    fn line(&mut self, number: usize, bytes: &[u8]) -> Result<(), RecordError> {
        let whole = bytes.ends_with(b"\n");
        match serde_json::from_slice::<RecordLine>(bytes) {
            Ok(line) if whole => self.take(number, line),
            // The header alone tells what the rest is, so it cannot be missed.
            _ if !whole && number > 1 => {
                self.damage = Some(format!("line {number} breaks off; the run was ended while it wrote it"));
                Ok(())
            }
            Ok(_) => Err(self.wrong(number, "a newline at the end of the header")),
            Err(error) => Err(self.wrong(number, &format!("a header, an outcome or a footer: {error}"))),
        }
    }

    fn take(&mut self, number: usize, line: RecordLine) -> Result<(), RecordError> {
        if self.footer.is_some() {
            return Err(self.wrong(number, "the end of the record, for the footer stands before"));
        }
        match (line, &self.header) {
            (RecordLine::Header(header), None) if header.version > VERSION => {
                let expected = format!("a record of version {VERSION}; this one is of version {}", header.version);
                Err(self.wrong(number, &(expected + ", use the tool that wrote it or a later one")))
            }
            (RecordLine::Header(header), None) => {
                self.header = Some(header);
                Ok(())
            }
            (RecordLine::Header(_), Some(_)) => Err(self.wrong(number, "one header, on the first line")),
            (_, None) => Err(self.wrong(number, "a header on the first line")),
            (RecordLine::Outcome(outcome), Some(_)) => self.take_outcome(number, outcome),
            (RecordLine::Footer(footer), Some(_)) => {
                self.footer = Some(footer);
                Ok(())
            }
        }
    }

    fn take_outcome(&mut self, number: usize, outcome: Outcome) -> Result<(), RecordError> {
        let feature = outcome.feature;
        match self.outcomes.insert(feature, outcome) {
            None => Ok(()),
            Some(_) => {
                Err(self
                    .wrong(number, &format!("an outcome of another feature, for feature {feature} has one already")))
            }
        }
    }

    fn into_record(self, dir: &Path) -> Result<Record, RecordError> {
        let Some(header) = self.header else {
            return Err(self.wrong(1, "a header, but the file is empty"));
        };
        let mut record = Record {
            dir: dir.into(),
            header,
            outcomes: self.outcomes.into_values().collect(),
            footer: self.footer,
            damage: self.damage,
        };
        if let Some(footer) = &record.footer {
            let mut counted = footer.totals.clone();
            counted.retain(|_, count| *count > 0);
            if counted != record.totals() {
                record.damage = Some("the footer counts other verdicts than the record holds".to_owned());
            }
        }
        Ok(record)
    }

    fn wrong(&self, line: usize, expected: &str) -> RecordError {
        RecordError::Line { path: self.path.into(), line, expected: expected.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{LONGEST_LINE, pipe};
    use crate::record::fixture;
    use crate::record::mutation::{mutant_texts, mutants};
    use std::fs;

    /// A record on disk whose outcomes file was changed.
    fn changed(change: impl Fn(&str) -> String) -> (tempfile::TempDir, Result<Record, RecordError>) {
        let place = tempfile::tempdir().unwrap();
        fixture::write(place.path());
        let path = place.path().join(OUTCOMES_FILE);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, change(&text)).unwrap();
        let record = Record::read(place.path());
        (place, record)
    }

    #[test]
    fn a_record_cut_anywhere_after_its_header_is_unfinished_and_readable() {
        let place = tempfile::tempdir().unwrap();
        fixture::write(place.path());
        let path = place.path().join(OUTCOMES_FILE);
        let whole = fs::read(&path).unwrap();
        let header = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for length in (header..whole.len()).step_by(7).chain([whole.len() - 1]) {
            fs::write(&path, &whole[..length]).unwrap();
            let record = Record::read(place.path()).unwrap();
            assert!(!record.finished(), "cut at {length}");
            assert_eq!(record.damage.is_some(), whole[length - 1] != b'\n', "cut at {length}");
        }
    }

    #[test]
    fn a_broken_line_in_the_middle_is_an_error_that_names_it() {
        let (_place, told) = changed(|text| text.replacen("\n{\"kind\":\"outcome\"", "\n{\"kind\":\"outcom\"", 1));
        let told = told.unwrap_err().to_string();
        assert!(told.contains("outcomes.jsonl:2: expected a header, an outcome or a footer"), "{told}");
    }

    #[test]
    fn a_record_needs_its_header_first() {
        let (_place, told) = changed(|text| text.split_inclusive('\n').skip(1).collect());
        assert!(told.unwrap_err().to_string().contains(":1: expected a header on the first line"));
        let (_place, told) = changed(|_| String::new());
        assert!(told.unwrap_err().to_string().contains("the file is empty"));
    }

    #[test]
    fn nothing_follows_the_footer_and_no_feature_comes_twice() {
        let (_place, told) = changed(|text| text.to_owned() + text);
        assert!(told.unwrap_err().to_string().contains("the footer stands before"));
        let (_place, told) = changed(|text| {
            let second = text.lines().nth(1).unwrap();
            text.replacen('\n', &format!("\n{second}\n"), 1)
        });
        assert!(told.unwrap_err().to_string().contains("has one already"));
    }

    #[test]
    fn a_record_of_a_later_version_is_refused() {
        let (_place, told) = changed(|text| text.replacen("\"version\":1", "\"version\":2", 1));
        assert!(told.unwrap_err().to_string().contains("this one is of version 2"));
    }

    #[test]
    fn lost_outcomes_are_noticed_by_the_footer() {
        let (_place, record) = changed(|text| {
            let lines = text.split_inclusive('\n').enumerate();
            lines.filter(|(at, _)| *at != 1).map(|(_, line)| line).collect()
        });
        let record = record.unwrap();
        assert!(record.damage.is_some());
        assert!(!record.finished());
        assert_eq!(record.missing(), vec![41]);
    }

    #[test]
    fn a_directory_without_a_record_is_told_so() {
        let place = tempfile::tempdir().unwrap();
        let told = Record::read(place.path()).unwrap_err();
        assert!(matches!(told, RecordError::Missing { .. }), "{told}");
    }

    #[test]
    fn evidence_of_another_feature_is_refused() {
        let (place, record) = changed(str::to_owned);
        fs::copy(evidence_path(place.path(), 41), evidence_path(place.path(), 43)).unwrap();
        let told = record.unwrap().evidence(43).unwrap_err().to_string();
        assert!(told.contains("f043.jsonl:1: expected evidence of feature 43"), "{told}");
    }

    #[test]
    fn a_line_without_end_is_refused_by_its_number() {
        let place = tempfile::tempdir().unwrap();
        fixture::write(place.path());
        let record = Record::read(place.path()).unwrap();
        let lengthen = |path: &Path| {
            let file = fs::File::options().write(true).open(path).unwrap();
            let lines = fs::read(path).unwrap().iter().filter(|byte| **byte == b'\n').count();
            file.set_len(file.metadata().unwrap().len() + LONGEST_LINE + 1).unwrap();
            lines + 1
        };
        let line = lengthen(&evidence_path(place.path(), 41));
        let told = record.evidence(41).unwrap_err().to_string();
        assert!(told.ends_with(&format!("f041.jsonl:{line}: expected a line of at most 64 MB")), "{told}");
        let line = lengthen(&place.path().join(OUTCOMES_FILE));
        let told = Record::read(place.path()).unwrap_err().to_string();
        assert!(told.ends_with(&format!("outcomes.jsonl:{line}: expected a line of at most 64 MB")), "{told}");
    }

    #[test]
    fn pipes_in_a_record_are_refused_and_not_waited_for() {
        let (place, record) = changed(str::to_owned);
        let evidence = evidence_path(place.path(), 41);
        for path in [&evidence, &place.path().join(OUTCOMES_FILE)] {
            fs::remove_file(path).unwrap();
            pipe(path);
        }
        let told = record.unwrap().evidence(41).unwrap_err().to_string();
        assert!(told.contains("f041.jsonl cannot be read: it is a pipe"), "{told}");
        let told = Record::read(place.path()).unwrap_err().to_string();
        assert!(told.contains("outcomes.jsonl cannot be read: it is a pipe"), "{told}");
    }

    #[test]
    fn whatever_stands_in_a_record_is_read_or_refused_by_its_line() {
        let place = tempfile::tempdir().unwrap();
        fixture::write(place.path());
        let path = place.path().join(OUTCOMES_FILE);
        let whole = fs::read(&path).unwrap();
        for bytes in mutants(&[&whole], 300) {
            fs::write(&path, &bytes).unwrap();
            if let Err(error) = Record::read(place.path()) {
                assert!(error.to_string().contains("outcomes.jsonl"), "{error}");
            }
        }
        let evidence = fs::read_to_string(evidence_path(place.path(), 41)).unwrap();
        for text in mutant_texts(&[&evidence], 1000) {
            let lines = text.lines().count();
            if let Err(error) = Evidence::from_lines(&text) {
                assert!((1..=lines.max(1)).contains(&error.line), "{error}");
            }
        }
    }
}
