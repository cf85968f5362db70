//! Finds the last record: `reports/latest`, a link that every run moves to its own directory.

use super::{OUTCOMES_FILE, RecordError};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The last record, as seen from a directory: `reports/latest` there or in the nearest parent that has one.
pub fn latest(dir: &Path) -> Option<PathBuf> {
    dir.ancestors().map(|parent| parent.join("reports").join("latest")).find(|link| link.join(OUTCOMES_FILE).is_file())
}

/// Makes `latest` in a directory of reports lead to this record.
///
/// # Errors
/// When the link cannot be made, or something that is no link stands in its place.
pub fn point_latest(reports: &Path, record: &Path) -> Result<(), RecordError> {
    let link = reports.join("latest");
    let unwritable = |source| RecordError::Unwritable { path: link.clone(), source };
    let record = fs::canonicalize(record).map_err(unwritable)?;
    let reports = fs::canonicalize(reports).map_err(unwritable)?;
    // A link relative to its own place survives a move of the whole folder.
    let leads_to = record.strip_prefix(&reports).unwrap_or(&record);
    let fresh = reports.join(format!(".latest.{}", std::process::id()));
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(unwritable(error)),
        _ => {}
    }
    std::os::unix::fs::symlink(leads_to, &fresh).map_err(unwritable)?;
    fs::rename(&fresh, &link).map_err(|source| {
        // The half-made link is of no use to anyone; that it could not be made is what the caller hears.
        fs::remove_file(&fresh).ok();
        unwritable(source)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;

    #[test]
    fn the_last_record_is_found_from_a_directory_below() {
        let place = tempfile::tempdir().unwrap();
        let below = place.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        assert_eq!(latest(&below), None);

        let reports = place.path().join("reports");
        for run in ["one", "two"] {
            let record = reports.join("runs").join(run);
            fixture::write(&record);
            point_latest(&reports, &record).unwrap();
        }
        let found = latest(&below).unwrap();
        assert_eq!(fs::read_link(&found).unwrap(), Path::new("runs/two"));
    }

    #[test]
    fn a_directory_called_latest_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let record = place.path().join("runs/one");
        fixture::write(&record);
        fs::create_dir_all(place.path().join("latest/mine")).unwrap();
        let told = point_latest(place.path(), &record).unwrap_err();
        assert!(matches!(told, RecordError::Unwritable { .. }), "{told}");
        assert!(place.path().join("latest/mine").is_dir());
    }
}
