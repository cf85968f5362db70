//! Whether a process id that a command prints can be that of a service: whoever believes anything stops himself.

use crate::provision::left_by_an_errand;
use sysinfo::{ProcessStatus, ProcessesToUpdate, System};

/// Whether a number is that of no process that could be a service: of none at all, of the first one, of a thread, of the
/// kernel, of what an errand has left behind, of this process or of one that it stems from.
pub(super) fn is_nobodys_service(pid: u32) -> bool {
    let Ok(mut system) = System::new() else {
        return true;
    };
    system.refresh_processes(ProcessesToUpdate::All, true);
    let own = system.process(sysinfo::Pid::from_u32(std::process::id()));
    let up = std::iter::successors(own, |one| system.process(one.parent()?)).take(64);
    let ours = up.map(|one| one.pid().as_u32()).any(|one| one == pid);
    pid <= 1 || ours || is_a_thread(pid) || is_of_the_kernel(pid) || left_by_an_errand(pid)
}

/// On Linux a thread has a number as processes have, and whoever is sent a signal by it is the process.
fn is_a_thread(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let of_process = status.lines().find_map(|line| line.strip_prefix("Tgid:")).map(str::trim);
    of_process.is_some_and(|process| process != pid.to_string())
}

/// What the kernel does itself has no program, and so no command line.
fn is_of_the_kernel(pid: u32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.is_empty()) && is_running(pid)
}

/// What has ended and waits for its parent to hear of it does not run.
pub(super) fn is_running(pid: u32) -> bool {
    let Ok(mut system) = System::new() else {
        return true;
    };
    let id = sysinfo::Pid::from_u32(pid);
    system.refresh_processes(ProcessesToUpdate::Some(&[id]), true);
    system.process(id).is_some_and(|process| process.status() != ProcessStatus::Zombie)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn neither_we_nor_our_threads_nor_those_we_stem_from_are_a_service() {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let (told, heard) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let thread = std::fs::read_link("/proc/thread-self").unwrap();
            told.send(thread.file_name().unwrap().to_str().unwrap().parse().unwrap()).unwrap();
            let _ = receiver.recv();
        });
        assert!(is_nobodys_service(heard.recv().unwrap()));
        drop(sender);
        thread.join().unwrap();
        for pid in [0, 1, std::process::id(), std::os::unix::process::parent_id()] {
            assert!(is_nobodys_service(pid), "{pid}");
        }
    }

    #[test]
    fn what_the_kernel_does_itself_is_none() {
        let kthreadd = std::fs::read_to_string("/proc/2/comm").is_ok_and(|name| name.trim() == "kthreadd");
        assert!(!kthreadd || is_nobodys_service(2));
    }

    #[test]
    fn any_other_process_may_be() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(!is_nobodys_service(child.id()) && is_running(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!is_running(child.id()));
    }
}
