//! Notices that a record grows, and tells what it says now.

use super::Place;
use crate::record::{OUTCOMES_FILE, Record, RecordError};
use crate::report::live;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch::Sender;

/// How often the file is asked for its length.
const PACE: Duration = Duration::from_millis(400);

/// What changes when the record does: where it is, how long, since when.
type Mark = Option<(PathBuf, u64, Option<SystemTime>)>;

/// Tells the state of the record each time it has changed, until it is aborted.
pub(super) async fn follow(place: Place, tell: Sender<Arc<str>>) {
    // Different from anything that can be seen, so that the first look is told.
    let mut last: Option<Mark> = None;
    loop {
        let place = place.clone();
        let known = last.take();
        let looked = tokio::task::spawn_blocking(move || {
            let mark = mark(&place);
            let news = (known.as_ref() != Some(&mark)).then(|| live::state(read(&place)));
            (mark, news)
        });
        // A reader that panicked is a fault of ours; the next look is as good as any.
        if let Ok((mark, news)) = looked.await {
            last = Some(mark);
            if let Some(news) = news {
                tell.send_replace(news.into());
            }
        }
        tokio::time::sleep(PACE).await;
    }
}

fn mark(place: &Place) -> Mark {
    let path = place.dir()?.canonicalize().ok()?.join(OUTCOMES_FILE);
    let file = std::fs::metadata(&path).ok()?;
    Some((path, file.len(), file.modified().ok()))
}

/// The record as it stands now.
pub(super) fn read(place: &Place) -> Result<Record, RecordError> {
    match place.dir() {
        Some(dir) => Record::read(&dir),
        None => Err(RecordError::Missing { dir: "reports/latest".into() }),
    }
}
