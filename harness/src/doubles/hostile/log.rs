//! The log of a hostile server: it grows with every request.

use super::{Hostile, texts};
use serde_json::json;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// The log of a double need not fill a disk.
const LONGEST: u64 = 48 << 20;

/// Writes what a request makes it write.
pub(super) fn write(kind: Hostile, path: &Path, request: &[u8]) -> io::Result<()> {
    let mut file = File::options().create(true).append(true).open(path)?;
    if file.metadata()?.len() > LONGEST {
        return Ok(());
    }
    match kind {
        Hostile::EndlessLogLine => file.write_all(&vec![b'x'; 1 << 20]),
        Hostile::GarbageLog => file.write_all(&garbage(request)),
        _ => Ok(()),
    }
}

/// Lines about the request, of which none can be made sense of.
fn garbage(request: &[u8]) -> Vec<u8> {
    let head = String::from_utf8_lossy(request);
    let id = head.lines().find_map(|line| line.strip_prefix("x-correlation-id: ")).unwrap_or("none");
    let path = head.split(' ').nth(1).unwrap_or_default();
    let text = texts::text(Hostile::GarbageLog);
    let deep = format!("{{\"correlation_id\":{},\"deep\":{}1{}}}\n", json!(id), "[".repeat(1000), "]".repeat(1000));
    let long =
        format!("{{\"correlation_id\":{},\"path\":{},\"long\":\"{}\"}}\n", json!(id), json!(path), "y".repeat(100_000));
    let markup = json!({"correlation_id": id, "level": text, "message": text, "timestamp": text, "service": text});
    let mut lines = format!("{id} {path} ").into_bytes();
    lines.extend(b"\xff\xfe\0\x1b[2J\r\n::error::owned\n");
    lines.extend(deep.bytes().chain(long.bytes()));
    lines.extend(format!("{markup}\n").bytes());
    lines
}
