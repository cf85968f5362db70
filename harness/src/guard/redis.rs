//! The replies of a Redis server: lengths that memory can bear, and no more items than anybody asked for.
//!
//! Protocol: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

use super::{Inspector, Judged};

/// A longer text is not taken in.
const LONGEST_TEXT: i64 = 16 << 20;
/// A longer line is not taken in.
const LONGEST_LINE: usize = 64 << 10;
/// A list of more items is not taken in.
const MOST_ITEMS: i64 = 100_000;
/// No connection carries more items, of whatever kind.
const MOST_LINES: usize = 200_000;

/// Inspects replies, item after item.
#[derive(Default)]
pub(super) struct Replies {
    /// Bytes of a text that are still to come, with the line end after it.
    text: usize,
    lines: usize,
}

impl Inspector for Replies {
    fn judge(&mut self, bytes: &[u8]) -> Judged {
        let mut pass = 0;
        loop {
            let of_text = self.text.min(bytes.len() - pass);
            self.text -= of_text;
            pass += of_text;
            let rest = &bytes[pass..];
            let Some(end) = rest.windows(2).take(LONGEST_LINE).position(|two| two == b"\r\n") else {
                let offence = (rest.len() > LONGEST_LINE).then(|| "a line has no end".to_owned());
                return Judged { pass, offence };
            };
            self.lines += 1;
            match following(&rest[..end]) {
                _ if self.lines > MOST_LINES => {
                    return Judged { pass, offence: Some(format!("there are more than {MOST_LINES} items")) };
                }
                Ok(text) => self.text = text,
                Err(offence) => return Judged { pass, offence: Some(offence) },
            }
            pass += end + 2;
        }
    }
}

/// How many bytes of text follow a line. Of a line that offends, kind and number are told and no word: it may hold a secret.
fn following(line: &[u8]) -> Result<usize, String> {
    let (kind, word) = line.split_first().ok_or("an item has no kind")?;
    let shown = char::from(*kind).escape_default();
    let number = || {
        let number = std::str::from_utf8(word).ok().and_then(|word| word.trim().parse::<i64>().ok());
        number.ok_or_else(|| format!("an item of kind '{shown}' has no length"))
    };
    let within = |number: i64, least: i64, most: i64| match (least..=most).contains(&number) {
        true => Ok(number),
        false => Err(format!("'{shown}{number}' is a length out of bounds")),
    };
    match kind {
        b'$' => Ok(usize::try_from(within(number()?, -1, LONGEST_TEXT)? + 2).unwrap_or_default()).map(|text| {
            // The text of a null is not there, and neither is its line end.
            if text == 1 { 0 } else { text }
        }),
        b'!' | b'=' => Ok(usize::try_from(within(number()?, 0, LONGEST_TEXT)? + 2).unwrap_or_default()),
        b'*' | b'~' | b'>' => within(number()?, -1, MOST_ITEMS).map(|_| 0),
        b'%' | b'|' => within(number()?, 0, MOST_ITEMS / 2).map(|_| 0),
        b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => Ok(0),
        _ => Err(format!("'{shown}' begins no reply")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::mutation::mutants;

    fn judge(bytes: &[u8]) -> Judged {
        Replies::default().judge(bytes)
    }

    #[test]
    fn replies_pass_however_they_are_cut() {
        let bytes = b"+OK\r\n:5\r\n$5\r\na\r\nbc\r\n*2\r\n$-1\r\n$0\r\n\r\n%1\r\n+a\r\n,1.5\r\n-ERR no\r\n_\r\n";
        assert_eq!(judge(bytes).pass, bytes.len());
        for cut in 0..bytes.len() {
            let mut replies = Replies::default();
            let first = replies.judge(&bytes[..cut]);
            let second = replies.judge(&bytes[first.pass..]);
            assert!(first.offence.is_none() && second.offence.is_none(), "{cut}");
            assert_eq!(first.pass + second.pass, bytes.len(), "{cut}");
        }
    }

    #[test]
    fn no_length_is_believed_that_memory_could_not_bear() {
        for bytes in [
            &b"$9999999999\r\n"[..],
            b"$99999999999999999999999\r\n",
            b"*9999999999\r\n",
            b"%9223372036854775807\r\n",
            b"|-1\r\n",
            b"$-2\r\n",
            b"!-1\r\n",
            b"$x\r\n",
            b"HTTP/1.1 200 OK\r\n",
            b"\r\n",
        ] {
            let judged = judge(bytes);
            assert!(judged.offence.is_some() && judged.pass == 0, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn an_offence_tells_no_word_of_what_came() {
        for bytes in [&b"secret-word\r\n"[..], b"$secret-word\r\n", b"*999999 secret-word\r\n"] {
            let offence = judge(bytes).offence.unwrap();
            assert!(!offence.contains("ecret"), "{offence}");
        }
    }

    #[test]
    fn lines_without_end_and_items_without_number_come_to_an_end() {
        assert_eq!(judge(&vec![b'+'; LONGEST_LINE + 10]).offence.unwrap(), "a line has no end");
        let many = b":1\r\n".repeat(MOST_LINES + 1);
        assert!(judge(&many).offence.unwrap().contains("more than"));
    }

    #[test]
    fn whatever_comes_is_judged_and_never_passes_beyond_its_end() {
        let some: [&[u8]; 3] = [b"*2\r\n$3\r\nabc\r\n:5\r\n", b"%1\r\n+a\r\n,1.5\r\n", b"-ERR no\r\n$-1\r\n"];
        for bytes in mutants(&some, 5000) {
            let mut replies = Replies::default();
            let middle = bytes.len() / 2;
            let first = replies.judge(&bytes[..middle]);
            assert!(first.pass <= middle);
            if first.offence.is_none() {
                assert!(first.pass + replies.judge(&bytes[first.pass..]).pass <= bytes.len());
            }
        }
    }
}
