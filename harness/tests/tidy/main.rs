//! The tree itself, held to the design's invariants: what is where, what says the same as the catalogue, what knows what.

mod checks;
mod ci;
mod files;
mod knowledge;
mod steps;
mod tree;
