//! What a line about an error says of where it happened (contract, section 3.4), however a language writes its traces.

use crate::check::{Case, Matcher, Seen, present, such_that};

/// Type, message and trace stand in the line, and the trace says where. Not every language repeats the type in it.
pub(super) fn has_its_trace(case: &mut Case, line: &Seen) {
    case.expect("type of the error in the line", line.at("/error_type"), present());
    case.expect("message of the error in the line", line.at("/error_message"), present());
    let whole = such_that("several lines, among them one with file and line number", |trace| {
        let lines: Vec<&str> = trace.as_str().unwrap_or_default().trim_end().lines().collect();
        lines.len() >= 3 && lines.iter().any(|line| has_a_place(line))
    });
    case.expect("trace of the error in the line", line.at("/stack_trace"), whole);
}

/// A file and a number of a line in it, however they are written.
fn has_a_place(line: &str) -> bool {
    let file = line.split(['/', '\\', '"', ' ', '(']).any(|word| word.contains('.'));
    file && line
        .split([':', ',', ' ', ')'])
        .any(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()))
}

/// All of these functions in the order of the calls, or the other way round, each with a place.
pub(super) fn names_all(functions: &'static [&'static str]) -> Matcher {
    such_that(format!("{} in the order of the calls, each with file and line", functions.join(", ")), move |trace| {
        let text = trace.as_str().unwrap_or_default();
        let at: Vec<usize> = functions.iter().filter_map(|name| text.find(name)).collect();
        let ordered = at.is_sorted() || at.iter().rev().is_sorted();
        at.len() == functions.len()
            && ordered
            && text.lines().filter(|line| has_a_place(line)).count() >= functions.len()
    })
}
