//! Hostile targets: whatever they do, they pass nothing, break nothing, cost little and get into no report.

mod docs;
mod library;
mod program;
mod reports;
mod subject;
