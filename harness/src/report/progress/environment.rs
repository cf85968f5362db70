//! The state of the environment: each service of the target, healthy or not, and the versions around it.

use crate::record::{Record, ServiceState};
use crate::report::plain;
use serde::Serialize;

/// The section.
#[derive(Debug, Serialize)]
pub(super) struct Surroundings {
    /// None where the record does not hold them.
    pub(super) services: Option<Vec<Service>>,
    /// `10 of 10 services are healthy.`
    pub(super) words: String,
    /// Versions and all else that the header knows, by name.
    pub(super) facts: Vec<(String, String)>,
}

/// A service as it was when the run first met it.
#[derive(Debug, Serialize)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) healthy: bool,
    /// `healthy`, or why not.
    pub(super) state: String,
    /// Empty where it states none.
    pub(super) version: String,
}

impl Surroundings {
    pub(super) fn of(record: &Record) -> Surroundings {
        let states = record.footer.as_ref().and_then(|footer| footer.environment.as_deref());
        let services: Option<Vec<Service>> = states.map(|states| states.iter().map(service).collect());
        let words = match &services {
            None => "This record does not hold the state of the services.".to_owned(),
            Some(services) => {
                let healthy = services.iter().filter(|service| service.healthy).count();
                format!("{healthy} of {} services were healthy as the run first met them.", services.len())
            }
        };
        let header = &record.header;
        let own = [("backend".to_owned(), header.backend.clone())];
        let others = header.facts.iter().map(|(name, value)| (called(name).to_owned(), value.clone()));
        let facts = own.into_iter().chain(others);
        Surroundings {
            services,
            words,
            facts: facts.map(|(name, value)| (plain::line(&name), plain::line(&value))).collect(),
        }
    }
}

fn service(state: &ServiceState) -> Service {
    let why = || state.reason.as_deref().unwrap_or("no reason was given");
    Service {
        name: plain::line(&state.service),
        healthy: state.healthy,
        state: if state.healthy { "healthy".to_owned() } else { format!("not healthy: {}", plain::line(why())) },
        version: plain::line(state.version.as_deref().unwrap_or_default()),
    }
}

/// What people call it.
fn called(name: &str) -> &str {
    match name {
        "postgresql" => "PostgreSQL",
        "redis" => "Redis",
        "object_store" => "S3 store",
        "why" => "why this backend",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;

    #[test]
    fn a_service_that_is_not_healthy_says_why() {
        let (_place, record) = fixture::finished();
        let surroundings = Surroundings::of(&record);
        assert!(surroundings.words.starts_with("2 of 3 services were healthy"), "{}", surroundings.words);
        let services = surroundings.services.unwrap();
        assert_eq!(services[1].version, "<b>2</b> ␛[31m");
        assert_eq!(services[2].state, "not healthy: no connection");
    }

    #[test]
    fn a_record_that_does_not_know_the_services_says_so() {
        let (_place, mut record) = fixture::finished();
        record.footer.as_mut().unwrap().environment = None;
        let surroundings = Surroundings::of(&record);
        assert!(surroundings.services.is_none() && surroundings.words.contains("does not hold"));
    }
}
