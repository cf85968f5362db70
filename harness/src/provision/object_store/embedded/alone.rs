//! The embedded store as a program of its own, for containers that stand in for MinIO's.

use super::accounts::Key;
use super::clock::Clock;
use super::{Settings, listen};
use crate::target::Secret;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What a store that runs alone is told.
#[derive(Debug, Clone)]
pub struct Alone {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its console listens.
    pub console: SocketAddr,
    /// Where it keeps what it holds.
    pub folder: PathBuf,
    /// Access key and secret key of the owner.
    pub owner: (String, Secret),
    /// Access key and secret key of a user beside the owner, if there is to be one.
    pub user: Option<(String, Secret)>,
    /// Bytes that it can hold.
    pub capacity: Option<u64>,
    /// Whether its clock may be asked and moved.
    pub test_clock: bool,
}

/// Serves until the future is dropped.
///
/// # Errors
/// Where the folder cannot be read or the address is taken.
pub async fn serve_alone(alone: Alone) -> io::Result<()> {
    let key = |(id, secret)| Key { id, secret };
    std::fs::create_dir_all(&alone.folder)?;
    let settings = Settings {
        address: alone.address,
        console: alone.console,
        folder: alone.folder,
        owner: key(alone.owner),
        user: alone.user.map(key),
        capacity: alone.capacity,
        clock: Clock::new(),
        test_clock: alone.test_clock,
    };
    listen(&settings).await?.await;
    Ok(())
}
