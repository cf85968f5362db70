//! The ten services in one table: name, metric prefix, where each listens.

use std::fmt;

use axum::Router;

use crate::startup::{Context, StartupError};

/// One of the ten services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// The door for all callers.
    Gateway,
    /// Users, passwords, tokens.
    Auth,
    /// Diagrams and their versions.
    Diagram,
    /// Generation of diagrams.
    Ai,
    /// Real-time collaboration.
    Collaboration,
    /// Git repositories.
    Git,
    /// Exports.
    Export,
    /// Third-party integrations.
    Integration,
    /// Rendering of SVG.
    SvgRenderer,
    /// The web pages.
    Frontend,
}

/// What is fixed about a service.
struct Row {
    service: Service,
    /// Word on the command line.
    command: &'static str,
    /// `service` in log lines and health bodies.
    name: &'static str,
    /// Start of its metric names, and, in capitals, of its environment variables.
    prefix: &'static str,
    port: u16,
    version: &'static str,
}

#[rustfmt::skip]
const TABLE: [Row; 10] = [
    row(Service::Gateway,       "gateway",       "api-gateway",           "api_gateway",           8080, "1.0.0"),
    row(Service::Auth,          "auth",          "auth-service",          "auth_service",          8085, "1.0.0"),
    row(Service::Diagram,       "diagram",       "diagram-service",       "diagram_service",       8082, "1.0.0"),
    row(Service::Ai,            "ai",            "ai-service",            "ai_service",            8084, "1.0.0"),
    row(Service::Collaboration, "collaboration", "collaboration-service", "collaboration_service", 8083, "1.0.0"),
    row(Service::Git,           "git",           "git-service",           "git_service",           8087, "1.0.0"),
    row(Service::Export,        "export",        "export-service",        "export_service",        8097, "1.0.0"),
    row(Service::Integration,   "integration",   "integration-hub",       "integration_hub",       8099, "1.0.0"),
    row(Service::SvgRenderer,   "svg-renderer",  "svg-renderer",          "svg_renderer",          8096, "3.0.0"),
    row(Service::Frontend,      "frontend",      "frontend",              "frontend",              3000, "1.0.0"),
];

const fn row(
    service: Service,
    command: &'static str,
    name: &'static str,
    prefix: &'static str,
    port: u16,
    version: &'static str,
) -> Row {
    Row { service, command, name, prefix, port, version }
}

impl Service {
    /// All ten, in the order of the table.
    pub fn all() -> impl Iterator<Item = Service> {
        TABLE.iter().map(|row| row.service)
    }

    /// The service called `word` on the command line.
    pub fn from_command(word: &str) -> Option<Service> {
        TABLE.iter().find(|row| row.command == word).map(|row| row.service)
    }

    const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// Its word on the command line, which is also the short name of an upstream (`auth`, `diagram`, …).
    pub fn command(self) -> &'static str {
        self.row().command
    }

    /// Its full name, as in log lines: `auth-service`.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The start of its metric names: `auth_service`.
    pub fn metric_prefix(self) -> &'static str {
        self.row().prefix
    }

    /// The version it reports on its health route.
    pub fn version(self) -> &'static str {
        self.row().version
    }

    /// The path of its health route; the frontend's is where the original has it.
    pub fn health_path(self) -> &'static str {
        match self {
            Service::Frontend => "/api/health",
            _ => "/health",
        }
    }

    /// The port it listens on unless told otherwise.
    pub fn default_port(self) -> u16 {
        self.row().port
    }

    /// The variable that tells its port: `AUTH_SERVICE_PORT`.
    pub fn port_variable(self) -> String {
        format!("{}_PORT", self.row().prefix.to_uppercase())
    }

    /// The variable that tells the gateway its host: `AUTH_SERVICE_HOST`.
    pub fn host_variable(self) -> String {
        format!("{}_HOST", self.row().prefix.to_uppercase())
    }

    /// The routes of this service alone, without those that all ten share.
    pub async fn router(self, context: &Context) -> Result<Router, StartupError> {
        match self {
            Service::Gateway => crate::gateway::router(context).await,
            Service::Auth => crate::auth::router(context).await,
            Service::Diagram => crate::diagrams::router(context).await,
            Service::Ai => crate::ai::router(context).await,
            Service::Collaboration => crate::collaboration::router(context).await,
            Service::Git => crate::git::router(context).await,
            Service::Export => crate::export::router(context).await,
            Service::Integration => crate::integrations::router(context).await,
            Service::SvgRenderer => crate::svg_renderer::router(context).await,
            Service::Frontend => crate::frontend::router(context).await,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_in_the_order_of_the_enum() {
        for (index, service) in Service::all().enumerate() {
            assert_eq!(service as usize, index);
            assert_eq!(Service::from_command(service.command()), Some(service));
        }
    }

    #[test]
    fn variables_follow_the_names() {
        assert_eq!(Service::Gateway.port_variable(), "API_GATEWAY_PORT");
        assert_eq!(Service::Integration.host_variable(), "INTEGRATION_HUB_HOST");
    }
}
