//! Which features are meant by words such as `41`, `1-50`, `phase 1`, `area auth`, `failing`, `not 44`.

use crate::catalogue::{Area, Catalogue, PHASES, Phase};
use crate::outcome::Verdict;
use crate::record::Record;
use std::collections::BTreeSet;
use std::collections::VecDeque;
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
    /// `not` at the end.
    #[error("`not` stands at the end; write what to leave out after it, such as `not 44`")]
    DanglingNot,
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
    /// Reads the words of a command line: the union of what they name, without what stands after `not`.
    ///
    /// Only exclusions leave the rest of all features; no words at all mean all features. `checked` are the
    /// features that have a check, `last` is the last record.
    ///
    /// # Errors
    /// When a word means nothing here, or nothing is selected.
    pub fn parse(
        words: &[String],
        catalogue: &Catalogue,
        checked: &[u16],
        last: Option<&Record>,
    ) -> Result<Selection, SelectionError> {
        let mut reader = Reader { items: items(words), catalogue, checked, last };
        let mut wanted = BTreeSet::new();
        let mut unwanted = BTreeSet::new();
        let mut named_any = false;
        while let Some(item) = reader.items.pop_front() {
            if item.word == "not" {
                let item = reader.items.pop_front().ok_or(SelectionError::DanglingNot)?;
                unwanted.extend(reader.group(item)?);
            } else {
                named_any = true;
                wanted.extend(reader.group(item)?);
            }
        }
        if !named_any {
            wanted = reader.all().collect();
        }
        let left: Vec<u16> = wanted.difference(&unwanted).copied().collect();
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

/// A word of the selection. What a comma joins to the word before shares its `phase`, `area` or `not`.
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
    catalogue: &'a Catalogue,
    checked: &'a [u16],
    last: Option<&'a Record>,
}

impl Reader<'_> {
    fn all(&self) -> impl Iterator<Item = u16> + use<'_> {
        self.catalogue.features().iter().map(|feature| feature.number)
    }

    /// A term and all that commas join to it.
    fn group(&mut self, first: Item) -> Result<Vec<u16>, SelectionError> {
        let mut numbers = self.term(&first.word)?;
        while let Some(next) = self.items.pop_front_if(|item| item.joined && item.word != "not") {
            numbers.extend(self.term(&next.word)?);
        }
        Ok(numbers)
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
        let first = self.items.pop_front().map(|item| item.word).unwrap_or_default();
        let mut numbers = read(self, &first)?;
        while let Some(next) = self.items.front().filter(|item| item.joined) {
            let Ok(more) = read(self, &next.word) else {
                break;
            };
            numbers.extend(more);
            self.items.pop_front();
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
    fn not_takes_away_whatever_the_order() {
        assert_eq!(select("not 2 1-3").unwrap(), [1, 3]);
        assert_eq!(select("1-5 not 2,3").unwrap(), [1, 4, 5]);
        assert_eq!(select("checked not phase 2").unwrap(), [41, 42]);
        assert_eq!(select("not phase 1,2 not area polish").unwrap(), (111..=649).collect::<Vec<_>>());
        assert_eq!(select("not 44").unwrap().len(), 678);
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
        assert!(told("41 not").starts_with("`not` stands at the end"));
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
