//! The docker backend: PostgreSQL, Redis and MinIO in containers of the run's own.

mod containers;
pub(in crate::provision) mod engine;
pub(in crate::provision) mod images;
mod infrastructure;
pub(in crate::provision) mod leftovers;
mod own_postgres;
mod postgres;
mod questions;

pub use leftovers::remove_run;

use super::error::ProvisionError;
use super::options::Announce;
use super::run::Run;
use super::servers::Infrastructure;
use engine::Engine;
use images::Images;
use std::sync::Arc;

/// An engine that answers and has what is needed.
pub struct Usable {
    engine: Engine,
    images: Images,
}

/// Looks for an engine, and in it for the images, pulling what is missing. An error says why docker is of no use here.
pub async fn usable(announce: &Announce) -> Result<Usable, ProvisionError> {
    let engine = Engine::find().await?;
    let images = Images::choose(&engine, announce).await?;
    Ok(Usable { engine, images })
}

/// Starts the containers of the run; what dead runs left in the engine goes first.
pub async fn start(run: &Run, usable: Usable) -> Result<Box<dyn Infrastructure>, ProvisionError> {
    leftovers::sweep(&usable.engine).await;
    run.reaper.containers(&run.id);
    let containers = containers::Containers::new(usable.engine, &run.id, run.ports.clone());
    match infrastructure::Docker::start(Arc::new(containers), usable.images).await {
        Ok(docker) => Ok(Box::new(docker)),
        Err(error) => {
            remove_run(&run.id).await;
            Err(error)
        }
    }
}

#[cfg(all(test, feature = "all"))]
mod tests;
