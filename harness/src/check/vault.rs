//! Keeps secrets out of a check's hands: checks and evidence see names, only the wire sees values.

use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, MutexGuard};

/// Names of JSON fields and headers whose text is a secret, wherever it stands.
const SECRET_FIELDS: [&str; 10] = [
    "access_token",
    "refresh_token",
    "token",
    "password",
    "password_hash",
    "secret",
    "api_key",
    "authorization",
    "set-cookie",
    "cookie",
];

/// Shorter values are not hidden by value: they would hide half of every text.
const SHORTEST_BY_VALUE: usize = 6;

/// Secrets of one case by name: `‹access_token #1›`. Clones share the same content.
#[derive(Debug, Clone, Default)]
pub struct Vault(Arc<Mutex<Vec<Entry>>>);

#[derive(Clone)]
struct Entry {
    name: String,
    value: String,
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
        entries.push(Entry { name: name.clone(), value: value.to_owned() });
        name
    }

    /// Replaces names by their values: for the wire.
    pub fn open(&self, text: &str) -> String {
        if !text.contains('‹') {
            return text.to_owned();
        }
        let entries = self.entries();
        entries.iter().fold(text.to_owned(), |text, entry| text.replace(&entry.name, &entry.value))
    }

    /// Replaces names by their values in every text of a JSON tree: for the wire.
    pub fn open_json(&self, value: &Value) -> Value {
        map_texts(value, &|text| self.open(text))
    }

    /// Replaces every known value in a text by its name.
    pub fn hide(&self, text: &str) -> String {
        let entries = self.entries();
        let long = entries.iter().filter(|entry| entry.value.len() >= SHORTEST_BY_VALUE);
        long.fold(text.to_owned(), |text, entry| {
            if text.contains(&entry.value) { text.replace(&entry.value, &entry.name) } else { text }
        })
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
                                && text.len() >= SHORTEST_BY_VALUE
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
    fn the_same_value_keeps_its_name_and_another_gets_the_next() {
        let vault = Vault::default();
        assert_eq!(vault.seal("password", "first-one"), "‹password #1›");
        assert_eq!(vault.seal("password", "second-one"), "‹password #2›");
        assert_eq!(vault.seal("password", "first-one"), "‹password #1›");
    }
}
