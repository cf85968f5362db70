//! A part of the features for one of several machines: `3/10` is the third of ten.

use crate::check::mix;
use std::str::FromStr;

/// One of so many parts. Which features are in it follows from their numbers alone, so that it is the same for every
/// selection, everywhere and for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    of: u64,
}

/// Why a text is no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no shard; write K/N with K from 1 to N, such as `3/10`")]
pub struct NoShard(String);

impl Shard {
    /// Whether a feature is in this part. Each is in exactly one.
    pub fn holds(self, feature: u16) -> bool {
        mix(u64::from(feature)) % self.of == self.index - 1
    }
}

impl FromStr for Shard {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Shard, NoShard> {
        let parsed = text.split_once('/').and_then(|(index, of)| {
            let (index, of): (u64, u64) = (index.parse().ok()?, of.parse().ok()?);
            (1 <= index && index <= of).then_some(Shard { index, of })
        });
        parsed.ok_or_else(|| NoShard(text.to_owned()))
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_is_in_one_part_and_the_parts_are_of_a_size() {
        let parts: Vec<Shard> = (1..=10).map(|index| Shard { index, of: 10 }).collect();
        for feature in 1..=679 {
            assert_eq!(parts.iter().filter(|part| part.holds(feature)).count(), 1, "feature {feature}");
        }
        for part in parts {
            let size = (1..=679).filter(|&feature| part.holds(feature)).count();
            assert!((40..=100).contains(&size), "{part} has {size}");
        }
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for text in ["0/3", "4/3", "1/0", "1", "a/b", "1/", "-1/3", "1/3/5"] {
            let told = text.parse::<Shard>().unwrap_err().to_string();
            assert!(told.contains(text) && told.contains("3/10"), "{told}");
        }
    }
}
