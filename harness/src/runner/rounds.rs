//! How often a check is run: a verdict that changes from round to round cannot be relied on.

/// How often each check of a run is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounds {
    /// At most so often; at least once.
    pub most: u32,
    /// Whether the first round that fails is the last.
    pub until_fail: bool,
}

impl Rounds {
    /// Once, as usual.
    pub const ONE: Rounds = Rounds { most: 1, until_fail: false };
}
