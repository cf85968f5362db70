//! Breaks a service by its configuration.

use super::Sabotage;
use crate::provision::Alteration;
use crate::target::Service;

/// The service runs with one environment variable set wrongly.
pub const fn set_variable(what: &'static str, service: Service, name: &'static str, value: &'static str) -> Sabotage {
    Sabotage { what, how: Alteration::Env { service, name, value }, also_red: &[] }
}
