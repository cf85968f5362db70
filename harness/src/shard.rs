//! A part of the features for one of several machines: `3/10` is the third of ten.

use crate::check::mix;
use std::str::FromStr;

/// Where Kubernetes tells a pod of an indexed Job its place, from 0.
pub const INDEX: &str = "JOB_COMPLETION_INDEX";

/// One of so many parts. Which features are in it follows from their numbers alone, so that it is the same for every
/// selection, everywhere and for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    of: u64,
}

/// A part as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `3/10`.
    Shard(Shard),
    /// `index/10`: the place of this machine among so many is told by its surroundings.
    Indexed(u64),
}

/// Why there is no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoShard {
    /// A text that names none.
    #[error("`{0}` is no shard; write K/N with K from 1 to N, such as `3/10`, or `index/N` in a pod of an indexed Job")]
    Text(String),
    /// A machine without a place.
    #[error("index/{0} needs {INDEX}, which Kubernetes sets in the pods of an indexed Job; it is not set here")]
    NoIndex(u64),
    /// A place that is none of so many.
    #[error("{INDEX} is `{index}`, and index/{of} has the places 0 to {}; let the Job have {of} completions", of - 1)]
    OtherIndex {
        /// The place.
        index: String,
        /// The parts.
        of: u64,
    },
}

impl Shard {
    /// Whether a feature is in this part. Each is in exactly one.
    pub fn holds(self, feature: u16) -> bool {
        mix(u64::from(feature)) % self.of == self.index - 1
    }
}

impl Part {
    /// The part that is meant, where this is the place of this machine, if it has one.
    ///
    /// # Errors
    /// Where the place is needed, and missing or none of so many.
    pub fn shard(self, place: Option<&str>) -> Result<Shard, NoShard> {
        let of = match self {
            Part::Shard(shard) => return Ok(shard),
            Part::Indexed(of) => of,
        };
        let text = place.ok_or(NoShard::NoIndex(of))?;
        let index = text.parse::<u64>().ok().filter(|index| *index < of);
        let index = index.ok_or_else(|| NoShard::OtherIndex { index: text.to_owned(), of })?;
        Ok(Shard { index: index + 1, of })
    }
}

impl FromStr for Part {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Part, NoShard> {
        let parsed = text.split_once('/').and_then(|(index, of)| {
            let of: u64 = of.parse().ok().filter(|of| *of > 0)?;
            if index == "index" {
                return Some(Part::Indexed(of));
            }
            let index: u64 = index.parse().ok()?;
            (1 <= index && index <= of).then_some(Part::Shard(Shard { index, of }))
        });
        parsed.ok_or_else(|| NoShard::Text(text.to_owned()))
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
        for text in ["0/3", "4/3", "1/0", "1", "a/b", "1/", "-1/3", "1/3/5", "index/0", "index", "index/x"] {
            let told = text.parse::<Part>().unwrap_err().to_string();
            assert!(told.contains(text) && told.contains("3/10"), "{told}");
        }
    }

    #[test]
    fn the_place_of_a_pod_counts_from_0_and_a_part_from_1() {
        let part: Part = "index/10".parse().unwrap();
        assert_eq!(part.shard(Some("0")), Ok(Shard { index: 1, of: 10 }));
        assert_eq!(part.shard(Some("9")), Ok(Shard { index: 10, of: 10 }));
        let named: Part = "3/10".parse().unwrap();
        assert_eq!(named.shard(Some("7")), Ok(Shard { index: 3, of: 10 }));
    }

    #[test]
    fn a_place_that_is_missing_or_none_of_so_many_is_told() {
        let part: Part = "index/10".parse().unwrap();
        assert!(part.shard(None).unwrap_err().to_string().contains("JOB_COMPLETION_INDEX, which Kubernetes sets"));
        for index in ["10", "-1", "", "two"] {
            let told = part.shard(Some(index)).unwrap_err().to_string();
            assert!(told.contains("has the places 0 to 9") && told.contains("10 completions"), "{told}");
        }
    }
}
