//! One request and its answer on the wire, with bounds on everything that a hostile peer could stretch.

use super::weigh::{Filler, HEAVIEST_BODY, weigh};
use super::{json, jwt, made};
use crate::check::{CannotLook, Live};
use crate::target::{HouseRules, Service};
use crate::wire::{Breakage, Request};
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

/// More of a body is not read.
const LONGEST_BODY: usize = 1 << 20;
/// More of a body that is not JSON is not kept, unless a probe reads it itself.
pub(crate) const LONGEST_TEXT: usize = 16 << 10;

/// What is sent.
#[derive(Clone)]
pub(crate) struct Spec {
    pub service: Service,
    pub method: String,
    pub path: String,
    pub headers: Map<String, Value>,
    pub body: Option<Value>,
    /// A body that counts by its size alone.
    pub filler: Option<Filler>,
    /// Whether the body of the answer is weighed instead of kept.
    pub weighed: bool,
    /// Whether the answer counts by its status alone; its body is read and forgotten.
    pub counted: bool,
    /// How long the answer is waited for, where it is longer than usual.
    pub deadline: Option<Duration>,
    /// Bytes of a text that are kept.
    pub longest_text: usize,
}

impl Spec {
    /// A plain `GET`.
    pub fn get(service: Service, path: &str) -> Spec {
        Spec {
            service,
            method: "GET".to_owned(),
            path: path.to_owned(),
            headers: Map::new(),
            body: None,
            filler: None,
            weighed: false,
            counted: false,
            deadline: None,
            longest_text: LONGEST_TEXT,
        }
    }

    /// The question as evidence keeps it.
    pub fn asked(&self) -> Value {
        let mut asked = json!({
            "service": self.service.name(),
            "method": self.method,
            "path": self.path,
        });
        if !self.headers.is_empty() {
            asked["headers"] = Value::Object(self.headers.clone());
        }
        if let Some(body) = &self.body {
            asked["body"] = body.clone();
        }
        if let Some(filler) = self.filler {
            asked["filler"] = filler.asked();
        }
        asked
    }
}

/// Sends and waits; whatever comes back, or does not, is an observation.
pub(crate) async fn exchange(live: &Live, spec: &Spec) -> Result<Value, CannotLook> {
    let request = build(live, spec)?;
    if live.target_is_gone().await {
        return Err(CannotLook::new("http", live.pulse.epitaph()));
    }
    made::before(live, spec)?;
    if let Some(pace) = &live.target.rules.pace {
        pace.turn().await;
    }
    let began = Instant::now();
    let deadline = spec.deadline.unwrap_or(live.patience.answer);
    let seen = match tokio::time::timeout(deadline, receive(request, spec, live)).await {
        Ok(seen) => seen,
        Err(_) => json!({"silence": Breakage::Late.to_string()}),
    };
    // What broke off was an answer all the same, and may have made something.
    let broken_off = seen.get("broken_off");
    live.note_answer(spec.service, if broken_off.is_some() { None } else { seen["silence"].as_str() });
    made::after(live, spec, broken_off.unwrap_or(&seen))?;
    let mut seen = seen;
    seen["ms"] = json!((began.elapsed().as_secs_f64() * 1e5).round() / 100.0);
    Ok(seen)
}

fn build(live: &Live, spec: &Spec) -> Result<Request, CannotLook> {
    let cannot = |reason: String| CannotLook::new("http", reason);
    let endpoint = live
        .target
        .services
        .get(&spec.service)
        .ok_or_else(|| cannot(format!("the target has no address for {}", spec.service)))?;
    let url = format!("{}{}", endpoint.base, live.vault.open(&spec.path));
    let mut request = live.http.request(&spec.method, &url);
    if let Some(address) = &live.client_address
        && !spec.headers.contains_key("x-forwarded-for")
    {
        request = request.header(live.target.rules.theirs("x-forwarded-for"), address);
    }
    for (name, value) in &spec.headers {
        request = request.header(live.target.rules.theirs(name), &live.vault.open(value.as_str().unwrap_or_default()));
    }
    if let Some(body) = &spec.body {
        request = request.json(&made::in_full(live, spec, live.vault.open_json(body)));
    }
    if let Some(filler) = spec.filler {
        request = filler.put(request);
    }
    Ok(request)
}

async fn receive(request: Request, spec: &Spec, live: &Live) -> Value {
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) => return json!({"silence": error.to_string()}),
    };
    let headers = readable_headers(response.headers(), &live.target.rules);
    let longest_body = if spec.weighed { HEAVIEST_BODY } else { spec.longest_text.max(LONGEST_BODY) };
    let mut seen = json!({"status": response.status().as_u16(), "headers": headers});
    let (mut body, mut read, mut broken) = (Vec::new(), 0, None);
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let left = longest_body - read;
                read += chunk.len().min(left);
                if !spec.counted {
                    body.extend_from_slice(&chunk[..chunk.len().min(left)]);
                }
                if chunk.len() > left {
                    seen["cut"] = json!(format!("only the first {longest_body} bytes were read"));
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => {
                broken = Some(error);
                break;
            }
        }
    }
    if let Some(error) = broken {
        seen["body"] = readable(&body[..body.len().min(LONGEST_TEXT)]);
        return broken_off(error, seen);
    }
    if spec.weighed {
        let encoding = seen["headers"]["content-encoding"].as_str().map(str::to_owned);
        if let (Value::Object(seen), Value::Object(weighed)) = (&mut seen, weigh(&body, encoding.as_deref())) {
            seen.extend(weighed);
        }
        return seen;
    }
    let longest_text = spec.longest_text;
    seen["body"] = readable(&body);
    if let Value::String(text) = &mut seen["body"]
        && text.len() > longest_text
    {
        *text = live.vault.beginning(text, longest_text);
        seen["kept"] = json!(format!("only the first {longest_text} bytes"));
    }
    if let Some(claims) = jwt::claims(&seen["body"]) {
        seen["claims"] = claims;
    }
    seen
}

/// What is seen of an answer whose body is not whole: no answer that anybody may use (RFC 9112, section 8), and what had
/// come of it by then.
pub(crate) fn broken_off(error: Breakage, so_far: Value) -> Value {
    json!({"silence": error.to_string(), "broken_off": so_far})
}

/// Headers by the contract's name; what came in several lines is joined as if it had come in one (RFC 9110, section 5.3).
fn readable_headers(headers: &hyper::header::HeaderMap, rules: &HouseRules) -> Map<String, Value> {
    let together = |name: &hyper::header::HeaderName| {
        let lines = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        lines.collect::<Vec<_>>().join(", ")
    };
    headers.keys().map(|name| (rules.ours(name.as_str()).to_owned(), together(name).into())).collect()
}

/// The body as JSON where it is JSON, as text where it is not; `null` where there is none.
fn readable(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    json::read(body).unwrap_or_else(|| String::from_utf8_lossy(body).into())
}
