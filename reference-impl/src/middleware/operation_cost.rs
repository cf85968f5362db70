//! Charges each operation with the CPU time it uses, so that the dearest can be named (feature 43).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::task::JoinError;

use crate::service::Service;
use crate::telemetry::cpu_time::{Metered, measured};
use crate::telemetry::metrics::{Counter, Metrics};

/// CPU seconds by method and path.
#[derive(Clone)]
pub struct Costs(Counter);

impl Costs {
    /// Registers the counter under the prefix of `service`.
    pub fn register(metrics: &Metrics, service: Service) -> Costs {
        let name = format!("{}_cpu_seconds_total", service.metric_prefix());
        Costs(metrics.counter(&name, "CPU time spent on requests, in seconds.", &["method", "path"]))
    }

    /// The operations that have used the most so far: method, path and seconds, the dearest first.
    pub fn dearest(&self, count: usize) -> Vec<(String, String, f64)> {
        let mut all: Vec<(String, String, f64)> = self
            .0
            .all()
            .into_iter()
            .filter_map(|(labels, seconds)| {
                let [method, path] = <[String; 2]>::try_from(labels).ok()?;
                Some((method, path, seconds))
            })
            .collect();
        all.sort_by(|one, other| other.2.total_cmp(&one.2));
        all.truncate(count);
        all
    }
}

/// Where the work of one request is charged to.
#[derive(Clone)]
pub struct Account(Arc<Operation>);

struct Operation {
    costs: Costs,
    method: String,
    path: String,
}

impl Account {
    fn charge(&self, time: Duration) {
        let Operation { costs, method, path } = &*self.0;
        costs.0.add(&[method, path], time.as_secs_f64());
    }

    /// Does hard work on a thread of its own, where it keeps nobody waiting, and charges it to this request.
    ///
    /// # Errors
    /// Where the work panics.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, Duration), JoinError> {
        let account = self.clone();
        let charged = move || {
            let (done, took) = measured(work);
            account.charge(took);
            (done, took)
        };
        tokio::task::spawn_blocking(charged).await
    }
}

/// Charges the turns of a request to its operation.
pub async fn layer(State(costs): State<Costs>, mut request: Request, next: Next) -> Response {
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let account = Account(Arc::new(Operation { costs, method, path }));
    request.extensions_mut().insert(account.clone());
    let mut bill = Bill { account, spent: Duration::ZERO };
    Metered::new(next.run(request), |took| bill.spent += took).await
}

/// Paid when it is dropped, also where the caller has hung up.
struct Bill {
    account: Account,
    spent: Duration,
}

impl Drop for Bill {
    fn drop(&mut self) {
        self.account.charge(self.spent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_dearest_operation_comes_first() {
        let costs = Costs::register(&Metrics::default(), Service::Gateway);
        let account = |path: &str| {
            Account(Arc::new(Operation { costs: costs.clone(), method: "GET".to_owned(), path: path.to_owned() }))
        };
        account("/cheap").charge(Duration::from_millis(1));
        let (done, took) = account("/dear").blocking(|| 7).await.expect("does not panic");
        account("/dear").charge(Duration::from_millis(5));
        account("/dear").charge(Duration::from_millis(5));
        assert_eq!(done, 7);
        let dearest = costs.dearest(1);
        assert_eq!(dearest.len(), 1);
        assert_eq!(dearest[0].1, "/dear");
        assert!((dearest[0].2 - took.as_secs_f64() - 0.01).abs() < 1e-9);
    }
}
