//! The map as it is drawn from evidence, sound and not.

use super::*;
use crate::outcome::{Circumstances, Observation};
use serde_json::json;

fn evidence(bodies: &[Value]) -> Evidence {
    let circumstances = Circumstances { feature: FEATURE, revision: 1, seed: 1, had: Vec::new(), patience_s: 0.0 };
    let observation = |(at, body): (usize, &Value)| Observation {
        seq: at as u32 + 1,
        step: 1,
        probe: "http".to_owned(),
        asked: json!({"service": "api-gateway", "method": "GET", "path": "/dependencies?include_health=true"}),
        seen: json!({"status": 200, "body": body}),
        took_ms: 1.0,
    };
    Evidence { circumstances, observations: bodies.iter().enumerate().map(observation).collect() }
}

fn map(nodes: &[&str], edges: &[(&str, &str)], path: &[&str]) -> Value {
    let nodes: Vec<Value> = nodes.iter().map(|id| json!({"id": id})).collect();
    let edges: Vec<Value> = edges.iter().map(|(from, to)| json!({"from": from, "to": to, "calls": 2})).collect();
    json!({"graph": {"nodes": nodes, "edges": edges}, "critical_path": {"path": path}})
}

#[test]
fn the_chain_and_the_cycle_are_marked() {
    let edges = [("frontend", "gateway"), ("gateway", "git"), ("git", "gateway"), ("gateway", "redis")];
    let mut body = map(&["frontend", "gateway", "git", "redis"], &edges, &["frontend", "gateway", "redis"]);
    body["health"] = json!({"services": [{"service_id": "git", "status": "unhealthy"}]});
    let drawn = of(&evidence(&[map(&["frontend"], &[], &[]), body])).unwrap();
    let classes: Vec<&str> = drawn.edges.iter().map(|edge| edge.class).collect();
    assert_eq!(classes, ["critical", "cycle", "cycle", "critical"]);
    assert_eq!(drawn.cycles, ["gateway → git → gateway"]);
    assert_eq!(drawn.path.as_deref(), Some("frontend → gateway → redis"));
    assert_eq!(drawn.unwell, ["git"]);
    assert_eq!(drawn.nodes[2].class, "unhealthy");
    assert_eq!(drawn.nodes[0].class, "unknown critical");
    assert_eq!(drawn.edges[0].title, "frontend → gateway, 2 calls");
}

#[test]
fn boxes_are_inside_the_picture_and_apart() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let drawn = of(&evidence(&[map(&names, &[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")], &[])])).unwrap();
    for (at, node) in drawn.nodes.iter().enumerate() {
        assert!(node.x >= 0 && node.x + node.width <= drawn.width, "{node:?}");
        assert!(node.y >= 0 && node.y + node.height <= drawn.height, "{node:?}");
        for other in &drawn.nodes[at + 1..] {
            let apart = (node.x - other.x).abs() >= node.width || (node.y - other.y).abs() >= node.height;
            assert!(apart, "{node:?} lies on {other:?}");
        }
    }
}

#[test]
fn what_a_target_says_is_text_and_nonsense_draws_nothing() {
    let name = "<script>alert(1)</script>\u{1b}[31m and so on and on";
    let drawn = of(&evidence(&[map(&[name, "b"], &[(name, "b"), ("b", "nobody")], &[name])])).unwrap();
    assert!(drawn.nodes[0].label.chars().count() <= LETTERS + 1, "{}", drawn.nodes[0].label);
    assert!(!drawn.nodes[0].title.contains('\u{1b}'));
    assert_eq!(drawn.edges.len(), 1);
    for body in [Value::Null, json!({"graph": 7}), json!({"graph": {"nodes": [], "edges": []}}), json!("text")] {
        assert!(of(&evidence(std::slice::from_ref(&body))).is_none(), "{body}");
    }
    assert!(of(&evidence(&[])).is_none());
}
