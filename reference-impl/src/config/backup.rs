//! How backups are made, where they go, and what a recovery must achieve.

use std::path::PathBuf;
use std::time::Duration;

use super::SettingsError;
use super::given::Given;

/// Backups of the database, and the drills that show what they are worth.
#[derive(Debug, Clone)]
pub struct Backup {
    /// `BACKUP_ENABLED`: make backups by a schedule.
    pub enabled: bool,
    /// `BACKUP_INTERVAL_HOURS`.
    pub interval: Duration,
    /// `BACKUP_DIR`.
    pub folder: PathBuf,
    /// `BACKUP_SCRATCH_DIR`: where a recovered server has its data for a while.
    pub scratch: PathBuf,
    /// Whether copies of dumps go to the object store: only where `MINIO_ENDPOINT` says where that is.
    pub off_site: bool,
    /// `BACKUP_WAL_STREAMING`: keep the log of changes, without which only whole dumps can be restored.
    pub wal_streaming: bool,
    /// `PG_BIN`: the folder of PostgreSQL's programs, where they are not in a usual place.
    pub programs: Option<PathBuf>,
    /// `DR_RTO_MINUTES`: how long a recovery may take.
    pub rto_minutes: u32,
    /// `DR_RPO_MINUTES`: how many minutes of data it may lose.
    pub rpo_minutes: u32,
    /// `DR_DRILLS_ENABLED`: repeat the drill every quarter.
    pub drills: bool,
}

const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn read(given: &Given) -> Result<Backup, SettingsError> {
    Ok(Backup {
        enabled: given.flag("BACKUP_ENABLED", true)?,
        interval: HOUR.mul_f64(given.positive("BACKUP_INTERVAL_HOURS", 24.0)?),
        folder: given.text("BACKUP_DIR", "/tmp/backups").into(),
        scratch: given.get("BACKUP_SCRATCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from),
        off_site: given.get("MINIO_ENDPOINT").is_some(),
        wal_streaming: given.flag("BACKUP_WAL_STREAMING", true)?,
        programs: given.get("PG_BIN").map(PathBuf::from),
        rto_minutes: given.count("DR_RTO_MINUTES", 60)?,
        rpo_minutes: given.count("DR_RPO_MINUTES", 5)?,
        drills: given.flag("DR_DRILLS_ENABLED", true)?,
    })
}
