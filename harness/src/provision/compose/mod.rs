//! Brings the whole system up by its compose file, in containers, whatever the backend of the run: the features about
//! containers are seen there.

mod engine_side;
mod overlay;
mod settings;
mod system;
mod tool;

pub use system::System;

use super::docker::engine::Engine;
use super::docker::images::SystemImages;
use super::docker::leftovers;
use super::error::ProvisionError;
use super::options::Announce;
use super::run::Run;
use std::path::PathBuf;
use std::sync::Arc;
use tool::Tool;

/// What systems are made with.
pub struct Ground {
    run: Arc<Run>,
    engine: Engine,
    tool: Tool,
    images: SystemImages,
    /// The folder of the reference's source, where the compose file is.
    source: PathBuf,
    /// The executable of the reference.
    reference: PathBuf,
    /// The executable of the harness, which is also the S3 store.
    conform: PathBuf,
}

impl Ground {
    /// Looks for all of it. An error says what is missing.
    pub async fn look(
        run: Arc<Run>,
        source: Option<PathBuf>,
        reference: PathBuf,
        conform: PathBuf,
    ) -> Result<Ground, ProvisionError> {
        let missing = |what: &str| ProvisionError::NoCompose(what.to_owned());
        let source = source.ok_or_else(|| missing("the reference's compose file is not at hand"))?;
        let engine = Engine::find().await?;
        if !engine.local {
            return Err(missing("the engine is on another machine, and the compose file publishes on loopback"));
        }
        let tool = Tool::find().await;
        let tool = tool.ok_or_else(|| missing("neither `docker compose` nor `docker-compose` is installed"))?;
        let announce: Announce = {
            let run = run.clone();
            Arc::new(move |line: &str| run.announce(line))
        };
        let images = SystemImages::choose(&engine, &announce).await?;
        leftovers::sweep(&engine).await;
        run.reaper.containers(&run.id);
        Ok(Ground { run, engine, tool, images, source, reference, conform })
    }

    /// What a report should say: `compose` => `docker-compose version 1.29.2`.
    pub fn description(&self) -> String {
        format!("{} on docker {}", self.tool.version, self.engine.version)
    }
}
