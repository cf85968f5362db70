//! Files: each says what it is for, is named after it, and holds no more.

use crate::tree::{all_rust_files, lines_before_tests, none, read, root, shown};
use std::path::PathBuf;

/// No file is longer, its tests aside.
const LONGEST: usize = 400;

#[test]
fn every_file_opens_with_a_sentence_on_what_it_is_for() {
    let bare = |path: &PathBuf| {
        let text = read(path);
        let sentence = text.lines().next().and_then(|line| line.strip_prefix("//! "));
        sentence.is_none_or(|words| words.split_whitespace().count() < 2)
    };
    none(all_rust_files().iter().filter(|path| bare(path)).map(|path| shown(path)).collect());
}

#[test]
fn no_file_is_named_after_nothing() {
    let nothing = ["util", "utils", "common", "helper", "helpers", "misc", "shared_code", "stuff"];
    let named = |path: &PathBuf| {
        let below = path.strip_prefix(root()).unwrap();
        below.components().any(|part| {
            let name = part.as_os_str().to_string_lossy();
            nothing.contains(&name.trim_end_matches(".rs"))
        })
    };
    none(all_rust_files().iter().filter(|path| named(path)).map(|path| shown(path)).collect());
}

#[test]
fn no_file_is_longer_than_one_idea() {
    let mut faults = Vec::new();
    for path in all_rust_files() {
        let count = lines_before_tests(&read(&path)).count();
        if count > LONGEST {
            faults.push(format!("{} has {count} lines before its tests, more than {LONGEST}", shown(&path)));
        }
    }
    none(faults);
}

/// What lies about after a build by hand is soon committed.
#[test]
fn no_file_is_larger_than_a_megabyte() {
    let mut faults = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap()) {
            let (name, facts) = (entry.file_name(), entry.metadata().unwrap());
            let made_here = ["target", ".git", "runs", "latest"].iter().any(|one| name == *one);
            if facts.is_dir() && !made_here {
                folders.push(entry.path());
            } else if facts.is_file() && facts.len() > 1 << 20 {
                faults.push(format!("{} has {} bytes", shown(&entry.path()), facts.len()));
            }
        }
    }
    none(faults);
}
