//! Feature 46: a map of which service depends on which can be asked for and drawn.

use crate::check::{Case, Check, Seen, Stop, absent, at_least, is, one_of, present, such_that};
use crate::digraph::{Digraph, turned};
use crate::probe::Reply;
use crate::sabotage::{rewrite_text, set_variable};
use crate::target::{Need, Own, Power, Server, Service, Setup};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const GATEWAY: Service = Service::Gateway;
/// The service that is stopped: nothing else depends on it.
const STOPPED: Service = Service::Export;
/// In this header a service that calls another says which it is (docs/monitoring.md).
const CALLER: &str = "x-service-name";
/// The stores that the services stand on.
const STORES: [&str; 3] = ["postgres", "redis", "minio"];
/// Calls that are made on purpose, and who calls whom by them.
const CALLS: [(&str, &str); 2] = [("api-gateway", "auth-service"), ("api-gateway", "diagram-service")];
const MADE: u64 = 5;
/// Times since 1970 are larger, in whatever unit; a number of calls is not.
const SMALLEST_TIME: f64 = 1e9;

pub const CHECK: Check = Check {
    feature: 46,
    revision: 5,
    setup: Setup::Own(Own::of(&Service::ALL)),
    needs: &[Need::Address(Service::Gateway)],
    control: "no edge stands there before its first call, no cycle before the call that closes it",
    sabotage: &[
        set_variable("the frontend looks for the gateway elsewhere", Service::Frontend, "API_GATEWAY_PORT", "1"),
        rewrite_text("cycles are denied", Service::Gateway, "/dependencies", "\"found\":true", "\"found\":false"),
        rewrite_text(
            "whoever is unwell is called well",
            Service::Gateway,
            "/dependencies",
            "\"status\":\"unhealthy\"",
            "\"status\":\"healthy\"",
        ),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    let actor = case.actor().await?;
    let token = case.token_of(&actor).await?;

    case.step(1, "The calls between services are gathered");
    let before = map(case).await?;
    case.require("status of /dependencies", before.status(), is(200))?;
    // Elsewhere others may have called before.
    if case.can(Need::Power(Power::Configure)) {
        for (from, to) in CALLS.into_iter().chain([("frontend", "api-gateway")]) {
            case.expect(
                format!("calls of {from} to {to} before any was made"),
                edge(&before, from, to).map(|edge| Value::from(edge.seen)),
                absent(),
            );
        }
    }
    traffic(case, &token).await?;
    // Each service reports its own calls, so the database's edge may come last.
    let others = [("frontend", "api-gateway"), ("diagram-service", "postgres")];
    let known = |body: &Value| CALLS.iter().chain(&others).all(|&(from, to)| has(body, from, to));
    let seen = case.http(GATEWAY).get("/dependencies").send_until("all calls are known", known).await?;
    for (from, to) in CALLS {
        let counts = |map: &Reply| edge(map, from, to).is_some_and(|edge| has_counts(&edge));
        if edge(&before, from, to).is_some() && !counts(&before) && !counts(&seen) {
            // It was known before, and nothing of it tells that more calls were seen (contract, section 3.13).
            case.lacks(Need::CountedCalls);
            continue;
        }
        if !counts(&seen) {
            let kind = edge(&seen, from, to).map(|edge| edge.seen.at("/type").value().clone());
            case.expect(format!("the edge {from} → {to}, which was not there before its first call"), kind, present());
            continue;
        }
        // Others may call meanwhile, and a gateway asks its services how they are.
        let risen = such_that(format!("one that has risen by {MADE} or more"), |risen| {
            risen.as_object().is_some_and(|all| all.values().any(|more| more.as_f64() >= Some(MADE as f64)))
        });
        let requirement = format!("what the counts of the edge {from} → {to} have risen by after {MADE} calls");
        case.expect(requirement, rises(&before, &seen, from, to), risen);
    }
    case.expect("edges of before are there still", digraph(&seen).covers(&digraph(&before)), is(true));

    case.step(2, "GET /dependencies gives a graph of nodes and edges");
    graph_is_whole(case, &seen);

    for (number, text, from, to) in [
        (3, "The graph has the edge frontend → api-gateway", "frontend", "api-gateway"),
        (4, "The graph has the edge api-gateway → auth-service", "api-gateway", "auth-service"),
        (5, "The graph has the edge api-gateway → diagram-service", "api-gateway", "diagram-service"),
    ] {
        case.step(number, text);
        let found = edges(&seen).into_iter().find(|edge| edge.from == from && edge.to == to);
        let kind = found.map(|edge| edge.seen.at("/type").value().clone());
        case.expect(format!("type of the edge {from} → {to}"), kind, is("depends_on"));
    }

    case.step(6, "Cycles among the services are reported under `circular_dependencies`");
    cycles_agree(case, &seen);
    // Elsewhere a call may have closed one before.
    if case.can(Need::Power(Power::Configure)) {
        case.expect("cycles before a call closes one", seen.at("/circular_dependencies/count"), is(0));
    }
    let closed = close_cycles(case, &token).await?;
    case.expect("edges of before are there still", digraph(&closed).covers(&digraph(&seen)), is(true));
    cycles_agree(case, &closed);
    let named = digraph(&closed).has("git-service", "api-gateway");
    if named || case.can(Need::Power(Power::Configure)) {
        case.expect("cycles once calls have closed some", closed.at("/circular_dependencies/count"), at_least(2.0));
    } else {
        case.lacks(Need::NamedCallers);
    }

    case.step(7, "The longest chain is given under `critical_path`");
    for map in [&seen, &closed] {
        longest_chain_is_given(case, map);
    }

    case.step(8, "The map shows the health of each dependency, and a stopped one as unhealthy");
    health_is_shown(case).await
}

async fn map(case: &mut Case) -> Result<Reply, Stop> {
    case.http(GATEWAY).get("/dependencies").send().await
}

/// An edge of the map.
struct Edge {
    from: String,
    to: String,
    seen: Seen,
}

fn edges(map: &Reply) -> Vec<Edge> {
    let text = |seen: Seen| seen.text().unwrap_or("‹no name›").to_owned();
    let edge = |seen: Seen| Edge { from: text(seen.at("/from")), to: text(seen.at("/to")), seen };
    map.at("/graph/edges").items().into_iter().map(edge).collect()
}

fn digraph(map: &Reply) -> Digraph {
    Digraph::new(edges(map).into_iter().map(|edge| (edge.from, edge.to)))
}

fn has(body: &Value, from: &str, to: &str) -> bool {
    let edges = body["graph"]["edges"].as_array().into_iter().flatten();
    edges.into_iter().any(|edge| edge["from"] == from && edge["to"] == to)
}

fn edge(map: &Reply, from: &str, to: &str) -> Option<Edge> {
    edges(map).into_iter().find(|edge| edge.from == from && edge.to == to)
}

/// Whether a number may be one of calls: whole, and no time.
fn may_count(number: f64) -> bool {
    number.fract() == 0.0 && (0.0..SMALLEST_TIME).contains(&number)
}

fn count(edge: &Edge, name: &str) -> Option<f64> {
    edge.seen.key(name).number().filter(|&number| may_count(number))
}

fn has_counts(edge: &Edge) -> bool {
    edge.seen.keys().iter().any(|name| count(edge, name).is_some())
}

/// By how much the counts of an edge have risen, each under its name: which of them counts calls, the contract leaves open.
fn rises(before: &Reply, after: &Reply, from: &str, to: &str) -> Value {
    let (Some(after), before) = (edge(after, from, to), edge(before, from, to)) else {
        return Value::Null;
    };
    let was = |name: &str| before.as_ref().and_then(|edge| count(edge, name)).unwrap_or(0.0);
    let number = |name: String| Some((count(&after, &name)? - was(&name), name));
    after.seen.keys().into_iter().filter_map(number).map(|(more, name)| (name, json!(more))).collect()
}

/// Real calls: a page that asks the gateway, requests through the gateway, a diagram that needs the database.
async fn traffic(case: &mut Case, token: &str) -> Result<(), Stop> {
    if case.can(Need::Address(Service::Frontend)) {
        let page = case.http(Service::Frontend).get("/").send().await?;
        case.expect("status of the start page", page.status(), is(200));
    }
    let through = case.http(GATEWAY).get("/api/auth/health").times(MADE as usize, 2).await?;
    case.expect("answers of auth-service through the gateway", through.at("/answers"), is(json!({"200": MADE})));
    let body = json!({"title": case.word()});
    let made = case.http(GATEWAY).post("/api/diagrams/").bearer(token).json(body).send().await?;
    case.expect("status of making a diagram", made.status(), one_of([200, 201]));
    let list = case.http(GATEWAY).get("/api/diagrams/").bearer(token).times(MADE as usize - 1, 1).await?;
    case.expect("answers to lists of diagrams", list.at("/answers"), is(json!({"200": MADE - 1})));
    Ok(())
}

fn graph_is_whole(case: &mut Case, map: &Reply) {
    let nodes = map.at("/graph/nodes").items();
    let mut ids: Vec<String> = nodes.iter().map(|node| node.at("/id").text().unwrap_or("‹no id›").to_owned()).collect();
    let mut all: Vec<&str> = Service::ALL.map(Service::name).into_iter().chain(STORES).collect();
    ids.sort();
    all.sort_unstable();
    case.expect("ids of the nodes", json!(ids), is(json!(all)));
    for node in &nodes {
        let id = node.at("/id").text().unwrap_or("‹no id›").to_owned();
        let kind = match id.as_str() {
            "frontend" => "application",
            "api-gateway" => "gateway",
            store if STORES.contains(&store) => "infrastructure",
            _ => "microservice",
        };
        case.expect(format!("type of {id}"), node.at("/type"), is(kind));
        case.expect(format!("name of {id}"), node.at("/name"), present());
        case.expect(
            format!("port of {id}"),
            node.at("/port"),
            such_that("a port", |port| port.as_u64().is_some_and(|port| (1..=65535).contains(&port))),
        );
    }
    let edges = edges(map);
    let known = |edge: &&Edge| all.contains(&edge.from.as_str()) && all.contains(&edge.to.as_str());
    case.expect("edges between nodes of the graph", edges.iter().filter(known).count(), is(edges.len()));
    let distinct: BTreeSet<(&str, &str)> = edges.iter().map(|edge| (edge.from.as_str(), edge.to.as_str())).collect();
    case.expect("edges that are no repetition", distinct.len(), is(edges.len()));
    case.expect("total_services", map.at("/graph/total_services"), is(all.len()));
    case.expect("total_dependencies", map.at("/graph/total_dependencies"), is(edges.len()));
    // What the calls led to: making a diagram needs the database.
    case.expect("the edge diagram-service → postgres", distinct.contains(&("diagram-service", "postgres")), is(true));
    case.expect("correlation_id", map.at("/correlation_id"), present());
    case.expect("timestamp", map.at("/timestamp"), present());
}

/// What is reported against what follows from the edges.
fn cycles_agree(case: &mut Case, map: &Reply) {
    let wanted = digraph(map).cycles();
    let told = map.at("/circular_dependencies/cycles").items();
    let names = |cycle: &Seen| -> Vec<String> {
        cycle.items().iter().map(|name| name.text().unwrap_or("‹no name›").to_owned()).collect()
    };
    let told: Vec<Vec<String>> = told.iter().map(|cycle| turned(names(cycle))).collect();
    let distinct: BTreeSet<Vec<String>> = told.iter().cloned().collect();
    case.expect("cycles, as they follow from the edges", json!(distinct), is(json!(wanted)));
    case.expect("cycles reported", told.len(), is(wanted.len()));
    case.expect("count of cycles", map.at("/circular_dependencies/count"), is(wanted.len()));
    case.expect("whether cycles are found", map.at("/circular_dependencies/found"), is(!wanted.is_empty()));
}

/// Two services call the gateway, which calls them. Who is no service of AutoGraph does not get on the map.
async fn close_cycles(case: &mut Case, token: &str) -> Result<Reply, Stop> {
    for (caller, path) in [
        ("git-service", "/api/git/health"),
        ("ai-service", "/api/ai/health"),
        ("somebody-else", "/api/git/health"),
        ("api-gateway", "/api/git/health"),
    ] {
        let called = case.http(GATEWAY).get(path).bearer(token).header(CALLER, caller).send().await?;
        case.require(format!("status of a call by {caller}"), called.status(), is(200))?;
    }
    let closed = |body: &Value| {
        let pairs = [("git-service", "api-gateway"), ("ai-service", "api-gateway"), ("api-gateway", "ai-service")];
        pairs.iter().all(|(from, to)| has(body, from, to))
    };
    let map = case.http(GATEWAY).get("/dependencies").send_until("the cycles are closed", closed).await?;
    let graph = digraph(&map);
    let strangers = [("somebody-else", "api-gateway"), ("api-gateway", "api-gateway")];
    case.expect("strangers on the map", strangers.iter().any(|(from, to)| graph.has(from, to)), is(false));
    case.expect("nodes on the map", map.at("/graph/total_services"), is(Service::ALL.len() + STORES.len()));
    Ok(map)
}

fn longest_chain_is_given(case: &mut Case, map: &Reply) {
    let graph = digraph(map);
    let path = map.at("/critical_path/path").items();
    let path: Vec<String> = path.iter().map(|name| name.text().unwrap_or("‹no name›").to_owned()).collect();
    case.expect("names in the critical path", path.len(), is(graph.longest_chain()));
    case.expect(format!("each of {} calls the next", path.join(", ")), graph.is_chain(&path), is(true));
    case.expect("length of the critical path", map.at("/critical_path/length"), is(path.len()));
    let words = map.at("/critical_path/description");
    let in_order = such_that("names them in order", {
        let path = path.clone();
        move |words: &Value| {
            let mut rest = words.as_str();
            path.iter().all(|name| {
                rest = rest.and_then(|text| text.split_once(name.as_str())).map(|(_, after)| after);
                rest.is_some()
            })
        }
    });
    case.expect("description of the critical path", words, in_order);
}

/// Health of each node by id.
fn health(map: &Reply) -> BTreeMap<String, Seen> {
    let services = map.at("/health/services").items();
    services.into_iter().map(|one| (one.at("/service_id").text().unwrap_or("‹no id›").to_owned(), one)).collect()
}

/// Exactly these are unhealthy, and the summary says so.
fn unhealthy_are(case: &mut Case, when: &str, map: &Reply, wanted: &[&str]) {
    let health = health(map);
    let total = Service::ALL.len() + STORES.len();
    case.expect(format!("nodes with a health {when}"), health.len(), is(total));
    let with = |status: &str| -> Vec<String> {
        let those = health.iter().filter(|(_, one)| one.at("/status").text() == Some(status));
        those.map(|(id, _)| id.clone()).collect()
    };
    case.expect(format!("those that are unhealthy {when}"), json!(with("unhealthy")), is(json!(wanted)));
    case.expect(format!("how many are healthy {when}"), with("healthy").len(), is(total - wanted.len()));
    for (id, one) in &health {
        let well = !wanted.contains(&id.as_str());
        let error = if well { absent() } else { present() };
        case.expect(format!("error of {id} {when}"), one.at("/error"), error);
        if well {
            case.expect(format!("response_time_ms of {id} {when}"), one.at("/response_time_ms"), at_least(0.0));
        }
    }
    let healthy = total - wanted.len();
    let percent = (healthy as f64 / total as f64 * 1000.0).round() / 10.0;
    for (field, number) in [
        ("total", json!(total)),
        ("healthy", json!(healthy)),
        ("unhealthy", json!(wanted.len())),
        ("unknown", json!(0)),
        ("health_percentage", json!(percent)),
    ] {
        case.expect(format!("{field} of the summary {when}"), map.at("/health/summary").key(field), is(number));
    }
}

async fn health_is_shown(case: &mut Case) -> Result<(), Stop> {
    let without = case.http(GATEWAY).get("/dependencies?include_health=false").send().await?;
    case.expect("status where health is not asked for", without.status(), is(200));
    case.expect("health where it is not asked for", without.at("/health"), absent());
    let asked = case.http(GATEWAY).get("/dependencies?include_health=true").send().await?;
    unhealthy_are(case, "while all run", &asked, &[]);
    let known = digraph(&asked);
    case.expect("edges, with health and without", digraph(&without) == known, is(true));

    case.needs(Need::Control)?;
    let before = map(case).await?;
    unhealthy_are(case, "where nothing is said about health", &before, &[]);
    case.stop_service(STOPPED).await?;
    let stopped = map(case).await?;
    unhealthy_are(case, "while one service is stopped", &stopped, &[STOPPED.name()]);
    case.expect("edges, which the stop does not change", digraph(&stopped) == known, is(true));
    case.start_service(STOPPED).await?;
    let again = map(case).await?;
    unhealthy_are(case, "once it runs again", &again, &[]);

    if case.can(Need::Power(Power::Over(Server::Redis))) {
        case.stop_server(Server::Redis).await?;
        let stopped = map(case).await?;
        unhealthy_are(case, "while Redis is stopped", &stopped, &["redis"]);
        case.expect("edges, which are known all the same", digraph(&stopped) == known, is(true));
        case.start_server(Server::Redis).await?;
        let again = map(case).await?;
        unhealthy_are(case, "once Redis runs again", &again, &[]);
    }
    Ok(())
}
