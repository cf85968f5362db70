//! What a line about an error says of where it happened (contract, section 3.4), however a language writes its traces.

use crate::check::{Case, Matcher, Seen, present, such_that};

/// Type, message and trace stand in the line; the trace names the type, and every function has its place.
pub(super) fn has_its_trace(case: &mut Case, line: &Seen) {
    case.expect("type of the error in the line", line.at("/error_type"), present());
    case.expect("message of the error in the line", line.at("/error_message"), present());
    let kind = line.at("/error_type").text().unwrap_or("no type").to_owned();
    // Some languages write an error as its message alone.
    let message =
        line.at("/error_message").text().and_then(|text| text.lines().next()).unwrap_or("no message").to_owned();
    let whole =
        such_that(format!("several lines with file and line number, and {kind} before or after them"), move |trace| {
            let lines: Vec<&str> = trace.as_str().unwrap_or_default().trim_end().lines().collect();
            let places = lines.iter().filter(|line| has_a_place(line)).count();
            // A message may have lines of its own, which come after the type or before the places.
            lines.len() >= 3
                && places >= 1
                && lines.iter().any(|line| line.contains(&message) || line.contains(&kind) && !has_a_place(line))
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
