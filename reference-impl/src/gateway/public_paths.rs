//! Which paths need no token.

const ALWAYS: [&str; 9] = [
    "/alerts",
    "/dependencies",
    "/health",
    "/metrics",
    "/api/auth/register",
    "/api/auth/login",
    "/api/auth/token",
    "/api/auth/refresh",
    "/api/auth/health",
];

/// Only there while test endpoints are on.
const PROBES: [&str; 2] = ["/test", "/api/auth/test"];

/// Whether `path` needs no token. A public path takes those below it along, not those that merely begin alike.
pub fn is_public(path: &str, test_endpoints: bool) -> bool {
    let covered =
        |public: &&str| path.strip_prefix(*public).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    ALWAYS.iter().any(covered) || (test_endpoints && PROBES.iter().any(covered))
}

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn a_public_path_and_those_below_it_need_no_token() {
        for path in [
            "/alerts",
            "/dependencies",
            "/health",
            "/health/services",
            "/metrics",
            "/api/auth/login",
            "/api/auth/refresh",
        ] {
            assert!(is_public(path, false), "{path}");
        }
    }

    #[test]
    fn a_path_that_merely_begins_like_a_public_one_needs_a_token() {
        for path in
            ["/healthz", "/api/auth/loginX", "/api/auth/me", "/api/auth", "/api/diagrams/", "/API/auth/login", "/"]
        {
            assert!(!is_public(path, true), "{path}");
        }
    }

    #[test]
    fn probes_are_public_only_while_they_are_served() {
        for path in ["/test/memory", "/api/auth/test/slow"] {
            assert!(is_public(path, true), "{path}");
            assert!(!is_public(path, false), "{path}");
        }
        assert!(!is_public("/api/auth/testing", true));
    }
}
