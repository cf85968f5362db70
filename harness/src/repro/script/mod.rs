//! A sequence that shows a failure, as a script for any POSIX shell with curl and jq. It holds no secret: what an answer
//! gives, or only the user knows, is a variable.

mod command;
mod shell;
mod values;

use super::{Failure, Reproduction};
use crate::catalogue::Feature;
use crate::outcome::Observation;
use crate::record::Redactor;
use crate::report::plain;
use crate::target::{Service, Target};
use command::{Command, command, in_words};
use shell::Variables;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use values::Values;

/// A fresh id, from nothing but what every system has.
const NEW_ID: &str = r#"new_id() {
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n' |
        sed 's/^\(.\{8\}\)\(.\{4\}\).\(.\{3\}\).\(.\{3\}\)\(.\{12\}\).*$/\1-\2-4\3-a\4-\5/'
}"#;

/// Everything that a script tells.
pub struct Script<'a> {
    /// What was found.
    pub found: &'a Reproduction,
    /// The feature.
    pub feature: &'a Feature,
    /// The target; of one that was brought up for the trials only the name means anything afterwards.
    pub target: &'a Target,
}

impl Script<'_> {
    /// The script.
    pub fn text(&self) -> String {
        let observations = &self.found.observations;
        let mut variables = Variables::default();
        let values = Values::of(self.feature.number, self.found.seed, observations, &mut variables);
        let commands: Vec<Command> = observations
            .iter()
            .map(|one| command(&one.probe, &values.put_in(&one.asked), self.target, &variables))
            .collect();
        let mut text = self.head();
        self.settings(&mut text, &values);
        for (one, command) in observations.iter().zip(&commands) {
            self.one(&mut text, one, command, &values, &variables);
        }
        let Failure { requirement, expected, observed, .. } = &self.found.failure;
        let (expected, requirement) = (plain::line(expected), plain::line(requirement));
        let _ = writeln!(text, "\n# {requirement}: expected {expected}, observed {}", plain::observed(observed));
        let secrets = self.target.all_secrets();
        Redactor::new(secrets.iter().map(|secret| secret.expose())).text(&text)
    }

    fn head(&self) -> String {
        let Reproduction { failure, observations, of, trials, cut_short, .. } = self.found;
        let Feature { number, description, steps, .. } = self.feature;
        let step = usize::from(failure.step).checked_sub(1).and_then(|at| steps.get(at)).map_or("", String::as_str);
        let shorter = if *cut_short { "; time was up before a shorter sequence could be looked for" } else { "" };
        format!(
            "#!/bin/sh\n# Feature {number}: {}\n# Step {}: {}\n# Requirement: {}\n# Expected: {}\n# Observed: {}\n\
             # Target: {}\n# {} of {of} observations of the check show it, found in {trials} trials{shorter}.\n",
            plain::line(description),
            failure.step,
            plain::line(step),
            plain::line(&failure.requirement),
            plain::line(&failure.expected),
            plain::observed(&failure.observed),
            plain::line(&self.target.name),
            observations.len(),
        )
    }

    /// Addresses, and what the user has to give.
    fn settings(&self, text: &mut String, values: &Values) {
        let observations = &self.found.observations;
        let services: BTreeSet<Service> = observations.iter().filter_map(service).collect();
        let mut lines = Vec::new();
        for service in services {
            if let Some(endpoint) = self.target.services.get(&service) {
                let variable = service.env_prefix();
                lines.push(with_default(variable, &endpoint.base));
            }
        }
        let looks = |probe: &str| observations.iter().any(|one| one.probe == probe);
        if looks("sql") {
            let known = self.target.postgres.as_ref();
            let url = known.map(|at| format!("postgresql://{}@{}:{}/{}", at.user, at.host, at.port, at.database));
            lines.push(setting("DATABASE_URL", url, "the address of the database; PGPASSWORD may hold its password"));
        }
        if looks("redis") {
            let url = self
                .target
                .redis
                .as_ref()
                .map(|at| format!("redis{}://{}:{}", if at.tls { "s" } else { "" }, at.host, at.port));
            lines.push(setting("REDIS_URL", url, "the address of Redis; REDISCLI_AUTH may hold its password"));
        }
        if looks("s3") {
            let known = self.target.object_store.as_ref();
            lines.push(setting("S3_ENDPOINT", known.map(|at| at.endpoint.clone()), "the address of the store"));
            lines.push(with_default("S3_REGION", known.map_or("us-east-1", |at| at.region.as_str())));
            lines.extend(
                ["S3_ACCESS_KEY", "S3_SECRET_KEY"].map(|name| setting(name, None, "a key of the store's owner")),
            );
        }
        if values.head.iter().any(|line| line.contains("new_id")) {
            lines.push(NEW_ID.to_owned());
        }
        lines.extend(values.head.iter().cloned());
        if !lines.is_empty() {
            let _ = writeln!(text, "\n{}", lines.join("\n"));
        }
    }

    fn one(&self, text: &mut String, one: &Observation, command: &Command, values: &Values, variables: &Variables) {
        let asked = values.put_in(&one.asked);
        let _ = writeln!(text, "\n# Observation {}, {}", one.seq, in_step(one.step));
        let lines = match (command, values.answers.get(&one.seq)) {
            (Command::Request(line), Some(read)) => {
                let answer = format!("ANSWER_{}", one.seq);
                let value = |(variable, path): &(String, String)| {
                    format!("{variable}=$(printf '%s' \"${answer}\" | jq -r {})", variables.quoted(path))
                };
                let values = read.iter().map(value);
                std::iter::once(format!("{answer}=$({line})")).chain(values).collect::<Vec<_>>().join("\n")
            }
            // The answer is shown whole, with its status, and ends its line.
            (Command::Request(line), None) => line.replacen("curl -sS", "curl -sSi -w '\\n'", 1),
            (Command::Other(line), _) => line.clone(),
            (Command::None, _) => {
                format!("# is looked at by hand: {}", variables.told(&in_words(&one.probe, &asked)))
            }
        };
        let _ = writeln!(text, "{lines}");
        if !one.asked["request"].is_null() || !one.asked["until"].is_null() {
            let _ = writeln!(text, "# (asked again until the answer is the one that is waited for)");
        }
        let answered = [("status", "answered"), ("silence", "silence"), ("answers", "answered")];
        if let Some((key, word)) = answered.iter().find(|(key, _)| !one.seen[*key].is_null()) {
            let _ = writeln!(text, "# {word}: {}", plain::value_line(&one.seen[*key]));
        }
    }
}

fn in_step(step: u8) -> String {
    if step == 0 { "before step 1".to_owned() } else { format!("step {step}") }
}

/// The service that is asked, whatever the form of the question.
fn service(one: &Observation) -> Option<Service> {
    let asked = [&one.asked, &one.asked["request"], &one.asked["the first"]];
    let names = asked.into_iter().flat_map(|asked| [&asked["service"], &asked["histogram of"]]);
    names.filter_map(|name| Service::named(name.as_str()?)).next()
}

fn with_default(variable: &str, value: &str) -> String {
    let value = Variables::default().quoted(value);
    format!("{variable}=${{{variable}:-{value}}}")
}

fn setting(variable: &str, known: Option<String>, wanted: &str) -> String {
    match known {
        Some(value) => with_default(variable, &value),
        None => format!(": \"${{{variable}:?{wanted}}}\""),
    }
}

#[cfg(test)]
mod tests;
