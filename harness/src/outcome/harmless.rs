//! JSON that may be looked at: whoever prints a record on a terminal sees letters, and nothing of them acts.

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use std::io::{self, Write};

/// Whether a letter beyond the old control characters steers terminals (C1), turns the direction of reading, hides, breaks
/// lines or has no place in XML.
pub fn acts(letter: char) -> bool {
    matches!(letter,
        '\u{7f}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200b}'
        | '\u{200e}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{fffe}'
        | '\u{ffff}'
        | '\u{e0000}'..='\u{e007f}')
}

/// A value as one line of JSON with its end. What acts stands as an escape, and reads back as the letter that it was.
///
/// # Panics
/// Where the value has no JSON form, which plain data always has.
pub fn json_line(value: &impl Serialize) -> String {
    let mut line = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut line, Harmless)).expect("plain data has a JSON form");
    line.push(b'\n');
    String::from_utf8(line).expect("JSON is text")
}

/// Writes compact JSON with escapes in place of letters that act; the old control characters are always escaped.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut units = [0; 2];
        let mut rest = fragment;
        while let Some((at, letter)) = rest.char_indices().find(|(_, letter)| acts(*letter)) {
            CompactFormatter.write_string_fragment(writer, &rest[..at])?;
            for unit in letter.encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + letter.len_utf8()..];
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn nothing_in_a_line_acts_and_it_reads_back_as_it_was() {
        let words =
            "\u{1b}[2J \u{9b}31m \u{85} \u{7f} \u{202e}txt \u{2066} \u{200e} \u{2028} \u{e0041} \u{feff} grüße \"\\ 👋";
        let value = json!({"key \u{9d}": [words, 1.5, null]});
        let line = json_line(&value);
        let shown = line.strip_suffix('\n').unwrap();
        assert!(!shown.chars().any(|letter| letter.is_control() || acts(letter)), "{shown}");
        assert!(shown.contains("\\u009b31m \\u0085 \\u007f \\u202etxt") && shown.contains("grüße"), "{shown}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
        assert_eq!(json_line(&json!({"a": [1, "b"]})), "{\"a\":[1,\"b\"]}\n");
    }
}
