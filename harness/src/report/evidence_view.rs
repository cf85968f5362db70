//! What a page shows of an observation: its question and its answer as text, and how to ask again.

use super::evidence_table::{self, Table};
use super::summary::duration;
use super::{curl, exchange_text, plain, plan_tree};
use crate::outcome::Observation;
use serde::Serialize;
use serde_json::Value;

/// How much of a question or an answer is shown, in bytes; the record has the rest.
const SHOWN: usize = 4096;

/// An observation, ready to be laid out.
#[derive(Debug, Serialize)]
pub(super) struct ObservationView {
    pub(super) seq: u32,
    probe: String,
    headline: String,
    took: String,
    asked: Shown,
    seen: Shown,
    /// The answer as a table, where it is rows or lines; it stands in place of the text.
    table: Option<Table>,
    /// The query plan in the answer, as a tree.
    plan: Option<String>,
    curl: Option<String>,
}

/// A text and how much of it was left out.
#[derive(Debug, PartialEq, Serialize)]
struct Shown {
    text: String,
    left_out: usize,
}

impl ObservationView {
    /// The view of an observation. Whatever shape it has, it is shown.
    pub(super) fn of(observation: &Observation) -> ObservationView {
        let http = observation.probe == "http";
        let message = |text: fn(&Value) -> Option<String>, value| http.then(|| text(value)).flatten();
        ObservationView {
            seq: observation.seq,
            probe: plain::line(&observation.probe),
            headline: headline(observation),
            took: duration(observation.took_ms),
            asked: shown(&observation.asked, message(exchange_text::request, &observation.asked)),
            seen: shown(&observation.seen, message(exchange_text::answer, &observation.seen)),
            table: evidence_table::of(&observation.probe, &observation.seen),
            plan: plan_tree::of(&observation.seen).map(|tree| plain::short(&tree, SHOWN)),
            // Only what the HTTP probe asked is a request that `curl` could make.
            curl: http
                .then(|| curl::command(&observation.asked))
                .flatten()
                .map(|command| plain::short(&plain::line(&command), SHOWN)),
        }
    }
}

/// `GET auth /login → 401`, or the beginning of the question.
pub(super) fn headline(observation: &Observation) -> String {
    let asked = |key: &str| observation.asked.get(key).and_then(Value::as_str);
    let path = asked("path").or_else(|| asked("url_path")).or_else(|| asked("url"));
    let told = [asked("method"), asked("service"), path].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let told = match (told.is_empty(), &observation.asked) {
        (false, _) => told,
        (true, Value::Null) => String::new(),
        (true, asked) => plain::value_line(asked),
    };
    let told = plain::short(&plain::line(&told), 100);
    match answer(&observation.seen) {
        Some(answer) => format!("{told} → {answer}"),
        None => told,
    }
}

/// A status, or what the silence was like.
fn answer(seen: &Value) -> Option<String> {
    let status = seen.get("status").filter(|status| status.is_number());
    let silence = seen.get("silence").filter(|silence| silence.is_string());
    status.or(silence).map(|answer| plain::short(&plain::value_line(answer), 60))
}

fn shown(value: &Value, message: Option<String>) -> Shown {
    let text = message.unwrap_or_else(|| plain::value_text(value));
    let end = text.floor_char_boundary(SHOWN);
    Shown { left_out: text.len() - end, text: text[..end].to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn view(probe: &str, asked: Value, seen: Value) -> ObservationView {
        ObservationView::of(&Observation { seq: 1, step: 1, probe: probe.into(), asked, seen, took_ms: 2.0 })
    }

    #[test]
    fn a_request_is_told_in_a_line_and_can_be_repeated() {
        let view = view("http", json!({"service": "auth", "method": "GET", "path": "/a"}), json!({"status": 401}));
        assert_eq!(view.headline, "GET auth /a → 401");
        assert!(view.curl.unwrap().starts_with("curl -i -X GET"));
        let silent = super::tests::view("http", json!({"path": "/a"}), json!({"silence": "no answer in time"}));
        assert_eq!(silent.headline, "/a → no answer in time");
    }

    #[test]
    fn any_shape_can_be_shown() {
        for asked in [Value::Null, json!("select 1"), json!([1, 2]), json!({"path": 7}), json!({"key": "k"})] {
            for seen in [Value::Null, json!("x"), json!({"status": "odd"}), json!([])] {
                let view = view("redis", asked.clone(), seen);
                assert_eq!(view.curl, None);
            }
        }
    }

    #[test]
    fn a_long_answer_is_cut_and_says_so() {
        let view = view("log", Value::Null, json!("ä".repeat(3000)));
        assert_eq!(view.seen.text.len(), SHOWN);
        assert_eq!(view.seen.left_out, 6000 - SHOWN);
    }
}
