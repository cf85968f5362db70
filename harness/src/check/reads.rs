//! Which leaves of which observations a check looked at, and in which step: what tampering must be noticed at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

/// How closely a place was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// Only its shape: how many elements, which keys.
    Shape,
    /// The value with everything below it.
    Value,
}

/// Place in an observation: sequence number and JSON pointer.
pub type Place = (u32, String);

#[derive(Debug, Default)]
struct Inner {
    step: u8,
    places: BTreeMap<Place, (Look, BTreeSet<u8>)>,
    recent: BTreeSet<u32>,
}

/// The ledger of looks of one case. Clones share it.
#[derive(Debug, Clone)]
pub struct Reads(Option<Arc<Mutex<Inner>>>);

impl Default for Reads {
    fn default() -> Reads {
        Reads(Some(Arc::default()))
    }
}

impl Reads {
    fn inner(&self) -> Option<MutexGuard<'_, Inner>> {
        let inner = self.0.as_ref()?;
        Some(inner.lock().expect("nothing panics while it holds this lock"))
    }

    /// A ledger that notes nothing, for replays whose looks nobody asks for.
    pub fn blind() -> Reads {
        Reads(None)
    }

    /// From now on looks belong to this step.
    pub fn enter(&self, step: u8) {
        if let Some(mut inner) = self.inner() {
            inner.step = step;
            inner.recent.clear();
        }
    }

    /// Notes a look.
    pub fn note(&self, seq: u32, pointer: &str, look: Look) {
        let Some(mut inner) = self.inner() else {
            return;
        };
        let step = inner.step;
        let (known, steps) = inner.places.entry((seq, pointer.to_owned())).or_insert((look, BTreeSet::new()));
        *known = (*known).max(look);
        steps.insert(step);
        inner.recent.insert(seq);
    }

    /// Observations looked at since the last call, for the expectation that was built from them.
    pub fn take_recent(&self) -> Vec<u32> {
        let recent = self.inner().map(|mut inner| std::mem::take(&mut inner.recent));
        recent.into_iter().flatten().collect()
    }

    /// Every place that was looked at, how closely, and in which steps.
    pub fn places(&self) -> Vec<(Place, Look, BTreeSet<u8>)> {
        let Some(inner) = self.inner() else {
            return Vec::new();
        };
        let places = inner.places.iter();
        places.map(|(place, (look, steps))| (place.clone(), *look, steps.clone())).collect()
    }
}
