//! Which id of one run of a check is which one of another: both are drawn in the same order from their seeds.

use crate::check::nth_id;
use std::collections::BTreeSet;

/// No check draws more.
const MOST_IDS: u32 = 5_000;
/// The part of an id that words are made of.
const WORD: usize = 8;

/// The ids drawn from a seed that stand in these texts, with what is drawn from another seed in their place; also the
/// first eight digits alone, of which words are made.
pub(super) fn renaming<'a>(
    feature: u16,
    before: u64,
    now: u64,
    texts: impl IntoIterator<Item = &'a str>,
) -> Vec<(String, String)> {
    let drawn = drawn(feature, before, texts);
    let pairs = drawn.into_iter().flat_map(|(nth, id)| {
        let other = nth_id(now, feature, nth);
        let word = (id[..WORD].to_owned(), other[..WORD].to_owned());
        [(id, other), word]
    });
    pairs.collect()
}

/// The ids drawn from a seed that stand in these texts, whole or by their first eight digits.
pub(super) fn drawn<'a>(feature: u16, seed: u64, texts: impl IntoIterator<Item = &'a str>) -> Vec<(u32, String)> {
    let hex = |letter: char| letter.is_ascii_hexdigit();
    let runs = texts.into_iter().flat_map(|text| text.split(move |letter| !hex(letter)));
    let words: BTreeSet<&str> = runs.filter_map(|run| run.len().checked_sub(WORD).map(|start| &run[start..])).collect();
    let ids = (1..=MOST_IDS).map(|nth| (nth, nth_id(seed, feature, nth)));
    ids.filter(|(_, id)| words.contains(&id[..WORD])).collect()
}

/// The text with every pair's first in the place of its second.
pub(super) fn renamed(pairs: &[(String, String)], text: &str) -> String {
    pairs.iter().fold(text.to_owned(), |text, (before, now)| text.replace(before, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_words_of_one_seed_become_those_of_another() {
        let (id, other) = (nth_id(7, 41, 3), nth_id(8, 41, 3));
        let text = format!("/x/{id}?title=conform-f041-{}@example.com", &id[..8]);
        let pairs = renaming(41, 7, 8, [text.as_str()]);
        assert_eq!(pairs.len(), 2);
        let wanted = format!("/x/{other}?title=conform-f041-{}@example.com", &other[..8]);
        assert_eq!(renamed(&pairs, &text), wanted);
        assert!(renaming(41, 7, 8, ["nothing of the kind"]).is_empty());
    }
}
