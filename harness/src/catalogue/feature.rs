//! One entry of the catalogue: a demand on the system and the steps that decide it.

use serde::Serialize;

use super::Area;

/// A demand that a deployment meets or does not meet.
///
/// It serialises to an entry of `features/feature_list.json`, keys in the order of that file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Feature {
    /// Its number, from 1; numbers are frozen.
    pub number: u16,
    /// The phase of the project that brings it.
    pub phase: u8,
    /// What it is about.
    pub area: Area,
    /// Whether it is about behaviour or about looks.
    pub category: Category,
    /// The demand in one line.
    pub description: String,
    /// What is done and seen, in order; empty until the steps are written.
    pub steps: Vec<String>,
    /// What the last recorded run of the reference found.
    pub passes: bool,
}

impl Feature {
    /// Whether the steps of this feature have been written yet.
    pub fn steps_written(&self) -> bool {
        !self.steps.is_empty()
    }
}

/// The kind of demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// What the system does.
    Functional,
    /// How the system looks and feels.
    Style,
}

impl Category {
    /// Both categories.
    pub const ALL: [Self; 2] = [Self::Functional, Self::Style];

    /// The word for it in the catalogue file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Functional => "functional",
            Self::Style => "style",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(steps: &[&str]) -> Feature {
        Feature {
            number: 41,
            phase: 1,
            area: Area::Infrastructure,
            category: Category::Functional,
            description: "Slow queries are noticed".into(),
            steps: steps.iter().map(ToString::to_string).collect(),
            passes: true,
        }
    }

    #[test]
    fn a_feature_without_steps_says_that_they_are_not_written() {
        assert!(!feature(&[]).steps_written());
        assert!(feature(&["A slow query is run"]).steps_written());
    }

    #[test]
    fn a_feature_is_written_with_the_keys_in_the_order_of_the_file() {
        let json = serde_json::to_string(&feature(&["One"])).unwrap();
        assert_eq!(
            json,
            r#"{"number":41,"phase":1,"area":"infrastructure","category":"functional","description":"Slow queries are noticed","steps":["One"],"passes":true}"#
        );
    }
}
