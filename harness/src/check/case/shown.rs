//! What a replay shows of its evidence, and whether the check still asks what the evidence answers.

use crate::check::{Shown, Stop, Tampering};
use serde_json::Value;
use std::sync::Arc;

/// The observation of this number as it was seen before, or as tampering would have it.
pub(super) fn shown_again(
    observations: &[Shown],
    tampering: Option<&Tampering>,
    seq: u32,
    probe: &str,
    asked: &Value,
) -> Result<Arc<Value>, Stop> {
    let known =
        observations.get(seq as usize - 1).ok_or_else(|| Stop::Diverged(format!("observation {seq} is missing")))?;
    // What a tampered replay asks may follow from what it saw, so only the probe must be the same there.
    if known.probe != probe || tampering.is_none() && !same_question(&known.asked, asked) {
        return Err(Stop::Diverged(format!("observation {seq} answers another question: {probe} {asked} was asked")));
    }
    Ok(match tampering {
        Some(tampering) if tampering.seq == seq => tampering.seen.clone(),
        _ => known.seen.clone(),
    })
}

/// Whether a recorded question is this one. Where a secret was removed from the record, anything may have stood.
fn same_question(recorded: &Value, asked: &Value) -> bool {
    match (recorded, asked) {
        (Value::String(known), Value::String(text)) => {
            known == text || known.contains("‹removed›") || known.contains("‹secret›")
        }
        (Value::Array(known), Value::Array(items)) => {
            known.len() == items.len() && known.iter().zip(items).all(|(known, item)| same_question(known, item))
        }
        (Value::Object(known), Value::Object(entries)) => {
            known.len() == entries.len()
                && known.iter().all(|(key, known)| entries.get(key).is_some_and(|entry| same_question(known, entry)))
        }
        _ => recorded == asked,
    }
}
