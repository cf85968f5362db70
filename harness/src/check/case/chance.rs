//! Ids, words, passwords and neighbours of a case: they follow from the seed, so that a run can be done again.

use super::Case;

impl Case {
    /// A fresh UUID (version 4 by form), the same in every run with the same seed.
    pub fn id(&mut self) -> String {
        self.ids += 1;
        nth_id(self.circumstances.seed, self.circumstances.feature, self.ids)
    }

    /// A short word, unlike any other of this run, that names the feature: `conform-f041-1a2b3c4d`.
    pub fn word(&mut self) -> String {
        let id = self.id();
        format!("conform-f{:03}-{}", self.circumstances.feature, &id[..8])
    }

    /// A whole number from 0 to one less than `limit`, another in each run: a stored answer fits no other than its own.
    pub fn drawn_below(&mut self, limit: u32) -> u32 {
        let id = self.id();
        u32::from_str_radix(&id[..8], 16).unwrap_or_default() % limit
    }

    /// The name of an address in the network (`/24`) of the one that this case's requests claim to come from.
    pub fn neighbour(&mut self, last: u8) -> String {
        let own = self.live_target().and_then(|live| live.client_address.clone());
        let own = own.unwrap_or_else(|| "10.0.0.1".to_owned());
        let network = own.rsplit_once('.').map_or(own.as_str(), |(network, _)| network);
        self.vault.seal("neighbouring address", &format!("{network}.{last}"))
    }

    /// The name of a fresh password; only the wire sees its value.
    pub fn password(&mut self) -> String {
        let id = self.id();
        // Somebody else's system keeps its accounts, so nobody may work out their passwords from a record's seed.
        let ledger = self.live_target().and_then(|live| live.ledger.clone());
        let value = ledger.map_or_else(|| format!("Pw!7{id}"), |ledger| ledger.password(&id));
        self.vault.seal("own password", &value)
    }
}

/// The id that a case of this feature draws as its nth, from 1.
pub(crate) fn nth_id(seed: u64, feature: u16, nth: u32) -> String {
    let draw = |salt: u64| mix(seed ^ u64::from(feature) << 48 ^ u64::from(nth) << 8 ^ salt);
    let (high, low) = (draw(1), draw(2));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// SplitMix64: spreads a seed over all bits.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}
