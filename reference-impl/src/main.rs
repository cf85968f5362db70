//! `autograph serve SERVICE`, `autograph serve all`, `autograph migrate`, `autograph health SERVICE`.

use std::process::ExitCode;

use autograph::config::Settings;
use autograph::postgres::migrations;
use autograph::service::Service;
use autograph::{health_check, startup, supervisor};
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
        /// First bring the database to the newest schema, as `migrate` does; several at once take turns.
        #[arg(long)]
        migrate: bool,
    },
    /// Bring the database of `POSTGRES_*` to the newest schema.
    Migrate {
        /// Take back this many steps instead.
        #[arg(long)]
        down: Option<u32>,
    },
    /// Ask a service of this machine for its health: exit code 0 when it is well, 1 when it is not.
    Health {
        /// As for `serve`.
        #[arg(value_parser = one)]
        service: Service,
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
    one(word).map(What::One).map_err(|error| error + ", all")
}

fn one(word: &str) -> Result<Service, String> {
    Service::from_command(word).ok_or_else(|| {
        let known: Vec<&str> = Service::all().map(Service::command).collect();
        format!("there is no such service, choose one of {}", known.join(", "))
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
        Command::Serve { what, with_parent, migrate } => {
            if let Some(parent) = with_parent
                && let Err(error) = supervisor::end_with(parent)
            {
                return end(FAILED, &error);
            }
            if migrate && let Err(error) = migrations::up(&settings).await {
                return end(FAILED, &error);
            }
            match what {
                What::One(service) => startup::run(service, settings).await.map_err(Into::into),
                What::All => supervisor::run_all().await.map_err(Into::into),
            }
        }
        Command::Health { service } => health_check::ask(service, &settings).await.map_err(Into::into),
        Command::Migrate { down: None } => migrations::up(&settings).await.map_err(Into::into),
        Command::Migrate { down: Some(count) } => migrations::down(&settings, count).await.map_err(Into::into),
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
