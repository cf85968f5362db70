//! What to write into a target file for a need to be there.

use crate::target::{Need, Power};

/// The key, or the option of the command line; nothing where a target file cannot give it.
pub fn key(need: Need) -> Option<String> {
    Some(match need {
        Need::Address(service) => format!("[services.{}]", service.short()),
        Need::Log(service) => format!("log of [services.{}]", service.short()),
        Need::Sql => "[postgres]".to_owned(),
        Need::Redis => "[redis]".to_owned(),
        Need::ObjectStore => "[object_store]".to_owned(),
        Need::StoreClock => "clock of [object_store]".to_owned(),
        Need::StoreConsole => "console of [object_store]".to_owned(),
        Need::StoreUser => "[object_store.user]".to_owned(),
        Need::Control => "[control]".to_owned(),
        Need::Power(Power::Signal) => "pid of [control]".to_owned(),
        Need::Source => "source".to_owned(),
        Need::Clock => "clock of [test]".to_owned(),
        Need::Addresses => "forwarded_for".to_owned(),
        Need::TestEndpoints => "endpoints of [test]".to_owned(),
        Need::Account => "[[accounts]]".to_owned(),
        Need::SigningKey => "[tokens]".to_owned(),
        Need::Disposable => "disposable".to_owned(),
        Need::Manifests => "manifests".to_owned(),
        Need::Cluster => "kubeconfig".to_owned(),
        Need::DatabaseWrites | Need::ForbiddenPath => "less under forbid".to_owned(),
        Need::Patience(wait) => format!("--patience {}s", wait.as_secs_f64().ceil()),
        Need::Silent(_)
        | Need::Echo(_)
        | Need::Containers
        | Need::ClusterMetrics
        | Need::NamedCallers
        | Need::LongQueries
        | Need::HeldMemory
        | Need::KindsOfBackups
        | Need::CountedCalls
        | Need::TwoWays
        | Need::Part(_)
        | Need::Power(_) => {
            return None;
        }
    })
}
