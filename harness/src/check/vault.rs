//! Keeps secrets out of a check's hands: checks and evidence see names, only the wire sees values.

use crate::record::{SECRET_FIELDS, SHORTEST_SECRET, encoded};
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

/// A longer value is only looked for as it is.
const LONGEST_ENCODED: usize = 8 << 10;

/// Secrets of one case by name: `‹access_token #1›`. Clones share the same content.
#[derive(Debug, Clone, Default)]
pub struct Vault(Arc<Mutex<Vec<Entry>>>);

#[derive(Clone)]
struct Entry {
    name: String,
    value: String,
    /// How else the value may be written, by names of their own; worked out when first looked for.
    forms: OnceLock<Vec<(String, String)>>,
}

impl Entry {
    fn forms(&self) -> &[(String, String)] {
        self.forms.get_or_init(|| {
            if self.value.len() > LONGEST_ENCODED {
                return Vec::new();
            }
            let mut forms = encoded(&self.value);
            forms.sort_by(|(_, one), (_, other)| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
            forms.dedup_by(|(_, one), (_, other)| one == other);
            let name = self.name.trim_end_matches('›');
            // A name means one form, so that what it stands for can be sent back.
            let numbered = forms.into_iter().enumerate();
            numbered.map(|(nth, (how, form))| (format!("{name} in {how}-{nth}›"), form)).collect()
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
        if let Some(known) = entries.iter().find(|entry| entry.value == value) {
            return known.name.clone();
        }
        let of_kind = entries.iter().filter(|entry| entry.name.starts_with(&format!("‹{kind} #")));
        let name = format!("‹{kind} #{}›", of_kind.count() + 1);
        entries.push(Entry { name: name.clone(), value: value.to_owned(), forms: OnceLock::new() });
        name
    }

    /// Replaces names by their values: for the wire.
    pub fn open(&self, text: &str) -> String {
        if !text.contains('‹') {
            return text.to_owned();
        }
        let entries = self.entries();
        let opened = entries.iter().fold(text.to_owned(), |text, entry| text.replace(&entry.name, &entry.value));
        if !opened.contains(" in ") {
            return opened;
        }
        // What was seen encoded goes back as it was seen.
        let encoded = entries.iter().filter_map(|entry| entry.forms.get()).flatten();
        encoded.fold(opened, |text, (name, form)| text.replace(name, form))
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
        let long = || entries.iter().filter(|entry| entry.value.len() >= SHORTEST_SECRET);
        let plain = long().map(|entry| (entry.value.as_str(), entry.name.as_str()));
        // Values come first: what is put away in its encoded form has a name of its own.
        let encoded = long().flat_map(Entry::forms).map(|(name, form)| (form.as_str(), name.as_str()));
        plain.chain(encoded).fold(
            text.to_owned(),
            |text, (value, name)| {
                if text.contains(value) { text.replace(value, name) } else { text }
            },
        )
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
                            self.seal(&field, text);
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

fn map_texts(value: &Value, change: &dyn Fn(&str) -> String) -> Value {
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
    fn the_same_value_keeps_its_name_and_another_gets_the_next() {
        let vault = Vault::default();
        assert_eq!(vault.seal("password", "first-one"), "‹password #1›");
        assert_eq!(vault.seal("password", "second-one"), "‹password #2›");
        assert_eq!(vault.seal("password", "first-one"), "‹password #1›");
    }
}
