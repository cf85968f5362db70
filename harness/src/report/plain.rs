//! Makes text that came from a target harmless: whatever it contains is shown, and nothing of it acts.

use crate::outcome::acts;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;

/// A text of one or several lines. Line breaks and tabs stay; every other control character becomes visible.
pub fn text(text: &str) -> String {
    let normal = text.replace("\r\n", "\n");
    let plain = normal.chars().fold(String::with_capacity(normal.len()), |mut plain, letter| {
        match letter {
            '\n' | '\t' => plain.push(letter),
            _ => push_visible(&mut plain, letter),
        }
        plain
    });
    inert(plain)
}

/// A text on one line, for terminals, tables and attributes: line breaks become visible as well.
pub fn line(text: &str) -> String {
    let plain = text.chars().fold(String::with_capacity(text.len()), |mut plain, letter| {
        push_visible(&mut plain, letter);
        plain
    });
    inert(plain)
}

/// A path on one line: the name of a file can hold anything, line breaks included.
pub fn path(path: &Path) -> String {
    line(&path.display().to_string())
}

/// A text in which no CI service finds a command of ours: `::error::` at the start of a line (GitHub), `##[error]` and
/// `##vso[task.complete]` (GitHub, Azure, TeamCity) wherever they stand.
fn inert(text: String) -> String {
    if !text.contains("##") && !text.contains("::") {
        return text;
    }
    let lines = text.split('\n').map(inert_line);
    lines.collect::<Vec<_>>().join("\n")
}

fn inert_line(line: &str) -> String {
    let (mut inert, mut rest) = (String::with_capacity(line.len()), line);
    let words = line.trim_start();
    if words.strip_prefix("::").is_some_and(|command| command.contains("::")) {
        let (colon, others) = line.split_at(line.len() - words.len() + 1);
        inert = format!("{colon} ");
        rest = others;
    }
    while let Some(at) = rest.find("##") {
        let (before, mark) = rest.split_at(at + 1);
        inert.push_str(before);
        let word = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if mark[1..].trim_start_matches(word).starts_with('[') {
            inert.push(' ');
        }
        rest = mark;
    }
    inert + rest
}

/// A JSON value on one line; texts stand without quotes.
pub fn value_line(value: &Value) -> String {
    match value {
        Value::String(text) => line(text),
        other => line(&other.to_string()),
    }
}

/// A JSON value on one line as something that was observed. Texts stand in quotes: `"30"` is not `30`.
pub fn observed(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{}\"", line(text)),
        other => value_line(other),
    }
}

/// A JSON value laid out over several lines.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::String(words) => text(words),
        other => text(&serde_json::to_string_pretty(other).expect("a JSON value has a text")),
    }
}

/// A JSON tree whose texts are all harmless.
pub fn tree(value: &Value) -> Value {
    match value {
        Value::String(words) => Value::String(text(words)),
        Value::Array(items) => items.iter().map(tree).collect(),
        Value::Object(entries) => {
            let clean = entries.iter().map(|(key, value)| (line(key), tree(value)));
            Value::Object(clean.collect())
        }
        other => other.clone(),
    }
}

/// The beginning of a text, with `…` where something was left out.
pub fn short(text: &str, letters: usize) -> String {
    match text.char_indices().nth(letters) {
        None => text.to_owned(),
        Some((end, _)) => text[..end].trim_end().to_owned() + "…",
    }
}

fn push_visible(plain: &mut String, letter: char) {
    match letter {
        // Unicode has a picture of each of the old control characters.
        '\0'..='\u{1f}' => plain.push(char::from_u32(0x2400 + letter as u32).expect("these pictures exist")),
        '\u{7f}' => plain.push('␡'),
        _ if acts(letter) => {
            write!(plain, "\\u{{{:x}}}", letter as u32).expect("a text can always grow");
        }
        _ => plain.push(letter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture::NASTY;
    use serde_json::json;

    #[test]
    fn control_characters_become_visible() {
        assert_eq!(line("\u{1b}[31mred\0\u{9b}1m\r\n\u{202e}"), "␛[31mred␀\\u{9b}1m␍␊\\u{202e}");
        assert_eq!(text("a\r\n\tb\rc"), "a\n\tb␍c");
        assert_eq!(path(Path::new("runs/\u{1b}]0;x\u{7}\nmine")), "runs/␛]0;x␇␊mine");
        assert_eq!(line("grüße, 世界 👋"), "grüße, 世界 👋");
    }

    #[test]
    fn a_workflow_command_never_begins_a_line() {
        assert!(!line(NASTY).contains('\n'));
        assert!(!line(NASTY).contains("##["));
        let all = text("  ::error::x\n\t::set-output name=a::b\nstd::io::Error\n::1\n::ffff:1");
        assert_eq!(all, "  : :error::x\n\t: :set-output name=a::b\nstd::io::Error\n::1\n::ffff:1");
        assert_eq!(line("::warning::x"), ": :warning::x");
    }

    #[test]
    fn a_pipeline_command_stands_nowhere_in_a_line() {
        for (command, inert) in [
            (
                "signed in as ##vso[task.complete result=Succeeded;]ok",
                "signed in as # #vso[task.complete result=Succeeded;]ok",
            ),
            ("a ##[error]b ##[group]c", "a # #[error]b # #[group]c"),
            ("####vso[x]##teamcity[y]", "### #vso[x]# #teamcity[y]"),
            ("## a [heading], ##", "## a [heading], ##"),
        ] {
            assert_eq!(line(command), inert);
            assert_eq!(text(&format!("x\n{command}")), format!("x\n{inert}"));
        }
    }

    #[test]
    fn a_tree_keeps_its_shape() {
        assert_eq!(tree(&json!({"a\0": ["\u{1b}", 1, null]})), json!({"a␀": ["␛", 1, null]}));
        assert_eq!(value_line(&json!("x")), "x");
        assert_eq!(value_line(&json!({"x": [1]})), r#"{"x":[1]}"#);
    }

    #[test]
    fn a_text_is_cut_between_letters() {
        assert_eq!(short("äöü", 3), "äöü");
        assert_eq!(short("äöüß", 2), "äö…");
    }
}
