//! Breaks what a service or the object store says: a proxy before it rewrites some replies.

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

/// Replies of the object store that have one status get another, for one method below one path.
pub const fn rewrite_store_status(
    what: &'static str,
    (method, path): (&'static str, &'static str),
    status: u16,
    to: u16,
) -> Sabotage {
    let how = Alteration::RewriteStoreReply { path, method, status, rewrite: Rewrite::Status(to) };
    Sabotage { what, how, also_red: &[] }
}

/// In good replies of the object store, a text becomes another, for one method below one path.
pub const fn rewrite_store_text(
    what: &'static str,
    (method, path): (&'static str, &'static str),
    from: &'static str,
    to: &'static str,
) -> Sabotage {
    let how = Alteration::RewriteStoreReply { path, method, status: 200, rewrite: Rewrite::Text { from, to } };
    Sabotage { what, how, also_red: &[] }
}
