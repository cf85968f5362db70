//! The messages of a PostgreSQL server: each whole, of a kind that there is, and with all that its kind promises.
//!
//! Protocol: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.

use super::{Inspector, Judged};

/// A longer row is not taken in.
const LONGEST_ROW: usize = 16 << 20;
/// Nor is a longer list of columns or parameters; a table has 1,600 columns at most.
const LONGEST_LIST: usize = 1 << 20;
/// Nor is a longer message of any other kind, an error among them.
const LONGEST: usize = 64 << 10;
/// Nor is a longer word about the login: how it goes, or a key.
const LONGEST_LOGIN: usize = 4 << 10;
/// Settings that a server reports are kept by their names for as long as a connection lasts; all of them may be this long.
const LONGEST_SETTINGS: usize = 1 << 20;
/// More rounds of hashing are not done for a password; PostgreSQL asks for 4096.
const MOST_ROUNDS: u64 = 100_000;
/// The server's part of a SCRAM exchange.
const SCRAM_CONTINUES: u32 = 11;

/// Inspects messages one after another.
#[derive(Default)]
pub(super) struct Messages {
    /// How long the settings were that the server has reported, in bytes.
    settings: usize,
}

impl Inspector for Messages {
    fn judge(&mut self, bytes: &[u8]) -> Judged {
        let mut pass = 0;
        loop {
            let rest = &bytes[pass..];
            let Some((kind, length)) = head(rest) else {
                return Judged { pass, offence: None };
            };
            if !(4..=longest(kind)).contains(&length) {
                let kind = char::from(kind).escape_default();
                let offence = format!("a message of kind '{kind}' says that it is {length} bytes long");
                return Judged { pass, offence: Some(offence) };
            }
            let Some(content) = rest.get(5..length + 1) else {
                return Judged { pass, offence: None };
            };
            if content_of(kind, content).is_none() {
                let kind = char::from(kind).escape_default();
                return Judged { pass, offence: Some(format!("a message of kind '{kind}' is none of PostgreSQL's")) };
            }
            if kind == b'S' {
                self.settings += length;
                if self.settings > LONGEST_SETTINGS {
                    let offence = format!("it has reported settings of more than {LONGEST_SETTINGS} bytes");
                    return Judged { pass, offence: Some(offence) };
                }
            }
            pass += length + 1;
        }
    }
}

/// Kind and length of a message; the length counts itself, not the kind.
fn head(bytes: &[u8]) -> Option<(u8, usize)> {
    let (kind, rest) = bytes.split_first()?;
    Some((*kind, u32::from_be_bytes(*rest.first_chunk()?) as usize))
}

/// What a message may be long, by what it is there for.
fn longest(kind: u8) -> usize {
    match kind {
        b'D' => LONGEST_ROW,
        b'T' | b't' => LONGEST_LIST,
        b'R' | b'K' => LONGEST_LOGIN,
        _ => LONGEST,
    }
}

/// Nothing where the content is not what the kind of message says.
fn content_of(kind: u8, content: &[u8]) -> Option<()> {
    let mut rest = Rest(content);
    match kind {
        b'R' => login(&mut rest)?,
        b'K' => rest.skip(8)?,
        b'Z' => rest.skip(1)?,
        b'S' => (0..2).try_for_each(|_| rest.text())?,
        b'A' => {
            rest.skip(4)?;
            (0..2).try_for_each(|_| rest.text())?;
        }
        b'C' => rest.text()?,
        b'E' | b'N' => fields(&mut rest)?,
        b't' => {
            let parameters = rest.short()?;
            rest.skip(4 * usize::from(parameters))?;
        }
        b'T' => (0..rest.short()?).try_for_each(|_| rest.text().and_then(|()| rest.skip(18)))?,
        b'D' => (0..rest.short()?).try_for_each(|_| value(&mut rest))?,
        b'1' | b'2' | b'3' | b'n' | b's' | b'I' => {}
        _ => return None,
    }
    // A little more than promised hurts nobody.
    Some(())
}

fn login(rest: &mut Rest<'_>) -> Option<()> {
    let kind = rest.long()?;
    match kind {
        5 => rest.skip(4),
        SCRAM_CONTINUES => {
            let words = std::str::from_utf8(rest.0).ok()?.split(',');
            let rounds = words.filter_map(|word| word.strip_prefix("i=")).map(str::parse::<u64>);
            rounds.into_iter().all(|rounds| rounds.is_ok_and(|rounds| rounds <= MOST_ROUNDS)).then_some(())
        }
        _ => Some(()),
    }
}

/// An error or a notice: a letter and a text each, and a zero at the end.
fn fields(rest: &mut Rest<'_>) -> Option<()> {
    while rest.byte()? != 0 {
        rest.text()?;
    }
    Some(())
}

/// A value of a row: its length, −1 for null, and its bytes.
fn value(rest: &mut Rest<'_>) -> Option<()> {
    match i32::from_be_bytes(rest.long()?.to_be_bytes()) {
        -1 => Some(()),
        length => rest.skip(usize::try_from(length).ok()?),
    }
}

/// What is left of a message.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.0.first()?;
        self.skip(1)?;
        Some(byte)
    }

    fn short(&mut self) -> Option<u16> {
        let short = u16::from_be_bytes(*self.0.first_chunk()?);
        self.skip(2)?;
        Some(short)
    }

    fn long(&mut self) -> Option<u32> {
        let long = u32::from_be_bytes(*self.0.first_chunk()?);
        self.skip(4)?;
        Some(long)
    }

    /// A text with the zero that ends it.
    fn text(&mut self) -> Option<()> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        self.skip(end + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::mutation::mutants;

    fn message(kind: u8, content: &[u8]) -> Vec<u8> {
        let length = (content.len() as u32 + 4).to_be_bytes();
        [&[kind], &length[..], content].concat()
    }

    fn passes(kind: u8, content: &[u8]) -> bool {
        let bytes = message(kind, content);
        let judged = Messages::default().judge(&bytes);
        assert_eq!(judged.offence.is_none(), judged.pass == bytes.len());
        judged.offence.is_none()
    }

    #[test]
    fn messages_of_a_server_pass() {
        for (kind, content) in [
            (b'R', &b"\0\0\0\x0bv=1,r=abc,s=QSXCR+Q6sek8bf92,i=4096"[..]),
            (b'S', b"server_version\x0016.6\0"),
            (b'T', b"\0\x01id\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0"),
            (b'D', b"\0\x02\0\0\0\x01x\xff\xff\xff\xff"),
            (b'E', b"SERROR\0C42P01\0Mno such table\0\0"),
            (b'C', b"SELECT 1\0"),
            (b'2', b""),
        ] {
            assert!(passes(kind, content), "{}", char::from(kind));
        }
    }

    #[test]
    fn what_promises_more_than_it_holds_does_not_pass() {
        for (kind, content) in [
            (b'Z', &b""[..]),
            (b'R', b"\0\0"),
            (b'R', b"\0\0\0\x0br=abc,s=QSXCR,i=4294967295"),
            (b'R', b"\0\0\0\x0br=abc,s=QSXCR,i=99999999999999999999"),
            (b'T', b"\xff\xffid\0"),
            (b'D', b"\0\x01\0\0\0\x09x"),
            (b'D', b"\0\x01\xff\xff\xff\xfex"),
            (b'E', b"SERROR"),
            (b'S', b"no end"),
            (b'?', b""),
        ] {
            assert!(!passes(kind, content), "{} {content:?}", char::from(kind));
        }
    }

    #[test]
    fn settings_without_end_do_not_pass() {
        let mut messages = Messages::default();
        let one = message(b'S', &[&b"name\0"[..], &[b'v'; 1000], b"\0"].concat());
        let passed = (0..2000).take_while(|_| messages.judge(&one).offence.is_none()).count();
        assert!((1000..1100).contains(&passed), "{passed}");
    }

    #[test]
    fn a_message_passes_only_when_it_is_whole() {
        let bytes = [message(b'Z', b"I"), message(b'C', b"SELECT 1\0")].concat();
        for end in 0..bytes.len() {
            let judged = Messages::default().judge(&bytes[..end]);
            assert_eq!((judged.pass, judged.offence), (if end < 6 { 0 } else { 6 }, None));
        }
    }

    #[test]
    fn only_rows_are_long() {
        for (kind, content, passing) in [
            (b'R', [&b"\0\0\0\x0a"[..], &[b'x'; 5 << 10], b"\0\0"].concat(), false),
            (b'R', [&b"\0\0\0\x0a"[..], &[b'x'; 1 << 10], b"\0\0"].concat(), true),
            (b'E', [&b"M"[..], &[b'x'; 70 << 10], b"\0\0"].concat(), false),
            (b'E', [&b"M"[..], &[b'x'; 60 << 10], b"\0\0"].concat(), true),
            (b'D', [&b"\0\x01\0\x10\0\0"[..], &[b'x'; 1 << 20]].concat(), true),
        ] {
            assert_eq!(passes(kind, &content), passing, "{} of {}", char::from(kind), content.len());
        }
    }

    #[test]
    fn no_length_is_believed_without_its_bytes() {
        for length in [0_u32, 3, 0x7fff_ffff, u32::MAX] {
            let bytes = [&b"D"[..], &length.to_be_bytes()].concat();
            assert!(Messages::default().judge(&bytes).offence.unwrap().contains(&length.to_string()));
        }
    }

    #[test]
    fn whatever_comes_is_judged_and_never_passes_beyond_its_end() {
        let ready = message(b'Z', b"I");
        let row = message(b'D', b"\0\x02\0\0\0\x01x\xff\xff\xff\xff");
        let columns = message(b'T', b"\0\x01id\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0");
        let error = message(b'E', b"SERROR\0C42P01\0Mno such table\0\0");
        for bytes in mutants(&[&ready, &row, &columns, &error], 5000) {
            assert!(Messages::default().judge(&bytes).pass <= bytes.len());
        }
    }
}
