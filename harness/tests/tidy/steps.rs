//! Steps: what a check calls a step is what the catalogue calls it, and no step is left out.

use crate::tree::{catalogue, check_files, checked, none, read, root, shown};
use harness::outcome::{Evidence, Verdict};
use harness::proof::replay;
use harness::target::Need;

/// The literal steps of a source: every `case.step(N, "text")`. Steps from a table are left to the replay.
fn literal_steps(source: &str) -> Vec<(u8, String)> {
    let mut steps = Vec::new();
    for call in source.split(".step(").skip(1) {
        let call = call.trim_start();
        let digits = call.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(call.len());
        let Ok(number) = call[..digits].parse() else {
            continue;
        };
        let rest = call[digits..].trim_start_matches(|letter: char| letter == ',' || letter.is_whitespace());
        if let Some(text) = rest.strip_prefix('"').and_then(literal) {
            steps.push((number, text));
        }
    }
    steps
}

/// A string literal without its opening quote, as the compiler reads it, as far as steps go.
fn literal(source: &str) -> Option<String> {
    let mut text = String::new();
    let mut letters = source.chars().peekable();
    loop {
        match letters.next()? {
            '"' => return Some(text),
            '\\' => match letters.next()? {
                '\n' => while letters.next_if(|letter| letter.is_whitespace()).is_some() {},
                escaped => text.push(escaped),
            },
            letter => text.push(letter),
        }
    }
}

#[test]
fn step_texts_in_the_source_are_the_catalogues() {
    let catalogue = catalogue();
    let mut faults = Vec::new();
    let mut found = 0;
    for (path, numbers) in check_files().into_iter().filter(|(_, numbers)| numbers.clone().count() == 1) {
        let steps = &catalogue.feature(*numbers.start()).unwrap().steps;
        for (number, text) in literal_steps(&read(&path)) {
            found += 1;
            let wanted = steps.get(usize::from(number).wrapping_sub(1));
            if wanted != Some(&text) {
                faults.push(format!("{}: step {number} is {text:?}, the catalogue says {wanted:?}", shown(&path)));
            }
        }
    }
    assert!(found > 0, "no step was found in any source: this test no longer reads them as they are written");
    none(faults);
}

#[test]
fn every_check_decides_every_step_of_the_catalogue_and_no_other() {
    let mut faults = Vec::new();
    for (check, feature) in checked() {
        let number = feature.number;
        let path = root().join(format!("fixtures/evidence/f{number:03}.jsonl"));
        let evidence = Evidence::from_lines(&read(&path)).unwrap();
        let outcome = replay(check, &feature, &evidence).outcome;
        faults.extend(outcome.reason.map(|reason| format!("f{number:03}: {reason}")));
        if outcome.steps.is_empty() || outcome.steps.len() != feature.steps.len() {
            faults.push(format!("f{number:03} has {} steps of {}", outcome.steps.len(), feature.steps.len()));
        }
        for step in outcome.steps.iter().filter(|step| step.verdict != Verdict::Pass) {
            let reason = step.reason.as_deref().unwrap_or("an expectation does not hold");
            // Nobody has taken evidence in a cluster yet.
            if step.verdict == Verdict::Skip && reason == format!("needs {}", Need::Cluster) {
                continue;
            }
            faults.push(format!("f{number:03}: step {} is {}: {reason}", step.step, step.verdict));
        }
    }
    none(faults);
}

#[test]
fn steps_are_read_from_a_source_as_the_compiler_reads_them() {
    let source = "case.step(1, \"A \\\"quoted\\\" one\");\n case.step(\n 12,\n \"One that \\\n   goes on\",\n);\n case.step(n, text);";
    let steps = literal_steps(source);
    assert_eq!(steps, [(1, "A \"quoted\" one".to_owned()), (12, "One that goes on".to_owned())]);
}
