//! Which features are meant by words such as `41`, `1-50`, `phase 1`, `area auth`, `failing`, `not 44`.

use crate::catalogue::{Area, Catalogue, PHASES, Phase};
use crate::outcome::Verdict;
use crate::record::Record;
use std::collections::{BTreeSet, VecDeque};
use std::ops::RangeInclusive;

/// The features that were selected: at least one, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection(Vec<u16>);

/// Why words select nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// A word that means nothing here.
    #[error(
        "`{word}` selects nothing; write a number (41), a range (1-50), `phase 1`, `area auth`, `all`, `checked` or `failing`, each also after `not`"
    )]
    UnknownWord {
        /// The word.
        word: String,
    },
    /// A number without a feature.
    #[error("there is no feature {word}; the features are 1 to {last}")]
    NoFeature {
        /// What was written.
        word: String,
        /// The last number there is.
        last: usize,
    },
    /// A number without a phase.
    #[error("there is no phase `{word}`; the phases are {}", phases())]
    NoPhase {
        /// What was written, empty where the word is missing.
        word: String,
    },
    /// A word that is no area.
    #[error("there is no area `{word}`; the areas are {}", areas())]
    NoArea {
        /// What was written, empty where the word is missing.
        word: String,
    },
    /// A range that runs backwards.
    #[error("the range {word} runs backwards; write the smaller number first")]
    Backwards {
        /// What was written.
        word: String,
    },
    /// `not` with nothing after it.
    #[error("`not` stands before nothing; write what to leave out after it, such as `not 44`")]
    DanglingNot,
    /// A word after `not` that can hardly be meant to be taken away.
    #[error("`{word}` stands after `not`, so it is taken away, too, and {oddity}; write what is wanted before `not`")]
    AfterNot {
        /// The word.
        word: String,
        /// Why that can hardly be meant.
        oddity: String,
    },
    /// `failing` where nothing ran before.
    #[error("`failing` needs a record, and there is no last one; run `conform run` first")]
    NoRecord,
    /// Words that are all known and leave nothing over.
    #[error("`{words}` selects no feature; nothing checked is never a pass, so select at least one")]
    Empty {
        /// All the words.
        words: String,
    },
}

impl Selection {
    /// Reads the words of a command line: the union of what they name, up to `not`, without what stands after it.
    ///
    /// Only exclusions leave the rest of all features; no words at all mean all features. `checked` are the
    /// features that have a check, `last` is the last record.
    ///
    /// # Errors
    /// When a word means nothing here, or nothing is selected, or a word stands after `not` that was hardly meant to:
    /// whoever writes `not 44 phase 1` wants phase 1.
    pub fn parse(
        words: &[String],
        catalogue: &Catalogue,
        checked: &[u16],
        last: Option<&Record>,
    ) -> Result<Selection, SelectionError> {
        let mut reader = Reader { items: items(words), said: Vec::new(), catalogue, checked, last };
        let mut wanted = Vec::new();
        let mut taken = Vec::new();
        // Where the words after the last `not` begin.
        let mut after_not = None;
        while let Some(first) = reader.next() {
            if first == "not" {
                if reader.items.front().is_none_or(|item| item.word == "not") {
                    return Err(SelectionError::DanglingNot);
                }
                after_not = Some(taken.len());
                continue;
            }
            let term = Term { numbers: reader.term(&first)?, words: std::mem::take(&mut reader.said).join(" ") };
            match after_not {
                None => wanted.push(term),
                Some(at) => {
                    may_be_meant(&term, &taken[at..], &wanted)?;
                    taken.push(term);
                }
            }
        }
        let numbers = |terms: &[Term]| terms.iter().flat_map(|term| term.numbers.clone()).collect::<BTreeSet<u16>>();
        let named = if wanted.is_empty() { reader.all().collect() } else { numbers(&wanted) };
        let left: Vec<u16> = named.difference(&numbers(&taken)).copied().collect();
        if left.is_empty() {
            return Err(SelectionError::Empty { words: words.join(" ") });
        }
        Ok(Selection(left))
    }

    /// The numbers of the features, ascending.
    pub fn numbers(&self) -> &[u16] {
        &self.0
    }
}

/// What one or two words name, such as `41` or `phase 1`.
struct Term {
    words: String,
    numbers: Vec<u16>,
}

/// Whether a term can be meant to be taken away, too, after `others` behind the same `not`.
fn may_be_meant(term: &Term, others: &[Term], wanted: &[Term]) -> Result<(), SelectionError> {
    let odd = |oddity: String| Err(SelectionError::AfterNot { word: term.words.clone(), oddity });
    let covers = |other: &&Term| {
        let whole = other.numbers.iter().all(|number| term.numbers.contains(number));
        whole && !other.numbers.is_empty() && other.numbers.len() < term.numbers.len()
    };
    if let Some(other) = others.iter().find(covers) {
        return odd(format!("`{}` with it", other.words));
    }
    // What these two name changes from run to run, so that they may well be written without need.
    let settled = ![term].into_iter().chain(wanted).any(|term| ["checked", "failing"].contains(&term.words.as_str()));
    let takes_nothing = !wanted.iter().any(|one| one.numbers.iter().any(|number| term.numbers.contains(number)));
    if settled && takes_nothing && !others.is_empty() && !wanted.is_empty() {
        return odd("is not among what stands before it".to_owned());
    }
    Ok(())
}

/// A word of the selection. What a comma joins to the word before shares its `phase` or `area`.
struct Item {
    word: String,
    joined: bool,
}

fn items(words: &[String]) -> VecDeque<Item> {
    let chunks = words.iter().flat_map(|word| word.split_whitespace());
    chunks
        .flat_map(|chunk| {
            let parts = chunk.split(',').enumerate();
            parts
                .filter(|(_, word)| !word.is_empty())
                .map(|(at, word)| Item { word: word.to_lowercase(), joined: at > 0 })
        })
        .collect()
}

struct Reader<'a> {
    items: VecDeque<Item>,
    /// The words of the term that is being read.
    said: Vec<String>,
    catalogue: &'a Catalogue,
    checked: &'a [u16],
    last: Option<&'a Record>,
}

impl Reader<'_> {
    fn all(&self) -> impl Iterator<Item = u16> + use<'_> {
        self.catalogue.features().iter().map(|feature| feature.number)
    }

    /// The next word.
    fn next(&mut self) -> Option<String> {
        let item = self.items.pop_front()?;
        if item.word != "not" {
            self.said.push(item.word.clone());
        }
        Some(item.word)
    }

    fn term(&mut self, word: &str) -> Result<Vec<u16>, SelectionError> {
        match word {
            "all" => Ok(self.all().collect()),
            "checked" => Ok(self.checked.to_vec()),
            "failing" => self.failing(),
            "phase" => self.joined_to(Self::phase),
            "area" => self.joined_to(Self::area),
            _ => self.numbers(word),
        }
    }

    /// What follows `phase` or `area`: one word, and further ones after commas as long as they make sense.
    fn joined_to(
        &mut self,
        read: fn(&Self, &str) -> Result<Vec<u16>, SelectionError>,
    ) -> Result<Vec<u16>, SelectionError> {
        let first = self.next().unwrap_or_default();
        let mut numbers = read(self, &first)?;
        while let Some(next) = self.items.front().filter(|item| item.joined) {
            let Ok(more) = read(self, &next.word) else {
                break;
            };
            numbers.extend(more);
            self.next();
        }
        Ok(numbers)
    }

    fn phase(&self, word: &str) -> Result<Vec<u16>, SelectionError> {
        let unknown = || SelectionError::NoPhase { word: word.to_owned() };
        let range = range(word, unknown)?;
        let numbered = |number: u16| u8::try_from(number).ok().and_then(Phase::numbered);
        if range.clone().any(|number| numbered(number).is_none()) {
            return Err(unknown());
        }
        let features = self.catalogue.features().iter();
        let meant = features.filter(|feature| range.contains(&u16::from(feature.phase)));
        Ok(meant.map(|feature| feature.number).collect())
    }

    fn area(&self, word: &str) -> Result<Vec<u16>, SelectionError> {
        let area: Area = word.parse().map_err(|_| SelectionError::NoArea { word: word.to_owned() })?;
        let features = self.catalogue.features().iter();
        Ok(features.filter(|feature| feature.area == area).map(|feature| feature.number).collect())
    }

    fn numbers(&self, word: &str) -> Result<Vec<u16>, SelectionError> {
        let digits = word.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '-');
        if !digits.is_empty() {
            return Err(SelectionError::UnknownWord { word: word.to_owned() });
        }
        let none = || SelectionError::NoFeature { word: word.to_owned(), last: self.catalogue.len() };
        let range = range(word, none)?;
        // Both ends decide; a long range is not walked through before it is known to exist.
        if [range.start(), range.end()].iter().any(|end| self.catalogue.feature(**end).is_none()) {
            return Err(none());
        }
        Ok(range.collect())
    }

    fn failing(&self) -> Result<Vec<u16>, SelectionError> {
        let record = self.last.ok_or(SelectionError::NoRecord)?;
        let failed = record.outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Fail);
        let known = failed.filter(|outcome| self.catalogue.feature(outcome.feature).is_some());
        Ok(known.map(|outcome| outcome.feature).collect())
    }
}

/// `41` or `1-50`.
fn range(word: &str, unknown: impl Fn() -> SelectionError) -> Result<RangeInclusive<u16>, SelectionError> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let number = |digits: &str| digits.parse::<u16>().map_err(|_| unknown());
    let range = number(first)?..=number(last)?;
    if range.is_empty() {
        return Err(SelectionError::Backwards { word: word.to_owned() });
    }
    Ok(range)
}

fn phases() -> String {
    let each = PHASES.iter().map(|phase| format!("{} ({})", phase.number, phase.name));
    each.collect::<Vec<_>>().join(", ")
}

fn areas() -> String {
    Area::all().map(Area::name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;
    use crate::record::mutation::mutant_texts;

    fn catalogue() -> Catalogue {
        let entry = r#"{"category":"functional","description":"d","steps":[],"passes":false}"#;
        Catalogue::parse(&format!("[{}]", vec![entry; 679].join(",")), "list.json").unwrap()
    }

    fn select(words: &str) -> Result<Vec<u16>, SelectionError> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let (_place, record) = fixture::finished();
        let selection = Selection::parse(&words, &catalogue(), &[41, 42, 64], Some(&record))?;
        Ok(selection.numbers().to_vec())
    }

    #[test]
    fn words_name_features_in_many_ways() {
        assert_eq!(select("41").unwrap(), [41]);
        assert_eq!(select("43 41-42 41").unwrap(), [41, 42, 43]);
        assert_eq!(select("3,1-2").unwrap(), [1, 2, 3]);
        assert_eq!(select("phase 1").unwrap(), (1..=50).collect::<Vec<_>>());
        assert_eq!(select("phase 1-3").unwrap(), (1..=170).collect::<Vec<_>>());
        assert_eq!(select("area auth").unwrap(), (64..=115).collect::<Vec<_>>());
        assert_eq!(select("checked").unwrap(), [41, 42, 64]);
        assert_eq!(select("failing").unwrap(), [42, 64]);
        assert_eq!(select("all").unwrap().len(), 679);
        assert_eq!(select("").unwrap().len(), 679);
    }

    #[test]
    fn all_that_stands_after_not_is_taken_away() {
        assert_eq!(select("1-5 not 2,3").unwrap(), [1, 4, 5]);
        assert_eq!(select("1-5 not 2 3").unwrap(), [1, 4, 5]);
        assert_eq!(select("1-5 not 2, 3 not 4").unwrap(), [1, 5]);
        assert_eq!(select("not 1 30").unwrap().len(), 677);
        assert_eq!(select("phase 1 not 1 30 31").unwrap().len(), 47);
        assert_eq!(select("phase 1-2 not area auth 1-49").unwrap(), (50..=63).collect::<Vec<_>>());
        assert_eq!(select("checked not phase 2").unwrap(), [41, 42]);
        assert_eq!(select("not phase 1,2 not area polish").unwrap(), (111..=649).collect::<Vec<_>>());
        assert_eq!(select("not 44").unwrap().len(), 678);
    }

    #[test]
    fn what_can_hardly_be_meant_after_not_is_no_guess() {
        let told = |words: &str| select(words).unwrap_err().to_string();
        let hint = "write what is wanted before `not`";
        for (words, word, oddity) in [
            ("not 44 phase 1", "phase 1", "and `44` with it"),
            ("not 2 1-3", "1-3", "and `2` with it"),
            ("not phase 1,2 all", "all", "and `phase 1 2` with it"),
            ("1-43 not 20 45-50", "45-50", "and is not among what stands before it"),
            ("phase 1 not 20 60", "60", "and is not among what stands before it"),
        ] {
            let told = told(words);
            assert!(told.starts_with(&format!("`{word}` stands after `not`")), "{words}: {told}");
            assert!(told.contains(oddity) && told.ends_with(hint), "{words}: {told}");
        }
        assert_eq!(select("not 44 not phase 1").unwrap().len(), 629);
        assert_eq!(select("phase 1 not 60").unwrap().len(), 50);
        assert_eq!(select("failing not 42 44").unwrap(), [64]);
        assert_eq!(select("not 44 44").unwrap().len(), 678);
    }

    #[test]
    fn a_comma_shares_the_word_before_as_long_as_it_makes_sense() {
        assert_eq!(select("phase 1,2").unwrap(), (1..=110).collect::<Vec<_>>());
        assert_eq!(select("phase 1,area auth").unwrap(), (1..=50).chain(64..=115).collect::<Vec<_>>());
        assert_eq!(select("phase 1,not 1-49").unwrap(), [50]);
        assert_eq!(select("phase 1 60").unwrap(), (1..=50).chain([60]).collect::<Vec<_>>());
    }

    #[test]
    fn what_does_not_exist_is_told_with_what_does() {
        let told = |words: &str| select(words).unwrap_err().to_string();
        assert_eq!(told("680"), "there is no feature 680; the features are 1 to 679");
        assert_eq!(told("0-3"), "there is no feature 0-3; the features are 1 to 679");
        assert_eq!(told("99999"), "there is no feature 99999; the features are 1 to 679");
        assert!(told("phase 9").starts_with("there is no phase `9`; the phases are 1 (foundation), 2 (core)"));
        assert!(told("phase").starts_with("there is no phase ``; the phases are"));
        assert!(told("area kanvas").starts_with("there is no area `kanvas`; the areas are infrastructure, auth"));
        assert!(told("everything").starts_with("`everything` selects nothing; write a number (41)"));
        assert!(told("5-2").starts_with("the range 5-2 runs backwards"));
        assert!(told("41 not").starts_with("`not` stands before nothing"));
        assert_eq!(told("not not 41"), told("41 not"));
    }

    #[test]
    fn selecting_nothing_is_an_error() {
        assert!(matches!(select("41 not 41"), Err(SelectionError::Empty { .. })));
        let words = ["checked".to_owned()];
        let told = Selection::parse(&words, &catalogue(), &[], None);
        assert!(matches!(told, Err(SelectionError::Empty { .. })));
        let words = ["failing".to_owned()];
        assert_eq!(Selection::parse(&words, &catalogue(), &[], None), Err(SelectionError::NoRecord));
    }

    #[test]
    fn whatever_is_written_selects_something_or_says_what_may_be_written() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../features/feature_list.json");
        let catalogue = Catalogue::load(root).unwrap();
        let some = ["41", "1-50", "phase 1", "area auth", "all", "checked", "not 44", "64-70 not 66"];
        for text in mutant_texts(&some, 3000) {
            let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            match Selection::parse(&words, &catalogue, &[41], None) {
                Ok(selection) => assert!(!selection.numbers().is_empty()),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
}
