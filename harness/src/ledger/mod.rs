//! The ledger of a run on somebody else's system: what checks make there, written down before it is made, so that it can
//! be removed again even where the run is broken off.

mod line;
mod thing;

pub use line::LedgerError;
pub use thing::Thing;

use crate::disk::{Journal, open_with};
use crate::target::Secret;
use hmac::{Hmac, KeyInit, Mac};
use line::{Line, read};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// The ledger's file in a record's directory.
pub const LEDGER_FILE: &str = "ledger.jsonl";

/// What is still there, and how to come near it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// What it is.
    pub thing: Thing,
    /// The password of an account, where it is one that was registered in this run.
    pub password: Option<Secret>,
    /// An access token of a diagram's owner, where the run that made it still goes on.
    pub token: Option<Secret>,
}

/// A ledger in use. It is readable by its owner only: the passwords of the accounts in it follow from its key, which goes
/// once the run is through with them.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// What stood in the file when it was read.
    found: String,
    /// Made when the first line is written: a run that makes nothing leaves no ledger.
    journal: Option<Journal>,
    key: Secret,
    /// Whether the key stands in the file.
    key_is_written: bool,
    owed: BTreeMap<Thing, Entry>,
    /// From what the passwords of this run were made.
    passwords: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default)]
struct Entry {
    password_of: Option<String>,
    token: Option<Secret>,
    left: Option<String>,
}

impl Ledger {
    /// The ledger of a record: what stands in it is still owed; a new one is begun with the first thing that is noted.
    ///
    /// # Errors
    /// When there is one and it cannot be read.
    pub fn of(record: &Path) -> Result<Ledger, LedgerError> {
        let path = record.join(LEDGER_FILE);
        let mut inner = Inner {
            found: String::new(),
            journal: None,
            key: fresh_key(),
            key_is_written: false,
            owed: BTreeMap::new(),
            passwords: BTreeMap::new(),
        };
        for line in read(&path)? {
            inner.found += &line.to_text();
            match line {
                Line::Key { key } => (inner.key, inner.key_is_written) = (Secret::new(key), true),
                Line::Owed { thing, password_of } => {
                    inner.owed.entry(thing).or_default().password_of = password_of;
                }
                Line::Removed { thing } => drop(inner.owed.remove(&thing)),
                Line::Left { thing, why } => inner.owed.entry(thing).or_default().left = Some(why),
            }
        }
        Ok(Ledger { path, inner: Mutex::new(inner) })
    }

    /// A password that follows from an id and from the ledger's key, which the record's readers do not know.
    pub fn password(&self, id: &str) -> String {
        let mut inner = self.lock();
        let password = inner.password(id);
        inner.passwords.insert(password.clone(), id.to_owned());
        password
    }

    /// Writes down that something is about to be made, or was. `password` is that of an account, `token` one of a
    /// diagram's owner; neither is written.
    ///
    /// # Errors
    /// When the disk refuses: then it should not be made.
    pub fn note(&self, thing: Thing, password: Option<&str>, token: Option<&str>) -> Result<(), LedgerError> {
        let mut inner = self.lock();
        let known = inner.owed.get(&thing).is_some_and(|entry| entry.left.is_none());
        let password_of = password.and_then(|password| inner.passwords.get(password).cloned());
        if !known {
            let line = Line::Owed { thing: thing.clone(), password_of: password_of.clone() };
            self.append(&mut inner, &line)?;
        }
        let entry = inner.owed.entry(thing).or_default();
        entry.left = None;
        entry.password_of = entry.password_of.take().or(password_of);
        entry.token = token.map(Secret::new).or(entry.token.take());
        Ok(())
    }

    /// What is still owed: services that were stopped, objects, then buckets, diagrams and accounts, for the latter hold the former.
    pub fn owed(&self) -> Vec<Owed> {
        let inner = self.lock();
        let owed = inner.owed.iter().map(|(thing, entry)| Owed {
            thing: thing.clone(),
            password: entry.password_of.as_deref().map(|id| Secret::new(inner.password(id))),
            token: entry.token.clone(),
        });
        owed.collect()
    }

    /// Writes down that something is gone.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn removed(&self, thing: &Thing) -> Result<(), LedgerError> {
        let mut inner = self.lock();
        self.append(&mut inner, &Line::Removed { thing: thing.clone() })?;
        inner.owed.remove(thing);
        Ok(())
    }

    /// Writes down that something could not be removed, and why.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn left(&self, thing: &Thing, why: &str) -> Result<(), LedgerError> {
        let mut inner = self.lock();
        self.append(&mut inner, &Line::Left { thing: thing.clone(), why: why.to_owned() })?;
        inner.owed.entry(thing.clone()).or_default().left = Some(why.to_owned());
        Ok(())
    }

    /// Forgets the key once nothing is left that its passwords would help to remove: nobody can sign in to what stays.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn forget_key(&self) -> Result<(), LedgerError> {
        let mut inner = self.lock();
        if !inner.key_is_written {
            return Ok(());
        }
        self.stand(&mut inner).map_err(|source| self.unwritable(source))?;
        let lines = read(&self.path)?;
        let kept = lines.into_iter().filter(|line| !matches!(line, Line::Key { .. })).map(Line::without_password);
        let text = kept.map(|line| line.to_text()).collect();
        inner.journal = Some(self.lay_down(text).map_err(|source| self.unwritable(source))?);
        (inner.key, inner.key_is_written) = (fresh_key(), false);
        inner.owed.values_mut().for_each(|entry| entry.password_of = None);
        Ok(())
    }

    fn append(&self, inner: &mut Inner, line: &Line) -> Result<(), LedgerError> {
        let mut text = line.to_text();
        if !inner.key_is_written {
            text.insert_str(0, &Line::Key { key: inner.key.expose().to_owned() }.to_text());
        }
        let written = self.stand(inner).and_then(|journal| journal.append(&text));
        written.map_err(|source| self.unwritable(source))?;
        inner.key_is_written = true;
        Ok(())
    }

    /// The file with all lines in it, whatever somebody did to it meanwhile.
    fn stand<'a>(&self, inner: &'a mut Inner) -> std::io::Result<&'a mut Journal> {
        // Until the new one is there, the old one alone knows the lines.
        let anew = match &inner.journal {
            Some(journal) if journal.stands_at(&self.path) => None,
            Some(journal) => Some(self.lay_down(journal.text().to_owned())?),
            None => match holding(&self.path, inner.found.len()) {
                Some(file) => Some(Journal::holding(file, inner.found.clone())),
                None => Some(self.lay_down(inner.found.clone())?),
            },
        };
        if anew.is_some() {
            inner.journal = anew;
        }
        let journal = inner.journal.as_mut().ok_or(std::io::ErrorKind::NotFound)?;
        journal.mend()?;
        Ok(journal)
    }

    /// A file of this text in place of what is there: whoever reads it finds the one or the other.
    fn lay_down(&self, text: String) -> std::io::Result<Journal> {
        self.path.parent().map_or(Ok(()), fs::create_dir_all)?;
        let half = self.path.with_extension("jsonl.half");
        fs::remove_file(&half).ok();
        let mut journal = Journal::holding(private(&half)?, text);
        journal.mend()?;
        fs::rename(&half, &self.path)?;
        Ok(journal)
    }

    fn unwritable(&self, source: std::io::Error) -> LedgerError {
        LedgerError::Unwritable { path: self.path.clone(), source }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing panics while it holds this lock")
    }
}

impl Inner {
    /// Long enough for every rule, and with a letter of each kind.
    fn password(&self, id: &str) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.key.expose().as_bytes()).expect("HMAC takes keys of any length");
        mac.update(id.as_bytes());
        let digest = mac.finalize().into_bytes();
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("Pw!7{hex}")
    }
}

/// A new file that only its owner can read, open for writing at its end.
fn private(path: &Path) -> std::io::Result<File> {
    File::options().append(true).create_new(true).mode(0o600).open(path)
}

/// The file that is there, if so many bytes or more stand in it and no line breaks off.
fn holding(path: &Path, bytes: usize) -> Option<File> {
    let file = open_with(File::options().read(true).append(true), path).ok()?;
    let length = file.metadata().ok()?.len();
    let mut last = [0];
    file.read_exact_at(&mut last, length.checked_sub(1)?).ok()?;
    (length >= bytes as u64 && last == *b"\n").then_some(file)
}

/// A key from the operating system.
fn fresh_key() -> Secret {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system always has random bytes");
    Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

#[cfg(test)]
mod tests;
