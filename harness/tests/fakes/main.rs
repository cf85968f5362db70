//! Worthless targets: whatever they do, they pass nothing, break nothing and cost little.

mod cli;
mod library;
mod target_file;
