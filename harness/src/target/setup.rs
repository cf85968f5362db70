//! Which target a check wants: the one that all share, or one of its own.

use super::Service;

/// The surroundings a check asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// The stack of the run, with all ten services; the check disturbs nobody there.
    Shared,
    /// A stack of its own, with a database, a Redis and these services: the check stops services, moves the
    /// clock, fills memory or changes the schema. Against an external target the check runs there, as far as
    /// its needs are met.
    Own {
        /// The services that run.
        services: &'static [Service],
        /// Services played by a listener that accepts connections and never answers.
        silent: &'static [Service],
    },
}
