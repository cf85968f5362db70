//! A target that is really asked for a part of what a check observes; all else is shown as it was seen before.

use super::vault::map_texts;
use super::{Live, Shown, Stop};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Shorter texts are too common to be an id, and longer ones are more than one.
const ID_LENGTH: std::ops::RangeInclusive<usize> = 8..=200;
/// More ids of a target are not remembered.
const MOST_LEARNED: usize = 2_000;

/// A running target, what was seen of it before, and what is to be looked at again.
pub struct Partly {
    live: Arc<Live>,
    observations: Arc<[Shown]>,
    asked_live: BTreeSet<u32>,
    /// What stands in the earlier evidence, and what stands for it now: ids that the check draws, and those that the
    /// target gave in its answers.
    renamed: Vec<(String, String)>,
    /// How many requests were started so far whose answer is the observation of this number.
    started: BTreeMap<u32, u64>,
}

/// Whose turn it is.
pub(super) enum Turn {
    /// The target's: it is really looked at.
    Look(Arc<Live>),
    /// The evidence's.
    Shown(Arc<Value>),
}

impl Partly {
    /// Looks at the target for the observations of these numbers; the pairs say which text of the earlier evidence is
    /// which one now.
    pub fn new(
        live: Arc<Live>,
        observations: Arc<[Shown]>,
        asked_live: BTreeSet<u32>,
        renamed: Vec<(String, String)>,
    ) -> Partly {
        Partly { live, observations, asked_live, renamed, started: BTreeMap::new() }
    }

    pub(super) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    pub(super) fn looks_with(&self, probe: &str) -> bool {
        let shown = self.asked_live.iter().filter_map(|&seq| self.earlier(seq));
        shown.into_iter().any(|shown| shown.probe == probe)
    }

    fn earlier(&self, seq: u32) -> Option<&Shown> {
        self.observations.get((seq as usize).checked_sub(1)?)
    }

    /// Looks or shows. A check that asks for something else than it did before has lost its way, and nothing is sent.
    pub(super) fn turn(&self, seq: u32, probe: &str, asked: &Value) -> Result<Turn, Stop> {
        let known = self.earlier(seq).ok_or_else(|| Stop::Diverged(format!("observation {seq} is missing")))?;
        if known.probe != probe || !alike(&known.asked, asked) {
            return Err(Stop::Diverged(format!(
                "observation {seq} answers another question: {probe} {asked} was asked"
            )));
        }
        if !self.asked_live.contains(&seq) {
            let seen = self.now(&known.seen);
            self.live.vault.reserve(&seen.to_string());
            return Ok(Turn::Shown(Arc::new(seen)));
        }
        match self.live.vault.lacks(&asked.to_string()) {
            Some(name) => Err(Stop::Diverged(format!("observation {seq} needs {name}, which is only shown"))),
            None => Ok(Turn::Look(self.live.clone())),
        }
    }

    /// The earlier evidence with the ids of now.
    fn now(&self, value: &Value) -> Value {
        let rename = |text: &str| {
            let pairs = self.renamed.iter().filter(|_| text.len() >= *ID_LENGTH.start());
            pairs.fold(
                text.to_owned(),
                |text, (before, now)| {
                    if text.contains(before) { text.replace(before, now) } else { text }
                },
            )
        };
        map_texts(value, &rename)
    }

    /// Remembers which id of the target's own making is which, so that what is shown later speaks of the same things.
    pub(super) fn learn(&mut self, seq: u32, seen: &Value) {
        if let Some(before) = self.earlier(seq).map(|shown| shown.seen.clone()) {
            self.compare(&before, seen);
        }
    }

    fn compare(&mut self, before: &Value, now: &Value) {
        match (before, now) {
            (Value::String(before), Value::String(now)) if before != now => {
                let is_id = |text: &str| {
                    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
                    ID_LENGTH.contains(&text.len()) && has_digit && (text.starts_with('‹') || !text.contains(' '))
                };
                let room = self.renamed.len() < MOST_LEARNED;
                if room && is_id(before) && is_id(now) && self.renamed.iter().all(|(known, _)| known != before) {
                    self.renamed.push((before.clone(), now.clone()));
                }
            }
            (Value::Array(before), Value::Array(now)) => {
                before.iter().zip(now).for_each(|(before, now)| self.compare(before, now));
            }
            (Value::Object(before), Value::Object(now)) => {
                let both = before.iter().filter_map(|(key, before)| Some((before, now.get(key)?)));
                both.for_each(|(before, now)| self.compare(before, now));
            }
            _ => {}
        }
    }

    /// Whether a request that is started now is really sent: only if its answer, which is observed later, is looked at.
    pub(super) fn starts(&mut self, after: u32, asked: &Value) -> bool {
        let free = self.observations.iter().enumerate().skip(after as usize).filter_map(|(at, shown)| {
            let seq = at as u32 + 1;
            let (first, count) = match shown.asked["answers to"].as_u64() {
                Some(count) => (&shown.asked["the first"], count),
                None => (&shown.asked, 1),
            };
            let left = self.started.get(&seq).copied().unwrap_or_default() < count;
            (shown.probe == "http" && left && alike(first, asked)).then_some((seq, first))
        });
        let free: Vec<(u32, &Value)> = free.collect();
        let exact = free.iter().find(|(_, first)| self.now(first) == *asked);
        let Some(&(answer, _)) = exact.or(free.first()) else {
            return false;
        };
        *self.started.entry(answer).or_default() += 1;
        self.asked_live.contains(&answer)
    }
}

/// Whether two questions are the same but for ids, counts and times.
fn alike(one: &Value, other: &Value) -> bool {
    masked(one) == masked(other)
}

fn masked(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::from(masked_text(text)),
        Value::Number(_) => Value::from(0),
        Value::Array(items) => items.iter().map(masked).collect(),
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| (masked_text(key), masked(value)));
            Value::Object(entries.collect())
        }
        other => other.clone(),
    }
}

/// A text in which every word with a digit is `#`.
fn masked_text(text: &str) -> String {
    let in_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let mut masked = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|letter| !in_word(letter)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        masked += if word.bytes().any(|byte| byte.is_ascii_digit()) { "#" } else { word };
        let between = after.find(in_word).unwrap_or(after.len());
        masked += &after[..between];
        rest = &after[between..];
    }
    masked
}

#[cfg(test)]
mod tests;
