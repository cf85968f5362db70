//! The map of dependencies as a picture: boxes in layers, drawn from the evidence of feature 46.

mod layers;

use super::plain;
use crate::digraph::{Digraph, turned};
use crate::outcome::Evidence;
use layers::{Edge, layers};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The feature whose evidence holds a map.
pub(super) const FEATURE: u16 = 46;
/// The path that was asked for it.
const PATH: &str = "/dependencies";
/// More boxes or edges are not drawn.
const MOST_NODES: usize = 60;
const MOST_EDGES: usize = 400;
/// Letters in a box.
const LETTERS: usize = 22;

/// Measures, in units of the picture.
const BOX: (i64, i64) = (176, 34);
const STEP: (i64, i64) = (246, 52);
const MARGIN: i64 = 24;

/// A picture, ready to be laid out.
#[derive(Debug, Serialize)]
pub(super) struct DependencyMap {
    width: i64,
    height: i64,
    nodes: Vec<NodeView>,
    edges: Vec<EdgeView>,
    /// What the picture shows, in words.
    path: Option<String>,
    cycles: Vec<String>,
    unwell: Vec<String>,
}

#[derive(Debug, Serialize)]
struct NodeView {
    x: i64,
    y: i64,
    width: i64,
    height: i64,
    middle: (i64, i64),
    label: String,
    class: String,
    title: String,
}

#[derive(Debug, Serialize)]
struct EdgeView {
    line: String,
    tip: String,
    class: &'static str,
    title: String,
}

/// What the map's answer says, taken apart.
struct Told {
    ids: Vec<String>,
    edges: Vec<(usize, usize)>,
    calls: Vec<Option<u64>>,
    status: BTreeMap<String, String>,
    path: Vec<String>,
}

/// The picture of the richest map in the evidence; nothing where there is none.
pub(super) fn of(evidence: &Evidence) -> Option<DependencyMap> {
    let asked_for = |asked: &Value| asked["path"].as_str().is_some_and(|path| path.split('?').next() == Some(PATH));
    let maps = evidence.observations.iter().filter(|one| asked_for(&one.asked)).map(|one| &one.seen["body"]);
    let rich = |body: &&Value| (body["graph"]["edges"].as_array().map_or(0, Vec::len), body["health"].is_object());
    let body = maps.max_by_key(rich)?;
    draw(&told(body)?)
}

fn told(body: &Value) -> Option<Told> {
    let nodes = body["graph"]["nodes"].as_array()?;
    let mut ids: Vec<String> = nodes.iter().filter_map(|node| node["id"].as_str().map(str::to_owned)).collect();
    ids.truncate(MOST_NODES);
    let place = |id: &Value| ids.iter().position(|known| Some(known.as_str()) == id.as_str());
    let edge = |edge: &Value| Some((place(&edge["from"])?, place(&edge["to"])?, edge["calls"].as_u64()));
    let all: Vec<_> = body["graph"]["edges"].as_array()?.iter().filter_map(edge).take(MOST_EDGES).collect();
    let health = body["health"]["services"].as_array().into_iter().flatten();
    let one = |one: &Value| Some((one["service_id"].as_str()?.to_owned(), one["status"].as_str()?.to_owned()));
    let path = body["critical_path"]["path"].as_array().into_iter().flatten();
    Some(Told {
        edges: all.iter().map(|(from, to, _)| (*from, *to)).collect(),
        calls: all.iter().map(|(.., calls)| *calls).collect(),
        status: health.filter_map(one).collect(),
        path: path.filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        ids,
    })
}

fn draw(told: &Told) -> Option<DependencyMap> {
    if told.ids.is_empty() {
        return None;
    }
    let name = |at: usize| told.ids[at].clone();
    let graph = Digraph::new(told.edges.iter().map(|&(from, to)| (name(from), name(to))));
    let cycles: Vec<Vec<String>> = graph.cycles().into_iter().map(turned).collect();
    let columns = layers(told.ids.len(), &told.edges);
    let tallest = columns.iter().map(Vec::len).max().unwrap_or(0) as i64;
    let mut places = vec![(0, 0); told.ids.len()];
    for (column, nodes) in columns.iter().enumerate() {
        // Short columns stand in the middle of the tall ones.
        let above = (tallest - nodes.len() as i64) * STEP.1 / 2;
        for (row, &node) in nodes.iter().enumerate() {
            places[node] = (MARGIN + column as i64 * STEP.0, MARGIN + above + row as i64 * STEP.1);
        }
    }
    let in_line =
        |cycle: &Vec<String>| plain::line(&cycle.iter().chain(cycle.first()).cloned().collect::<Vec<_>>().join(" → "));
    let edge = |(at, &(from, to)): (usize, &Edge)| {
        let class = class_of(&name(from), &name(to), &cycles, &told.path);
        edge_view(places[from], places[to], class, title(&name(from), &name(to), told.calls[at]))
    };
    Some(DependencyMap {
        width: 2 * MARGIN + (columns.len() as i64 - 1) * STEP.0 + BOX.0,
        height: 2 * MARGIN + (tallest - 1) * STEP.1 + BOX.1,
        nodes: (0..told.ids.len()).map(|at| node_view(places[at], &told.ids[at], told)).collect(),
        edges: told.edges.iter().enumerate().map(edge).collect(),
        path: (!told.path.is_empty()).then(|| plain::line(&told.path.join(" → "))),
        cycles: cycles.iter().map(in_line).collect(),
        unwell: told.status.iter().filter(|(_, status)| *status != "healthy").map(|(id, _)| plain::line(id)).collect(),
    })
}

fn node_view((x, y): (i64, i64), id: &str, told: &Told) -> NodeView {
    let status = told.status.get(id).map_or("unknown", String::as_str);
    let state = if ["healthy", "unhealthy"].contains(&status) { status } else { "unknown" };
    let mark = if told.path.iter().any(|name| name == id) { " critical" } else { "" };
    NodeView {
        x,
        y,
        width: BOX.0,
        height: BOX.1,
        middle: (x + BOX.0 / 2, y + BOX.1 / 2),
        label: plain::short(&plain::line(id), LETTERS),
        class: format!("{state}{mark}"),
        title: plain::line(&format!("{id}: {status}")),
    }
}

fn title(from: &str, to: &str, calls: Option<u64>) -> String {
    let often = calls.map(|calls| format!(", {calls} calls")).unwrap_or_default();
    plain::line(&format!("{from} → {to}{often}"))
}

/// Part of a cycle weighs more than part of the longest chain: it is the one that should not be there.
fn class_of(from: &str, to: &str, cycles: &[Vec<String>], path: &[String]) -> &'static str {
    let follows = |names: &[String], round: bool| {
        let pairs = names.windows(2).any(|pair| pair[0] == from && pair[1] == to);
        let back =
            round && names.last().is_some_and(|last| last == from) && names.first().is_some_and(|first| first == to);
        pairs || back
    };
    if cycles.iter().any(|cycle| follows(cycle, true)) {
        "cycle"
    } else if follows(path, false) {
        "critical"
    } else {
        "plain"
    }
}

/// Forward from right side to left side; backward, or within a column, in a bow from left side to right side.
fn edge_view(from: (i64, i64), to: (i64, i64), class: &'static str, title: String) -> EdgeView {
    let middle = BOX.1 / 2;
    let forward = to.0 > from.0;
    let (x1, x2) = if forward { (from.0 + BOX.0, to.0) } else { (from.0, to.0 + BOX.0) };
    // The two directions of a cycle keep apart.
    let (y1, y2) =
        if forward { (from.1 + middle - 4, to.1 + middle - 4) } else { (from.1 + middle + 6, to.1 + middle + 6) };
    let (bend, tip) = if forward { ((x2 - x1) / 2, 7) } else { (-STEP.0 / 4, -7) };
    EdgeView {
        line: format!("M{x1} {y1}C{} {y1} {} {y2} {} {y2}", x1 + bend, x2 - bend, x2 - tip),
        tip: format!("M{x2} {y2}l{} -4v8z", -tip),
        class,
        title,
    }
}

#[cfg(test)]
mod tests;
