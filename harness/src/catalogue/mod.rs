//! The catalogue: which features there are, in which phase and area, and with which steps.

mod area;
mod entry;
mod error;
mod feature;
mod load;
mod phase;
mod value;

pub use area::{Area, UnknownArea};
pub use error::{CatalogueError, Place};
pub use feature::{Category, Feature};
pub use load::Catalogue;
pub use phase::{PHASES, Phase};
