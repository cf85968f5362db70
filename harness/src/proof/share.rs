//! A share of the checks: who looks at a broken target beside the check that must turn red.

use std::str::FromStr;

/// `all`, `none`, or `1/10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    part: u64,
    of: u64,
}

/// Why a text is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no share; write it as `all`, `none`, or as a fraction such as `1/10`")]
pub struct NoShare(String);

impl Share {
    /// Everyone.
    pub const ALL: Share = Share { part: 1, of: 1 };

    /// No one.
    pub const NONE: Share = Share { part: 0, of: 1 };

    /// Whether a feature is drawn. The draw follows from the seed, from what is broken and from the feature alone.
    pub fn draws(self, seed: u64, what: &str, feature: u16) -> bool {
        // FNV-1a: good enough to spread a handful of features evenly.
        let bytes = seed.to_le_bytes().into_iter().chain(what.bytes()).chain(feature.to_le_bytes());
        let hash =
            bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        (hash >> 16) % self.of < self.part
    }
}

impl FromStr for Share {
    type Err = NoShare;

    fn from_str(text: &str) -> Result<Share, NoShare> {
        let fraction = || {
            let (part, of) = text.split_once('/')?;
            let (part, of) = (part.parse().ok()?, of.parse().ok()?);
            (of > 0 && part <= of).then_some(Share { part, of })
        };
        match text {
            "all" => Some(Share::ALL),
            "none" => Some(Share::NONE),
            _ => fraction(),
        }
        .ok_or_else(|| NoShare(text.to_owned()))
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.part {
            0 => f.write_str("none"),
            part if part == self.of => f.write_str("all"),
            part => write!(f, "{part}/{}", self.of),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::mutation::mutant_texts;

    #[test]
    fn a_share_is_about_as_large_as_it_says() {
        let drawn = |share: &str| {
            let share: Share = share.parse().unwrap();
            (1..=1000).filter(|feature| share.draws(41, "a broken thing", *feature)).count()
        };
        assert_eq!(drawn("all"), 1000);
        assert_eq!(drawn("none"), 0);
        assert!((60..=140).contains(&drawn("1/10")));
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for text in ["", "half", "1/0", "3/2", "-1/2", "1/"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn whatever_is_written_is_a_share_of_the_whole_or_none() {
        for text in mutant_texts(&["all", "none", "1/10", "10/10", "18446744073709551615/18446744073709551615"], 3000) {
            if let Ok(share) = text.parse::<Share>() {
                share.draws(41, "a broken thing", 1);
                assert!(share.part <= share.of, "{text}");
            }
        }
    }
}
