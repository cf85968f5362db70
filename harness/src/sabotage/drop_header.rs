//! Breaks the way to a service: what stands before it loses a header.

use super::Sabotage;
use crate::provision::Alteration;
use crate::target::Service;

/// Every request reaches the service without this header; its name is in lower case.
pub const fn drop_header(what: &'static str, service: Service, header: &'static str) -> Sabotage {
    Sabotage { what, how: Alteration::DropHeader { service, header }, also_red: &[] }
}
