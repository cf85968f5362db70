//! Tests of a case that looks in part: what is only shown is not sent, and what is sent fits what is shown.

use super::*;
use crate::check::{Case, Patience};
use crate::outcome::Circumstances;
use crate::target::{Endpoint, Need, Service, Target};
use serde_json::json;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Every request that came, as its first line and the token that it bore.
type Came = Arc<Mutex<Vec<String>>>;

/// A server that answers each request with a token and an id of its own making.
async fn server() -> (String, Came) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (base, came) = (format!("http://{}", listener.local_addr().unwrap()), Came::default());
    let heard = came.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut text = String::new();
            let mut chunk = [0; 4096];
            while !text.contains("\r\n\r\n") {
                let read = stream.read(&mut chunk).await.unwrap();
                text += &String::from_utf8_lossy(&chunk[..read]);
            }
            let first = text.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
            let bearer = text.lines().find_map(|line| line.strip_prefix("authorization: Bearer "));
            let line = bearer.map_or(first.clone(), |token| format!("{first} as {token}"));
            let number = {
                let mut heard = heard.lock().unwrap();
                heard.push(line);
                heard.len()
            };
            let body = json!({"access_token": format!("live-token-{number}"), "id": format!("live-id-{number}")});
            let body = body.to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (base, came)
}

fn shown(path: &str, token: Option<&str>, number: u32) -> Shown {
    let mut asked = json!({"service": "api-gateway", "method": "GET", "path": path});
    if let Some(token) = token {
        asked["headers"] = json!({"authorization": format!("Bearer {token}")});
    }
    let body = json!({"access_token": format!("‹access_token #{number}›"), "id": format!("id-of-before-{number}")});
    Shown { probe: "http".to_owned(), asked, seen: Arc::new(json!({"status": 200, "body": body})) }
}

/// Signing in, making something, and asking for it.
fn evidence() -> Vec<Shown> {
    let token = Some("‹access_token #1›");
    vec![shown("/login", None, 1), shown("/make", token, 2), shown("/things/id-of-before-2", token, 3)]
}

fn case(base: &str, evidence: Vec<Shown>, asked_live: &[u32]) -> Case {
    let mut target = Target::unreachable("a target");
    let endpoint = Endpoint { base: base.to_owned(), health: "/health".to_owned(), log: None };
    target.services.insert(Service::Gateway, endpoint);
    let live = Arc::new(Live::new(target, Patience::default(), Arc::default(), 1));
    let had = vec![Need::Address(Service::Gateway).to_string()];
    let circumstances = Circumstances { feature: 41, revision: 1, seed: 7, had, patience_s: 0.0 };
    Case::partly(Partly::new(live, evidence.into(), asked_live.iter().copied().collect(), Vec::new()), circumstances)
}

async fn run(case: &mut Case) -> Result<String, Stop> {
    let token = case.http(Service::Gateway).get("/login").send().await?.token("access_token");
    let made = case.http(Service::Gateway).get("/make").bearer(&token).send().await?;
    let path = format!("/things/{}", made.at("/id").text().unwrap_or_default());
    let thing = case.http(Service::Gateway).get(&path).bearer(&token).send().await?;
    Ok(thing.at("/id").text().unwrap_or_default().to_owned())
}

async fn sent(asked_live: &[u32]) -> (Result<String, Stop>, Vec<String>) {
    let (base, came) = server().await;
    let ended = run(&mut case(&base, evidence(), asked_live)).await;
    let came = came.lock().unwrap().clone();
    (ended, came)
}

#[tokio::test]
async fn what_is_only_shown_is_not_sent() {
    assert_eq!(sent(&[]).await, (Ok("id-of-before-3".to_owned()), Vec::new()));
    let (ended, came) = sent(&[1]).await;
    assert_eq!((ended, came), (Ok("id-of-before-3".to_owned()), vec!["GET /login".to_owned()]));
}

#[tokio::test]
async fn ids_and_tokens_of_the_target_are_those_of_now() {
    let (ended, came) = sent(&[1, 2, 3]).await;
    assert_eq!(ended.unwrap(), "live-id-3");
    assert_eq!(came[1..], ["GET /make as live-token-1", "GET /things/live-id-2 as live-token-1"]);
    let (ended, came) = sent(&[1, 3]).await;
    assert_eq!(ended.unwrap(), "live-id-2");
    assert_eq!(came[1..], ["GET /things/id-of-before-2 as live-token-1"]);
}

#[tokio::test]
async fn a_request_whose_token_is_only_shown_is_not_sent() {
    let (ended, came) = sent(&[2]).await;
    assert!(ended.unwrap_err().to_string().contains("needs ‹access_token #1›"), "{came:?}");
    assert!(came.is_empty());
}

#[tokio::test]
async fn a_check_that_asks_otherwise_sends_nothing() {
    let (base, came) = server().await;
    let mut case = case(&base, evidence(), &[1]);
    let stop = case.http(Service::Gateway).get("/elsewhere").send().await.err();
    assert!(matches!(stop, Some(Stop::Diverged(_))));
    assert!(came.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_request_is_started_only_where_its_answer_is_looked_at() {
    for (asked_live, wanted) in [(&[1][..], &["GET /slow"][..]), (&[2], &["GET /slow"]), (&[], &[])] {
        let (base, came) = server().await;
        let evidence = vec![shown("/slow", None, 1), shown("/slow", None, 2)];
        let mut case = case(&base, evidence, asked_live);
        let first = case.http(Service::Gateway).get("/slow").start().unwrap();
        let second = case.http(Service::Gateway).get("/slow").start().unwrap();
        for pending in [first, second] {
            case.answer(pending).await.unwrap();
        }
        assert_eq!(*came.lock().unwrap(), wanted, "{asked_live:?}");
    }
}

#[tokio::test]
async fn what_the_check_draws_is_shown_as_it_draws_it_now() {
    let (base, came) = server().await;
    let live = case(&base, Vec::new(), &[]).live_target().unwrap();
    let before = shown("/things/1a2b3c4d-before", None, 1);
    let renamed = vec![("1a2b3c4d-before".to_owned(), "99999999-now".to_owned())];
    let mut seen = (*before.seen).clone();
    seen["body"]["id"] = json!("1a2b3c4d-before");
    let before = Shown { seen: Arc::new(seen), ..before };
    let mut partly = Partly::new(live, vec![before].into(), BTreeSet::new(), renamed);
    let asked = json!({"service": "api-gateway", "method": "GET", "path": "/things/99999999-now"});
    let Turn::Shown(seen) = partly.turn(1, "http", &asked).unwrap() else { panic!("it is only shown") };
    assert_eq!(seen["body"]["id"], "99999999-now");
    assert!(!partly.starts(0, &asked) && came.lock().unwrap().is_empty());
}

#[test]
fn questions_are_alike_whatever_their_ids() {
    let one = json!({"path": "/a/1a2b3c4d-5e6f/b", "times": 3});
    assert!(alike(&one, &json!({"path": "/a/77/b", "times": 4})));
    assert!(!alike(&one, &json!({"path": "/a/77/c", "times": 4})));
    assert!(!alike(&one, &json!({"path": "/a/77/b"})));
}
