//! Removes secrets from everything that is about to be written: by value, and by the name of their field.

use super::encoded::{SECRET_FIELDS, SHORTEST_SECRET, Signs, encoded};
use super::{Footer, Header};
use crate::outcome::{Evidence, Expectation, Outcome};
use serde_json::{Map, Value};
use std::sync::RwLock;

/// What stands in the place of a known secret.
const SECRET: &str = "‹secret›";
/// What stands in the place of a value whose field says that it is a secret.
pub const REMOVED: &str = "‹removed›";

/// Knows secrets and takes them out of texts, also where they stand encoded.
#[derive(Default)]
pub struct Redactor {
    /// Every form of every secret, the longest first, so that no part of a longer one is left over.
    forms: RwLock<Vec<(String, Signs)>>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(…)")
    }
}

impl Redactor {
    /// A redactor that knows these secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Redactor {
        let redactor = Redactor::default();
        redactor.know(secrets);
        redactor
    }

    /// Learns more secrets.
    pub fn know<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) {
        let mut forms = self.forms.write().expect("nothing panics while it holds this lock");
        let long = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST_SECRET);
        forms.extend(long.flat_map(forms_of));
        forms.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
    }

    /// A text without any secret that is known.
    pub fn text(&self, text: &str) -> String {
        let forms = self.forms.read().expect("nothing panics while it holds this lock");
        let signs = Signs::of(text);
        let possible = forms.iter().filter(|(_, its_signs)| signs.may_hold(*its_signs));
        let present = possible.filter(|(form, _)| text.contains(form.as_str()));
        present.fold(text.to_owned(), |text, (form, _)| text.replace(form, SECRET))
    }

    /// A JSON tree without secrets.
    pub fn json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.json(item)).collect(),
            Value::Object(entries) => Value::Object(self.entries(entries)),
            other => other.clone(),
        }
    }

    fn entries(&self, entries: &Map<String, Value>) -> Map<String, Value> {
        let clean = entries.iter().map(|(key, value)| {
            if SECRET_FIELDS.contains(&key.to_lowercase().as_str()) {
                (key.clone(), removed(&self.json(value)))
            } else {
                (self.text(key), self.json(value))
            }
        });
        clean.collect()
    }

    /// A header without secrets.
    pub fn header(&self, header: &Header) -> Header {
        let mut clean = header.clone();
        clean.target = self.text(&header.target);
        for (name, fact) in &mut clean.facts {
            let secret = SECRET_FIELDS.contains(&name.to_lowercase().as_str());
            *fact = if secret { REMOVED.to_owned() } else { self.text(fact) };
        }
        clean
    }

    /// A footer without secrets.
    pub fn footer(&self, footer: &Footer) -> Footer {
        let mut clean = footer.clone();
        for state in clean.environment.iter_mut().flatten() {
            state.version = state.version.as_deref().map(|text| self.text(text));
            state.reason = state.reason.as_deref().map(|text| self.text(text));
        }
        clean
    }

    /// An outcome without secrets. The catalogue's own words are public and stay as they are.
    pub fn outcome(&self, outcome: &Outcome) -> Outcome {
        let mut clean = outcome.clone();
        clean.reason = outcome.reason.as_deref().map(|text| self.text(text));
        for step in &mut clean.steps {
            step.reason = step.reason.as_deref().map(|text| self.text(text));
            step.observed_as = step.observed_as.as_deref().map(|text| self.text(text));
            for expectation in &mut step.expectations {
                *expectation = self.expectation(expectation);
            }
        }
        clean
    }

    fn expectation(&self, expectation: &Expectation) -> Expectation {
        Expectation {
            requirement: self.text(&expectation.requirement),
            expected: self.text(&expectation.expected),
            observed: self.json(&expectation.observed),
            ..expectation.clone()
        }
    }

    /// Evidence without secrets.
    pub fn evidence(&self, evidence: &Evidence) -> Evidence {
        let mut clean = evidence.clone();
        for had in &mut clean.circumstances.had {
            *had = self.text(had);
        }
        for observation in &mut clean.observations {
            observation.asked = self.json(&observation.asked);
            observation.seen = self.json(&observation.seen);
        }
        clean
    }
}

/// The texts of a secret field removed, but for those that only name what a check put away.
fn removed(value: &Value) -> Value {
    match value {
        Value::String(text) if names_a_secret(text) => value.clone(),
        Value::String(_) => Value::String(REMOVED.to_owned()),
        Value::Array(items) => items.iter().map(removed).collect(),
        other => other.clone(),
    }
}

/// `‹access_token #1›` or `‹access_token #1 in base64-2›`, perhaps after a word such as `Bearer`, or what a redactor itself writes.
fn names_a_secret(text: &str) -> bool {
    let scheme = |word: &str| word.chars().all(|letter| letter.is_ascii_alphabetic());
    let name = match text.split_once(' ') {
        Some((word, rest)) if scheme(word) => rest,
        _ => text,
    };
    let Some(inside) = name.strip_prefix('‹').and_then(|rest| rest.strip_suffix('›')) else {
        return false;
    };
    let form = |word: &str| word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    let plain = inside.rsplit_once(" in ").filter(|(_, how)| form(how)).map_or(inside, |(name, _)| name);
    let numbered = plain.rsplit_once(" #").is_some_and(|(kind, number)| {
        !kind.contains(['‹', '›']) && !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
    });
    numbered || name == SECRET || name == REMOVED
}

/// A secret as it is, and however it may be written.
fn forms_of(secret: &str) -> Vec<(String, Signs)> {
    let encoded = encoded(secret).into_iter().map(|(_, form)| form);
    encoded.chain([secret.to_owned()]).map(|form| (Signs::of(&form), form)).map(|(signs, form)| (form, signs)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::mutation::mutant_texts;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    const WORD: &str = "pä\"ss w/rd+7";

    #[test]
    fn a_known_secret_is_hidden_however_it_is_written() {
        let redactor = Redactor::new([WORD]);
        let basic = STANDARD.encode(format!("user:{WORD}"));
        let longer = STANDARD.encode(format!("admin:{WORD}:and more"));
        let json = json!({ "text": WORD }).to_string();
        let hex: String = WORD.bytes().map(|byte| format!("{byte:02X}")).collect();
        let (ascii, html) = ("p\\u00e4\\\"ss w/rd+7", "pä&quot;ss w/rd+7");
        for text in
            [WORD, &json, "p%C3%A4%22ss%20w%2Frd%2B7", "p%c3%a4%22ss+w%2frd%2b7", &basic, &longer, &hex, ascii, html]
        {
            let clean = redactor.text(&format!("before {text} after"));
            assert!(clean.contains(SECRET), "{text} -> {clean}");
            assert!(!clean.contains("w/rd") && !clean.contains("w%2"), "{text} -> {clean}");
        }
    }

    /// As services, libraries and logs write a text, tried out with those that do.
    #[test]
    fn a_known_secret_is_hidden_however_it_is_escaped() {
        let word = "pg/w<&\"é'=+Zq7";
        let redactor = Redactor::new([word, "é b\\n\"q"]);
        for text in [
            "pg/w&lt;&amp;&quot;é'=+Zq7",
            "pg/w&lt;&amp;&#34;é&#39;=+Zq7",
            "pg/w&lt;&amp;&quot;é&#x27;=+Zq7",
            "pg/w&lt;&amp;\"é'=+Zq7",
            "&#112;&#103;&#47;&#119;&#60;&#38;&#34;&#233;&#39;&#61;&#43;&#90;&#113;&#55;",
            r#"pg/w<&\"\u00e9'=+Zq7"#,
            r#"pg\/w<&\"\u00E9'=+Zq7"#,
            r#"pg/w<&\\\"\\u00e9'=+Zq7"#,
            r#"pg/w<&\\\"é'=+Zq7"#,
            r"\u0070\u0067\u002f\u0077\u003c\u0026\u0022\u00e9\u0027\u003d\u002b\u005a\u0071\u0037",
            r"\u0070\u0067\u002F\u0077\u003C\u0026\u0022\u00E9\u0027\u003D\u002B\u005A\u0071\u0037",
            r"\x70\x67\x2f\x77\x3c\x26\x22\xc3\xa9\x27\x3d\x2b\x5a\x71\x37",
            r"\x70\x67\x2F\x77\x3C\x26\x22\xC3\xA9\x27\x3D\x2B\x5A\x71\x37",
            r"pg/w<&\x22\xC3\xA9'=+Zq7",
            "pg%2fw%3c%26%22%c3%a9%27%3d%2bZq7",
            "%70%67%2f%77%3c%26%22%c3%a9%27%3d%2b%5a%71%37",
            "%70%67%2F%77%3C%26%22%C3%A9%27%3D%2B%5A%71%37",
            r#"é b\\n\"q"#,
            r#"\u00e9 b\\\\n\\\"q"#,
            r#"\\u00e9 b\\\\n\\\"q"#,
        ] {
            assert_eq!(redactor.text(&format!("[{text}]")), format!("[{SECRET}]"), "{text}");
        }
    }

    #[test]
    fn a_secret_within_a_longer_secret_leaves_nothing_of_it() {
        let redactor = Redactor::new(["abcdef"]);
        redactor.know(["abcdef-and-tail"]);
        assert_eq!(redactor.text("x abcdef-and-tail y abcdef z"), "x ‹secret› y ‹secret› z");
    }

    #[test]
    fn short_secrets_are_left_to_their_fields() {
        let redactor = Redactor::new(["abc"]);
        assert_eq!(redactor.text("abc"), "abc");
        assert_eq!(redactor.json(&json!({"Password": "abc"})), json!({"Password": REMOVED}));
    }

    #[test]
    fn secret_fields_are_emptied_wherever_they_stand() {
        let clean = Redactor::default().json(&json!({
            "headers": {"Authorization": "Bearer eyJ", "set-cookie": ["a=1", "b=2"], "accept": "*/*"},
            "rows": [{"token": "t", "token_type": "bearer", "secret": null, "password": true}],
        }));
        assert_eq!(
            clean,
            json!({
                "headers": {"Authorization": REMOVED, "set-cookie": [REMOVED, REMOVED], "accept": "*/*"},
                "rows": [{"token": REMOVED, "token_type": "bearer", "secret": null, "password": true}],
            })
        );
    }

    #[test]
    fn the_name_of_a_secret_stays() {
        let named = json!({"token": "‹token #12›", "authorization": "Bearer ‹access_token #1›", "secret": SECRET, "cookie": "‹token #1 in base64-2›"});
        assert_eq!(Redactor::default().json(&named), named);
        for pretender in ["‹›", "‹token #›", "‹token #1x›", "x‹token #1›", "a b ‹token #1›", "‹a› b ‹token #1›"]
        {
            assert!(!names_a_secret(pretender), "{pretender}");
        }
    }

    #[test]
    fn removing_twice_is_removing_once() {
        let redactor = Redactor::new(["my-secret-value"]);
        let once = redactor.json(&json!({"a": "my-secret-value", "token": "x", "my-secret-value": 1}));
        assert_eq!(redactor.json(&once), once);
        assert_eq!(once, json!({"a": SECRET, "token": REMOVED, SECRET: 1}));
    }

    #[test]
    fn no_mutant_of_a_text_brings_a_secret_through() {
        let redactor = Redactor::new([WORD, "another-secret"]);
        let some = [WORD, "before another-secret after", "‹secret›", "{\"token\": \"x\"}"];
        for text in mutant_texts(&some, 2000) {
            let clean = redactor.text(&text);
            assert!(!clean.contains(WORD) && !clean.contains("another-secret"), "{text}");
            assert_eq!(redactor.text(&clean), clean);
        }
    }
}
