//! Breaks what a service says: a proxy before it rewrites the replies of one path.

use super::Sabotage;
use crate::provision::{Alteration, Rewrite};
use crate::target::Service;

/// Replies of one path get another status.
pub const fn rewrite_status(what: &'static str, service: Service, path: &'static str, status: u16) -> Sabotage {
    Sabotage { what, how: Alteration::RewriteReply { service, path, rewrite: Rewrite::Status(status) }, also_red: &[] }
}

/// In replies of one path, a text becomes another.
pub const fn rewrite_text(
    what: &'static str,
    service: Service,
    path: &'static str,
    from: &'static str,
    to: &'static str,
) -> Sabotage {
    Sabotage {
        what,
        how: Alteration::RewriteReply { service, path, rewrite: Rewrite::Text { from, to } },
        also_red: &[],
    }
}
