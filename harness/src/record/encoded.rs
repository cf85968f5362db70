//! The forms in which a secret may turn up: a target, a library or a log writes it escaped or encoded.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::fmt::Write;

/// Fields and headers whose text is a secret whatever it is, in lower case.
pub(crate) const SECRET_FIELDS: [&str; 22] = [
    "password",
    "password_hash",
    "new_password",
    "old_password",
    "current_password",
    "passwd",
    "secret",
    "client_secret",
    "secret_key",
    "private_key",
    "token",
    "authorization",
    "proxy-authorization",
    "api_key",
    "x-api-key",
    "access_token",
    "refresh_token",
    "id_token",
    "session_token",
    "x-amz-security-token",
    "cookie",
    "set-cookie",
];
/// Shorter secrets are not looked for by value: they would tear up half of every text.
pub(crate) const SHORTEST_SECRET: usize = 6;

/// The forms of a secret other than itself, each with the word for how it is written: escaped for JSON, once or twice, for
/// HTML or a URL, by backslashes and digits, in hexadecimal digits, in base64 wherever it may stand in a longer text.
pub(crate) fn encoded(secret: &str) -> Vec<(&'static str, String)> {
    let mut forms: Vec<(&'static str, String)> = in_json(secret).into_iter().map(|form| ("json", form)).collect();
    forms.extend(in_html(secret).into_iter().map(|form| ("html", form)));
    forms.extend(in_digits(secret).into_iter().map(|form| ("hex", form)));
    forms.extend(in_url(secret).into_iter().map(|form| ("url", form)));
    forms.extend((0..3).flat_map(|offset| base64_at(secret, offset)).map(|form| ("base64", form)));
    forms.retain(|(_, form)| form.len() >= SHORTEST_SECRET && form != secret);
    forms
}

/// The signs that escapes begin with. A text without them holds no escaped form, and need not be searched for any.
const SIGNS: [char; 3] = ['\\', '&', '%'];

/// Which of the signs stand in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signs([bool; 3]);

impl Signs {
    /// Those of a text.
    pub(crate) fn of(text: &str) -> Signs {
        Signs(SIGNS.map(|sign| text.contains(sign)))
    }

    /// Whether a text with these signs may hold one with those.
    pub(crate) fn may_hold(self, form: Signs) -> bool {
        self.0.into_iter().zip(form.0).all(|(here, wanted)| here || !wanted)
    }
}

/// Escaped for JSON as libraries do it, and as JSON within a text of JSON; the letters of escapes in either case.
fn in_json(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).expect("a text has a JSON form");
    let json = json[1..json.len() - 1].to_owned();
    let (ascii, careful) = (unicode(&json, |letter| !letter.is_ascii()), unicode(&json, is_careful));
    let once = [json.replace('/', "\\/"), ascii.replace('/', "\\/"), ascii, careful, json];
    let twice = once.clone().map(|form| form.replace('\\', "\\\\").replace('"', "\\\""));
    // The outer JSON may stay within ASCII where the inner one did not.
    let mixed = twice.clone().map(|form| unicode(&form, |letter| !letter.is_ascii()));
    let mut forms: Vec<String> =
        once.into_iter().chain(twice).chain(mixed).chain([unicode(secret, |_| true)]).collect();
    forms.sort();
    forms.dedup();
    let upper: Vec<String> = forms.iter().map(|form| upper_escapes(form)).collect();
    forms.extend(upper);
    forms
}

/// What careful libraries escape besides, so that JSON can stand in a page.
fn is_careful(letter: char) -> bool {
    !letter.is_ascii() || "<>&'+=/".contains(letter)
}

/// `\u00e9` in place of the letters meant, by units of UTF-16.
fn unicode(text: &str, meant: impl Fn(char) -> bool) -> String {
    let mut units = [0; 2];
    text.chars().fold(String::new(), |mut written, letter| {
        if meant(letter) {
            for unit in letter.encode_utf16(&mut units) {
                write!(written, "\\u{unit:04x}").expect("a text can always grow");
            }
        } else {
            written.push(letter);
        }
        written
    })
}

/// The digits after each `\u` in capitals.
fn upper_escapes(text: &str) -> String {
    let mut pieces = text.split("\\u");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        let (digits, rest) = piece.split_at(piece.floor_char_boundary(4));
        text + "\\u" + &digits.to_uppercase() + rest
    })
}

/// Escaped for HTML: quotes and apostrophes have several names there, and may stand as they are; or by number throughout.
fn in_html(secret: &str) -> Vec<String> {
    let text = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut forms = Vec::new();
    for quote in ["\"", "&quot;", "&#34;"] {
        for apostrophe in ["'", "&#39;", "&#039;", "&#x27;", "&apos;"] {
            forms.push(text.replace('"', quote).replace('\'', apostrophe));
        }
    }
    let numbered = |one: fn(u32) -> String| secret.chars().map(|letter| one(letter.into())).collect::<String>();
    forms.extend([
        numbered(|number| format!("&#{number};")),
        numbered(|number| format!("&#x{number:x};")),
        numbered(|number| format!("&#x{number:X};")),
    ]);
    forms.sort();
    forms.dedup();
    forms
}

/// Each byte by its two digits, alone or after `\x`; or only those bytes that a log could not bear as they are.
fn in_digits(secret: &str) -> Vec<String> {
    let plain = |byte: u8| (b' '..=b'~').contains(&byte) && !b"\"\\".contains(&byte);
    let cases: [fn(u8) -> String; 2] = [|byte| format!("{byte:02x}"), |byte| format!("{byte:02X}")];
    let mut forms = Vec::new();
    for digits in cases {
        let escaped = |byte| format!("\\x{}", digits(byte));
        let where_needed = |byte| if plain(byte) { char::from(byte).to_string() } else { escaped(byte) };
        forms.push(secret.bytes().map(digits).collect());
        forms.push(secret.bytes().map(escaped).collect());
        forms.push(secret.bytes().map(where_needed).collect());
    }
    forms
}

fn in_url(secret: &str) -> Vec<String> {
    let url = url_encoded(secret);
    let plus = url.replace("%20", "+");
    let every_byte: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    vec![lower_hex(&url), lower_hex(&plus), lower_hex(&every_byte), every_byte, plus, url]
}

/// Base64 of a secret that stands some bytes (modulo 3) into a longer text, as in `user:password`.
///
/// The characters at both ends mix with the neighbours' bits and are left out; the rest is always the same.
fn base64_at(secret: &str, offset: usize) -> [String; 2] {
    let mut bytes = vec![0; offset];
    bytes.extend(secret.bytes());
    let first = (offset * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)].map(|text| text[first..last].to_owned())
}

fn url_encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

fn lower_hex(encoded: &str) -> String {
    let mut pieces = encoded.split('%');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        let (hex, rest) = piece.split_at(2);
        text + "%" + &hex.to_lowercase() + rest
    })
}
