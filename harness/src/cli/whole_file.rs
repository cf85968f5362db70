//! A file that is there whole or not at all: it is written under another name beside its place, then put there.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Paths of what is open already, wherever it leads: who opened it would not see another file in its place.
const OPEN: [&str; 4] = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"];

/// Writes a file. A link stays a link, and the file it leads to changes; a device or a pipe is written to as it is.
///
/// # Errors
/// When the text could not be written; what was begun of it is removed.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let Some(place) = replaceable(path) else {
        return fs::write(path, text);
    };
    match replace(&place, text) {
        // In a folder where nothing may be made, or where the file alone is mounted, it can only be written over.
        Err(error) if is_closed_to_others(&error) && place.is_file() => fs::write(&place, text),
        done => done,
    }
}

/// Puts a text in the place of a file, or leaves there what was there.
///
/// # Errors
/// When the text could not be written, or the file is none that may be written to.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let permissions = match File::options().write(true).open(path) {
        Ok(before) => Some(before.metadata()?.permissions()),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let fresh = beside(path);
    let written = (|| {
        let mut file = File::create(&fresh)?;
        if let Some(permissions) = permissions {
            file.set_permissions(permissions)?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    })();
    if written.is_err() {
        // What was begun is of no use to anyone; why it failed is what the caller hears.
        fs::remove_file(&fresh).ok();
    }
    written
}

/// The file that another can take the place of: the one at the end of all links, or one that is yet to be made.
fn replaceable(path: &Path) -> Option<PathBuf> {
    if OPEN.iter().any(|open| path.starts_with(open)) {
        return None;
    }
    if fs::symlink_metadata(path).is_err() {
        return Some(path.to_owned());
    }
    fs::canonicalize(path).ok().filter(|file| file.is_file())
}

fn is_closed_to_others(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ResourceBusy)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Seek;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn names(place: &Path) -> usize {
        fs::read_dir(place).unwrap().count()
    }

    #[test]
    fn a_file_is_replaced_through_a_link_and_nothing_is_left_beside_it() {
        let place = tempfile::tempdir().unwrap();
        let (file, link) = (place.path().join("list.json"), place.path().join("link.json"));
        fs::write(&file, "before").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("list.json", &link).unwrap();
        write(&link, "after").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "after");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(link.is_symlink());
        assert_eq!(names(place.path()), 2);
    }

    #[test]
    fn a_full_disk_leaves_no_half_of_a_file() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("report.html");
        // Whatever is written beside the file meets a full disk.
        symlink("/dev/full", beside(&file)).unwrap();
        assert_eq!(write(&file, "half").unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(names(place.path()), 0);
    }

    #[test]
    fn what_cannot_be_replaced_keeps_what_it_holds() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("report.html");
        fs::write(&file, "before").unwrap();
        fs::create_dir(beside(&file)).unwrap();
        write(&file, "after").unwrap_err();
        assert_eq!(fs::read_to_string(&file).unwrap(), "before");
    }

    #[test]
    fn a_device_is_written_to_and_a_folder_is_refused() {
        let place = tempfile::tempdir().unwrap();
        write(Path::new("/dev/null"), "text").unwrap();
        assert_eq!(write(Path::new("/dev/full"), "text").unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(write(place.path(), "text").unwrap_err().kind(), ErrorKind::IsADirectory);
        assert!(write(&place.path().join("nowhere/report.html"), "text").is_err());
        assert_eq!(names(place.path()), 0);
    }

    #[test]
    fn what_is_open_is_written_to_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        let mut file = File::create_new(place.path().join("log")).unwrap();
        write(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())), "report, ").unwrap();
        file.seek(io::SeekFrom::End(0)).unwrap();
        file.write_all(b"end").unwrap();
        assert_eq!(fs::read_to_string(place.path().join("log")).unwrap(), "report, end");
    }
}
