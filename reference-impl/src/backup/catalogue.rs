//! The backups in `BACKUP_DIR`: found, listed, removed. What is not whole yet has a name that begins with a dot.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use super::child::blocking;
use super::error::BackupError;
use super::lsn::segment_of;
use super::manifest::{Format, Kind, Manifest};
use super::server::Server;

const BASE: &str = "base";
const INCREMENTAL: &str = "incremental";
const WAL: &str = "wal";
const MANIFESTS: &str = "manifests";
/// Where the drills leave their reports.
pub const DRILLS: &str = "disaster-recovery";
const RESERVED: [&str; 5] = [BASE, INCREMENTAL, WAL, MANIFESTS, DRILLS];

/// The folder of the backups.
#[derive(Debug, Clone)]
pub struct Catalogue {
    folder: PathBuf,
}

/// A backup that is there.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Name without extension.
    pub name: String,
    /// Name of the file or folder.
    pub file: String,
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub kind: Kind,
    /// How it is written, if it is full.
    pub format: Option<Format>,
    /// Bytes in it.
    pub size: u64,
    /// When it was written.
    pub modified: DateTime<Utc>,
    /// What else is known; a dump that came from elsewhere has nothing.
    pub manifest: Option<Manifest>,
}

impl Catalogue {
    /// The backups in this folder, which need not be there yet.
    pub fn new(folder: &Path) -> Catalogue {
        // Programs are started elsewhere, so the path must not depend on where we are.
        Catalogue { folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()) }
    }

    /// The folder, made if it is not there. Only its owner may look into it: it holds all data there is.
    pub fn folder(&self) -> Result<&Path, BackupError> {
        private_folder(&self.folder)?;
        Ok(&self.folder)
    }

    /// A folder in it for one purpose, made if it is not there.
    pub fn folder_of(&self, purpose: &str) -> Result<PathBuf, BackupError> {
        let folder = self.folder()?.join(purpose);
        private_folder(&folder)?;
        Ok(folder)
    }

    /// The folder for a log of changes.
    pub fn folder_of_log(&self, log: &str) -> Result<PathBuf, BackupError> {
        let folder = self.folder_of(WAL)?.join(log);
        private_folder(&folder)?;
        Ok(folder)
    }

    /// What the log of this server is called. One whose log ends before what was received already has been set back,
    /// and goes on with another history: it gets another log, lest the two be mixed.
    pub async fn log_of(&self, server: &Server) -> Result<String, BackupError> {
        let folder = self.folder_of(WAL)?;
        let (name, size) = (server.system_identifier.clone(), server.segment_size);
        let written = server.written.segment(size);
        let reading = folder.clone();
        let choose = move || {
            let named = |number: u32| if number == 0 { name.clone() } else { format!("{name}.{number}") };
            let last = (1..).find(|number| !reading.join(named(*number)).exists()).unwrap_or(1) - 1;
            let received = children(&reading.join(named(last)))?;
            let newest = received.iter().filter_map(|(file, _)| segment_of(file, size)).max();
            Ok(named(last + u32::from(newest > Some(written))))
        };
        blocking(choose).await.map_err(BackupError::file("read", folder))
    }

    /// Where a backup comes to lie, and where it is made until it is whole.
    pub fn place(&self, name: &str, kind: Kind, format: Option<Format>) -> Result<(PathBuf, PathBuf), BackupError> {
        let folder = match kind {
            Kind::Full => self.folder()?.to_owned(),
            Kind::Base => self.folder_of(BASE)?,
            Kind::Incremental => self.folder_of(INCREMENTAL)?,
        };
        let file = format!("{name}{}", format.map_or("", Format::extension));
        Ok((folder.join(&file), folder.join(format!(".{file}"))))
    }

    /// A name that a new backup may have: the one asked for, else `stem` with the moment, and a number if need be.
    pub async fn free_name(
        &self,
        asked: Option<String>,
        stem: &str,
        now: DateTime<Utc>,
    ) -> Result<String, BackupError> {
        let taken = self.all().await?;
        let is_taken = |name: &str| taken.iter().any(|entry| entry.name == name || entry.file == name);
        if let Some(name) = asked {
            check_name(&name)?;
            if is_taken(&name) {
                return Err(BackupError::Refused(format!(
                    "there is a backup called {name} already, choose another name"
                )));
            }
            return Ok(name);
        }
        let plain = format!("{stem}_{}", now.format("%Y%m%d_%H%M%S"));
        let numbered = (2..).map(|number| format!("{plain}_{number}"));
        let free = std::iter::once(plain.clone()).chain(numbered).find(|name| !is_taken(name));
        Ok(free.unwrap_or(plain))
    }

    /// Puts a backup that is whole in its place, together with what is known about it.
    pub async fn publish(&self, made: PathBuf, place: PathBuf, manifest: Manifest) -> Result<Entry, BackupError> {
        let (name, manifests) = (manifest.name.clone(), self.folder_of(MANIFESTS)?);
        let publish = move || {
            let text = serde_json::to_vec_pretty(&manifest).map_err(io::Error::other)?;
            let (file, unfinished) = manifest_files(&manifests, &manifest.name);
            fs::write(&unfinished, text)?;
            fs::rename(unfinished, file)?;
            fs::rename(made, place)
        };
        blocking(publish).await.map_err(BackupError::file("write the backup to", &self.folder))?;
        self.find(&name).await
    }

    /// Every backup, the newest first.
    pub async fn all(&self) -> Result<Vec<Entry>, BackupError> {
        let folder = self.folder.clone();
        let mut all = blocking(move || read(&folder)).await.map_err(BackupError::file("read", &self.folder))?;
        all.sort_by_key(|entry| std::cmp::Reverse(entry.modified));
        Ok(all)
    }

    /// The backup of this name, with or without extension.
    pub async fn find(&self, name: &str) -> Result<Entry, BackupError> {
        let all = self.all().await?;
        let found = all.iter().find(|entry| entry.file == name).or_else(|| all.iter().find(|entry| entry.name == name));
        found.cloned().ok_or_else(|| BackupError::Unknown(name.to_owned()))
    }

    /// The name in a path to a backup, which must lie in this folder.
    pub fn name_in(&self, path: &str) -> Result<String, BackupError> {
        let path = Path::new(path);
        let inside = path.strip_prefix(&self.folder).ok().and_then(|rest| {
            let mut parts: Vec<_> = rest.components().map(|part| part.as_os_str().to_str()).collect();
            if parts.len() == 2 && matches!(parts[0], Some(BASE | INCREMENTAL)) {
                parts.remove(0);
            }
            (parts.len() == 1).then(|| parts[0].map(str::to_owned)).flatten()
        });
        let elsewhere =
            || BackupError::invalid("backup_file", format!("a file in {} is expected", self.folder.display()));
        inside.ok_or_else(elsewhere)
    }

    /// The backups that an incremental one stands on, from its base to itself; a base stands on nothing.
    pub async fn chain(&self, entry: &Entry) -> Result<Vec<Entry>, BackupError> {
        let mut chain = vec![entry.clone()];
        let mut parent = parent_of(entry);
        while let Some(name) = parent {
            let next = self.find(&name).await?;
            parent = parent_of(&next);
            chain.push(next);
        }
        chain.reverse();
        Ok(chain)
    }

    /// Removes a backup that no other stands on.
    pub async fn remove(&self, entry: &Entry) -> Result<(), BackupError> {
        let all = self.all().await?;
        if let Some(child) = all.iter().find(|other| parent_of(other).as_ref() == Some(&entry.name)) {
            let (name, child) = (&entry.name, &child.name);
            return Err(BackupError::Refused(format!("{child} holds what has changed since {name}, remove it first")));
        }
        let (entry, manifests) = (entry.clone(), self.folder_of(MANIFESTS)?);
        let path = entry.path.clone();
        let remove = move || {
            if entry.path.is_dir() { fs::remove_dir_all(&entry.path) } else { fs::remove_file(&entry.path) }?;
            match fs::remove_file(manifest_files(&manifests, &entry.name).0) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        };
        blocking(remove).await.map_err(BackupError::file("remove", path))
    }

    /// Removes what earlier work that was cut short has left behind.
    pub async fn sweep(&self) {
        let folder = self.folder.clone();
        let sweep = move || {
            for folder in [folder.clone(), folder.join(BASE), folder.join(INCREMENTAL), folder.join(MANIFESTS)] {
                for (name, path) in children(&folder)? {
                    if name.starts_with('.') {
                        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }?;
                    }
                }
            }
            Ok(())
        };
        if let Err(error) = blocking(sweep).await {
            tracing::warn!(error = %error, "Unfinished backups of earlier runs cannot be removed");
        }
    }
}

fn parent_of(entry: &Entry) -> Option<String> {
    entry.manifest.as_ref()?.span.as_ref()?.parent.clone()
}

/// Where what is known about a backup lies, and where it is written until it is whole.
fn manifest_files(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    (folder.join(format!("{name}.json")), folder.join(format!(".{name}.json")))
}

/// A name must be able to be a file's, here and in a store, and must not lead elsewhere.
pub fn check_name(name: &str) -> Result<(), BackupError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fits = name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.len() <= 100
        && name.bytes().all(plain)
        && !RESERVED.contains(&name);
    let expected = "1 to 100 letters, digits, dots, dashes and underscores, the first a letter or a digit, and none of \
                    the names that the folder of backups has for itself";
    if fits { Ok(()) } else { Err(BackupError::invalid("backup_name", expected)) }
}

fn private_folder(folder: &Path) -> Result<(), BackupError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(BackupError::file("make the folder", folder))
}

/// What is in a folder; nothing if it is not there.
pub(super) fn children(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    entries.map(|entry| entry.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))).collect()
}

fn read(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut all = Vec::new();
    for (kind, folder) in [
        (Kind::Full, folder.to_owned()),
        (Kind::Base, folder.join(BASE)),
        (Kind::Incremental, folder.join(INCREMENTAL)),
    ] {
        for (file, path) in children(&folder)? {
            let ours = kind == Kind::Full && RESERVED.contains(&file.as_str());
            if !ours && !file.starts_with('.') {
                all.push((kind, file, path));
            }
        }
    }
    let manifests = folder.join(MANIFESTS);
    all.into_iter().filter_map(|(kind, file, path)| entry(kind, file, path, &manifests).transpose()).collect()
}

/// One backup; nothing for a file of another kind.
fn entry(kind: Kind, file: String, path: PathBuf, manifests: &Path) -> io::Result<Option<Entry>> {
    let format = match kind {
        Kind::Full if path.is_dir() => Some(Format::Directory),
        Kind::Full => Format::ALL.into_iter().find(|format| {
            let extension = format.extension();
            !extension.is_empty() && file.len() > extension.len() && file.ends_with(extension)
        }),
        Kind::Base | Kind::Incremental => None,
    };
    if kind == Kind::Full && format.is_none() {
        return Ok(None);
    }
    let name = file.strip_suffix(format.map_or("", Format::extension)).unwrap_or(&file).to_owned();
    let manifest = match fs::read(manifest_files(manifests, &name).0) {
        Ok(text) => Some(serde_json::from_slice(&text).map_err(io::Error::other)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let modified = fs::metadata(&path)?.modified().unwrap_or(SystemTime::UNIX_EPOCH).into();
    Ok(Some(Entry { size: size_of(&path)?, name, file, path, kind, format, modified, manifest }))
}

/// Bytes in a file, or in all files of a folder.
pub(super) fn size_of(path: &Path) -> io::Result<u64> {
    let about = fs::symlink_metadata(path)?;
    if !about.is_dir() {
        return Ok(about.len());
    }
    children(path)?.into_iter().map(|(_, path)| size_of(&path)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("autograph-{name}-{}", uuid::Uuid::new_v4()))
    }

    #[test]
    fn a_name_cannot_lead_elsewhere() {
        for name in ["", ".", "..", "../x", "/etc/passwd", "a/b", "wal", "base", ".hidden", "ä", "a b", "a\0"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        for name in ["a", "autograph_backup_20250131_120000", "v1.2-x"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
    }

    #[tokio::test]
    async fn a_backup_is_found_with_and_without_its_extension() {
        let folder = scratch("find");
        fs::create_dir_all(folder.join("d")).unwrap();
        fs::write(folder.join("a.dump"), "12345").unwrap();
        fs::write(folder.join(".b.sql"), "unfinished").unwrap();
        fs::write(folder.join("notes.txt"), "something else").unwrap();
        let catalogue = Catalogue::new(&folder);

        let names: Vec<String> = catalogue.all().await.unwrap().into_iter().map(|entry| entry.file).collect();
        let (with, without) = (catalogue.find("a.dump").await.unwrap(), catalogue.find("a").await.unwrap());
        let inside = catalogue.name_in(&folder.join("a.dump").display().to_string());
        let outside = catalogue.name_in("/etc/passwd").is_err();
        fs::remove_dir_all(&folder).unwrap();

        assert_eq!(names.len(), 2, "{names:?}");
        assert_eq!((with.name, with.size, without.file), ("a".to_owned(), 5, "a.dump".to_owned()));
        assert_eq!(inside.unwrap(), "a.dump");
        assert!(outside);
    }
}
