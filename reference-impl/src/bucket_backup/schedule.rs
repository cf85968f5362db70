//! Backups that are made by themselves, each week unless the settings say otherwise.

use tracing::{error, info};

use super::{BackupName, BucketBackups, Order};
use crate::startup::Context;

/// What the clock shows while the next round is waited for.
const WAITING_FOR: &str = "bucket backup";

/// Goes round until the gate closes; the first time after one interval.
pub(super) fn begin(context: &Context, backups: BucketBackups) {
    let settings = context.settings.bucket_backups.clone();
    if !settings.scheduled {
        return;
    }
    let (clock, gate) = (context.clock.clone(), context.gate.clone());
    tokio::spawn(async move {
        let rounds = async {
            loop {
                clock.sleep(WAITING_FOR, settings.every).await;
                for bucket in &settings.buckets {
                    backups.make_scheduled(bucket).await;
                }
            }
        };
        tokio::select! {
            () = rounds => {}
            () = gate.closed() => {}
        }
    });
}

impl BucketBackups {
    /// One that fails says so; the next round tries again.
    async fn make_scheduled(&self, bucket: &str) {
        let name = match BackupName::dated("scheduled", bucket, self.0.clock.now()) {
            Ok(name) => name,
            Err(error) => return error!(bucket, error = %error, "Scheduled bucket backup failed"),
        };
        let order = Order { bucket: bucket.to_owned(), name, include_versions: false, replicate: false };
        match self.create(order).await {
            Ok(_) => info!(bucket, "Scheduled bucket backup made"),
            Err(error) => error!(bucket, error = %error, "Scheduled bucket backup failed"),
        }
    }
}
