//! The reference implementation of AutoGraph v3: ten services in one binary, one process each.
//!
//! Read from top to bottom, each module stands on those above it:
//!
//! - [`service`] names the ten, [`config`] reads their settings, [`clock`] is the time they live by;
//! - [`error`] and [`parse`] are what a caller sees of a fault, [`telemetry`] what an operator sees;
//! - [`middleware`] holds the layers around a router, one to a file;
//! - [`retry`], [`postgres`], [`redis`] and [`object_store`] are what the services stand on;
//! - [`backup`] keeps what the database holds, [`bucket_backup`] what the buckets hold, and both bring it back;
//! - [`startup`] binds, serves and drains; [`every_service`] has the routes that all ten share,
//!   [`health_check`] asks for the health of one;
//! - then come the services themselves.

pub mod clock;
pub mod config;
pub mod service;

pub mod error;
pub mod parse;
pub mod telemetry;

pub mod middleware;
pub mod object_store;
pub mod postgres;
pub mod redis;
pub mod retry;

pub mod call_ledger;
pub mod http_client;

pub mod backup;
pub mod bucket_backup;
pub mod every_service;
pub mod health_check;
pub mod startup;
pub mod supervisor;

pub mod ai;
pub mod auth;
pub mod collaboration;
pub mod diagrams;
pub mod export;
pub mod frontend;
pub mod gateway;
pub mod git;
pub mod integrations;
pub mod svg_renderer;
