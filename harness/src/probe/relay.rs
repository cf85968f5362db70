//! The relay probe: cuts the way from the services to PostgreSQL, and sees who knocks meanwhile.

use crate::check::{CannotLook, Case, Live, Seen, Stop};
use crate::target::{Need, Part, Relay};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A moment from which arrivals at the relay are reckoned.
#[derive(Debug, Clone, Copy)]
pub struct CutAt(Instant);

fn relay(live: &Live) -> Result<Relay, CannotLook> {
    let relay = live.target.postgres_relay.clone();
    relay.ok_or_else(|| CannotLook::new("relay", "the target has no relay before PostgreSQL"))
}

impl Case {
    /// Breaks all connections to PostgreSQL, and every new one as soon as it comes.
    ///
    /// # Errors
    /// [`Stop::Needs`] where no relay stands before PostgreSQL.
    pub async fn cut_postgres(&mut self) -> Result<CutAt, Stop> {
        self.needs(Need::Part(Part::PostgresRelay))?;
        let at = CutAt(Instant::now());
        self.observe("relay", json!("cut"), async |live: Arc<Live>| {
            relay(&live)?.cut();
            Ok(json!("cut"))
        })
        .await?;
        Ok(at)
    }

    /// Lets connections to PostgreSQL through again.
    ///
    /// # Errors
    /// [`Stop::Needs`] where no relay stands before PostgreSQL.
    pub async fn mend_postgres(&mut self) -> Result<(), Stop> {
        self.needs(Need::Part(Part::PostgresRelay))?;
        self.observe("relay", json!("mend"), async |live: Arc<Live>| {
            relay(&live)?.mend();
            Ok(json!("mended"))
        })
        .await?;
        Ok(())
    }

    /// When connections to PostgreSQL were begun since it was cut, in ms: an array, read once there are so many, or
    /// when `within` has passed.
    ///
    /// # Errors
    /// [`Stop::Needs`] where no relay stands before PostgreSQL.
    pub async fn arrivals(&mut self, since: CutAt, count: usize, within: Duration) -> Result<Seen, Stop> {
        self.needs(Need::Part(Part::PostgresRelay))?;
        let asked = json!({"arrivals": count, "within_s": within.as_secs_f64()});
        self.observe("relay", asked, async |live: Arc<Live>| {
            let (relay, deadline) = (relay(&live)?, Instant::now() + within);
            loop {
                let arrivals = relay.arrivals_since(since.0);
                if arrivals.len() >= count || Instant::now() > deadline {
                    return Ok(json!(arrivals));
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
    }
}
