//! `conform`: the command line of the suite.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The reaper is this program once more, waiting for the other one to end; no user calls it.
    if std::env::args().nth(1).as_deref() == Some(harness::provision::REAP) {
        return harness::provision::reap();
    }
    harness::cli::main()
}
