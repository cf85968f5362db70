//! Where a fault came from, as text for the log (feature 39).

use std::backtrace::Backtrace;

/// Where this program's own files are.
const OURS: &str = "reference-impl/src/";

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
            kept.push(line.trim().to_owned());
            kept.extend(place.map(within_the_project));
        }
    }
    kept.push(format!("{error_type}: {error_message}"));
    kept.join("\n")
}

/// The place without the folder that the program was built in, which is nobody's business.
fn within_the_project(place: &str) -> String {
    match place.trim_end().split_once(OURS) {
        Some((_, file)) => format!("             at {OURS}{file}"),
        None => place.trim_end().to_owned(),
    }
}

/// One function of a trace, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its name.
    pub function: String,
    /// The file.
    pub file: Option<String>,
    /// The line in that file.
    pub line: Option<u64>,
}

impl Frame {
    /// Its function with the module, `diagrams::storage::{async_fn#0}`: async functions are named without theirs.
    pub fn place(&self) -> String {
        let module = self.file.as_ref().and_then(|file| file.rsplit_once("src/")).map(|(_, file)| file);
        match module {
            Some(file) if self.function.starts_with('{') => {
                format!("{}::{}", file.trim_end_matches(".rs").replace('/', "::"), self.function)
            }
            _ => self.function.trim_start_matches("autograph::").to_owned(),
        }
    }

    /// Whether it only hands on what another function met: a closure, or a conversion between errors.
    fn hands_on(&self) -> bool {
        self.function.contains("{closure") || self.file.as_ref().is_some_and(|file| file.ends_with("src/error.rs"))
    }
}

/// Where a fault happened: the innermost function that does not just hand it on.
pub fn culprit(frames: &[Frame]) -> Option<String> {
    frames.iter().find(|frame| !frame.hands_on()).or(frames.first()).map(Frame::place)
}

/// The functions in a text that [`text`] made, innermost first.
pub fn frames(text: &str) -> Vec<Frame> {
    let mut lines = text.lines().peekable();
    let mut frames = Vec::new();
    while let Some(line) = lines.next() {
        let Some((_, function)) = line.split_once(": ").filter(|(number, _)| number.parse::<u32>().is_ok()) else {
            continue;
        };
        let place = lines.next_if(|next| next.trim_start().starts_with("at "));
        let place = place.map(|place| place.trim_start().trim_start_matches("at "));
        let mut parts = place.into_iter().flat_map(|place| place.rsplitn(3, ':'));
        let (_column, line, file) = (parts.next(), parts.next(), parts.next());
        frames.push(Frame {
            function: function.to_owned(),
            file: file.map(str::to_owned),
            line: line.and_then(|line| line.parse().ok()),
        });
    }
    frames
}

/// Async functions are named without their module, yet their file tells whose they are.
fn is_our_file(place: &str) -> bool {
    // The second form is what a process sees that was started in this package's folder.
    place.contains(OURS) || place.trim_start().starts_with("at ./src/")
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
        assert!(!text.contains(env!("CARGO_MANIFEST_DIR")), "{text}");
        assert!(text.ends_with("\nOutOfPaper: tray 2 is empty"));
        assert!(!text.contains("std::"), "{text}");
    }

    #[test]
    fn a_text_gives_its_functions_back() {
        let frames = frames(&text(&somewhere(), "OutOfPaper", "tray 3: is\nempty"));
        let first = &frames[0];
        assert!(first.function.contains("somewhere"), "{first:?}");
        assert!(first.file.as_ref().unwrap().ends_with("stack_trace.rs") && first.line > Some(1), "{first:?}");
    }

    #[test]
    fn the_culprit_is_named_with_its_module() {
        let frame =
            |function: &str, file: &str| Frame { function: function.into(), file: Some(file.into()), line: None };
        let conversion = frame("<autograph::error::ApiError as From>::from", "/x/src/error.rs");
        let trace =
            [conversion, frame("{closure#0}", "/x/src/a.rs"), frame("{async_fn#0}", "/x/src/diagrams/storage.rs")];
        assert_eq!(culprit(&trace).unwrap(), "diagrams::storage::{async_fn#0}");
        assert_eq!(culprit(&[frame("autograph::auth::level_3", "/x/src/auth.rs")]).unwrap(), "auth::level_3");
        assert_eq!(culprit(&[]), None);
    }
}
