//! Feature 44: the sizes of requests and responses are watched, and large ones are compressed.

use crate::check::{Case, Check, Seen, Stop, absent, at_most, below, contains, is, is_not, such_that, within};
use crate::probe::{Mark, Reply};
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Service, Setup};
use serde_json::{Value, json};

const GATEWAY: Service = Service::Gateway;
/// Takes any body and tells its size (contract, section 3.11).
const TAKER: &str = "/test/network/large-request";
/// Answers with as much as is asked for.
const GIVER: &str = "/test/network/large-response";
/// Exactly at the threshold, which is not yet large.
const MEGABYTE: usize = 1 << 20;
/// From this size on an answer is worth compressing.
const WORTH_IT: f64 = 1024.0;
/// An origin that may read answers.
const ORIGIN: &str = "http://localhost:3000";

pub const CHECK: Check = Check {
    feature: 44,
    revision: 2,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Diagram])),
    needs: &[Need::Address(Service::Gateway), Need::TestEndpoints],
    control: "a body of exactly 1 MiB is not large; without gzip, or below 1024 bytes, nothing is compressed",
    sabotage: &[
        set_variable("the gateway compresses nothing", Service::Gateway, "COMPRESSION_ENABLED", "false"),
        set_variable("a body of 1 MiB counts as large", Service::Gateway, "LARGE_PAYLOAD_BYTES", "1048575"),
        set_variable("an answer of 1024 bytes is not compressed", Service::Gateway, "COMPRESSION_MIN_BYTES", "1025"),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    let log = Need::Log(GATEWAY);
    let mark = if case.can(log) { Some(case.mark(GATEWAY).await?) } else { None };

    case.step(1, "The network traffic of a service is measured");
    traffic_is_measured(case).await?;

    case.step(2, "A request with a body of 1 MB is sent");
    let full = Sent::new(case, MEGABYTE, true).await?;
    case.require("status of a request with 1 MiB", full.reply.status(), is(200))?;
    case.require("bytes that the service took", full.reply.at("/request_size_bytes"), is(MEGABYTE))?;
    case.expect("the same in MB", full.reply.at("/request_size_mb"), is(1));

    case.step(3, "`request_size_bytes` of the request is logged");
    case.has(log);
    if let Some(mark) = mark {
        requests_are_logged(case, mark, &full).await?;
    }

    case.step(4, "`response_size_bytes` of the answer is logged");
    case.has(log);
    if let Some(mark) = mark {
        responses_are_logged(case, mark).await?;
    }

    case.step(5, "A body above the threshold is reported as large");
    large_requests_are_reported(case, mark, &full).await?;
    large_responses_are_reported(case, mark).await?;

    case.step(6, "A large answer comes compressed to a client that accepts gzip");
    let (plain, packed) = large_answers_are_compressed(case, mark).await?;
    small_answers_are_not(case).await?;
    large_stays_large_when_compressed(case).await?;
    proxied_answers_are_too(case).await?;

    case.step(7, "The compressed answer takes fewer bytes on the wire");
    fewer_bytes(case, mark, &plain, &packed).await
}

/// A request that was sent, and the id it goes by.
struct Sent {
    id: String,
    bytes: usize,
    reply: Reply,
}

impl Sent {
    async fn new(case: &mut Case, bytes: usize, announced: bool) -> Result<Sent, Stop> {
        let id = case.word();
        let request = case.http(GATEWAY).post(TAKER).header("x-correlation-id", &id);
        let reply = request.filler(bytes, announced).weighed().send().await?;
        Ok(Sent { id, bytes, reply })
    }
}

/// An answer of about this size, asked for with or without `Accept-Encoding`.
async fn give(case: &mut Case, size_mb: f64, accept: Option<&str>) -> Result<(String, Reply), Stop> {
    let id = case.word();
    let path = format!("{GIVER}?size_mb={size_mb}");
    let mut request = case.http(GATEWAY).get(&path).header("x-correlation-id", &id).header("origin", ORIGIN);
    if let Some(accept) = accept {
        request = request.header("accept-encoding", accept);
    }
    let reply = request.weighed().send().await?;
    Ok((id, reply))
}

/// The line with both sizes of a request.
async fn sizes(case: &mut Case, mark: Mark, id: &str) -> Result<Seen, Stop> {
    case.line_with(mark, id, &["request_size_bytes", "response_size_bytes"]).await
}

async fn counted(case: &mut Case, what: &str, labels: &[(&str, &str)]) -> Result<f64, Stop> {
    let name = format!("api_gateway_network_{what}_total");
    let sample = case.sample(GATEWAY, &name, labels).await?;
    // A counter without a sample has counted nothing yet.
    Ok(sample.number().unwrap_or(0.0))
}

async fn traffic_is_measured(case: &mut Case) -> Result<(), Stop> {
    let shown = case.http(GATEWAY).get("/test/network").send().await?;
    case.require("status of /test/network", shown.status(), is(200))?;
    case.expect("compression_enabled", shown.at("/configuration/compression_enabled"), is(true));
    case.expect("compression_min_size_bytes", shown.at("/configuration/compression_min_size_bytes"), is(WORTH_IT));
    let threshold = shown.at("/configuration/large_payload_threshold_bytes");
    case.expect("large_payload_threshold_bytes", threshold, is(MEGABYTE));

    let taker = [("method", "POST"), ("path", TAKER)];
    let answers = [("method", "POST"), ("path", TAKER), ("status_code", "200")];
    let (taken, given) =
        (counted(case, "request_bytes", &taker).await?, counted(case, "response_bytes", &answers).await?);
    let sent = [Sent::new(case, 1000, true).await?, Sent::new(case, 2345, false).await?];
    let answered: f64 = sent.iter().map(|sent| sent.reply.body_bytes().number().unwrap_or(f64::NAN)).sum();
    let more = counted(case, "request_bytes", &taker).await? - taken;
    case.expect("bytes counted for requests of 1000 and 2345 bytes", more, is(3345.0));
    let more = counted(case, "response_bytes", &answers).await? - given;
    case.expect("bytes counted for both answers", more, is(answered));
    // A GET has no body to count; those that looked at the counter were such.
    let first = counted(case, "request_bytes", &[("method", "GET")]).await?;
    let second = counted(case, "request_bytes", &[("method", "GET")]).await?;
    case.expect("bytes counted for requests by GET", second - first, is(0.0));
    Ok(())
}

async fn requests_are_logged(case: &mut Case, mark: Mark, full: &Sent) -> Result<(), Stop> {
    let mut others = Vec::new();
    for (bytes, announced) in [(0, true), (1, true), (4097, true), (70_001, false)] {
        others.push(Sent::new(case, bytes, announced).await?);
    }
    for sent in others.iter().chain([full]) {
        let line = sizes(case, mark, &sent.id).await?;
        let requirement = format!("request_size_bytes of a request with {} bytes", sent.bytes);
        case.expect(requirement, line.at("/request_size_bytes"), is(sent.bytes));
    }
    at_the_same_time(case, mark).await
}

/// Requests that are under way together do not get each other's sizes.
async fn at_the_same_time(case: &mut Case, mark: Mark) -> Result<(), Stop> {
    let mut under_way = Vec::new();
    for bytes in (1..=8).map(|nth| nth * 1111) {
        let id = case.word();
        let request = case.http(GATEWAY).post(TAKER).header("x-correlation-id", &id);
        under_way.push((id, bytes, request.filler(bytes, true).weighed().start()?));
    }
    for (id, bytes, pending) in under_way {
        let reply = case.answer(pending).await?;
        let line = sizes(case, mark, &id).await?;
        let pair = [line.at("/request_size_bytes").value().clone(), line.at("/response_size_bytes").value().clone()];
        let answered = reply.body_bytes().value().clone();
        case.expect(
            format!("sizes of a request with {bytes} bytes among others"),
            json!(pair),
            is(json!([bytes, answered])),
        );
    }
    Ok(())
}

async fn responses_are_logged(case: &mut Case, mark: Mark) -> Result<(), Stop> {
    let (id, reply) = give(case, 0.1, None).await?;
    case.require("status of an answer of 0.1 MB", reply.status(), is(200))?;
    let line = sizes(case, mark, &id).await?;
    case.expect("response_size_bytes of it", line.at("/response_size_bytes"), is(reply.wire_bytes()));
    case.expect("request_size_bytes of a request by GET", line.at("/request_size_bytes"), is(0));
    case.expect("compressed, of an answer that was not", line.at("/compressed"), is(false));

    let id = case.word();
    let request = case.http(GATEWAY).get("/health/conformance-unknown").header("x-correlation-id", &id);
    let reply = request.weighed().send().await?;
    case.expect("status of an unknown path", reply.status(), is(404));
    let line = sizes(case, mark, &id).await?;
    case.expect("response_size_bytes of it", line.at("/response_size_bytes"), is(reply.wire_bytes()));
    Ok(())
}

async fn large_requests_are_reported(case: &mut Case, mark: Option<Mark>, full: &Sent) -> Result<(), Stop> {
    case.expect("a request of exactly 1 MiB is large", full.reply.at("/is_large_payload"), is(false));
    let before = counted(case, "large_payload_count", &[("payload_type", "request")]).await?;
    let over = Sent::new(case, MEGABYTE + 1, true).await?;
    case.expect("a request of one byte more is large", over.reply.at("/is_large_payload"), is(true));
    let chunked = Sent::new(case, MEGABYTE + 70_000, false).await?;
    let more = counted(case, "large_payload_count", &[("payload_type", "request")]).await? - before;
    case.expect("large requests counted", more, is(2.0));
    let Some(mark) = mark else {
        return Ok(());
    };
    let line = case.line_with(mark, &over.id, &["request_size_mb", "threshold_mb"]).await?;
    case.expect("level of the line about it", line.at("/level"), is("WARNING"));
    case.expect("request_size_bytes of that line", line.at("/request_size_bytes"), is(MEGABYTE + 1));
    case.expect("threshold_mb of that line", line.at("/threshold_mb"), is(1));
    let line = case.line_with(mark, &chunked.id, &["request_size_mb", "threshold_mb"]).await?;
    case.expect("bytes of a large request in chunks", line.at("/request_size_bytes"), is(MEGABYTE + 70_000));
    // Lines about later requests are there, so one about this would be, too.
    not_reported(case, mark, &full.id, "a request of exactly 1 MiB").await
}

async fn large_responses_are_reported(case: &mut Case, mark: Option<Mark>) -> Result<(), Stop> {
    let before = counted(case, "large_payload_count", &[("payload_type", "response")]).await?;
    let (small, reply) = give(case, 0.9, None).await?;
    case.expect("bytes of an answer of 0.9 MB", reply.wire_bytes(), below(MEGABYTE as f64));
    case.expect("an answer of 0.9 MB is large", reply.at("/is_large_payload"), is(false));
    let (id, reply) = give(case, 1.2, None).await?;
    case.expect("an answer of 1.2 MB is large", reply.at("/is_large_payload"), is(true));
    let large = counted(case, "large_payload_count", &[("payload_type", "response")]).await? - before;
    case.expect("large answers counted", large, is(1.0));
    let Some(mark) = mark else {
        return Ok(());
    };
    let line = case.line_with(mark, &id, &["response_size_mb", "threshold_mb"]).await?;
    case.expect("level of the line about it", line.at("/level"), is("WARNING"));
    case.expect("response_size_bytes of that line", line.at("/response_size_bytes"), is(reply.wire_bytes()));
    let mb = reply.wire_bytes().number().unwrap_or(f64::NAN) / MEGABYTE as f64;
    case.expect("response_size_mb of that line", line.at("/response_size_mb"), within(0.01, mb));
    not_reported(case, mark, &small, "an answer of 0.9 MB").await
}

async fn not_reported(case: &mut Case, mark: Mark, id: &str, what: &str) -> Result<(), Stop> {
    let lines = case.lines(mark, &[id], |_| true).await?;
    let reports: Vec<Value> =
        lines.iter().map(|line| line.at("/threshold_mb")).filter(Seen::is_there).map(Value::from).collect();
    case.expect(format!("reports of {what} as large"), reports, absent());
    Ok(())
}

/// The same answer as it is and compressed.
async fn large_answers_are_compressed(case: &mut Case, mark: Option<Mark>) -> Result<(Reply, (String, Reply)), Stop> {
    let (_, plain) = give(case, 0.5, None).await?;
    case.expect("encoding of an answer to a client that names none", plain.header("content-encoding"), absent());
    case.require("items of it", plain.at("/data/of"), such_that("a number", Value::is_number))?;
    let packed = give(case, 0.5, Some("gzip")).await?;
    case.require("encoding for a client that accepts gzip", packed.1.header("content-encoding"), is("gzip"))?;
    case.expect("data of it once decoded", packed.1.at("/data"), is(plain.at("/data")));
    if let Some(mark) = mark {
        let line = sizes(case, mark, &packed.0).await?;
        case.expect(
            "response_size_bytes is told before compression",
            line.at("/response_size_bytes"),
            is(packed.1.body_bytes()),
        );
        case.expect("compressed, of an answer that was", line.at("/compressed"), is(true));
    }
    for part in ["accept-encoding", "origin"] {
        case.expect(format!("Vary names {part}"), packed.1.header("vary"), contains(part));
    }
    case.expect("allowed origin", packed.1.header("access-control-allow-origin"), is(ORIGIN));

    for accept in ["br;q=1.0, gzip;q=0.8, *;q=0.1", "GZIP", "deflate,gzip"] {
        let (_, reply) = give(case, 0.1, Some(accept)).await?;
        case.expect(format!("encoding for `{accept}`"), reply.header("content-encoding"), is("gzip"));
        case.expect(
            format!("what decodes for `{accept}`"),
            reply.at("/data/of"),
            such_that("a number", Value::is_number),
        );
    }
    for accept in ["gzip;q=0", "gzip; q=0.000, identity", "identity", "x-gzipped"] {
        let (_, reply) = give(case, 0.1, Some(accept)).await?;
        let encoding = reply.header("content-encoding");
        case.expect(
            format!("encoding for `{accept}`"),
            encoding,
            such_that("absent, or identity", |value| value.is_null() || value == "identity"),
        );
        case.expect(
            format!("what there is to read for `{accept}`"),
            reply.at("/data/of"),
            such_that("a number", Value::is_number),
        );
    }
    Ok((plain, packed))
}

/// What counts is the size before compression.
async fn large_stays_large_when_compressed(case: &mut Case) -> Result<(), Stop> {
    let before = counted(case, "large_payload_count", &[("payload_type", "response")]).await?;
    let (_, reply) = give(case, 1.2, Some("gzip")).await?;
    case.expect("bytes on the wire of a large answer", reply.wire_bytes(), below(MEGABYTE as f64));
    let after = counted(case, "large_payload_count", &[("payload_type", "response")]).await?;
    case.expect("large answers counted because of it", after - before, is(1.0));
    Ok(())
}

/// The answer of /test/network repeats the id of its request, so its size is ours to choose.
async fn small_answers_are_not(case: &mut Case) -> Result<(), Stop> {
    let word = case.word();
    let probe = named(case, &word).await?;
    let rest = probe.body_bytes().number().unwrap_or(0.0) - word.len() as f64;
    for size in [WORTH_IT - 1.0, WORTH_IT, 2.0 * WORTH_IT] {
        let id = format!("{word}{}", "-".repeat((size - rest - word.len() as f64).max(0.0) as usize));
        let reply = named(case, &id).await?;
        let worth_it = reply.body_bytes().number() >= Some(WORTH_IT);
        let wanted = if worth_it { is("gzip") } else { absent() };
        let requirement = format!("encoding of an answer of {} bytes", reply.body_bytes().value());
        case.expect(requirement, reply.header("content-encoding"), wanted);
    }
    Ok(())
}

async fn named(case: &mut Case, id: &str) -> Result<Reply, Stop> {
    let request = case.http(GATEWAY).get("/test/network").header("x-correlation-id", id);
    request.header("accept-encoding", "gzip").weighed().send().await
}

/// Answers of a service behind the gateway are no exception.
async fn proxied_answers_are_too(case: &mut Case) -> Result<(), Stop> {
    if !case.can(Need::Address(Service::Diagram)) {
        return Ok(());
    }
    let actor = case.actor().await?;
    let token = case.token_of(&actor).await?;
    let note = format!("{} ", case.word()).repeat(200);
    let body = json!({"title": case.word(), "file_type": "note", "note_content": note});
    let made = case.http(GATEWAY).post("/api/diagrams/").bearer(&token).json(body).send().await?;
    case.require(
        "status of making a diagram",
        made.status(),
        such_that("200 or 201", |value| value == 200 || value == 201),
    )?;
    let path = format!("/api/diagrams/{}", made.at("/id").text().unwrap_or_default());
    let plain = case.http(GATEWAY).get(&path).bearer(&token).weighed().send().await?;
    case.expect("encoding of a diagram as it is", plain.header("content-encoding"), absent());
    let request = case.http(GATEWAY).get(&path).bearer(&token).header("accept-encoding", "gzip");
    let packed = request.weighed().send().await?;
    case.expect("encoding of a diagram for a client that accepts gzip", packed.header("content-encoding"), is("gzip"));
    case.expect("its text once decoded", packed.at("/note_content"), is(plain.at("/note_content")));
    case.expect("length of its text", packed.at("/note_content/of"), is(note.len()));
    let share = share(&packed);
    case.expect("share of its bytes that went over the wire", share, below(0.5));
    Ok(())
}

/// Bytes on the wire per byte of the body.
fn share(packed: &Reply) -> f64 {
    packed.wire_bytes().number().unwrap_or(f64::NAN) / packed.body_bytes().number().unwrap_or(f64::NAN)
}

async fn fewer_bytes(case: &mut Case, mark: Option<Mark>, plain: &Reply, packed: &(String, Reply)) -> Result<(), Stop> {
    let (id, packed) = packed;
    let whole = plain.wire_bytes().number().unwrap_or(f64::NAN);
    case.expect("bytes on the wire, compressed", packed.wire_bytes(), at_most(whole / 10.0));
    case.expect("Content-Length of the compressed answer, if it has one", packed.header("content-length"), {
        let wire = packed.wire_bytes().value().to_string();
        such_that("absent, or the bytes on the wire", move |value| value.is_null() || *value == wire)
    });
    if let Some(mark) = mark {
        savings_are_logged(case, mark, id, packed).await?;
    }
    let counted = counted(case, "bandwidth_saved_bytes", &[("method", "GET"), ("path", GIVER)]).await?;
    case.expect("bytes saved, as they are counted", counted, is_not(0));
    let (_, again) = give(case, 0.5, Some("gzip")).await?;
    let saved = again.body_bytes().number().unwrap_or(f64::NAN) - again.wire_bytes().number().unwrap_or(f64::NAN);
    let more = self::counted(case, "bandwidth_saved_bytes", &[("method", "GET"), ("path", GIVER)]).await? - counted;
    case.expect("bytes saved by one more", more, is(saved));
    Ok(())
}

async fn savings_are_logged(case: &mut Case, mark: Mark, id: &str, packed: &Reply) -> Result<(), Stop> {
    let line = case.line_with(mark, id, &["compressed_size_bytes", "original_size_bytes"]).await?;
    case.expect("original_size_bytes of the line about it", line.at("/original_size_bytes"), is(packed.body_bytes()));
    case.expect("compressed_size_bytes of that line", line.at("/compressed_size_bytes"), is(packed.wire_bytes()));
    let body = packed.body_bytes().number().unwrap_or(f64::NAN);
    let saved = body - packed.wire_bytes().number().unwrap_or(f64::NAN);
    case.expect("bandwidth_saved_bytes of that line", line.at("/bandwidth_saved_bytes"), is(saved));
    case.expect(
        "compression_ratio of that line, in percent",
        line.at("/compression_ratio"),
        within(0.1, 100.0 * saved / body),
    );
    Ok(())
}
