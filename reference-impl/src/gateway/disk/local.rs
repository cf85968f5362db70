//! The disk of this machine.

use std::io;

use super::Filled;

/// Reads it.
pub struct LocalDisk;

impl LocalDisk {
    /// The file system at the root. A disk that is away can keep one waiting, so it is not this thread that asks.
    pub async fn root() -> io::Result<Filled> {
        tokio::task::spawn_blocking(|| read("/")).await.map_err(io::Error::other)?
    }
}

fn read(path: &str) -> io::Result<Filled> {
    let system = rustix::fs::statvfs(path)?;
    let (total, free) = (system.f_blocks * system.f_frsize, system.f_bavail * system.f_frsize);
    // What is kept back for the system is neither used nor free, so it is left out of the whole.
    let used = (system.f_blocks - system.f_bfree) * system.f_frsize;
    Ok(Filled { total: total.min(used + free).max(1), used, free })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_and_free_make_up_the_whole() {
        let filled = read("/").expect("is there");
        assert_eq!(filled.total, filled.used + filled.free);
        assert!((0.0..=100.0).contains(&filled.percent()));
        assert!(read("/nowhere").is_err());
    }
}
