//! What can be done to a target beyond stopping and starting services: other settings, signals, migrations, servers.

use super::{control, note_started, note_stopped, time_ahead};
use crate::check::{Case, Live, Seen, Stop};
use crate::target::{Need, Power, Server, Service, Signal};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

impl Case {
    /// Starts a service that was stopped, this once with some variables set, or unset where the value is `None`.
    /// Values may name secrets. Returns once it answers.
    ///
    /// # Errors
    /// [`Stop::Needs`] where that is not in our power, [`Stop::CannotLook`] where it does not get healthy.
    pub async fn start_service_with(
        &mut self,
        service: Service,
        variables: &[(&str, Option<&str>)],
    ) -> Result<(), Stop> {
        self.launch(service, variables, true).await
    }

    /// As [`Case::start_service_with`], but returns as soon as the process runs, for a start that may fail or last.
    ///
    /// # Errors
    /// [`Stop::Needs`] where that is not in our power.
    pub async fn launch_service_with(
        &mut self,
        service: Service,
        variables: &[(&str, Option<&str>)],
    ) -> Result<(), Stop> {
        self.launch(service, variables, false).await
    }

    async fn launch(
        &mut self,
        service: Service,
        variables: &[(&str, Option<&str>)],
        healthy: bool,
    ) -> Result<(), Stop> {
        self.needs(Need::Power(Power::Configure))?;
        let asked = json!({"start": service.name(), "with": variables.iter().map(|(name, value)| json!({"name": name, "value": value})).collect::<Vec<_>>()});
        let variables: Vec<(String, Option<String>)> =
            variables.iter().map(|&(name, value)| (name.to_owned(), value.map(str::to_owned))).collect();
        self.observe("process", asked, async |live: Arc<Live>| {
            let open = |(name, value): (String, Option<String>)| (name, value.map(|text| live.vault.open(&text)));
            let variables = time_ahead(&live).into_iter().chain(variables.into_iter().map(open)).collect();
            control(&live)?.start_with(service, variables, healthy).await?;
            if healthy {
                note_started(&live, service)?;
            }
            Ok(json!("started"))
        })
        .await?;
        Ok(())
    }

    /// Writes a file into the folder that services start in, such as `.env`; `None` removes it. The text may name
    /// secrets.
    ///
    /// # Errors
    /// [`Stop::Needs`] where that is not in our power.
    pub async fn place_file(&mut self, name: &str, text: Option<&str>) -> Result<(), Stop> {
        self.needs(Need::Power(Power::Configure))?;
        let asked = json!({"file": name, "text": text});
        let (name, text) = (name.to_owned(), text.map(str::to_owned));
        self.observe("process", asked, async |live: Arc<Live>| {
            let text = text.map(|text| live.vault.open(&text));
            control(&live)?.place_file(&name, text.as_deref())?;
            Ok(json!("placed"))
        })
        .await?;
        Ok(())
    }

    /// Sends a signal to a service's process and returns at once. From now on its silence says nothing about the
    /// target as a whole.
    ///
    /// # Errors
    /// [`Stop::Needs`] where that is not in our power.
    pub async fn signal(&mut self, service: Service, signal: Signal) -> Result<(), Stop> {
        self.needs(Need::Power(Power::Signal))?;
        let asked = json!({"signal": signal.name(), "to": service.name()});
        self.observe("process", asked, async |live: Arc<Live>| {
            note_stopped(&live, service)?;
            control(&live)?.signal(service, signal).await?;
            Ok(json!("sent"))
        })
        .await?;
        Ok(())
    }

    /// How a service's process ended by itself, waited for as long as `within`: `/code` or `/signal`; `null` where
    /// it still runs.
    ///
    /// # Errors
    /// [`Stop::Needs`] where that cannot be seen.
    pub async fn ended(&mut self, service: Service, within: Duration) -> Result<Seen, Stop> {
        self.needs(Need::Power(Power::Signal))?;
        let asked = json!({"end of": service.name(), "within_s": within.as_secs_f64()});
        self.observe("process", asked, async |live: Arc<Live>| Ok(control(&live)?.ended(service, within).await?)).await
    }

    /// Runs the target's migrations on its database, all that are missing or so many steps down: `/code`, `/printed`.
    ///
    /// # Errors
    /// [`Stop::Needs`] where that is not in our power.
    pub async fn migrate(&mut self, down: Option<u32>) -> Result<Seen, Stop> {
        let asked = json!({"migrate": down.map_or("up".to_owned(), |steps| format!("{steps} down"))});
        let steps = down.map(|steps| -i32::try_from(steps).unwrap_or(i32::MAX));
        self.run_migrations(asked, steps).await
    }

    /// As [`Case::migrate`], but takes only so many of the steps that are missing.
    ///
    /// # Errors
    /// As [`Case::migrate`].
    pub async fn migrate_up(&mut self, steps: u16) -> Result<Seen, Stop> {
        self.run_migrations(json!({"migrate": format!("{steps} up")}), Some(i32::from(steps))).await
    }

    async fn run_migrations(&mut self, asked: Value, steps: Option<i32>) -> Result<Seen, Stop> {
        self.needs(Need::Power(Power::Migrate))?;
        self.observe("process", asked, async |live: Arc<Live>| Ok(control(&live)?.migrate(steps).await?)).await
    }

    /// Makes another database on the target's PostgreSQL, of this name and with the newest schema.
    ///
    /// # Errors
    /// [`Stop::Needs`] where that is not in our power.
    pub async fn add_database(&mut self, name: &str) -> Result<(), Stop> {
        self.needs(Need::Power(Power::Migrate))?;
        let (asked, name) = (json!({"make the database": name}), name.to_owned());
        self.observe("process", asked, async |live: Arc<Live>| {
            control(&live)?.add_database(name).await?;
            Ok(json!("made"))
        })
        .await?;
        Ok(())
    }

    /// Ends a server that the services stand on, as a crash would. Connections of this case to it are given up.
    ///
    /// # Errors
    /// [`Stop::Needs`] where that is not in our power.
    pub async fn stop_server(&mut self, server: Server) -> Result<(), Stop> {
        self.needs(Need::Power(Power::Over(server)))?;
        self.observe("process", json!({"stop": server.to_string()}), async |live: Arc<Live>| {
            if server == Server::Postgres {
                live.sql.lock().expect("nothing panics while it holds this lock").take();
            }
            control(&live)?.stop_server(server).await?;
            Ok(json!("stopped"))
        })
        .await?;
        Ok(())
    }

    /// Ends a server at once and takes its data away: when it is started again, it is as if it had never been used.
    ///
    /// # Errors
    /// [`Stop::Needs`] where that is not in our power.
    pub async fn wipe_server(&mut self, server: Server) -> Result<(), Stop> {
        self.needs(Need::Power(Power::Over(server)))?;
        self.observe("process", json!({"empty": server.to_string()}), async |live: Arc<Live>| {
            if server == Server::Postgres {
                live.sql.lock().expect("nothing panics while it holds this lock").take();
            }
            control(&live)?.wipe_server(server).await?;
            Ok(json!("emptied"))
        })
        .await?;
        Ok(())
    }

    /// Starts a server that was stopped; returns once it answers.
    ///
    /// # Errors
    /// [`Stop::Needs`] where that is not in our power.
    pub async fn start_server(&mut self, server: Server) -> Result<(), Stop> {
        self.needs(Need::Power(Power::Over(server)))?;
        self.observe("process", json!({"start": server.to_string()}), async |live: Arc<Live>| {
            control(&live)?.start_server(server).await?;
            Ok(json!("started"))
        })
        .await?;
        Ok(())
    }
}
