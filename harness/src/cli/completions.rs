//! `conform completions`: what a shell needs to complete commands and options.

use super::args::Arguments;
use super::place::{self, CommandError};
use crate::exit_code::Exit;
use clap::{Args, CommandFactory};

/// Arguments of `conform completions`.
#[derive(Debug, Clone, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

/// Prints the script for a shell.
pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "conform", &mut script);
    place::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}
