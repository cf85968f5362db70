//! The probe that counts how often it has run (contract, section 3.9), for targets whose database is closed to us.

use crate::check::{Case, Stop, is};
use crate::target::Service;
use serde_json::json;

const CREATE: &str = "/api/auth/test/create";
const COUNTER: &str = "/api/auth/test/counter";
/// Twins sent at the same moment.
const TWINS: usize = 10;

/// Executions of the probe under idempotency keys of one case.
pub(super) struct Executions {
    before: f64,
    key: String,
}

impl Executions {
    /// The first request with a key.
    pub(super) async fn first(case: &mut Case) -> Result<Executions, Stop> {
        let (before, key) = (counted(case).await?, case.id());
        let executions = Executions { before, key };
        executions.request(case, &executions.key, 1).await?;
        Ok(executions)
    }

    /// The same request once more, and twins with another key.
    pub(super) async fn again(&self, case: &mut Case) -> Result<(), Stop> {
        self.request(case, &self.key, 1).await?;
        let key = case.id();
        let post = case.http(Service::Gateway).post(CREATE).header("idempotency-key", &key).json(json!({}));
        post.twins(TWINS).await?;
        self.have_been(case, &format!("{TWINS} twins with another key"), 2).await
    }

    /// A request with a third key.
    pub(super) async fn anew(&self, case: &mut Case) -> Result<(), Stop> {
        let key = case.id();
        self.request(case, &key, 3).await
    }

    async fn request(&self, case: &mut Case, key: &str, wanted: u32) -> Result<(), Stop> {
        let post = case.http(Service::Gateway).post(CREATE).header("idempotency-key", key).json(json!({}));
        let reply = post.send().await?;
        case.expect("status of the probe that counts itself", reply.status(), is(200));
        self.have_been(case, "a request with a key", wanted).await
    }

    async fn have_been(&self, case: &mut Case, what: &str, wanted: u32) -> Result<(), Stop> {
        let runs = counted(case).await? - self.before;
        case.expect(format!("executions of the probe after {what}"), runs, is(f64::from(wanted)));
        Ok(())
    }
}

async fn counted(case: &mut Case) -> Result<f64, Stop> {
    let reply = case.http(Service::Gateway).get(COUNTER).send().await?;
    Ok(reply.at("/count").number().unwrap_or(f64::NAN))
}
