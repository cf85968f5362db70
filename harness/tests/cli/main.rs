//! The suite through its command line: what it prints, what it writes, and what the shell sees.

mod chromium;
mod clean;
mod completions;
mod diff;
mod explain;
mod gate;
mod list;
mod mark;
mod progress;
mod project;
mod report;
mod report_in_browser;
mod repro;
mod serve;
mod unheard;
mod usage;
