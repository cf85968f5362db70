//! Which images the containers are made of: the user's choice, the official ones, or our stand-ins.

use super::engine::{Engine, within};
use crate::provision::error::ProvisionError;
use crate::provision::options::Announce;
use futures_util::StreamExt;
use std::pin::pin;
use std::time::Duration;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::query_parameters::CreateImageOptionsBuilder;

/// How long a registry may keep silent, at first and between two pieces of a download.
const SILENCE: Duration = Duration::from_secs(10);

/// A server that runs in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// PostgreSQL, one a run.
    Postgres,
    /// Redis, one a stack.
    Redis,
    /// MinIO, one a run where its image is there.
    Minio,
    /// Any of the ten services of the reference.
    Services,
}

impl Server {
    /// Name for messages and facts, variable that names another image, official image, and our stand-in
    /// (`fixtures/images/`).
    const fn row(self) -> (&'static str, &'static str, &'static str, Option<&'static str>) {
        match self {
            Server::Postgres => {
                ("postgresql", "AUTOGRAPH_IMAGE_POSTGRES", "postgres:16.6", Some("autograph-standin/postgres:15"))
            }
            Server::Redis => {
                ("redis", "AUTOGRAPH_IMAGE_REDIS", "redis:7.4.1-alpine", Some("autograph-standin/redis:7"))
            }
            Server::Minio => {
                ("minio", "AUTOGRAPH_IMAGE_MINIO", "minio/minio:latest", Some("autograph-standin/minio:1"))
            }
            Server::Services => {
                ("autograph", "AUTOGRAPH_IMAGE", "autograph/autograph:0.1.0", Some("autograph-standin/autograph:1"))
            }
        }
    }

    /// `postgresql`, `redis`, `minio`, `autograph`.
    pub const fn name(self) -> &'static str {
        self.row().0
    }
}

/// An image that is in the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// What it is for.
    pub server: Server,
    /// Everything before the tag or the digest's algorithm: `postgres`, `host:5000/team/postgres`.
    pub name: String,
    /// The tag, or what follows the digest's colon.
    pub tag: String,
}

impl Image {
    fn parse(server: Server, reference: &str) -> Image {
        // A colon before the last slash belongs to a registry's port.
        let after_path = reference.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match reference[after_path..].rfind(':') {
            Some(colon) => (&reference[..after_path + colon], &reference[after_path + colon + 1..]),
            None => (reference, "latest"),
        };
        Image { server, name: name.to_owned(), tag: tag.to_owned() }
    }

    /// Whether it is one of `fixtures/images/`.
    pub fn is_stand_in(&self) -> bool {
        self.server.row().3 == Some(self.to_string().as_str())
    }
}

impl std::fmt::Display for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.name, self.tag)
    }
}

/// The images of a run.
#[derive(Debug)]
pub struct Images {
    /// For the PostgreSQL of the run.
    pub postgres: Image,
    /// For the Redis of each stack.
    pub redis: Image,
    /// For the S3 store, or why the embedded one takes its place.
    pub minio: Result<Image, String>,
}

impl Images {
    /// Chooses them, and pulls those that are missing.
    pub async fn choose(engine: &Engine, announce: &Announce) -> Result<Images, ProvisionError> {
        let postgres = choose(engine, Server::Postgres, announce).await?;
        let redis = choose(engine, Server::Redis, announce).await?;
        let stood_in = [&postgres, &redis].into_iter().any(Image::is_stand_in);
        let minio = if stood_in && named(Server::Minio).is_none() {
            // Where stand-ins are used, there is no registry; asking it would only cost time.
            let image = Image::parse(Server::Minio, Server::Minio.row().2);
            inspect(engine, &image).await.map(|()| image)
        } else {
            from_registry(engine, Server::Minio, announce).await
        };
        let minio = minio.map_err(|error| match error {
            ProvisionError::NoImage { image, reason, .. } => format!("no image {image}: {reason}"),
            other => other.to_string(),
        });
        Ok(Images { postgres, redis, minio })
    }
}

/// The images of a whole system.
#[derive(Debug)]
pub struct SystemImages {
    /// PostgreSQL.
    pub postgres: Image,
    /// Redis.
    pub redis: Image,
    /// The S3 store.
    pub minio: Image,
    /// The ten services.
    pub services: Image,
}

impl SystemImages {
    /// Chooses them, and pulls those of the stores that are missing.
    pub async fn choose(engine: &Engine, announce: &Announce) -> Result<SystemImages, ProvisionError> {
        Ok(SystemImages {
            // No registry has it, so nothing else is tried without it.
            services: made_here(engine, Server::Services).await?,
            postgres: choose(engine, Server::Postgres, announce).await?,
            redis: choose(engine, Server::Redis, announce).await?,
            minio: choose(engine, Server::Minio, announce).await?,
        })
    }
}

/// An image that is never pulled: the user's if one is named, else the one that the reference's Dockerfile makes, or
/// our stand-in.
async fn made_here(engine: &Engine, server: Server) -> Result<Image, ProvisionError> {
    let (_, _, made, stand_in) = server.row();
    let wanted = Image::parse(server, named(server).as_deref().unwrap_or(made));
    let missing = match inspect(engine, &wanted).await {
        Ok(()) => return Ok(wanted),
        Err(missing) => missing,
    };
    let stand_in = stand_in.filter(|_| named(server).is_none()).map(|name| Image::parse(server, name));
    match stand_in {
        Some(stand_in) => inspect(engine, &stand_in).await.map(|()| stand_in).map_err(|_| missing),
        None => Err(missing),
    }
}

/// The user's image if one is named; else the official one or our stand-in, whichever is there; else the official
/// one from its registry.
async fn choose(engine: &Engine, server: Server, announce: &Announce) -> Result<Image, ProvisionError> {
    let (_, _, official, stand_in) = server.row();
    let wanted = Image::parse(server, named(server).as_deref().unwrap_or(official));
    if inspect(engine, &wanted).await.is_ok() {
        return Ok(wanted);
    }
    if named(server).is_none()
        && let Some(stand_in) = stand_in
    {
        let stand_in = Image::parse(server, stand_in);
        if inspect(engine, &stand_in).await.is_ok() {
            return Ok(stand_in);
        }
    }
    from_registry(engine, server, announce).await
}

/// The user's image if one is named, else the official one; pulled where it is missing.
async fn from_registry(engine: &Engine, server: Server, announce: &Announce) -> Result<Image, ProvisionError> {
    let wanted = Image::parse(server, named(server).as_deref().unwrap_or(server.row().2));
    if inspect(engine, &wanted).await.is_err() {
        announce(&format!("pulling {wanted}"));
        pull(engine, &wanted).await?;
    }
    Ok(wanted)
}

fn named(server: Server) -> Option<String> {
    std::env::var(server.row().1).ok().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}

async fn inspect(engine: &Engine, image: &Image) -> Result<(), ProvisionError> {
    let name = image.to_string();
    let question = async {
        match engine.api.inspect_image(&name).await {
            Ok(_) => Ok(()),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => Err("it is not there".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    };
    within(question).await.map_err(|reason| no_image(image, reason))
}

async fn pull(engine: &Engine, image: &Image) -> Result<(), ProvisionError> {
    // Without a tag the engine would pull them all.
    let options = CreateImageOptionsBuilder::new().from_image(&image.name).tag(&image.tag).build();
    let mut progress = pin!(engine.api.create_image(Some(options), None, None));
    loop {
        match tokio::time::timeout(SILENCE, progress.next()).await {
            Ok(None) => break,
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err(error))) => return Err(no_image(image, error)),
            Err(_) => {
                return Err(no_image(image, format!("the registry was silent for {SILENCE:?}")));
            }
        }
    }
    inspect(engine, image).await
}

fn no_image(image: &Image, reason: impl std::fmt::Display) -> ProvisionError {
    ProvisionError::NoImage { image: image.to_string(), variable: image.server.row().1, reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_split_at_the_tag() {
        for (reference, name, tag) in [
            ("postgres:16.6", "postgres", "16.6"),
            ("postgres", "postgres", "latest"),
            ("mirror:5000/team/postgres", "mirror:5000/team/postgres", "latest"),
            ("mirror:5000/team/postgres:15", "mirror:5000/team/postgres", "15"),
            ("redis@sha256:0123", "redis@sha256", "0123"),
        ] {
            let image = Image::parse(Server::Postgres, reference);
            assert_eq!((image.name.as_str(), image.tag.as_str()), (name, tag));
        }
    }

    #[test]
    fn stand_ins_are_told_from_official_images() {
        assert!(Image::parse(Server::Redis, "autograph-standin/redis:7").is_stand_in());
        assert!(!Image::parse(Server::Redis, "redis:7.4.1-alpine").is_stand_in());
        assert!(!Image::parse(Server::Minio, "minio/minio:latest").is_stand_in());
    }
}
