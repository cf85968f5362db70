//! All proofs of one run of `conform prove`, as a table for people.

use super::{NullProof, SabotageProof, TamperProof};
use crate::outcome::Verdict;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Everything that was proven, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Proof {
    /// Features that did not pass on a sound target: of what fails nothing can be proven, and of what is skipped for
    /// want of something here, nothing here.
    pub sound: BTreeMap<u16, Verdict>,
    /// Tampering, a row for each feature.
    pub tampering: Vec<TamperProof>,
    /// Sabotage, a row for each.
    pub sabotage: Vec<SabotageProof>,
    /// Worthless and hostile targets, a row for each.
    pub null: Vec<NullProof>,
}

impl Proof {
    /// Whether every step that can be observed here is proven, every sabotage exact, and nothing worthless passes.
    pub fn holds(&self) -> bool {
        self.sound.values().all(|&verdict| is_sound(verdict))
            && self.tampering.iter().all(|one| is_sound(one.verdict) && one.unproven().is_empty())
            && self.sabotage.iter().all(SabotageProof::is_exact)
            && self.null.iter().all(|one| one.passed.is_empty())
    }

    /// The table, with everything that is not as it should be.
    pub fn table(&self) -> String {
        let mut text = String::new();
        for (number, verdict) in &self.sound {
            let of = if is_sound(*verdict) { "what is skipped" } else { "it" };
            line(&mut text, format_args!("f{number:03} is {verdict} on a sound target: nothing can be proven of {of}"));
        }
        self.tampering_table(&mut text);
        self.sabotage_table(&mut text);
        self.null_table(&mut text);
        let word = match (self.holds(), self.null.is_empty()) {
            (false, _) => "NOT PROVEN",
            (true, true) => "proven by tampering alone: no target was broken",
            (true, false) => "proven",
        };
        line(&mut text, format_args!("\n{word}"));
        text
    }

    fn tampering_table(&self, text: &mut String) {
        if self.tampering.is_empty() {
            return;
        }
        line(text, format_args!("\nTampering: evidence is altered in one place at a time, and the check must notice"));
        line(text, format_args!("feature  steps proven  tamperings  leaves noticed  sensitivity"));
        for one in &self.tampering {
            let proven = one.steps.iter().filter(|step| step.noticed > 0).count();
            line(
                text,
                format_args!(
                    "f{:03}     {:>5} of {:<3}  {:>10}  {:>7} of {:<5} {:>9.1} %",
                    one.feature,
                    proven,
                    one.steps.len(),
                    one.tried,
                    one.noticed_leaves,
                    one.leaves,
                    one.sensitivity() * 100.0
                ),
            );
            if one.verdict != Verdict::Pass {
                line(text, format_args!("         its evidence gives {} when nothing is altered", one.verdict));
            }
            if !one.survivors.is_empty() {
                line(text, format_args!("         not noticed: {}", listed(&one.survivors)));
            }
            for reason in &one.broken {
                line(text, format_args!("         {reason}"));
            }
            for step in one.unproven() {
                line(text, format_args!("         step {step} asserts nothing: no tampering turns it red"));
            }
        }
    }

    fn sabotage_table(&self, text: &mut String) {
        if self.sabotage.is_empty() {
            return;
        }
        line(
            text,
            format_args!("\nSabotage: a target is broken in one way, and exactly the named features must turn red"),
        );
        for one in &self.sabotage {
            text.push_str(&one.told());
        }
    }

    fn null_table(&self, text: &mut String) {
        if self.null.is_empty() {
            return;
        }
        line(text, format_args!("\nNull targets: worthless and hostile servers, which must pass nothing"));
        for one in &self.null {
            let counts: Vec<String> =
                one.verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
            let survived = one.survived.map(|why| format!("  survived, for {why}")).unwrap_or_default();
            line(text, format_args!("{:<42} {:<28} {:>5.1} s{survived}", one.target, counts.join(", "), one.seconds));
        }
        let passed: usize = self.null.iter().map(|one| one.passed.len()).sum();
        line(text, format_args!("null score: {passed} features passed by any of {} targets", self.null.len()));
    }
}

impl SabotageProof {
    /// What came of it, a line for the whole and one for each thing that is to be said.
    pub fn told(&self) -> String {
        let word = match (self.is_exact(), self.tries) {
            (true, 1) => "exact",
            (true, _) => "exact at the second try",
            (false, _) => "WRONG",
        };
        let mut text = String::new();
        let mut detail = |arguments: std::fmt::Arguments<'_>| line(&mut text, format_args!("             {arguments}"));
        if let Some(failure) = &self.noticed_by {
            detail(format_args!("{}", shorten(failure)));
        }
        if self.red != self.expected {
            detail(format_args!("red: {:?}, expected: {:?}", self.red, self.expected));
        }
        for other in &self.surprises {
            detail(format_args!("red as well: {}", shorten(other)));
        }
        for other in &self.disturbed {
            detail(format_args!("disturbed: {}", shorten(other)));
        }
        format!("{word}  f{:03}  {}\n{text}", self.feature, self.what)
    }
}

/// Whether nothing was wrong, though something may have been missing.
fn is_sound(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Pass | Verdict::Partial | Verdict::Skip)
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    writeln!(text, "{arguments}").expect("a string takes any text");
}

/// As many as can be read; the rest as a number.
fn listed(survivors: &[String]) -> String {
    const SHOWN: usize = 30;
    let mut text = survivors.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if survivors.len() > SHOWN {
        text += &format!(" and {} more", survivors.len() - SHOWN);
    }
    text
}

fn shorten(text: &str) -> String {
    text.chars().take(200).collect()
}
