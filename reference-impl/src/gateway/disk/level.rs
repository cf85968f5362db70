//! How a share of used space compares with the limits.

use crate::config;

/// The comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// Below both limits.
    Fine,
    /// At the first limit, or above.
    Warning {
        /// The limit.
        threshold_percent: f64,
    },
    /// At the second limit, or above.
    Critical {
        /// The limit.
        threshold_percent: f64,
    },
}

impl Level {
    /// Its word in labels; nothing where there is no alert.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Level::Fine => None,
            Level::Warning { .. } => Some("warning"),
            Level::Critical { .. } => Some("critical"),
        }
    }

    /// Whether it is time to act.
    pub fn is_critical(self) -> bool {
        matches!(self, Level::Critical { .. })
    }
}

/// Where a share stands; a limit counts as reached when it is met exactly.
pub fn of(settings: &config::Disk, percent: f64) -> Level {
    if percent >= settings.critical_percent {
        Level::Critical { threshold_percent: settings.critical_percent }
    } else if percent >= settings.warning_percent {
        Level::Warning { threshold_percent: settings.warning_percent }
    } else {
        Level::Fine
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_limit_is_reached_when_it_is_met_exactly() {
        let settings = config::Disk {
            sample_every: Duration::from_secs(300),
            capacity: None,
            warning_percent: 70.0,
            critical_percent: 80.0,
        };
        let words = [69.99, 70.0, 79.99, 80.0, 120.0].map(|percent| of(&settings, percent).word());
        assert_eq!(words, [None, Some("warning"), Some("warning"), Some("critical"), Some("critical")]);
    }
}
