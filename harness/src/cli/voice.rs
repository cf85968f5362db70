//! What is said on standard error, beside what was asked for. `eprintln!` panics where that is a full disk or a closed
//! pipe; here such words are lost, and neither what a command does nor how it ends depends on who listens.

use crate::report::plain;
use std::fmt::Display;
use std::io::{self, Write};

/// Says a text of one or several lines, in which nothing that came from outside acts.
pub(super) fn say(text: &str) {
    // In one piece, so that lines of several threads do not mingle.
    let text = plain::text(text) + "\n";
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Says what is wrong.
pub(super) fn complain(error: &impl Display) {
    say(&format!("error: {error}"));
}
