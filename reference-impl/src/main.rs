//! `autograph serve SERVICE`, `autograph serve all`, `autograph migrate`.

use std::process::ExitCode;

use autograph::config::Settings;
use autograph::postgres::migrations;
use autograph::service::Service;
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

/// The work was done.
const DONE: u8 = 0;
/// It failed.
const FAILED: u8 = 1;
/// It was not begun, as the command line or the environment is malformed.
const MISUSED: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let settings = match Settings::from_environment() {
        Ok(settings) => settings,
        Err(error) => return end(MISUSED, &error),
    };
    let outcome: Result<(), Box<dyn std::error::Error>> = match cli.command {
        Command::Serve { what, with_parent } => {
            if let Some(parent) = with_parent
                && let Err(error) = supervisor::end_with(parent)
            {
                return end(FAILED, &error);
            }
            match what {
                What::One(service) => startup::run(service, settings).await.map_err(Into::into),
                What::All => supervisor::run_all().await.map_err(Into::into),
            }
        }
        Command::Migrate { down: Some(count), .. } => migrations::down(&settings, count).await.map_err(Into::into),
        Command::Migrate { up: Some(count), .. } => migrations::up_by(&settings, count).await.map_err(Into::into),
        Command::Migrate { .. } => migrations::up(&settings).await.map_err(Into::into),
    };
    match outcome {
        Ok(()) => ExitCode::from(DONE),
        Err(error) => end(FAILED, &*error),
    }
}

fn end(code: u8, error: &(impl std::error::Error + ?Sized)) -> ExitCode {
    eprintln!("autograph: {error}");
    ExitCode::from(code)
}
