//! What a list may look like, and what is said of one that is wrong.

use super::*;
use crate::catalogue::{Area, Category};

const GOOD: &str = r#"[
  {
    "number": 1,
    "phase": 1,
    "area": "infrastructure",
    "category": "functional",
    "description": "Everything starts",
    "steps": ["Start", "Look", "Compare"],
    "passes": true
  },
  {
    "category": "style",
    "description": "Everything shines",
    "steps": [],
    "passes": false
  }
]"#;

/// What is said of the good list once a part of it has been replaced.
fn told(part: &str, replacement: &str) -> String {
    assert_eq!(GOOD.matches(part).count(), 1, "{part} is there once");
    told_of(&GOOD.replace(part, replacement))
}

fn told_of(text: &str) -> String {
    Catalogue::parse(text, "list.json").unwrap_err().to_string()
}

#[test]
fn a_good_list_is_read_with_and_without_the_three_keys() {
    let catalogue = Catalogue::parse(GOOD, "list.json").unwrap();
    assert_eq!(catalogue.len(), 2);
    assert_eq!(catalogue.features().len(), 2);
    let second = catalogue.feature(2).unwrap();
    assert_eq!((second.number, second.phase), (2, 1));
    assert_eq!(second.area, Area::Infrastructure);
    assert_eq!(second.category, Category::Style);
    assert!(!second.steps_written());
    assert_eq!(catalogue.feature(1).unwrap().steps[2], "Compare");
    assert_eq!(catalogue.feature(0), None);
    assert_eq!(catalogue.feature(3), None);
}

#[test]
fn the_hash_depends_on_the_text() {
    let hash = |text: &str| Catalogue::parse(text, "x").unwrap().hash().to_owned();
    assert_eq!(hash(GOOD), hash(GOOD));
    assert_ne!(hash(GOOD), hash(&GOOD.replace("Look", "Book")));
    // The value that the authors of FNV publish for this text.
    assert_eq!(fnv_1a(b"foobar"), 0x8594_4171_f739_67e8);
}

#[test]
fn what_was_read_writes_back_and_reads_the_same() {
    let catalogue = Catalogue::parse(GOOD, "list.json").unwrap();
    let text = serde_json::to_string_pretty(catalogue.features()).unwrap();
    let again = Catalogue::parse(&text, "list.json").unwrap();
    assert_eq!(again.features(), catalogue.features());
}

#[test]
fn malformed_json_is_placed() {
    assert_eq!(
        told(r#""passes": true"#, r#""passes": yes"#),
        "list.json:9:15: feature 1, `passes`: not valid JSON: expected value"
    );
    let cut = &GOOD[..GOOD.find("Compare").unwrap()];
    let told = told_of(cut);
    assert!(told.starts_with("list.json:8:"), "{told}");
    assert!(told.contains("not valid JSON: EOF while parsing"), "{told}");
    assert_eq!(told_of(&format!("{GOOD}\n]")), "list.json:18:1: the list: not valid JSON: trailing characters");
}

#[test]
fn an_unknown_key_is_named_with_those_that_exist() {
    assert_eq!(
        told(r#""phase": 1"#, r#""phse": 1"#),
        "list.json:4:10: feature 1, `phse`: unknown key `phse`, expected one of `number`, `phase`, \
         `area`, `category`, `description`, `steps`, `passes`"
    );
}

#[test]
fn a_missing_key_is_named() {
    assert_eq!(
        told("\"steps\": [],", ""),
        "list.json:16:3: feature 2: the key `steps` is missing, \
         expected `category`, `description`, `steps` and `passes`"
    );
}

#[test]
fn a_repeated_key_is_named() {
    assert!(
        told(r#""phase": 1"#, r#""number": 1"#).ends_with("feature 1: the key `number` occurs twice, expected it once")
    );
}

#[test]
fn a_wrong_type_is_told_what_was_expected() {
    assert_eq!(
        told(r#""Compare""#, "3"),
        "list.json:8:32: feature 1, `steps[2]`: \
         invalid type: integer `3`, expected a step as a string"
    );
    assert_eq!(
        told("[]", r#""none""#),
        "list.json:14:19: feature 2, `steps`: \
         invalid type: string \"none\", expected the steps as an array of strings"
    );
    assert!(told("false", "\"no\"").ends_with("feature 2, `passes`: invalid type: string \"no\", expected a boolean"));
    assert!(
        told(r#""number": 1"#, r#""number": 1.5"#)
            .ends_with("feature 1, `number`: invalid type: floating point `1.5`, expected a whole number")
    );
    assert!(told_of("[7]").ends_with("feature 1: invalid type: integer `7`, expected a feature as an object"));
}

#[test]
fn a_number_out_of_order_or_taken_is_placed() {
    assert_eq!(
        told(r#""number": 1"#, r#""number": 3"#),
        "list.json:3:15: feature 1, `number`: the number 3 is out of order, expected 1 here"
    );
    assert_eq!(
        told(r#""category": "style""#, r#""number": 1, "category": "style""#),
        "list.json:12:15: feature 2, `number`: \
         the number 1 is taken by an earlier entry, expected 2 here"
    );
    assert!(told(r#""number": 1"#, r#""number": 0"#).ends_with("is out of order, expected 1 here"));
}

#[test]
fn phase_and_area_must_be_those_of_the_number() {
    assert_eq!(
        told(r#""phase": 1"#, r#""phase": 2"#),
        "list.json:4:14: feature 1, `phase`: phase 2, expected 1, the phase of feature 1"
    );
    assert!(
        told("infrastructure", "auth")
            .ends_with("feature 1, `area`: area `auth`, expected `infrastructure`, the area of feature 1")
    );
    assert!(told("infrastructure", "plumbing").contains("`area`: there is no area `plumbing`; the areas are"));
}

#[test]
fn empty_texts_are_refused_where_they_stand() {
    assert_eq!(
        told("Everything shines", ""),
        "list.json:13:21: feature 2, `description`: an empty text, expected a description"
    );
    assert_eq!(told("Look", "  "), "list.json:8:27: feature 1, `steps[1]`: an empty text, expected a step");
}

#[test]
fn an_unknown_category_is_told_the_known_ones() {
    assert_eq!(
        told(r#""style""#, r#""styl\u0065d""#),
        "list.json:12:29: feature 2, `category`: \
         there is no category `styled`, expected `functional` or `style`"
    );
}

#[test]
fn what_is_no_list_of_features_is_refused() {
    assert_eq!(told_of(""), "list.json:1:1: the file is empty; expected an array of features");
    assert!(told_of(" \n").contains("the file is empty"));
    assert_eq!(told_of("{}"), "list.json:1:1: the list: invalid type: map, expected an array of features");
    assert!(told_of("[]").ends_with("the list: no entry, expected at least one feature"));
}

#[test]
fn more_entries_than_numbers_are_refused() {
    let entry = r#"{"category":"style","description":"x","steps":[],"passes":false}"#;
    let list = |count: usize| format!("[{}]", vec![entry; count].join(",\n"));
    assert_eq!(Catalogue::parse(&list(679), "x").unwrap().len(), 679);
    let told = told_of(&list(680));
    assert!(told.starts_with("list.json:680:"), "{told}");
    assert!(told.ends_with("an entry too many, expected at most 679 features"), "{told}");
}

#[test]
fn files_that_cannot_be_read_say_why() {
    let folder = std::env::temp_dir().join(format!("catalogue-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let load = |name: &str| Catalogue::load(folder.join(name)).unwrap_err();

    assert!(matches!(load(""), CatalogueError::Directory { .. }));
    assert!(matches!(load("absent.json"), CatalogueError::Unreadable { .. }));
    fs::write(folder.join("latin-1.json"), b"[\n \"caf\xe9\"]").unwrap();
    let told = load("latin-1.json").to_string();
    assert!(told.ends_with(":2:6: not UTF-8 from here on; save the file as UTF-8"), "{told}");

    fs::remove_dir_all(&folder).unwrap();
}
