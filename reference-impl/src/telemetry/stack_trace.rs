//! Where a fault came from, as text for the log (feature 39).

use std::backtrace::Backtrace;

/// Functions of this program's own, innermost first, each with file and line; the kind of the fault comes last.
///
/// The frames of the runtime and the framework in between say nothing about the fault, and are left out.
pub fn text(trace: &Backtrace, error_type: &str, error_message: &str) -> String {
    let all = trace.to_string();
    let mut lines = all.lines().peekable();
    let mut kept = Vec::new();
    while let Some(line) = lines.next() {
        let place = lines.next_if(|next| next.trim_start().starts_with("at "));
        if is_ours(line) || place.is_some_and(is_our_file) {
            kept.push(line.trim());
            kept.extend(place.map(str::trim_end));
        }
    }
    let last = format!("{error_type}: {error_message}");
    kept.push(&last);
    kept.join("\n")
}

/// Async functions are named without their module, yet their file tells whose they are.
fn is_our_file(place: &str) -> bool {
    // The second form is what a process sees that was started in this package's folder.
    place.contains("reference-impl/src/") || place.trim_start().starts_with("at ./src/")
}

fn is_ours(frame: &str) -> bool {
    frame.split_once(": ").is_some_and(|(_, function)| {
        // `<autograph::…>` is a method of a trait.
        function.trim_start_matches(['<', '&']).starts_with("autograph")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn somewhere() -> Backtrace {
        Backtrace::force_capture()
    }

    #[test]
    fn trace_names_our_functions_and_ends_with_the_kind() {
        let text = text(&somewhere(), "OutOfPaper", "tray 2 is empty");
        assert!(text.contains("somewhere"), "{text}");
        assert!(text.contains("stack_trace.rs:"), "{text}");
        assert!(text.ends_with("\nOutOfPaper: tray 2 is empty"));
        assert!(!text.contains("std::"), "{text}");
    }
}
