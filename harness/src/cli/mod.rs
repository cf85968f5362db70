//! The command line, `conform`: one file for each command.

// They panic where nobody listens; `voice::say` and `place::print` do not.
#![deny(clippy::print_stderr, clippy::print_stdout)]

mod args;
mod baseline;
mod clean;
#[cfg(test)]
mod cluster_job;
mod completions;
mod course;
mod diff;
mod duration;
mod explain;
mod gate;
mod guest;
mod list;
mod mark;
mod merge;
mod object_store;
mod place;
mod progress;
mod prove;
mod rejudge;
mod report;
mod reports;
mod repro;
mod run;
mod serve;
mod target;
mod voice;
mod whole_file;

pub use args::{Backend, ProveArgs, RunArgs};
pub use guest::GuestArgs;

use crate::exit_code::Exit;
use crate::provision::end_errands;
use args::{Arguments, Command};
use clap::Parser;
use std::process::ExitCode;

/// Reads the command line and does what it asks. Bad usage ends with 2, after saying what there is.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(instead) => return answer(&instead),
    };
    let exit = match arguments.command {
        Command::Run(args) => run::run(args),
        Command::List(args) => place::end(list::list(&args)),
        Command::Explain(args) => place::end(explain::explain(&args)),
        Command::Report(args) => place::end(report::report(&args)),
        Command::Diff(args) => place::end(diff::diff(&args)),
        Command::Serve(args) => serve::serve(args),
        Command::Progress(args) => place::end(progress::progress(&args)),
        Command::Gate(args) => place::end(gate::gate(&args)),
        Command::Prove(args) => prove::prove(args),
        Command::Baseline(args) => place::end(baseline::baseline(&args)),
        Command::Merge(args) => merge::merge(&args),
        Command::Rejudge(args) => place::end(rejudge::rejudge(&args)),
        Command::Clean(args) => clean::clean(&args),
        Command::Repro(args) => repro::repro(&args),
        Command::Target(args) => target::target(&args),
        Command::Mark(args) => place::end(mark::mark(&args)),
        Command::Completions(args) => place::end(completions::completions(&args)),
        Command::ObjectStore(args) => object_store::object_store(args),
    };
    end_errands();
    exit
}

/// Help and version, which are printed like all that is asked for, or what is wrong with the command line.
fn answer(instead: &clap::Error) -> ExitCode {
    if instead.use_stderr() {
        instead.exit();
    }
    place::end(place::print(&instead.render().to_string()).map(|()| Exit::Fine))
}
