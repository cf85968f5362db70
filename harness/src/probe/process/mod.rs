//! The process probe: stops and starts services, and asks the operating system about their processes.

mod power;

use crate::check::{CannotLook, Case, Live, Seen, Stop};
use crate::ledger::Thing;
use crate::target::{Control, Need, Power, Service};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::time::Instant;
use sysinfo::{Pid, Process, ProcessesToUpdate, System};

/// From when moments are reckoned, so that differences of theirs mean something.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What the operating system says of a process of this machine; `null` where there is no such process.
fn look_at(pid: u32) -> Value {
    let id = Pid::from_u32(pid);
    let Ok(mut system) = System::new() else {
        return Value::Null;
    };
    system.refresh_processes(ProcessesToUpdate::All, true);
    let at = EPOCH.elapsed();
    system.process(id).map_or(Value::Null, |process| {
        json!({
            "pid": pid,
            "resident_mb": process.memory() as f64 / 1024.0 / 1024.0,
            "cpu_seconds": family(&system, id).map(cpu_seconds).sum::<f64>(),
            "at_seconds": at.as_secs_f64(),
        })
    })
}

/// A process and those that stem from it: a service may have others do its work.
fn family(system: &System, id: Pid) -> impl Iterator<Item = &Process> {
    let stems = move |process: &Process| {
        // A way up that is longer than any is a circle, which processes that come and go can seem to be.
        let up = std::iter::successors(Some(process), |one| system.process(one.parent()?)).take(64);
        up.map(Process::pid).any(|one| one == id)
    };
    system.processes().values().filter(move |process| process.thread_kind().is_none() && stems(process))
}

/// What a process has used, and what its children had used that have ended.
fn cpu_seconds(process: &Process) -> f64 {
    process.accumulated_cpu_time() as f64 / 1000.0 + of_ended_children(process.pid()).unwrap_or(0.0)
}

/// As Linux keeps it: the 14th and 15th field after the name, in ticks (proc_pid_stat, cutime and cstime).
fn of_ended_children(pid: Pid) -> Option<f64> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = line.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(13).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>();
    Some(ticks / rustix::param::clock_ticks_per_second() as f64)
}

fn control(live: &Live) -> Result<Arc<dyn Control>, CannotLook> {
    live.target
        .control
        .clone()
        .ok_or_else(|| CannotLook::new("process", "the target gives no power over its processes"))
}

/// The variable that tells a service how far the clock was moved, where it was.
fn time_ahead(live: &Live) -> Option<(String, Option<String>)> {
    let moved = live.clock_moved_ms.load(Ordering::Relaxed);
    (live.target.clock && moved > 0).then(|| ("AUTOGRAPH_TEST_CLOCK_MS".to_owned(), Some(moved.to_string())))
}

/// Notes that a service is about to be stopped, for whoever starts it again should this run not come to it.
fn note_stopped(live: &Live, service: Service) -> Result<(), CannotLook> {
    live.note(Some(Thing::Stopped { service }), None, None)?;
    live.disturbed.store(true, Ordering::Relaxed);
    live.stopped.lock().expect("nothing panics while it holds this lock").insert(service);
    Ok(())
}

fn note_started(live: &Live, service: Service) -> Result<(), CannotLook> {
    live.stopped.lock().expect("nothing panics while it holds this lock").remove(&service);
    live.is_back(service).map_err(|error| CannotLook::new("ledger", error))
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
            note_stopped(&live, service)?;
            control(&live)?.stop(service).await?;
            Ok(json!("stopped"))
        })
        .await?;
        Ok(())
    }

    /// Starts a service that was stopped; returns once it answers. Where the clock was moved meanwhile, it lives by
    /// the time of the others.
    ///
    /// # Errors
    /// [`Stop::Needs`] where that is not in our power.
    pub async fn start_service(&mut self, service: Service) -> Result<(), Stop> {
        self.needs(Need::Control)?;
        let asked = json!({"start": service.name()});
        self.observe("process", asked, async |live: Arc<Live>| {
            let (control, ahead) = (control(&live)?, time_ahead(&live));
            match ahead {
                Some(ahead) if control.grants(Power::Configure) => {
                    control.start_with(service, vec![ahead], true).await?
                }
                _ => control.start(service).await?,
            }
            note_started(&live, service)?;
            Ok(json!("started"))
        })
        .await?;
        Ok(())
    }

    /// What the operating system says of a service's process: `/pid`, `/resident_mb` (bytes / 1024 / 1024),
    /// `/cpu_seconds` that it and those that stem from it have used since they began, those that have ended among them, and the moment in `/at_seconds`. `null` where its process is not
    /// on this machine, or nothing tells which it is.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the process cannot be found.
    pub async fn process(&mut self, service: Service) -> Result<Seen, Stop> {
        self.needs(Need::Control)?;
        let asked = json!({"process of": service.name()});
        self.observe("process", asked, async |live: Arc<Live>| {
            let control = control(&live)?;
            if !control.knows_pids() {
                return Ok(Value::Null);
            }
            let pid = control.pid(service).await?;
            Ok(look_at(pid))
        })
        .await
    }
}
