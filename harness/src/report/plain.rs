//! Makes text that came from a target harmless: whatever it contains is shown, and nothing of it acts.

use serde_json::Value;
use std::fmt::Write as _;

/// A text of one or several lines. Line breaks and tabs stay; every other control character becomes visible.
pub fn text(text: &str) -> String {
    let normal = text.replace("\r\n", "\n");
    normal.chars().fold(String::with_capacity(normal.len()), |mut plain, letter| {
        match letter {
            '\n' | '\t' => plain.push(letter),
            _ => push_visible(&mut plain, letter),
        }
        plain
    })
}

/// A text on one line, for terminals, tables and attributes: line breaks become visible as well.
pub fn line(text: &str) -> String {
    let plain = text.chars().fold(String::with_capacity(text.len()), |mut plain, letter| {
        push_visible(&mut plain, letter);
        plain
    });
    // CI services take a line with this mark for a command of ours.
    plain.replace("##[", "# #[")
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
        // The rest steers terminals (C1), turns the direction of reading, hides, or has no place in XML.
        '\u{80}'..='\u{9f}'
        | '\u{200b}'
        | '\u{200e}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{fffe}'
        | '\u{ffff}'
        | '\u{e0000}'..='\u{e007f}' => {
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
        assert_eq!(line("grüße, 世界 👋"), "grüße, 世界 👋");
    }

    #[test]
    fn a_workflow_command_never_begins_a_line() {
        assert!(!line(NASTY).contains('\n'));
        assert!(!line(NASTY).contains("##["));
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
