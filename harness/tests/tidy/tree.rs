//! Reads the tree: its files, its catalogue, its checks.

use harness::catalogue::{Catalogue, Feature};
use harness::check::Check;
use harness::checks;
use std::fs;
use std::path::{Path, PathBuf};

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The path as people write it: from the root of the workspace.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Every Rust file in a folder, at any depth, in order.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Every Rust file of both packages, their tests included.
pub fn all_rust_files() -> Vec<PathBuf> {
    let folders = ["harness/src", "harness/tests", "reference-impl/src", "reference-impl/tests"];
    let folders = folders.map(|folder| root().join(folder)).into_iter();
    folders.filter(|folder| folder.is_dir()).flat_map(|folder| rust_files(&folder)).collect()
}

/// The lines of a file before its tests, numbered from 1.
pub fn lines_before_tests(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().take_while(|line| !is_test_mark(line));
    lines.enumerate().map(|(at, line)| (at + 1, line))
}

/// A line after which there are only tests. `#[cfg(test)]` also stands before single items, so only one without
/// indentation that opens a module counts; the module follows on the next line.
fn is_test_mark(line: &str) -> bool {
    line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test")
}

pub fn catalogue() -> Catalogue {
    Catalogue::load(root().join("features/feature_list.json")).unwrap()
}

pub fn checks_folder() -> PathBuf {
    root().join("harness/src/checks")
}

/// Every check with its feature.
pub fn checked() -> Vec<(&'static Check, Feature)> {
    let catalogue = catalogue();
    let feature = |number| catalogue.feature(number).expect("the feature of a check is in the catalogue");
    checks::all().map(|check| (check, feature(check.feature).clone())).collect()
}

/// Fails with every fault at once: one run of the test is enough to mend them all.
pub fn none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// The files of checks by the features that their names say: `f041_slow_queries.rs`, `f179_f184_align.rs`.
pub fn check_files() -> Vec<(PathBuf, std::ops::RangeInclusive<u16>)> {
    let number = |word: &str| {
        let digits = word.strip_prefix('f')?;
        (digits.len() == 3).then(|| digits.parse::<u16>().ok()).flatten()
    };
    let numbers = |path: &Path| {
        let mut words = path.file_stem()?.to_str()?.split('_');
        let first = number(words.next()?)?;
        let last = words.next().and_then(number).unwrap_or(first);
        Some(first..=last)
    };
    let files = rust_files(&checks_folder()).into_iter();
    files.filter_map(|path| numbers(&path).map(|numbers| (path, numbers))).collect()
}
