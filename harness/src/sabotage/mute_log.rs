//! Breaks the log: a service whose lines get lost.

use super::Sabotage;
use crate::provision::Alteration;
use crate::target::Service;

/// The service's log stays empty.
pub const fn mute_log(what: &'static str, service: Service) -> Sabotage {
    Sabotage { what, how: Alteration::MuteLog(service), also_red: &[] }
}
