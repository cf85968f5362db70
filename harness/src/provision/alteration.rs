//! One way in which a stack differs from a sound one. Sabotages are made of these.

use crate::target::{Service, Setup};

/// A change to a stack that is about to be started; the reference's code is never touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alteration {
    /// An environment variable of one service.
    Env {
        /// Whose environment.
        service: Service,
        /// Name of the variable.
        name: &'static str,
        /// Its value.
        value: &'static str,
    },
    /// SQL run in the stack's database after the migrations.
    Sql(&'static str),
    /// A command to the stack's Redis before the services start, word by word.
    Redis(&'static [&'static str]),
    /// The service writes its log into the void; the log file stays empty.
    MuteLog(Service),
    /// A proxy before the service takes a header from every request.
    DropHeader {
        /// The service behind the proxy.
        service: Service,
        /// Name of the header, in lower case.
        header: &'static str,
    },
    /// A proxy before the service answers requests to one path otherwise; all other requests pass through it unchanged.
    RewriteReply {
        /// The service behind the proxy.
        service: Service,
        /// Exact path of the requests that are meant.
        path: &'static str,
        /// What becomes of the reply.
        rewrite: Rewrite,
    },
}

impl Alteration {
    /// Whether a stack of this setup comes out otherwise than a sound one. A check whose stack lacks the service that
    /// is altered stands on the same target as before.
    pub fn touches(&self, setup: Setup) -> bool {
        let altered = match *self {
            Alteration::Env { service, .. }
            | Alteration::MuteLog(service)
            | Alteration::DropHeader { service, .. }
            | Alteration::RewriteReply { service, .. } => service,
            Alteration::Sql(_) | Alteration::Redis(_) => return true,
        };
        match setup {
            Setup::Shared => true,
            Setup::Own(own) => own.services.contains(&altered),
        }
    }
}

/// What a proxy does to a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewrite {
    /// Another status, same body.
    Status(u16),
    /// Each occurrence of a text in the body becomes another.
    Text {
        /// What is looked for.
        from: &'static str,
        /// What takes its place.
        to: &'static str,
    },
}
