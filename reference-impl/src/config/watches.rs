//! Settings of what the gateway watches of itself: its memory, its CPU use, the sizes of what passes through it.

use std::time::Duration;

use super::given::{Given, SettingsError};

/// The watch on the gateway's memory.
#[derive(Debug, Clone)]
pub struct Memory {
    /// `MEMORY_SAMPLE_SECONDS`.
    pub sample_every: Duration,
    /// `MEMORY_WARNING_MB`.
    pub warning_mb: f64,
    /// `MEMORY_CRITICAL_MB`.
    pub critical_mb: f64,
}

/// The watch on the gateway's CPU use.
#[derive(Debug, Clone)]
pub struct Cpu {
    /// `CPU_SAMPLE_SECONDS`.
    pub sample_every: Duration,
    /// `CPU_WARNING_PERCENT`.
    pub warning_percent: f64,
    /// `CPU_CRITICAL_PERCENT`.
    pub critical_percent: f64,
    /// `CPU_HARD_WORK_AT_ONCE`: operations that keep a core busy and are taken on at a time.
    pub hard_work_at_once: usize,
}

/// The watch on the sizes of requests and answers.
#[derive(Debug, Clone)]
pub struct Network {
    /// `COMPRESSION_ENABLED`.
    pub compression_enabled: bool,
    /// `COMPRESSION_MIN_BYTES`: smaller answers go as they are.
    pub compression_min_bytes: u16,
    /// `LARGE_PAYLOAD_BYTES`: a body above this is large.
    pub large_above_bytes: u64,
}

pub(super) fn memory(given: &Given) -> Result<Memory, SettingsError> {
    Ok(Memory {
        sample_every: given.seconds("MEMORY_SAMPLE_SECONDS", 60.0)?,
        warning_mb: given.positive("MEMORY_WARNING_MB", 512.0)?,
        critical_mb: given.positive("MEMORY_CRITICAL_MB", 1024.0)?,
    })
}

pub(super) fn cpu(given: &Given) -> Result<Cpu, SettingsError> {
    Ok(Cpu {
        sample_every: given.seconds("CPU_SAMPLE_SECONDS", 60.0)?,
        warning_percent: given.positive("CPU_WARNING_PERCENT", 70.0)?,
        critical_percent: given.positive("CPU_CRITICAL_PERCENT", 90.0)?,
        hard_work_at_once: given.count("CPU_HARD_WORK_AT_ONCE", 2)?,
    })
}

pub(super) fn network(given: &Given) -> Result<Network, SettingsError> {
    Ok(Network {
        compression_enabled: given.flag("COMPRESSION_ENABLED", true)?,
        compression_min_bytes: given.count("COMPRESSION_MIN_BYTES", 1024)?,
        large_above_bytes: given.count("LARGE_PAYLOAD_BYTES", 1024 * 1024)?,
    })
}
