//! Rows of a database and lines of a log as a table.

use super::plain;
use serde::Serialize;
use serde_json::{Map, Value};

/// More rows and columns are not shown.
const MOST_ROWS: usize = 40;
const MOST_COLUMNS: usize = 10;
/// Letters in a cell.
const LETTERS: usize = 240;

/// What every line of a log says first.
const OF_A_LINE: [&str; 3] = ["timestamp", "level", "message"];
const REST: &str = "more";

/// A table, ready to be laid out.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    left_out: usize,
}

/// The table of an answer that is a list of objects; nothing where it is something else, or too wide to be read.
pub(super) fn of(probe: &str, seen: &Value) -> Option<Table> {
    let items = seen.as_array().filter(|items| !items.is_empty())?;
    let objects = items.iter().map(Value::as_object).collect::<Option<Vec<_>>>()?;
    let lines = probe == "log" && objects.iter().all(|one| OF_A_LINE.iter().all(|key| one.contains_key(*key)));
    let shown = &objects[..objects.len().min(MOST_ROWS)];
    let left_out = objects.len() - shown.len();
    if lines {
        let head = OF_A_LINE.into_iter().chain([REST]).map(str::to_owned).collect();
        return Some(Table { head, rows: shown.iter().map(|line| line_of_log(line)).collect(), left_out });
    }
    let mut columns: Vec<&String> = Vec::new();
    for key in shown.iter().flat_map(|one| one.keys()) {
        if !columns.contains(&key) {
            columns.push(key);
        }
    }
    if columns.is_empty() || columns.len() > MOST_COLUMNS {
        return None;
    }
    let row =
        |one: &&Map<String, Value>| columns.iter().map(|key| one.get(*key).map_or_else(String::new, cell)).collect();
    Some(Table {
        rows: shown.iter().map(row).collect(),
        head: columns.iter().map(|key| plain::short(&plain::line(key), LETTERS)).collect(),
        left_out,
    })
}

fn line_of_log(line: &Map<String, Value>) -> Vec<String> {
    let first = OF_A_LINE.iter().map(|key| line.get(*key).map_or_else(String::new, cell));
    let rest = line.iter().filter(|(key, value)| !OF_A_LINE.contains(&key.as_str()) && !value.is_null());
    let rest = rest.map(|(key, value)| format!("{}={}", plain::line(key), cell(value)));
    first.chain([plain::short(&rest.collect::<Vec<_>>().join(" "), 2 * LETTERS)]).collect()
}

fn cell(value: &Value) -> String {
    plain::short(&plain::value_line(value), LETTERS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_become_a_table_with_every_column_that_any_of_them_has() {
        let table = of("sql", &json!([{"a": 1}, {"a": "x\u{1b}", "b": null}])).unwrap();
        assert_eq!(table.head, ["a", "b"]);
        assert_eq!(table.rows, [["1", ""], ["x␛", "null"]]);
        let many = of("sql", &Value::Array(vec![json!({"a": 1}); 50])).unwrap();
        assert_eq!((many.rows.len(), many.left_out), (MOST_ROWS, 10));
    }

    #[test]
    fn a_line_of_a_log_tells_when_and_how_grave_first() {
        let line = json!({"level": "INFO", "message": "m", "timestamp": "t", "z": 1, "none": null});
        let table = of("log", &json!([line])).unwrap();
        assert_eq!(table.rows, [["t", "INFO", "m", "z=1"]]);
    }

    #[test]
    fn what_is_no_list_of_objects_is_no_table() {
        let wide: Map<String, Value> = (0..11).map(|at| (format!("k{at}"), json!(at))).collect();
        for seen in [json!([]), json!({}), json!([1]), json!([{}, 2]), json!([{}]), json!([wide]), Value::Null] {
            assert_eq!(of("sql", &seen), None, "{seen}");
        }
    }
}
