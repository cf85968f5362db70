//! Texts that are nearly right: what a parser of strangers' words must bear. They follow from a seed, so that a test
//! that fails does so again.

/// What is put in between: the marks of all the languages read here, and what no language has a use for.
const TOKENS: [&[u8]; 40] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"'",
    b"\\",
    b",",
    b":",
    b"=",
    b"#",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\x1b[2J",
    b"-",
    b"1e999",
    b"99999999999999999999",
    b"-1",
    b"0",
    b"NaN",
    b"+Inf",
    b"null",
    b"true",
    b"\\ud800",
    b"\\u0000",
    b"$",
    b"*9",
    b"%",
    b"/",
    b"<",
    b"&a;",
    b"]]>",
    b"not",
    b"..",
    "\u{202e}\u{1F600}".as_bytes(),
];

/// A source of chance, xorshift by kind.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// So many texts, each made from one of these by a few changes.
pub(crate) fn mutants<'a>(of: &'a [&'a [u8]], count: usize) -> impl Iterator<Item = Vec<u8>> + 'a {
    let mut chance = Chance(0x5eed_0041_5eed_0041);
    (0..count).map(move |_| {
        let mut text = of[chance.below(of.len())].to_vec();
        for _ in 0..=chance.below(4) {
            change(&mut text, of, &mut chance);
        }
        text
    })
}

/// The same as texts, in which wrong bytes are U+FFFD.
pub(crate) fn mutant_texts<'a>(of: &'a [&'a str], count: usize) -> impl Iterator<Item = String> + 'a {
    let mut chance = Chance(0x41);
    (0..count).map(move |_| {
        let bytes: Vec<&[u8]> = of.iter().map(|text| text.as_bytes()).collect();
        let mut text = bytes[chance.below(bytes.len())].to_vec();
        for _ in 0..=chance.below(4) {
            change(&mut text, &bytes, &mut chance);
        }
        String::from_utf8_lossy(&text).into_owned()
    })
}

fn change(text: &mut Vec<u8>, of: &[&[u8]], chance: &mut Chance) {
    let at = chance.below(text.len() + 1);
    let end = (at + chance.below(12)).min(text.len());
    match chance.below(8) {
        0 => text.truncate(at),
        1 => drop(text.drain(at..end)),
        2 => {
            let again = text[at..end].to_vec();
            text.splice(at..at, again.repeat(1 + chance.below(3)));
        }
        3 => {
            if let Some(byte) = text.get_mut(at) {
                *byte ^= 1 << chance.below(8);
            }
        }
        4 => {
            let other = of[chance.below(of.len())];
            let from = chance.below(other.len() + 1);
            text.splice(at..end, other[from..].iter().copied());
        }
        5 => {
            // Deep is what recursion fears.
            let token = TOKENS[chance.below(4)];
            text.splice(at..at, token.repeat(1 << chance.below(14)));
        }
        _ => drop(text.splice(at..end, TOKENS[chance.below(TOKENS.len())].iter().copied())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;

    #[test]
    fn whatever_is_written_is_a_list_of_features_or_is_refused_by_its_place() {
        let good = r#"[{"number": 1, "phase": 1, "area": "infrastructure", "category": "functional",
            "description": "Everything starts", "steps": ["Start", "Look"], "passes": true}]"#;
        for text in mutant_texts(&[good], 2000) {
            match Catalogue::parse(&text, "list.json") {
                Ok(catalogue) => assert!(catalogue.len() > 0),
                Err(error) => assert!(error.to_string().starts_with("list.json:"), "{error}"),
            }
        }
        for deep in ["[", "{\"a\":", "[{\"steps\":["] {
            let told = Catalogue::parse(&deep.repeat(100_000), "list.json").unwrap_err().to_string();
            assert!(told.starts_with("list.json:1:"), "{told}");
        }
    }
}
