//! Tells a process from a later one that got the same process id.

use std::path::Path;

/// When the process started, in ticks since the machine did; `None` when there is no such process, and everywhere
/// but on Linux. With the process id it names a process for good.
pub fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may contain anything; the start is the 20th field after it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?;
    let ended = matches!(state, "Z" | "X");
    (!ended).then_some(())?;
    fields.nth(18)?.parse().ok()
}

/// Whether the process that had this id and start is still there.
pub fn is_alive(pid: u32, start: u64) -> bool {
    started(pid) == Some(start)
}

/// Names the space in which our process ids mean something: another container's ids mean nothing here.
pub fn namespace() -> String {
    std::fs::read_link(Path::new("/proc/self/ns/pid"))
        .map(|link| link.to_string_lossy().into_owned())
        .unwrap_or_default()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_alive_under_its_own_start_only() {
        let me = std::process::id();
        let start = started(me).unwrap();
        assert!(is_alive(me, start));
        assert!(!is_alive(me, start + 1));
        assert_eq!(started(u32::MAX), None);
    }

    #[test]
    fn an_ended_process_is_not_alive_even_before_its_parent_takes_notice() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while started(child.id()).is_some() && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert_eq!(started(child.id()), None);
        child.wait().unwrap();
    }
}
