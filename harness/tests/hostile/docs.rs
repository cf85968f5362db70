//! What is written about hostile targets is what the doubles do.

use crate::library::root;
use harness::doubles::{Hostile, HostileStore};

/// The table as the kinds themselves tell it.
fn table() -> String {
    let http = Hostile::ALL.map(|kind| (kind.what(), kind.survived()));
    let stores = HostileStore::ALL.map(|kind| (kind.what(), kind.survived()));
    let row = |(what, survived): (&str, &str)| format!("| {what} | {survived} |\n");
    let rows: String = http.into_iter().chain(stores).map(row).collect();
    format!("| a target that | is survived, for |\n|---|---|\n{rows}")
}

#[test]
fn the_table_of_hostile_targets_is_as_the_doubles_are() {
    let path = root().join("docs/hostile-targets.md");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(&table()), "docs/hostile-targets.md should hold this table:\n\n{}", table());
}
