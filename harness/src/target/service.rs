//! The ten services of AutoGraph (contract, section 1.1).

use serde::{Deserialize, Serialize};

/// One of the ten services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// `api-gateway`, the way in.
    Gateway,
    /// `auth-service`: users, passwords, tokens.
    Auth,
    /// `diagram-service`: diagrams and their versions.
    Diagram,
    /// `ai-service`.
    Ai,
    /// `collaboration-service`.
    Collaboration,
    /// `git-service`.
    Git,
    /// `export-service`.
    Export,
    /// `integration-hub`.
    Integration,
    /// `svg-renderer`.
    SvgRenderer,
    /// `frontend`.
    Frontend,
}

impl Service {
    /// All ten, the gateway first.
    pub const ALL: [Service; 10] = [
        Service::Gateway,
        Service::Auth,
        Service::Diagram,
        Service::Ai,
        Service::Collaboration,
        Service::Git,
        Service::Export,
        Service::Integration,
        Service::SvgRenderer,
        Service::Frontend,
    ];

    /// Full name, short name (also the reference's `serve` word and the key in a target file), prefix of the
    /// environment variables `<PREFIX>_PORT` and `<PREFIX>_HOST`, and default port.
    const fn row(self) -> (&'static str, &'static str, &'static str, u16) {
        match self {
            Service::Gateway => ("api-gateway", "gateway", "API_GATEWAY", 8080),
            Service::Auth => ("auth-service", "auth", "AUTH_SERVICE", 8085),
            Service::Diagram => ("diagram-service", "diagram", "DIAGRAM_SERVICE", 8082),
            Service::Ai => ("ai-service", "ai", "AI_SERVICE", 8084),
            Service::Collaboration => ("collaboration-service", "collaboration", "COLLABORATION_SERVICE", 8083),
            Service::Git => ("git-service", "git", "GIT_SERVICE", 8087),
            Service::Export => ("export-service", "export", "EXPORT_SERVICE", 8097),
            Service::Integration => ("integration-hub", "integration", "INTEGRATION_HUB", 8099),
            Service::SvgRenderer => ("svg-renderer", "svg-renderer", "SVG_RENDERER", 8096),
            Service::Frontend => ("frontend", "frontend", "FRONTEND", 3000),
        }
    }

    /// `api-gateway`, `auth-service`, …
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// `gateway`, `auth`, …
    pub const fn short(self) -> &'static str {
        self.row().1
    }

    /// `API_GATEWAY`, `AUTH_SERVICE`, …: environment variables are `<prefix>_PORT` and `<prefix>_HOST`.
    pub const fn env_prefix(self) -> &'static str {
        self.row().2
    }

    /// Port that the contract gives the service.
    pub const fn default_port(self) -> u16 {
        self.row().3
    }

    /// Path of the service's health route; the frontend has its own (contract, section 1.2).
    pub const fn health_path(self) -> &'static str {
        match self {
            Service::Frontend => "/api/health",
            _ => "/health",
        }
    }

    /// The service with this short or full name.
    pub fn named(name: &str) -> Option<Service> {
        Service::ALL.into_iter().find(|service| service.short() == name || service.name() == name)
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
