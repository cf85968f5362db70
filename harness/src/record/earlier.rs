//! Finds the records that runs left in `reports/runs`.

use super::OUTCOMES_FILE;
use std::fs;
use std::path::{Path, PathBuf};

/// The records in `reports/runs`, here or in the nearest parent that has it; the last by name first, since runs are
/// named after the moment at which they begin.
pub fn runs(dir: &Path) -> Vec<PathBuf> {
    let folders = dir.ancestors().map(|parent| parent.join("reports").join("runs"));
    let entries = folders.filter_map(|folder| fs::read_dir(folder).ok()).next();
    let paths = entries.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut records: Vec<PathBuf> = paths.filter(|path| path.join(OUTCOMES_FILE).is_file()).collect();
    records.sort_unstable_by(|one, other| other.cmp(one));
    records
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;

    #[test]
    fn the_records_of_runs_are_found_from_a_directory_below() {
        let place = tempfile::tempdir().unwrap();
        let below = place.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        assert_eq!(runs(&below), Vec::<PathBuf>::new());
        let folder = place.path().join("reports/runs");
        for name in ["2025-01", "2025-02"] {
            fixture::write(&folder.join(name));
        }
        fs::create_dir(folder.join("no record")).unwrap();
        assert_eq!(runs(&below), ["2025-02", "2025-01"].map(|name| folder.join(name)));
    }
}
