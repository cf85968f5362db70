//! The catalogue file in the repository: complete, in order, with the demands of the original in other words.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use harness::catalogue::{Area, Catalogue, Category, Feature, PHASES};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn ours() -> Catalogue {
    Catalogue::load(root().join("features/feature_list.json")).unwrap()
}

/// The list of the original, where it is at hand: it is no part of this repository.
fn original() -> Option<Catalogue> {
    let path = root().join("../shared/upstream/feature_list.json");
    if !path.exists() {
        // Written past the test runner, which would keep the output of a test that passes to itself.
        let skipped = format!("SKIPPED: the original list is not at {}\n", path.display());
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
        return None;
    }
    Some(Catalogue::load(path).unwrap())
}

fn texts(feature: &Feature) -> impl Iterator<Item = &String> {
    std::iter::once(&feature.description).chain(&feature.steps)
}

/// A text as it is compared: case and outer space make no difference.
fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

fn of_category(catalogue: &Catalogue, category: Category) -> usize {
    let features = catalogue.features().iter();
    features.filter(|feature| feature.category == category).count()
}

#[test]
fn there_are_679_features_in_eight_phases_and_fifteen_areas() {
    let catalogue = ours();
    assert_eq!(catalogue.len(), 679);
    let count =
        |wanted: &dyn Fn(&Feature) -> bool| catalogue.features().iter().filter(|feature| wanted(feature)).count();
    let by_phase: Vec<_> = PHASES.iter().map(|phase| count(&|feature| feature.phase == phase.number)).collect();
    assert_eq!(by_phase, [50, 60, 60, 70, 70, 110, 130, 129]);
    let by_area: Vec<_> = Area::all().map(|area| count(&|feature| feature.area == area)).collect();
    assert_eq!(by_area, [63, 52, 46, 97, 51, 75, 40, 30, 30, 35, 40, 30, 35, 25, 30]);
    assert_eq!(of_category(&catalogue, Category::Functional), 649);
    assert_eq!(of_category(&catalogue, Category::Style), 30);
}

#[test]
fn every_feature_has_its_steps_and_no_step_says_what_another_says() {
    let catalogue = ours();
    let mut seen = HashSet::new();
    for feature in catalogue.features() {
        assert!(feature.steps_written(), "feature {}", feature.number);
        for step in &feature.steps {
            assert!(seen.insert(folded(step)), "feature {}: {step}", feature.number);
        }
    }
    assert_eq!(seen.len(), 3872);
}

#[test]
fn every_description_is_distinct_and_has_the_form_of_a_line() {
    let mut seen = HashSet::new();
    for feature in ours().features() {
        let number = feature.number;
        assert!(seen.insert(folded(&feature.description)), "feature {number} repeats another");
        let length = feature.description.chars().count();
        assert!((40..=110).contains(&length), "feature {number} has {length} characters");
        for text in texts(feature) {
            assert_eq!(text, text.trim(), "feature {number}");
            assert!(!text.ends_with('.'), "feature {number}: {text}");
        }
    }
}

#[test]
fn every_key_of_the_file_is_written_out_in_one_form() {
    let path = root().join("features/feature_list.json");
    let text = std::fs::read_to_string(path).unwrap();
    let written = serde_json::to_string_pretty(ours().features()).unwrap() + "\n";
    assert!(text == written, "the file differs from the catalogue as it is written");
}

#[test]
fn the_schema_knows_the_same_areas_and_phases() {
    let path = root().join("features/feature_list.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let keys = &schema["items"]["properties"];
    let areas: Vec<_> = Area::all().map(Area::name).collect();
    assert_eq!(keys["area"]["enum"], Value::from(areas));
    assert_eq!(keys["phase"]["maximum"], PHASES.len());
    let last = Area::all().last().map(|area| *area.numbers().end());
    assert_eq!(schema["maxItems"], Value::from(last));
    assert_eq!(keys["number"]["maximum"], Value::from(last));
}

#[test]
fn the_original_list_loads_as_it_is() {
    let Some(original) = original() else { return };
    assert_eq!(original.len(), 679);
    let steps: usize = original.features().iter().map(|feature| feature.steps.len()).sum();
    assert_eq!(steps, 3872);
    assert_eq!(of_category(&original, Category::Functional), 649);
    assert_eq!(of_category(&original, Category::Style), 30);
    let passing = original.features().iter().filter(|feature| feature.passes);
    let passing: Vec<_> = passing.map(|feature| feature.number).collect();
    assert_eq!(passing, (1..=42).collect::<Vec<_>>());
}

#[test]
fn our_demands_match_the_original_in_number_and_never_in_words() {
    let Some(original) = original() else { return };
    let theirs: HashSet<_> = original.features().iter().flat_map(texts).map(|text| folded(text)).collect();
    for (our, their) in ours().features().iter().zip(original.features()) {
        assert_eq!(our.category, their.category, "feature {}", our.number);
        assert_eq!(our.steps.len(), their.steps.len(), "feature {}", our.number);
        for text in texts(our) {
            assert!(!theirs.contains(&folded(text)), "feature {}: {text}", our.number);
        }
    }
}
