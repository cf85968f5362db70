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

/// The forms of a secret other than itself, each with the word for how it is written: escaped for JSON, HTML or a URL,
/// in hexadecimal digits, in base64 wherever it may stand in a longer text.
pub(crate) fn encoded(secret: &str) -> Vec<(&'static str, String)> {
    let json = serde_json::to_string(secret).expect("a text has a JSON form");
    let json = json[1..json.len() - 1].to_owned();
    let url = url_encoded(secret);
    let plus = url.replace("%20", "+");
    let every_byte: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![
        ("json", json.replace('/', "\\/")),
        ("json", ascii_json(&json, "")),
        ("json", ascii_json(&json, "<>&'+=/")),
        ("html", html_escaped(secret, "&quot;", "&#39;")),
        ("html", html_escaped(secret, "&#34;", "&#x27;")),
        ("json", json),
        ("url", lower_hex(&url)),
        ("url", lower_hex(&plus)),
        ("url", lower_hex(&every_byte)),
        ("url", every_byte),
        ("url", plus),
        ("url", url),
        ("hex", hex.to_uppercase()),
        ("hex", hex),
    ];
    forms.extend((0..3).flat_map(|offset| base64_at(secret, offset)).map(|form| ("base64", form)));
    forms.retain(|(_, form)| form.len() >= SHORTEST_SECRET && form != secret);
    forms
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

/// JSON that stays within ASCII, and escapes these letters besides.
fn ascii_json(json: &str, besides: &str) -> String {
    json.encode_utf16().fold(String::new(), |mut text, unit| {
        match char::from_u32(unit.into()).filter(|letter| letter.is_ascii() && !besides.contains(*letter)) {
            Some(letter) => text.push(letter),
            None => write!(text, "\\u{unit:04x}").expect("a text can always grow"),
        }
        text
    })
}

fn html_escaped(text: &str, quote: &str, apostrophe: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', quote).replace('\'', apostrophe)
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
