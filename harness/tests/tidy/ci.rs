//! What runs in CI: the action is well-formed, and the guide uses it as it is.

use crate::tree::{none, read, root};
use serde_json::Value;

fn yaml(text: &str, what: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{what}: {error}"))
}

fn action() -> Value {
    yaml(&read(&root().join("action.yml")), "action.yml")
}

/// The blocks of the guide that are in YAML.
fn blocks() -> Vec<Value> {
    let guide = read(&root().join("docs/ci.md"));
    let blocks = guide.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.map(|block| yaml(&block, &block)).collect()
}

/// Every step of a workflow that uses the action, wherever it stands.
fn uses<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(entries) => {
            if entries.get("uses").and_then(Value::as_str).is_some_and(|name| name.contains("autograph-conformance")) {
                found.push(value);
            }
            entries.values().for_each(|one| uses(one, found));
        }
        Value::Array(items) => items.iter().for_each(|one| uses(one, found)),
        _ => {}
    }
}

#[test]
fn the_guide_gives_the_action_inputs_that_it_has() {
    let (action, blocks) = (action(), blocks());
    let known = action["inputs"].as_object().unwrap();
    let mut steps = Vec::new();
    blocks.iter().for_each(|block| uses(block, &mut steps));
    assert!(steps.len() >= 2, "{steps:?}");
    let given = steps.iter().flat_map(|step| step["with"].as_object().unwrap().keys());
    none(given.filter(|name| !known.contains_key(*name)).map(|name| format!("the action has no {name}")).collect());
}

#[test]
fn what_a_caller_says_never_becomes_text_of_a_script() {
    let action = action();
    let steps = action["runs"]["steps"].as_array().unwrap();
    let scripts = steps.iter().filter_map(|step| step["run"].as_str());
    none(scripts.filter(|script| script.contains("${{")).map(str::to_owned).collect());
}

#[test]
fn every_script_of_the_action_is_one() {
    let action = action();
    for step in action["runs"]["steps"].as_array().unwrap() {
        let script = step["run"].as_str().unwrap();
        let status = std::process::Command::new("bash").args(["-n", "-c", script]).status().unwrap();
        assert!(status.success(), "{script}");
    }
}
