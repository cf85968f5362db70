//! Keeps secrets out of a check's hands: checks and evidence see names, only the wire sees values.

use crate::record::{SECRET_FIELDS, SHORTEST_SECRET, Signs, encoded};
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

/// A longer value is only looked for as it is.
const LONGEST_ENCODED: usize = 4 << 10;
/// More values are only looked for as they are: the target's own secrets come first, a check's few tokens next.
const MOST_ENCODED: usize = 100;
/// Fields of an answer put away no more values than this; a target that sends more than that sends no secrets of anybody's.
const MOST_PUT_AWAY: usize = 500;

/// Secrets of one case by name: `‹access_token #1›`. Clones share the same content.
#[derive(Debug, Clone, Default)]
pub struct Vault(Arc<Mutex<Vec<Entry>>>);

#[derive(Clone)]
struct Entry {
    name: String,
    /// Nothing where only the name is known, from an answer that was shown and not asked for.
    value: Option<String>,
    /// How else the value may be written, by names of their own; worked out when first looked for.
    forms: OnceLock<Vec<Form>>,
}

/// One way in which a value may be written.
#[derive(Clone)]
struct Form {
    name: String,
    text: String,
    signs: Signs,
}

impl Entry {
    fn forms(&self) -> &[Form] {
        self.forms.get_or_init(|| {
            let Some(value) = self.value.as_ref().filter(|value| value.len() <= LONGEST_ENCODED) else {
                return Vec::new();
            };
            let mut forms = encoded(value);
            forms.sort_by(|(_, one), (_, other)| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
            forms.dedup_by(|(_, one), (_, other)| one == other);
            let name = self.name.trim_end_matches('›');
            // A name means one form, so that what it stands for can be sent back.
            let numbered = forms.into_iter().enumerate();
            let form = |(nth, (how, text)): (usize, (&str, String))| Form {
                name: format!("{name} in {how}-{nth}›"),
                signs: Signs::of(&text),
                text,
            };
            numbered.map(form).collect()
        })
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl Vault {
    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().expect("nothing panics while it holds this lock")
    }

    /// Puts a value away and returns its name. The same value keeps its name.
    pub fn seal(&self, kind: &str, value: &str) -> String {
        let mut entries = self.entries();
        if let Some(known) = entries.iter().find(|entry| entry.value.as_deref() == Some(value)) {
            return known.name.clone();
        }
        let begins = format!("‹{kind} #");
        let of_kind = entries.iter().filter(|entry| entry.name.starts_with(&begins)).count();
        let mut names = (of_kind + 1..).map(|number| format!("‹{kind} #{number}›"));
        let name = names.find(|name| entries.iter().all(|entry| entry.name != *name)).unwrap_or_default();
        entries.push(Entry { name: name.clone(), value: Some(value.to_owned()), forms: OnceLock::new() });
        name
    }

    /// Keeps the names in a text for themselves whose values nobody has told, so that no other value gets one of them.
    pub(super) fn reserve(&self, text: &str) {
        let mut entries = self.entries();
        for name in secret_names(text) {
            if entries.iter().all(|entry| entry.name != name) {
                entries.push(Entry { name, value: None, forms: OnceLock::new() });
            }
        }
    }

    /// The first name in a text whose value is not known, so that it cannot be sent.
    pub(super) fn lacks(&self, text: &str) -> Option<String> {
        let entries = self.entries();
        let known = |name: &String| entries.iter().any(|entry| entry.name == *name && entry.value.is_some());
        secret_names(text).into_iter().find(|name| !known(name))
    }

    /// Replaces names by their values: for the wire.
    pub fn open(&self, text: &str) -> String {
        if !text.contains('‹') {
            return text.to_owned();
        }
        let entries = self.entries();
        let opened = entries.iter().fold(text.to_owned(), |text, entry| match &entry.value {
            Some(value) => text.replace(&entry.name, value),
            None => text,
        });
        if !opened.contains(" in ") {
            return opened;
        }
        // What was seen encoded goes back as it was seen.
        let encoded = entries.iter().filter_map(|entry| entry.forms.get()).flatten();
        encoded.fold(opened, |text, form| text.replace(&form.name, &form.text))
    }

    /// Replaces names by their values in every text of a JSON tree: for the wire.
    pub fn open_json(&self, value: &Value) -> Value {
        map_texts(value, &|text| self.open(text))
    }

    /// Replaces every known value in a text by its name, also where it stands escaped or encoded.
    pub fn hide(&self, text: &str) -> String {
        if text.len() < SHORTEST_SECRET {
            return text.to_owned();
        }
        let entries = self.entries();
        let value = |entry: &'_ Entry| entry.value.as_ref().is_some_and(|value| value.len() >= SHORTEST_SECRET);
        let long = || entries.iter().filter(|entry| value(entry));
        let plain = long().filter_map(|entry| Some((entry.value.as_deref()?, entry.name.as_str())));
        // Values come first: what is put away in its encoded form has a name of its own.
        let signs = Signs::of(text);
        let possible = long().take(MOST_ENCODED).flat_map(Entry::forms).filter(|form| signs.may_hold(form.signs));
        let encoded = possible.map(|form| (form.text.as_str(), form.name.as_str()));
        plain.chain(encoded).fold(
            text.to_owned(),
            |text, (value, name)| {
                if text.contains(value) { text.replace(value, name) } else { text }
            },
        )
    }

    /// The beginning of a text from outside, of so many bytes at most, without known values. What is cut first and searched
    /// then ends in half a secret, which nobody recognises; so what may be half of one is left out.
    pub fn beginning(&self, text: &str, most: usize) -> String {
        if text.len() <= most {
            return self.hide(text);
        }
        let longest = self.longest();
        let end = text.floor_char_boundary(most.saturating_add(longest));
        let mut hidden = self.hide(&text[..end]);
        if end < text.len() {
            hidden.truncate(hidden.floor_char_boundary(hidden.len().saturating_sub(longest)));
        }
        hidden.truncate(hidden.floor_char_boundary(most));
        hidden
    }

    /// The length of the longest text that `hide` may find.
    fn longest(&self) -> usize {
        let entries = self.entries();
        let values = entries.iter().filter_map(|entry| entry.value.as_ref()).map(String::len);
        let forms = entries.iter().take(MOST_ENCODED).flat_map(Entry::forms).map(|form| form.text.len());
        values.chain(forms).max().unwrap_or_default()
    }

    /// A JSON tree with secret fields put away by name and known secrets hidden by value.
    pub fn hide_json(&self, value: &Value) -> Value {
        self.seal_fields(value);
        map_texts(value, &|text| self.hide(text))
    }

    /// Puts away the texts of all secret fields, so that `hide` knows them wherever they stand.
    fn seal_fields(&self, value: &Value) {
        match value {
            Value::Object(entries) => {
                for (key, value) in entries {
                    let field = key.to_lowercase();
                    match value {
                        Value::String(text)
                            if SECRET_FIELDS.contains(&field.as_str())
                                && text.len() >= SHORTEST_SECRET
                                && !text.starts_with('‹') =>
                        {
                            if self.entries().len() < MOST_PUT_AWAY {
                                self.seal(&field, text);
                            }
                        }
                        other => self.seal_fields(other),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.seal_fields(item)),
            _ => {}
        }
    }
}

/// Every name such as `‹access_token #1›` in a text, in order, without what is said of how its value is written.
pub(crate) fn secret_names(text: &str) -> Vec<String> {
    let pieces = text.split('‹').skip(1).filter_map(|rest| rest.split_once('›'));
    let plain = pieces.map(|(inside, _)| inside.split_once(" in ").map_or(inside, |(name, _)| name));
    let numbered = plain.filter(|name| {
        let number = name.rsplit_once(" #").map(|(_, number)| number);
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
    });
    numbered.map(|name| format!("‹{name}›")).collect()
}

pub(super) fn map_texts(value: &Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::Array(items) => items.iter().map(|item| map_texts(item, change)).collect(),
        Value::Object(entries) => Value::Object(
            entries.iter().map(|(key, value)| (change(key), map_texts(value, change))).collect::<Map<_, _>>(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_check_sees_names_and_the_wire_sees_values() {
        let vault = Vault::default();
        let seen = vault.hide_json(&json!({"access_token": "eyJabc.def.ghi", "note": "got eyJabc.def.ghi"}));
        assert_eq!(seen, json!({"access_token": "‹access_token #1›", "note": "got ‹access_token #1›"}));
        assert_eq!(vault.open("Bearer ‹access_token #1›"), "Bearer eyJabc.def.ghi");
    }

    #[test]
    fn a_value_is_hidden_however_it_is_written_and_sent_back_as_it_was_seen() {
        let vault = Vault::default();
        let name = vault.seal("password", "pä ss/w+rd");
        for (seen, how) in [
            ("p%C3%A4%20ss%2Fw%2Brd", "url"),
            ("70c3a42073732f772b7264", "hex"),
            ("p\\u00e4 ss/w+rd", "json"),
            ("cMOkIHNzL3crcm", "base64"),
        ] {
            let hidden = vault.hide(&format!("before {seen} after"));
            assert!(hidden.starts_with(&format!("before {} in {how}-", name.trim_end_matches('›'))), "{hidden}");
            assert_eq!(vault.open(&hidden), format!("before {seen} after"));
        }
        let basic = "dXNlcjpww6Qgc3MvdytyZA";
        assert!(vault.hide(basic).contains(" in base64-"), "{}", vault.hide(basic));
    }

    #[test]
    fn half_a_secret_is_not_left_where_a_text_is_cut() {
        let vault = Vault::default();
        vault.seal("key", "signing-key-0123456789");
        for most in 1..60 {
            let kept = vault
                .beginning(&format!("{} signing-key-0123456789 and more, {}", "x".repeat(20), "y".repeat(500)), most);
            assert!(kept.len() <= most && !kept.contains("sign"), "{most}: {kept}");
        }
        // Where names are shorter than what they stand for, what comes later moves up.
        let kept = vault.beginning(&"signing-key-0123456789 ".repeat(1000), 600);
        assert!(kept.contains("‹key #1›") && !kept.contains("sign"), "{kept}");
        assert_eq!(vault.beginning("short: signing-key-0123456789", 100), "short: ‹key #1›");
    }

    #[test]
    fn thousands_of_values_in_secret_fields_are_no_burden() {
        let vault = Vault::default();
        let rows: Vec<Value> = (0..5_000).map(|nth| json!({"token": format!("token-{nth}")})).collect();
        let began = std::time::Instant::now();
        vault.hide_json(&Value::Array(rows));
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }

    #[test]
    fn a_name_whose_value_nobody_told_is_nobody_elses() {
        let vault = Vault::default();
        vault.reserve("Bearer ‹token #1› and ‹no token›");
        assert_eq!(vault.seal("token", "another one"), "‹token #2›");
        assert_eq!(vault.open("‹token #1› ‹token #2›"), "‹token #1› another one");
        assert_eq!(vault.lacks("‹token #2› ‹no token› ‹token #1 in base64-2›").as_deref(), Some("‹token #1›"));
        assert_eq!(vault.lacks("‹token #2›"), None);
    }

    #[test]
    fn the_same_value_keeps_its_name_and_another_gets_the_next() {
        let vault = Vault::default();
        assert_eq!(vault.seal("password", "first-one"), "‹password #1›");
        assert_eq!(vault.seal("password", "second-one"), "‹password #2›");
        assert_eq!(vault.seal("password", "first-one"), "‹password #1›");
    }
}
