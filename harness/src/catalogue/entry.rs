//! Reads the entries and checks each value where it stands, so that a fault is reported with its own line.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::value::{Steps, Text, Whole, category_word, line};
use super::{Area, Feature, Phase, UnknownArea};

/// All entries of a list, numbered by their position.
pub(super) struct Entries(pub(super) Vec<Feature>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor)
    }
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of features")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries, A::Error> {
        let mut features = Vec::new();
        for number in 1.. {
            let Some(position) = Position::of(number) else {
                if list.next_element::<IgnoredAny>()?.is_some() {
                    let most = number - 1;
                    return Err(A::Error::custom(format_args!("an entry too many, expected at most {most} features")));
                }
                break;
            };
            match list.next_element_seed(position)? {
                Some(feature) => features.push(feature),
                None => break,
            }
        }
        if features.is_empty() {
            return Err(A::Error::custom("no entry, expected at least one feature"));
        }
        Ok(Entries(features))
    }
}

/// What its position says about an entry. The file may leave these keys out, but must not contradict them.
struct Position {
    number: u16,
    phase: u8,
    area: Area,
}

impl Position {
    fn of(number: u16) -> Option<Self> {
        Some(Self { number, phase: Phase::of(number)?.number, area: Area::of(number)? })
    }

    fn number(&self) -> Whole<impl FnOnce(u64) -> Result<(), String>> {
        let expected = u64::from(self.number);
        Whole(move |found| match found {
            _ if found == expected => Ok(()),
            _ if (1..expected).contains(&found) => {
                Err(format!("the number {found} is taken by an earlier entry, expected {expected} here"))
            }
            _ => Err(format!("the number {found} is out of order, expected {expected} here")),
        })
    }

    fn phase(&self) -> Whole<impl FnOnce(u64) -> Result<(), String>> {
        let (number, expected) = (self.number, u64::from(self.phase));
        Whole(move |found| {
            (found == expected)
                .then_some(())
                .ok_or_else(|| format!("phase {found}, expected {expected}, the phase of feature {number}"))
        })
    }

    fn area(&self) -> Text<impl FnOnce(&str) -> Result<(), String>> {
        let (number, expected) = (self.number, self.area);
        Text("the name of an area", move |word: &str| {
            let found: Area = word.parse().map_err(|unknown: UnknownArea| unknown.to_string())?;
            (found == expected)
                .then_some(())
                .ok_or_else(|| format!("area `{found}`, expected `{expected}`, the area of feature {number}"))
        })
    }
}

#[derive(serde::Deserialize, Debug, Clone, Copy, PartialEq)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Number,
    Phase,
    Area,
    Category,
    Description,
    Steps,
    Passes,
}

impl<'de> DeserializeSeed<'de> for Position {
    type Value = Feature;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Feature, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Position {
    type Value = Feature;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a feature as an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entry: A) -> Result<Feature, A::Error> {
        let (mut category, mut description, mut steps, mut passes) = (None, None, None, None);
        let mut seen = Vec::new();
        while let Some(key) = entry.next_key::<Key>()? {
            if seen.contains(&key) {
                return Err(A::Error::custom(format_args!(
                    "the key `{}` occurs twice, expected it once",
                    format!("{key:?}").to_lowercase()
                )));
            }
            seen.push(key);
            match key {
                Key::Number => entry.next_value_seed(self.number())?,
                Key::Phase => entry.next_value_seed(self.phase())?,
                Key::Area => entry.next_value_seed(self.area())?,
                Key::Category => category = Some(entry.next_value_seed(category_word())?),
                Key::Description => {
                    description = Some(entry.next_value_seed(line("a description"))?);
                }
                Key::Steps => steps = Some(entry.next_value_seed(Steps)?),
                Key::Passes => passes = Some(entry.next_value()?),
            }
        }
        Ok(Feature {
            number: self.number,
            phase: self.phase,
            area: self.area,
            category: present("category", category)?,
            description: present("description", description)?,
            steps: present("steps", steps)?,
            passes: present("passes", passes)?,
        })
    }
}

fn present<T, E: Error>(key: &str, value: Option<T>) -> Result<T, E> {
    value.ok_or_else(|| {
        E::custom(format_args!("the key `{key}` is missing, expected `category`, `description`, `steps` and `passes`"))
    })
}
