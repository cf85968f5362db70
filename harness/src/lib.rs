//! The AutoGraph conformance suite: which of the 679 features a deployment has, step by step, on what evidence.
//!
//! Data flows one way, and the modules stand in that order; each knows those before it and none after.

// What there is: the catalogue, what a run finds, the system under check, what is made there, and where all is written down.
pub mod catalogue;
pub mod digraph;
pub mod disk;
pub mod outcome;
pub mod wire;

pub mod target;

pub mod ledger;
pub mod record;

// How we look: the world around a target, bringing a target up (or breaking it), looking at it, deciding each feature.
pub mod guard;

pub mod doubles;
pub mod provision;
pub mod sabotage;

pub mod check;
pub mod probe;

pub mod actor;
pub mod settlement;

pub mod checks;

// How a run goes: what is selected, how it is run, proven, shown and judged.
pub mod selection;
pub mod shard;

pub mod runner;

pub mod proof;

pub mod survey;

pub mod report;

pub mod baseline;
pub mod gate;

pub mod live_server;

pub mod repro;

pub mod exit_code;

pub mod cli;
