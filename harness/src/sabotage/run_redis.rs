//! Breaks Redis: commands that are refused, channels that are closed, memory that is short.

use super::Sabotage;
use crate::provision::Alteration;

/// Redis is told something before the services start, word by word: `&["ACL", "SETUSER", "default", "-publish"]`.
pub const fn run_redis(what: &'static str, command: &'static [&'static str]) -> Sabotage {
    Sabotage { what, how: Alteration::Redis(command), also_red: &[] }
}
