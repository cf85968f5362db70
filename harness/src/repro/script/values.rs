//! Values that a command takes from an answer before it, from the user, or from chance: each is a variable.

use super::shell::Variables;
use crate::check::secret_names;
use crate::outcome::Observation;
use crate::repro::renaming::drawn;
use serde_json::Value;
use std::collections::BTreeMap;

/// Shorter texts of an answer are not looked for in later questions.
const SHORTEST_ID: usize = 8;

/// Where the values of a script's variables come from.
#[derive(Default)]
pub(super) struct Values {
    /// What stands for each text, in the order in which they are put in.
    places: Vec<(String, String)>,
    /// Lines that set variables before the first command.
    pub(super) head: Vec<String>,
    /// By observation: the variables that its answer sets, with the path to each value as `jq` has it.
    pub(super) answers: BTreeMap<u32, Vec<(String, String)>>,
}

impl Values {
    pub(super) fn of(feature: u16, seed: u64, observations: &[Observation], variables: &mut Variables) -> Values {
        let mut values = Values::default();
        let asked: Vec<String> = observations.iter().map(|one| one.asked.to_string()).collect();
        values.take_drawn(drawn(feature, seed, asked.iter().map(String::as_str)), variables);
        let hashed = asked.iter().any(|text| text.contains("hash #"));
        for (at, text) in asked.iter().enumerate() {
            let before = observations.get(..at).unwrap_or_default();
            for name in secret_names(text) {
                values.take_secret(&name, before, hashed, variables);
            }
            values.take_made(text, before, variables);
        }
        values
    }

    /// The question with every value as its variable.
    pub(super) fn put_in(&self, asked: &Value) -> Value {
        let put = |text: &str| self.places.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
        match asked {
            Value::String(text) => Value::from(put(text)),
            Value::Array(items) => items.iter().map(|item| self.put_in(item)).collect(),
            Value::Object(entries) => {
                Value::Object(entries.iter().map(|(key, value)| (put(key), self.put_in(value))).collect())
            }
            other => other.clone(),
        }
    }

    /// Whether a text has a place, or a part of it has.
    fn covers(&self, text: &str) -> bool {
        self.places.iter().any(|(from, _)| text.contains(from.as_str()))
    }

    fn knows(&self, text: &str) -> bool {
        self.places.iter().any(|(from, _)| from == text)
    }

    /// Ids that the check drew: fresh ones, for the target may know these already.
    fn take_drawn(&mut self, drawn: Vec<(u32, String)>, variables: &mut Variables) {
        for (at, (_, id)) in drawn.into_iter().enumerate() {
            let name = format!("NEW_ID_{}", at + 1);
            self.head.push(format!("{name}=$(new_id)"));
            let word = id[..8].to_owned();
            self.places.push((id, variables.place(&format!("${name}"))));
            self.places.push((word, variables.place(&format!("${{{name}%%-*}}"))));
        }
    }

    fn take_secret(&mut self, name: &str, before: &[Observation], hashed: bool, variables: &mut Variables) {
        if self.knows(name) {
            return;
        }
        let inside = name.trim_matches(['‹', '›']);
        let variable = variable(inside);
        match before.iter().find_map(|one| Some((one.seq, path_to(&one.seen["body"], name)?))) {
            Some((seq, path)) => self.answers.entry(seq).or_default().push((variable.clone(), path)),
            None if inside.starts_with("own password #") && !hashed => {
                self.head.push(format!("{variable}=\"${{{variable}:-Pw!7$(new_id)}}\""));
            }
            None => self.head.push(format!(": \"${{{variable}:?{}}}\"", wanted(inside))),
        }
        self.places.push((name.to_owned(), variables.place(&format!("${variable}"))));
    }

    /// Ids that the target gave in an answer and that a later question speaks of.
    fn take_made(&mut self, text: &str, before: &[Observation], variables: &mut Variables) {
        for one in before {
            let mut found = Vec::new();
            leaves(&one.seen["body"], String::new(), &mut found);
            for (path, id) in found {
                let is_id = id.len() >= SHORTEST_ID && id.bytes().any(|byte| byte.is_ascii_digit());
                if !is_id || id.contains(['‹', ' ']) || !text.contains(&id) || self.covers(&id) {
                    continue;
                }
                let key = path.rsplit(['.', '[', '"']).find(|part| !part.is_empty() && *part != "]").unwrap_or("value");
                let variable = variable(&format!("answer {} {key}", one.seq));
                self.places.push((id, variables.place(&format!("${variable}"))));
                self.answers.entry(one.seq).or_default().push((variable, path));
            }
        }
    }
}

/// What the user is asked for.
fn wanted(inside: &str) -> String {
    let (kind, number) = inside.rsplit_once(" #").unwrap_or((inside, "1"));
    let kind: String = kind.chars().filter(|letter| letter.is_ascii_alphanumeric() || " _".contains(*letter)).collect();
    match kind.as_str() {
        "forged token" => {
            format!("a token made with the key of the target, as the check made its forged token {number}")
        }
        "own password" => "a password that you choose".to_owned(),
        "own password hash" => format!("the bcrypt hash of the password {number}"),
        _ => format!("what the check calls {kind} {number}"),
    }
}

/// `access_token #1` as the name of a variable, `ACCESS_TOKEN_1`.
fn variable(words: &str) -> String {
    let letters = words.chars().filter(|letter| *letter != '#');
    let name: String =
        letters.map(|one| if one.is_ascii_alphanumeric() { one.to_ascii_uppercase() } else { '_' }).collect();
    if name.starts_with(|letter: char| letter.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// The path to a text in a JSON tree, as `jq` has it.
fn path_to(tree: &Value, text: &str) -> Option<String> {
    let mut all = Vec::new();
    leaves(tree, String::new(), &mut all);
    all.into_iter().find(|(_, leaf)| leaf == text).map(|(path, _)| path)
}

/// Every text in a JSON tree with its path.
fn leaves(tree: &Value, path: String, found: &mut Vec<(String, String)>) {
    let root = |path: &str| if path.is_empty() { ".".to_owned() } else { path.to_owned() };
    match tree {
        Value::String(text) => found.push((root(&path), text.clone())),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                leaves(item, format!("{}[{at}]", root(&path)), found);
            }
        }
        Value::Object(entries) => {
            for (key, value) in entries {
                let simple = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
                let step = if simple {
                    format!("{path}.{key}")
                } else {
                    format!("{}[{}]", root(&path), Value::from(key.as_str()))
                };
                leaves(value, step, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_is_found_where_jq_finds_it() {
        let tree = json!({"a": [{"id": "x1"}, "x2"], "B-c": "x3"});
        for (text, path) in [("x1", ".a[0].id"), ("x2", ".a[1]"), ("x3", ".[\"B-c\"]")] {
            assert_eq!(path_to(&tree, text).as_deref(), Some(path));
        }
        assert_eq!(path_to(&json!("x"), "x").as_deref(), Some("."));
    }

    #[test]
    fn names_of_secrets_become_names_of_variables() {
        assert_eq!(variable("access_token #1"), "ACCESS_TOKEN_1");
        assert_eq!(variable("own password hash #2"), "OWN_PASSWORD_HASH_2");
        assert_eq!(variable("answer 3 x-id; rm"), "ANSWER_3_X_ID__RM");
    }
}
