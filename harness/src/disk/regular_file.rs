//! Opens regular files only, waits for none, and reads no more of one than its bound.

use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Why a file that is there is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Reading it may wait for ever, or never come to an end.
    #[error("it is a pipe, a socket, a device or a directory, and a regular file is expected")]
    NotRegular,
    /// It is longer than any such file has reason to be.
    #[error("it has more than {} MB, and at most that is expected", .most >> 20)]
    TooLong {
        /// The bound, in bytes.
        most: u64,
    },
}

/// Opens a file to be read.
///
/// # Errors
/// Where the system refuses, or [`Unfit::NotRegular`].
pub fn open(path: &Path) -> io::Result<File> {
    open_with(File::options().read(true), path)
}

/// Opens a file in this manner.
///
/// # Errors
/// As [`open`].
pub fn open_with(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let irregular = || io::Error::new(ErrorKind::InvalidInput, Unfit::NotRegular);
    // Without the first flag a pipe is waited for until somebody opens its other end.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = options.custom_flags(flags.bits() as i32).open(path).map_err(|error| match error.raw_os_error() {
        // So answer a socket, and a pipe that nobody reads from.
        Some(code) if code == Errno::NXIO.raw_os_error() => irregular(),
        _ => error,
    })?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(irregular()),
    }
}

/// All bytes of a file that has no more than `most`.
///
/// # Errors
/// As [`open`], and [`Unfit::TooLong`].
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // What a file says of its length is not asked: those of /proc say 0.
    open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(io::Error::new(ErrorKind::FileTooLarge, Unfit::TooLong { most })),
        false => Ok(bytes),
    }
}

/// The text of a file that has no more than `most` bytes.
///
/// # Errors
/// As [`read`], and where it is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    /// A pipe that nobody has opened.
    pub(crate) fn pipe(path: &Path) {
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        std::fs::write(&path, vec![b'a'; 1 << 20]).unwrap();
        assert_eq!(read_text(&path, 1 << 20).unwrap().len(), 1 << 20);
        // Five gigabytes that take no room.
        File::options().write(true).open(&path).unwrap().set_len(5 << 30).unwrap();
        let told = read(&path, 1 << 20).unwrap_err();
        assert_eq!(told.kind(), ErrorKind::FileTooLarge);
        assert_eq!(told.to_string(), "it has more than 1 MB, and at most that is expected");
    }

    #[test]
    fn what_is_no_regular_file_is_refused_and_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("pipe");
        pipe(&path);
        let _socket = std::os::unix::net::UnixListener::bind(place.path().join("socket")).unwrap();
        for path in [&path, &place.path().join("socket"), place.path(), Path::new("/dev/zero")] {
            let told = open(path).unwrap_err().to_string();
            assert!(told.contains("a regular file is expected"), "{}: {told}", path.display());
        }
        let told = open_with(File::options().append(true), &path).unwrap_err().to_string();
        assert!(told.contains("a regular file is expected"), "{told}");
    }
}
