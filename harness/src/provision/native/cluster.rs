//! The data folder of PostgreSQL: made once for a version, kept in the user's cache, copied for each run.

use super::account::Account;
use super::programs::PostgresPrograms;
use crate::provision::command::complete;
use crate::provision::error::ProvisionError;
use crate::provision::random;
use crate::provision::run::Run;
use crate::target::Secret;
use std::ffi::OsString;
use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The superuser. The contract's default user, so that a service's defaults differ from it in as little as possible.
pub const SUPERUSER: &str = "autograph";

/// Changes whenever the options below do, so that older caches are not used.
const GENERATION: u32 = 1;

/// Sorting and lower case by Unicode wherever the system has that without a language.
const LOCALE: &str = if cfg!(target_os = "linux") { "C.UTF-8" } else { "C" };

/// A data folder that is ready for a server, and the password its superuser still has.
pub struct Cluster {
    /// The data folder.
    pub data: PathBuf,
    /// A password that other runs know as well; it is to be changed.
    pub password: Secret,
}

/// Copies the cached data folder into a folder of this name in the run's, making it first if it is not in the cache.
pub async fn prepare(
    run: &Run,
    programs: &PostgresPrograms,
    account: Option<Account>,
    name: &str,
) -> Result<Cluster, ProvisionError> {
    let home = run.scratch.join(name);
    make_private(&home)?;
    own(account, &home)?;
    let Some(cache) = cache_folder(&programs.version) else {
        return initialise(run, programs, account, &home).await;
    };
    if !cache.exists() {
        fill(run, programs, account, &cache).await?;
    }
    let copied = tokio::task::spawn_blocking(move || copy_out(&cache, &home, account)).await;
    copied.map_err(io::Error::other).flatten().map_err(ProvisionError::system("copy the prepared data folder"))
}

/// Makes the data folder and puts it into the cache, unless another harness does so meanwhile.
async fn fill(
    run: &Run,
    programs: &PostgresPrograms,
    account: Option<Account>,
    cache: &Path,
) -> Result<(), ProvisionError> {
    let folder = cache.parent().expect("the cache is a folder in a folder").to_owned();
    let lock = folder.join("lock");
    let locking = lock.clone();
    let locked = tokio::task::spawn_blocking(move || -> io::Result<File> {
        let file = File::create(&locking)?;
        file.lock()?;
        Ok(file)
    });
    // Held until this function returns.
    let _lock = locked.await.map_err(io::Error::other).flatten().map_err(ProvisionError::file("lock", lock))?;
    if cache.exists() {
        return Ok(());
    }
    // As root we may enter folders that the server's account may not, as its cache will often be; so it is made in
    // the run's folder.
    let workshop = run.scratch.join("initdb");
    make_private(&workshop)?;
    own(account, &workshop)?;
    let made = initialise(run, programs, account, &workshop).await?;
    let unfinished = folder.join(format!("unfinished-{}", random::hex(4)));
    let target = cache.to_owned();
    let publish = move || -> io::Result<()> {
        private().create(&unfinished)?;
        copy(&made.data, &unfinished.join("data"), None)?;
        write_private(&unfinished.join("password"), made.password.expose())?;
        std::fs::rename(&unfinished, &target)?;
        std::fs::remove_dir_all(&workshop)
    };
    let published = tokio::task::spawn_blocking(publish).await;
    published.map_err(io::Error::other).flatten().map_err(ProvisionError::file("fill", cache))
}

async fn initialise(
    run: &Run,
    programs: &PostgresPrograms,
    account: Option<Account>,
    home: &Path,
) -> Result<Cluster, ProvisionError> {
    run.announce("initdb (once for this version of PostgreSQL)");
    let cluster = Cluster { data: home.join("data"), password: Secret::new(random::hex(16)) };
    let password_file = home.join("password");
    write_private(&password_file, cluster.password.expose()).map_err(ProvisionError::file("write", &password_file))?;
    own(account, &password_file)?;
    let mut command = Command::new(&programs.initdb);
    command
        .args(["--no-sync", "--auth", "scram-sha-256", "--encoding", "UTF8"])
        .args(["--locale", LOCALE, "--wal-segsize", "1", "--username", SUPERUSER])
        .arg("--pwfile")
        .arg(&password_file)
        .arg("--pgdata")
        .arg(&cluster.data)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    if let Some(account) = account {
        account.run_as(&mut command);
    }
    let done = complete(run, "initdb", command, Duration::from_secs(120)).await;
    let _ = std::fs::remove_file(&password_file);
    done.map(|()| cluster)
}

/// Where the data folder of this version is cached; none where there is no home that can be written to.
fn cache_folder(version: &str) -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let caches = match set("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(set("HOME")?).join(".cache"),
    };
    let folder = caches.join("autograph-conformance");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join(format!("postgresql-{version}-{LOCALE}-{GENERATION}")))
}

fn copy_out(cache: &Path, home: &Path, account: Option<Account>) -> io::Result<Cluster> {
    let data = home.join("data");
    copy(&cache.join("data"), &data, account)?;
    let password = std::fs::read_to_string(cache.join("password"))?;
    Ok(Cluster { data, password: Secret::new(password) })
}

/// Copies a folder with all that is in it, and gives the copy to the account.
fn copy(from: &Path, to: &Path, account: Option<Account>) -> io::Result<()> {
    private().create(to)?;
    account.map_or(Ok(()), |account| account.own(to))?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target, account)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
            account.map_or(Ok(()), |account| account.own(&target))?;
        }
    }
    Ok(())
}

fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

fn make_private(folder: &Path) -> Result<(), ProvisionError> {
    private().create(folder).map_err(ProvisionError::file("create", folder))
}

fn own(account: Option<Account>, path: &Path) -> Result<(), ProvisionError> {
    account.map_or(Ok(()), |account| account.own(path)).map_err(ProvisionError::file("change the owner of", path))
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let file = File::create(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    std::fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_private_and_complete() {
        let root = std::env::temp_dir().join(format!("copy-{}", random::hex(4)));
        std::fs::create_dir_all(root.join("from/deep")).unwrap();
        std::fs::write(root.join("from/deep/file"), "text").unwrap();

        copy(&root.join("from"), &root.join("to"), None).unwrap();

        let mode = std::fs::metadata(root.join("to/deep")).unwrap().permissions().mode();
        let text = std::fs::read_to_string(root.join("to/deep/file")).unwrap();
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!((mode & 0o777, text.as_str()), (0o700, "text"));
    }
}
