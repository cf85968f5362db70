//! What the user may choose about provision.

use crate::target::Cluster;
use std::path::PathBuf;
use std::sync::Arc;

/// Which backend the user asked for. An external target needs none: see [`super::external`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackendChoice {
    /// Docker if it can be used, else native.
    #[default]
    Auto,
    /// Docker or nothing.
    Docker,
    /// Native or nothing.
    Native,
}

/// Which backend runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// PostgreSQL, Redis and the S3 store in containers.
    Docker,
    /// PostgreSQL and Redis as processes of this machine.
    Native,
    /// A system that somebody else started.
    External,
}

impl std::fmt::Display for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Backend::Docker => "docker",
            Backend::Native => "native",
            Backend::External => "external",
        })
    }
}

/// Takes one line of progress for the user: `initdb (once)`, `installing postgresql`.
pub type Announce = Arc<dyn Fn(&str) + Send + Sync>;

/// What [`super::Servers::start`] needs to know.
#[derive(Clone)]
pub struct Options {
    /// The backend that the user asked for.
    pub choice: BackendChoice,
    /// Whether missing packages may be installed.
    pub install: bool,
    /// The executable of `conform`, which is started again as the reaper.
    pub conform: PathBuf,
    /// A cluster to try the manifests in.
    pub cluster: Option<Cluster>,
    /// Where progress goes.
    pub announce: Announce,
}
