//! How a measured value compares with its two limits.

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// Not above any limit.
    Fine,
    /// Above the first.
    Warning {
        /// The limit that was passed.
        threshold: f64,
    },
    /// Above the second.
    Critical {
        /// The limit that was passed.
        threshold: f64,
    },
}

impl Level {
    /// The level of a value. A value at a limit is not above it.
    pub fn of(value: f64, warning: f64, critical: f64) -> Level {
        if value > critical {
            Level::Critical { threshold: critical }
        } else if value > warning {
            Level::Warning { threshold: warning }
        } else {
            Level::Fine
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_above_a_limit_is_reported() {
        let level = |value| Level::of(value, 512.0, 1024.0);
        assert_eq!(level(512.0), Level::Fine);
        assert_eq!(level(512.01), Level::Warning { threshold: 512.0 });
        assert_eq!(level(1024.0), Level::Warning { threshold: 512.0 });
        assert_eq!(level(1024.01), Level::Critical { threshold: 1024.0 });
    }
}
