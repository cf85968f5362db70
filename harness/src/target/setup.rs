//! Which target a check wants: the one that all share, or one of its own.

use super::{Part, Service};

/// The surroundings a check asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// The stack of the run, with all ten services; the check disturbs nobody there.
    Shared,
    /// A stack of its own: the check stops services, moves the clock, fills memory or changes the schema. Against
    /// an external target the check runs there, as far as its needs are met.
    Own(Own),
}

/// A stack made to measure, with a database and a Redis of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own {
    /// The services that run.
    pub services: &'static [Service],
    /// Services played by a listener that accepts connections and never answers.
    pub silent: &'static [Service],
    /// Services played by a listener that tells what reached it.
    pub echoing: &'static [Service],
    /// What else stands around the services.
    pub parts: &'static [Part],
    /// Environment variables that the check's surroundings demand, such as a store small enough to be filled.
    pub variables: &'static [(Service, &'static str, &'static str)],
}

impl Own {
    /// A stack of these services and nothing else.
    pub const fn of(services: &'static [Service]) -> Own {
        Own { services, silent: &[], echoing: &[], parts: &[], variables: &[] }
    }

    /// Plays these services by a listener that never answers.
    pub const fn silent(self, silent: &'static [Service]) -> Own {
        Own { silent, ..self }
    }

    /// Plays these services by a listener that tells what reached it, and sets a cookie.
    pub const fn echoing(self, echoing: &'static [Service]) -> Own {
        Own { echoing, ..self }
    }

    /// Adds these parts.
    pub const fn with(self, parts: &'static [Part]) -> Own {
        Own { parts, ..self }
    }

    /// Sets these environment variables.
    pub const fn set(self, variables: &'static [(Service, &'static str, &'static str)]) -> Own {
        Own { variables, ..self }
    }
}
