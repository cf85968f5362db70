//! Feature 11: every service has a health check, run every 30 seconds with three retries.

use crate::check::{Case, Check, Stop, absent, is, is_not, present};
use crate::probe::Reply;
use crate::sabotage::{rewrite_status, rewrite_text};
use crate::target::{Need, Own, Service, Setup};

/// The service that is stopped: nothing else depends on it.
const STOPPED: Service = Service::Git;

pub const CHECK: Check = Check {
    feature: 11,
    revision: 1,
    setup: Setup::Own(Own::of(&Service::ALL)),
    needs: &[Need::Address(Service::Gateway)],
    control: "the other services stay healthy while one is stopped",
    sabotage: &[
        rewrite_text("svg-renderer says that it is unwell", Service::SvgRenderer, "/health", "healthy", "ailing"),
        rewrite_status("export-service answers its health check with 500", Service::Export, "/health", 500)
            .and_red(&[7, 20, 46, 47]),
    ],
    run: |case| Box::pin(run(case)),
};

/// Steps 1 to 10.
const ASKED: [(u8, &str, Service); 10] = [
    (1, "The health of frontend is asked (port 3000 by default)", Service::Frontend),
    (2, "The health of api-gateway is asked at /health (port 8080 by default)", Service::Gateway),
    (3, "The health of auth-service is asked at /health (port 8085 by default)", Service::Auth),
    (4, "The health of diagram-service is asked at /health (port 8082 by default)", Service::Diagram),
    (5, "The health of ai-service is asked at /health (port 8084 by default)", Service::Ai),
    (6, "The health of collaboration-service is asked at /health (port 8083 by default)", Service::Collaboration),
    (7, "The health of git-service is asked at /health (port 8087 by default)", Service::Git),
    (8, "The health of export-service is asked at /health (port 8097 by default)", Service::Export),
    (9, "The health of integration-hub is asked at /health (port 8099 by default)", Service::Integration),
    (10, "The health of svg-renderer is asked at /health (port 8096 by default)", Service::SvgRenderer),
];

async fn run(case: &mut Case) -> Result<(), Stop> {
    let mut replies = Vec::new();
    for (number, text, service) in ASKED {
        case.step(number, text);
        if !case.has(Need::Address(service)) {
            continue;
        }
        let reply = case.health(service).await?;
        case.expect(format!("silence of {service}"), reply.silence(), absent());
        case.expect(format!("service that answers as {service}"), reply.at("/service"), is(service.name()));
        replies.push((service, reply));
    }

    case.step(11, "Each of the ten answers 200 with status `healthy`");
    for (service, reply) in &replies {
        healthy(case, *service, reply);
        case.expect(format!("version of {service}"), reply.at("/version"), present());
        case.expect(format!("timestamp of {service}"), reply.at("/timestamp"), present());
        let again = case.health(*service).await?;
        healthy(case, *service, &again);
        case.expect(
            format!("timestamp of {service} a moment later"),
            again.at("/timestamp"),
            is_not(reply.at("/timestamp")),
        );
    }
    if let Some(missing) = Service::ALL.into_iter().find(|&one| !case.can(Need::Address(one))) {
        case.lacks(Need::Address(missing));
    }

    case.step(12, "One service is stopped and its health check fails three times in a row");
    case.needs(Need::Address(STOPPED))?;
    case.observed_as("the harness asks three times in a row, without the 30 s between two container health checks");
    case.stop_service(STOPPED).await?;
    for attempt in 1..=3 {
        let reply = case.health(STOPPED).await?;
        case.expect(format!("status at attempt {attempt} while {STOPPED} is stopped"), reply.status(), is_not_200());
    }
    let control = case.health(Service::Gateway).await?;
    healthy(case, Service::Gateway, &control);
    let all = case.http(Service::Gateway).get("/health/services").send().await?;
    case.expect(format!("what the gateway says of {STOPPED}"), all.at("/services/git/status"), is("unreachable"));
    case.expect("what the gateway says of all together", all.at("/status"), is("degraded"));
    case.expect("what the gateway says of auth-service", all.at("/services/auth/status"), is("healthy"));

    case.step(13, "The service is started again and its health check passes");
    case.start_service(STOPPED).await?;
    let again = case.health(STOPPED).await?;
    healthy(case, STOPPED, &again);
    let all = case.http(Service::Gateway).get("/health/services").send().await?;
    for service in ["auth", "diagram", "ai", "collaboration", "git", "export", "integration"] {
        let said = all.at("/services").key(service).at("/status");
        case.expect(format!("what the gateway says of {service} now"), said, is("healthy"));
    }
    case.expect("what the gateway says of all together now", all.at("/status"), is("healthy"));
    Ok(())
}

fn healthy(case: &mut Case, service: Service, reply: &Reply) {
    case.expect(format!("status of {service}'s health"), reply.status(), is(200));
    case.expect(format!("what {service} says of itself"), reply.at("/status"), is("healthy"));
}

/// No answer, or one that is not 200.
fn is_not_200() -> crate::check::Matcher {
    let other = is_not(200);
    crate::check::such_that("no answer, or none with 200", move |status| status.is_null() || other.holds(status))
}
