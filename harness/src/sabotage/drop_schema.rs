//! Breaks the database: a dropped table, index or constraint.

use super::Sabotage;
use crate::provision::Alteration;

/// The schema is changed by a statement after the migrations have run.
pub const fn run_sql(what: &'static str, statement: &'static str) -> Sabotage {
    Sabotage { what, how: Alteration::Sql(statement), also_red: &[] }
}
