//! A query plan as PostgreSQL's JSON has it, drawn as a tree of lines.

use super::plain;
use serde_json::Value;

/// Deeper or longer plans are cut; nobody reads them in a page.
const DEEPEST: usize = 40;
const MOST_LINES: usize = 200;

/// The first plan that stands anywhere in a value, as a tree; nothing where there is none.
pub(super) fn of(value: &Value) -> Option<String> {
    let mut lines = Vec::new();
    write(plan(value, 0)?, "", "", 0, &mut lines);
    Some(lines.join("\n"))
}

fn plan(value: &Value, depth: usize) -> Option<&Value> {
    if depth > DEEPEST {
        return None;
    }
    match value {
        Value::Object(entries) if entries.get("Node Type").is_some_and(Value::is_string) => Some(value),
        Value::Object(entries) => entries.values().find_map(|one| plan(one, depth + 1)),
        Value::Array(items) => items.iter().find_map(|one| plan(one, depth + 1)),
        _ => None,
    }
}

fn write(node: &Value, first: &str, further: &str, depth: usize, lines: &mut Vec<String>) {
    if depth > DEEPEST || lines.len() >= MOST_LINES {
        return;
    }
    lines.push(format!("{first}{}", line(node)));
    let below = node["Plans"].as_array().map_or(&[][..], Vec::as_slice);
    for (at, child) in below.iter().enumerate() {
        let (branch, trunk) = if at + 1 == below.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        write(child, &format!("{further}{branch}"), &format!("{further}{trunk}"), depth + 1, lines);
    }
}

/// `Index Scan on files using idx_owner, 0.159 ms, 3 rows, cost 48.02: (owner = 'x')`.
fn line(node: &Value) -> String {
    let word = |key: &str| node[key].as_str().map(plain::line);
    let number = |key: &str| node[key].as_f64();
    let mut line = word("Node Type").unwrap_or_default();
    line.extend(word("Relation Name").map(|name| format!(" on {name}")));
    line.extend(word("Index Name").map(|name| format!(" using {name}")));
    line.extend(number("Actual Total Time").map(|ms| format!(", {ms} ms")));
    line.extend(number("Actual Rows").or(number("Plan Rows")).map(|rows| format!(", {rows} rows")));
    line.extend(number("Total Cost").map(|cost| format!(", cost {cost}")));
    let condition = ["Index Cond", "Recheck Cond", "Hash Cond", "Join Filter", "Filter"].into_iter().find_map(word);
    line.extend(condition.map(|condition| format!(": {}", plain::short(&condition, 160))));
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_plan_becomes_a_tree_wherever_it_stands() {
        let scan = json!({"Node Type": "Index Scan", "Index Name": "by_owner", "Relation Name": "files",
            "Actual Total Time": 0.5, "Actual Rows": 3.0, "Total Cost": 8.2, "Index Cond": "(owner = 'x')"});
        let join = json!({"Node Type": "Hash", "Plan Rows": 1, "Plans": [{"Node Type": "Seq\u{1b} Scan"}]});
        let seen = json!([{"lines": [{"plan": {"Plan": {"Node Type": "Nested Loop", "Plans": [join, scan]}}}]}]);
        let tree = "Nested Loop\n├─ Hash, 1 rows\n│  └─ Seq␛ Scan\n\
                    └─ Index Scan on files using by_owner, 0.5 ms, 3 rows, cost 8.2: (owner = 'x')";
        assert_eq!(of(&seen).unwrap(), tree);
    }

    #[test]
    fn what_is_no_plan_has_no_tree() {
        for seen in [json!(null), json!({"Node Type": 7}), json!([[{"Plan": {}}]]), json!("Node Type")] {
            assert_eq!(of(&seen), None);
        }
    }
}
