//! `autograph serve SERVICE`, `autograph serve all`, `autograph migrate`.

use std::ffi::OsString;
use std::process::ExitCode;

use autograph::config::{LogFormat, Settings};
use autograph::postgres::migrations;
use autograph::service::Service;
use autograph::supervisor::Ending;
use autograph::telemetry::json_log;
use autograph::{startup, supervisor};
use clap::{Parser, Subcommand};

/// The reference implementation of AutoGraph v3.
#[derive(Parser)]
#[command(name = "autograph", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Work(Work),
    /// Become a program that ends when the process with this id does.
    #[command(hide = true)]
    Tethered {
        parent: u32,
        #[arg(value_parser = ending)]
        ending: Ending,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

#[derive(Subcommand)]
enum Work {
    /// Run one service, or `all` as processes of their own.
    Serve {
        /// gateway, auth, diagram, ai, collaboration, git, export, integration, svg-renderer, frontend, or all.
        #[arg(value_parser = what)]
        what: What,
        /// End when the process with this id ends.
        #[arg(long, hide = true)]
        with_parent: Option<u32>,
    },
    /// Bring the database of `POSTGRES_*` to the newest schema.
    Migrate {
        /// Take back this many steps instead.
        #[arg(long, conflicts_with = "up")]
        down: Option<u32>,
        /// Take only this many of the missing steps.
        #[arg(long)]
        up: Option<u32>,
    },
}

#[derive(Clone, Copy)]
enum What {
    All,
    One(Service),
}

fn what(word: &str) -> Result<What, String> {
    if word == "all" {
        return Ok(What::All);
    }
    Service::from_command(word).map(What::One).ok_or_else(|| {
        let known: Vec<&str> = Service::all().map(Service::command).collect();
        format!("there is no such service, choose one of {}, all", known.join(", "))
    })
}

fn ending(word: &str) -> Result<Ending, String> {
    Ending::from_word(word).ok_or_else(|| "there is no such ending".to_owned())
}

/// The work was done.
const DONE: u8 = 0;
/// It failed.
const FAILED: u8 = 1;
/// It was not begun, as the command line or the environment is malformed.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Work(work) => run(&work),
        Command::Tethered { parent, ending, command } => {
            eprintln!("autograph: {}", supervisor::become_tethered(parent, ending, &command));
            ExitCode::from(FAILED)
        }
    }
}

#[tokio::main]
async fn run(work: &Work) -> ExitCode {
    let settings = match Settings::from_environment() {
        Ok(settings) => settings,
        Err(error) => return end(MISUSED, work, LogFormat::Json, &error),
    };
    let format = settings.log.format;
    match done(work, settings).await {
        Ok(()) => ExitCode::from(DONE),
        Err(error) => end(FAILED, work, format, &*error),
    }
}

async fn done(work: &Work, settings: Settings) -> Result<(), Box<dyn std::error::Error>> {
    match work {
        Work::Serve { what, with_parent } => {
            if let Some(parent) = with_parent {
                supervisor::end_with(*parent, Ending::Terminate)?;
            }
            match what {
                What::One(service) => startup::run(*service, settings).await?,
                What::All => supervisor::run_all().await?,
            }
        }
        Work::Migrate { down: Some(count), .. } => migrations::down(&settings, *count).await?,
        Work::Migrate { up: Some(count), .. } => migrations::up_by(&settings, *count).await?,
        Work::Migrate { .. } => migrations::up(&settings).await?,
    }
    Ok(())
}

/// Says why, where it will be looked for: in the log of the service, or on the terminal.
fn end(code: u8, work: &Work, format: LogFormat, error: &dyn std::error::Error) -> ExitCode {
    match work {
        Work::Serve { what: What::One(service), .. } => json_log::last_words(service.name(), format, error),
        Work::Serve { what: What::All, .. } => json_log::last_words("autograph", format, error),
        Work::Migrate { .. } => eprintln!("autograph: {error}"),
    }
    ExitCode::from(code)
}
