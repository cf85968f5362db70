//! Proof that each check can fail: by tampering with its evidence, by breaking a live target, and on worthless targets.

mod live;
mod mutate;
mod null;
mod replay;
mod share;
mod table;
mod tamper;

pub use live::{Ground, SabotageProof, sabotage};
pub use null::{NullProof, null_targets};
pub use replay::replay;
pub use share::Share;
pub use table::Proof;
pub use tamper::{StepProof, TamperProof, tamper};
