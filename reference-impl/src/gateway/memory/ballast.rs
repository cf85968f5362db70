//! Memory that is taken on purpose, so that its growth can be watched.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use memmap2::MmapMut;

/// The most that can be taken in all.
pub const MOST_MB: u64 = 2048;

const BYTES_PER_MB: u64 = 1024 * 1024;
const PAGE: usize = 4096;

/// Blocks that are held until someone lets them go.
#[derive(Default)]
pub struct Ballast(Mutex<Vec<Block>>);

/// One block of memory, all of it in use.
///
/// It is a mapping of its own rather than a `Vec`: an allocator may keep what it is given back, and then freed memory
/// would still look like growth.
pub struct Block(Option<MmapMut>);

impl Block {
    /// Takes memory from the machine and touches every page of it, for until then it is only promised.
    pub fn take(megabytes: u64) -> io::Result<Block> {
        let bytes = usize::try_from(megabytes.saturating_mul(BYTES_PER_MB)).map_err(io::Error::other)?;
        if bytes == 0 {
            return Ok(Block(None));
        }
        let mut map = MmapMut::map_anon(bytes)?;
        for page in map.chunks_mut(PAGE) {
            page[0] = 1;
        }
        Ok(Block(Some(map)))
    }

    /// How large it is.
    pub fn bytes(&self) -> u64 {
        self.0.as_ref().map_or(0, |map| map.len() as u64)
    }
}

impl Ballast {
    /// Keeps a block.
    pub fn hold(&self, block: Block) {
        self.blocks().push(block);
    }

    /// Bytes held.
    pub fn held(&self) -> u64 {
        self.blocks().iter().map(Block::bytes).sum()
    }

    /// Gives all blocks back to the machine; how many there were.
    pub fn let_go(&self) -> usize {
        std::mem::take(&mut *self.blocks()).len()
    }

    fn blocks(&self) -> MutexGuard<'_, Vec<Block>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::usage::Usage;
    use super::*;
    use crate::telemetry::units::megabytes;

    fn resident_mb() -> f64 {
        megabytes(Usage::now().expect("is readable here").resident)
    }

    #[test]
    fn what_is_held_is_resident_and_what_is_let_go_is_not() {
        // Large enough to stand out from what other tests do meanwhile.
        let ballast = Ballast::default();
        let before = resident_mb();
        ballast.hold(Block::take(256).expect("there is room"));
        let during = resident_mb();
        assert_eq!(ballast.held(), 256 * BYTES_PER_MB);
        assert!(during - before > 200.0);
        assert_eq!(ballast.let_go(), 1);
        assert!(during - resident_mb() > 200.0);
    }

    #[test]
    fn nothing_can_be_taken_too() {
        assert_eq!(Block::take(0).expect("takes nothing").bytes(), 0);
    }
}
