//! Checks: every one in its place, every one complete, and none that takes more than its case gives.

use crate::tree::{
    catalogue, check_files, checked, checks_folder, lines_before_tests, none, read, root, rust_files, shown,
};
use harness::catalogue::Area;
use harness::checks;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

#[test]
fn every_check_has_one_file_in_the_folder_of_its_area() {
    let mut files: BTreeMap<u16, Vec<PathBuf>> = BTreeMap::new();
    for (path, numbers) in check_files() {
        for number in numbers {
            files.entry(number).or_default().push(path.clone());
        }
    }
    let declared: BTreeSet<u16> = checks::all().map(|check| check.feature).collect();
    let named: BTreeSet<u16> = files.keys().copied().collect();
    assert_eq!(named, declared, "files on the left, checks in `checks::all()` on the right");

    let mut faults = Vec::new();
    for (_, feature) in checked() {
        let paths = &files[&feature.number];
        let folder = checks_folder().join(feature.area.name());
        if paths.len() != 1 || paths[0].parent() != Some(&folder) {
            let paths: Vec<String> = paths.iter().map(|path| shown(path)).collect();
            faults.push(format!("f{:03} belongs into {} once: {paths:?}", feature.number, shown(&folder)));
        }
    }
    none(faults);
}

#[test]
fn checks_stand_in_the_order_of_the_catalogue() {
    let numbers: Vec<u16> = checks::all().map(|check| check.feature).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
}

#[test]
fn folders_of_checks_are_named_after_areas() {
    let areas: BTreeSet<&str> = Area::all().map(Area::name).collect();
    let folders = fs::read_dir(checks_folder()).unwrap().map(|entry| entry.unwrap().path());
    for folder in folders.filter(|path| path.is_dir()) {
        let name = folder.file_name().unwrap().to_str().unwrap();
        assert!(areas.contains(name), "{} is no area", shown(&folder));
    }
}

#[test]
fn every_feature_has_a_check_or_stands_among_the_unchecked() {
    let text = read(&root().join("features/unchecked.txt"));
    let lines: Vec<u16> = text.lines().map(|line| line.parse().expect("a line is a number")).collect();
    assert!(lines.is_sorted_by(|one, next| one < next), "features/unchecked.txt is sorted and repeats nothing");
    let checked: BTreeSet<u16> = checks::all().map(|check| check.feature).collect();
    let there: BTreeSet<u16> = lines.into_iter().collect();
    let wanted: BTreeSet<u16> =
        catalogue().features().iter().map(|one| one.number).filter(|number| !checked.contains(number)).collect();
    let stale: Vec<_> = there.difference(&wanted).collect();
    let missing: Vec<_> = wanted.difference(&there).collect();
    assert!(stale.is_empty(), "these have a check now: take their lines out of features/unchecked.txt: {stale:?}");
    assert!(missing.is_empty(), "these have lost their check, and the list may only shrink: {missing:?}");
}

#[test]
fn every_check_declares_needs_a_control_and_a_sabotage() {
    let declared: BTreeSet<u16> = checks::all().map(|check| check.feature).collect();
    let mut faults = Vec::new();
    for check in checks::all() {
        let mut fault = |words: &str| faults.push(format!("f{:03}: {words}", check.feature));
        if check.needs.is_empty() {
            fault("needs nothing, so it looks at nothing");
        }
        if check.control.trim().is_empty() {
            fault("has no control: which opposite case must not trigger?");
        }
        if check.sabotage.is_empty() {
            fault("has no sabotage: how is it seen to fail on a live target?");
        }
        if check.revision == 0 {
            fault("has revision 0, which records keep for features without a check");
        }
        for sabotage in check.sabotage {
            if sabotage.what.trim().is_empty() {
                fault("has a sabotage without words");
            }
            for other in sabotage.also_red.iter().filter(|other| !declared.contains(other)) {
                fault(&format!("`{}` is to turn feature {other} red, which has no check", sabotage.what));
            }
        }
    }
    none(faults);
}

#[test]
fn checks_have_time_chance_and_surroundings_from_their_case() {
    let forbidden = [
        ("sleep(", "waits for a while instead of for a condition"),
        ("SystemTime", "reads the clock of this machine"),
        ("Utc::now", "reads the clock of this machine"),
        ("Local::now", "reads the clock of this machine"),
        ("Instant::now", "reads the clock of this machine"),
        ("rand::", "draws lots"),
        ("getrandom", "draws lots"),
        ("RandomState", "draws lots"),
        ("std::env", "reads the environment"),
        ("env::var", "reads the environment"),
        ("println!", "prints"),
    ];
    let mut faults = Vec::new();
    for path in rust_files(&checks_folder()) {
        for (number, line) in lines_before_tests(&read(&path)) {
            // A statement that lasts is not the check that waits.
            let line = line.replace("pg_sleep(", "pg_");
            for (word, does) in forbidden.iter().filter(|(word, _)| line.contains(word)) {
                faults.push(format!("{}:{number}: {does} (`{word}`)", shown(&path)));
            }
        }
    }
    none(faults);
}
