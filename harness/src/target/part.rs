//! What can stand around the services of a stack of a check's own, beside its database and its Redis.

/// A server or a double that a check asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// An S3 store of the check's own, which may be filled and whose clock may be moved.
    ObjectStore,
    /// A second S3 store, in another region.
    SecondObjectStore,
    /// A PostgreSQL server of the check's own, which may be stopped, wiped and restored.
    Postgres,
    /// PostgreSQL's own programs in the server's version, on the machine that the gateway runs on.
    PostgresTools,
    /// A relay between the services and PostgreSQL that can be cut, and notes who comes.
    PostgresRelay,
    /// A double of the Sentry error tracker.
    ErrorTracker,
    /// A double of a mail server.
    Mail,
    /// A double of a Slack webhook.
    Chat,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Part::ObjectStore => "S3 store of its own",
            Part::SecondObjectStore => "second S3 store",
            Part::Postgres => "PostgreSQL server of its own",
            Part::PostgresTools => "PostgreSQL's programs, in its server's version, beside the gateway",
            Part::PostgresRelay => "relay before PostgreSQL",
            Part::ErrorTracker => "double of the error tracker",
            Part::Mail => "double of a mail server",
            Part::Chat => "double of a chat webhook",
        })
    }
}
