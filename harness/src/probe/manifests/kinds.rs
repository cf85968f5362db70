//! The kinds of Kubernetes objects that can be read strictly.

use super::strict::unknown_fields;
use k8s_openapi::api::{apps, autoscaling, batch, core, networking, policy, rbac, scheduling, storage};
use serde_json::Value;

macro_rules! kinds {
    ($($version:literal { $($kind:ident: $type:ty,)* })*) => {
        /// Fields that the document's kind does not have; none for a kind that is the cluster's own.
        ///
        /// # Errors
        /// Where the document is not of its kind, or its kind is none of Kubernetes'.
        pub fn read(document: &Value) -> Result<Vec<String>, String> {
            let text = |key: &str| document[key].as_str().unwrap_or_default();
            match (text("apiVersion"), text("kind")) {
                $($(($version, stringify!($kind)) => unknown_fields::<$type>(document),)*)*
                ("", _) | (_, "") => Err("apiVersion and kind are missing".to_owned()),
                (version, _) if is_the_clusters_own(version) => Ok(Vec::new()),
                (version, kind) => Err(format!("Kubernetes has no {kind} of {version}, or none that is served today")),
            }
        }
    };
}

kinds! {
    "v1" {
        ConfigMap: core::v1::ConfigMap,
        LimitRange: core::v1::LimitRange,
        Namespace: core::v1::Namespace,
        PersistentVolume: core::v1::PersistentVolume,
        PersistentVolumeClaim: core::v1::PersistentVolumeClaim,
        Pod: core::v1::Pod,
        ResourceQuota: core::v1::ResourceQuota,
        Secret: core::v1::Secret,
        Service: core::v1::Service,
        ServiceAccount: core::v1::ServiceAccount,
    }
    "apps/v1" {
        DaemonSet: apps::v1::DaemonSet,
        Deployment: apps::v1::Deployment,
        StatefulSet: apps::v1::StatefulSet,
    }
    "autoscaling/v1" {
        HorizontalPodAutoscaler: autoscaling::v1::HorizontalPodAutoscaler,
    }
    "autoscaling/v2" {
        HorizontalPodAutoscaler: autoscaling::v2::HorizontalPodAutoscaler,
    }
    "batch/v1" {
        CronJob: batch::v1::CronJob,
        Job: batch::v1::Job,
    }
    "networking.k8s.io/v1" {
        Ingress: networking::v1::Ingress,
        IngressClass: networking::v1::IngressClass,
        NetworkPolicy: networking::v1::NetworkPolicy,
    }
    "policy/v1" {
        PodDisruptionBudget: policy::v1::PodDisruptionBudget,
    }
    "rbac.authorization.k8s.io/v1" {
        ClusterRole: rbac::v1::ClusterRole,
        ClusterRoleBinding: rbac::v1::ClusterRoleBinding,
        Role: rbac::v1::Role,
        RoleBinding: rbac::v1::RoleBinding,
    }
    "scheduling.k8s.io/v1" {
        PriorityClass: scheduling::v1::PriorityClass,
    }
    "storage.k8s.io/v1" {
        StorageClass: storage::v1::StorageClass,
    }
}

/// Whether an API is an extension: its group has a domain that is not Kubernetes'.
fn is_the_clusters_own(version: &str) -> bool {
    let group = version.split_once('/').map_or("", |(group, _)| group);
    group.contains('.') && !group.ends_with(".k8s.io")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_old_version_of_a_kind_is_refused() {
        let error = read(&json!({"apiVersion": "extensions/v1beta1", "kind": "Deployment"})).unwrap_err();
        assert!(error.contains("no Deployment of extensions/v1beta1"), "{error}");
    }

    #[test]
    fn a_missing_field_and_a_wrong_type_are_told_with_their_path() {
        let error =
            read(&json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"selector": {}, "template": {}, "replicas": "two"}}))
                .unwrap_err();
        assert!(error.starts_with("spec.replicas"), "{error}");
    }

    #[test]
    fn a_kind_of_an_extension_is_taken_as_it_is() {
        let monitor = json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "spec": {"any": 1}});
        assert_eq!(read(&monitor), Ok(Vec::new()));
    }
}
