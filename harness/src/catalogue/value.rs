//! The values of an entry: text, whole numbers and steps, each refused at its own place in the file.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use super::Category;

// A reader that checked its value only after it was read would report the place where the reading
// had got to by then. Checking inside the visitor keeps the line and column of the value itself.

/// A text, named by what it should be, and how it is judged.
pub(super) struct Text<F>(pub(super) &'static str, pub(super) F);

impl<'de, T, F: FnOnce(&str) -> Result<T, String>> DeserializeSeed<'de> for Text<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<T, F: FnOnce(&str) -> Result<T, String>> Visitor<'_> for Text<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as a string", self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).map_err(E::custom)
    }
}

/// A text that says something.
pub(super) fn line(what: &'static str) -> Text<impl FnOnce(&str) -> Result<String, String>> {
    Text(what, move |text: &str| match text.trim() {
        "" => Err(format!("an empty text, expected {what}")),
        _ => Ok(text.to_owned()),
    })
}

/// The name of a category.
pub(super) fn category_word() -> Text<impl FnOnce(&str) -> Result<Category, String>> {
    Text("a category", |word: &str| {
        Category::ALL
            .into_iter()
            .find(|category| category.name() == word)
            .ok_or_else(|| format!("there is no category `{word}`, expected `functional` or `style`"))
    })
}

/// A whole number, and how it is judged.
pub(super) struct Whole<F>(pub(super) F);

impl<'de, F: FnOnce(u64) -> Result<(), String>> DeserializeSeed<'de> for Whole<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_u64(self)
    }
}

impl<F: FnOnce(u64) -> Result<(), String>> Visitor<'_> for Whole<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_u64<E: Error>(self, found: u64) -> Result<(), E> {
        (self.0)(found).map_err(E::custom)
    }
}

/// The steps in order. No step at all means that they are not written yet.
pub(super) struct Steps;

impl<'de> DeserializeSeed<'de> for Steps {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<String>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Steps {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the steps as an array of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
        let mut steps = Vec::new();
        while let Some(step) = list.next_element_seed(line("a step"))? {
            steps.push(step);
        }
        Ok(steps)
    }
}
