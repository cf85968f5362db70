//! The suite through its command line: what it prints, what it writes, and what the shell sees.

mod completions;
mod explain;
mod gate;
mod list;
mod mark;
mod progress;
mod project;
mod report;
mod usage;
