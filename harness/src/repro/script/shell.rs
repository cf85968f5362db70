//! Words of a POSIX shell, some of them with variables inside.

use crate::report::plain;
use std::collections::BTreeSet;

/// The expressions that stand for themselves in a text: `‹$TOKEN›` becomes `"$TOKEN"`. No other text does, whoever wrote it.
#[derive(Debug, Default)]
pub(super) struct Variables(BTreeSet<String>);

impl Variables {
    /// What stands in a text for an expression such as `$TOKEN`.
    pub(super) fn place(&mut self, expression: &str) -> String {
        let place = format!("‹{expression}›");
        self.0.insert(place.clone());
        place
    }

    /// A text for people: variables stand as the shell writes them.
    pub(super) fn told(&self, text: &str) -> String {
        let bare = |place: &String| place.trim_matches(['‹', '›']).to_owned();
        self.0.iter().fold(text.to_owned(), |text, place| text.replace(place.as_str(), &bare(place)))
    }

    /// A word that the shell hands on as it is, but for the variables in it.
    pub(super) fn quoted(&self, word: &str) -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:@%+=,".contains(&byte);
        if !word.is_empty() && word.bytes().all(plain) {
            return word.to_owned();
        }
        let (mut pieces, mut literal, mut rest) = (Vec::new(), String::new(), word);
        while let Some(letter) = rest.chars().next() {
            if let Some(place) = self.0.iter().find(|place| rest.starts_with(place.as_str())) {
                pieces.extend(single(&std::mem::take(&mut literal)));
                pieces.push(format!("\"{}\"", place.trim_matches(['‹', '›'])));
                rest = &rest[place.len()..];
                continue;
            }
            let text = &rest[..letter.len_utf8()];
            if "\n\t".contains(letter) || plain::line(text) == text {
                literal.push(letter);
            } else {
                pieces.extend(single(&std::mem::take(&mut literal)));
                let octal: String = text.bytes().map(|byte| format!("\\{byte:03o}")).collect();
                pieces.push(format!("\"$(printf '{octal}')\""));
            }
            rest = &rest[letter.len_utf8()..];
        }
        pieces.extend(single(&literal));
        if pieces.is_empty() { "''".to_owned() } else { pieces.concat() }
    }
}

fn single(literal: &str) -> Option<String> {
    (!literal.is_empty()).then(|| format!("'{}'", literal.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_shell_reads_back_every_word_with_what_its_variables_hold() {
        let mut variables = Variables::default();
        let place = variables.place("${ID%%-*}");
        for (word, wanted) in [
            ("", ""),
            ("a b it's $HOME `id` \\", "a b it's $HOME `id` \\"),
            ("a\nb\tc\u{1b}\u{9b}\r|", "a\nb\tc\u{1b}\u{9b}\r|"),
            ("‹token #1›‹$(id)›", "‹token #1›‹$(id)›"),
            (&format!("x-{place}@it's"), "x-1a2b@it's"),
            (&format!("{place}{place}"), "1a2b1a2b"),
        ] {
            let script = format!("ID=1a2b-3c4d; printf '%s' {}", variables.quoted(word));
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), wanted, "{script}");
        }
    }
}
