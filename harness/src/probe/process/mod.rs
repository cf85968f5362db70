//! The process probe: stops and starts services, and asks the operating system about their processes.

mod power;

use crate::check::{CannotLook, Case, Live, Seen, Stop};
use crate::target::{Control, Need, Service};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use sysinfo::{Pid, ProcessesToUpdate, System};

/// Resident memory of a process of this machine, in bytes; `None` where there is no such process.
fn resident(pid: u32) -> Option<u64> {
    let pid = Pid::from_u32(pid);
    let mut system = System::new().ok()?;
    system.refresh_processes(ProcessesToUpdate::Some(&[pid]), true);
    system.process(pid).map(sysinfo::Process::memory)
}

fn control(live: &Live) -> Result<Arc<dyn Control>, CannotLook> {
    live.target
        .control
        .clone()
        .ok_or_else(|| CannotLook::new("process", "the target gives no power over its processes"))
}

fn note_stopped(live: &Live, change: impl FnOnce(&mut BTreeSet<Service>) -> bool) {
    change(&mut live.stopped.lock().expect("nothing panics while it holds this lock"));
}

impl Case {
    /// Stops a service; returns once its process is gone.
    ///
    /// # Errors
    /// [`Stop::Needs`] where that is not in our power.
    pub async fn stop_service(&mut self, service: Service) -> Result<(), Stop> {
        self.needs(Need::Control)?;
        let asked = json!({"stop": service.name()});
        self.observe("process", asked, async |live: Arc<Live>| {
            note_stopped(&live, |stopped| stopped.insert(service));
            control(&live)?.stop(service).await?;
            Ok(json!("stopped"))
        })
        .await?;
        Ok(())
    }

    /// Starts a service that was stopped; returns once it answers.
    ///
    /// # Errors
    /// [`Stop::Needs`] where that is not in our power.
    pub async fn start_service(&mut self, service: Service) -> Result<(), Stop> {
        self.needs(Need::Control)?;
        let asked = json!({"start": service.name()});
        self.observe("process", asked, async |live: Arc<Live>| {
            control(&live)?.start(service).await?;
            note_stopped(&live, |stopped| stopped.remove(&service));
            Ok(json!("started"))
        })
        .await?;
        Ok(())
    }

    /// What the operating system says of a service's process: `/pid`, `/resident_mb` (bytes / 1024 / 1024).
    /// `null` where its process is not on this machine.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the process cannot be found.
    pub async fn process(&mut self, service: Service) -> Result<Seen, Stop> {
        self.needs(Need::Control)?;
        let asked = json!({"process of": service.name()});
        self.observe("process", asked, async |live: Arc<Live>| {
            let pid = control(&live)?.pid(service).await?;
            let Some(resident) = resident(pid) else {
                return Ok(json!(null));
            };
            let resident = resident as f64 / 1024.0 / 1024.0;
            Ok(json!({"pid": pid, "resident_mb": resident}))
        })
        .await
    }
}
