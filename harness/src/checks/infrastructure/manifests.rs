//! Kubernetes manifests in a check's hands: objects by kind and name, the pods that workloads make, labels that select them.

use crate::check::{Case, Seen, Stop};

/// Kinds that make pods which run for good.
const WORKLOADS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// One object, with where it stands.
pub struct Object {
    file: Seen,
    /// Number of the file and of the document in it: tells objects apart.
    pub place: (usize, usize),
    /// `Deployment`.
    pub kind: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`, `default` where none is given.
    pub namespace: String,
    seen: Seen,
}

/// All objects of a folder, and what is wrong with those that are none.
pub struct Manifests {
    objects: Vec<Object>,
    /// Documents that are not of their kind, with the reason.
    pub broken: Vec<String>,
    /// Fields that their kind does not have.
    pub unknown: Vec<String>,
}

/// A container in a pod, with whose it is.
pub struct Container<'a> {
    /// The workload that makes the pod.
    pub of: &'a Object,
    /// The container.
    pub seen: Seen,
}

impl Manifests {
    /// Looks at every file.
    ///
    /// # Errors
    /// As [`Case::manifest`].
    pub async fn read(case: &mut Case) -> Result<Manifests, Stop> {
        let mut all = Manifests { objects: Vec::new(), broken: Vec::new(), unknown: Vec::new() };
        let files = case.manifest_files().await?.number().unwrap_or_default();
        for file in 0..files as usize {
            let seen = case.manifest(file).await?;
            for (at, document) in seen.at("/documents").items().into_iter().enumerate() {
                all.take(seen.at("/file"), (file, at), &document);
            }
        }
        Ok(all)
    }

    fn take(&mut self, file: Seen, place: (usize, usize), document: &Seen) {
        for (faults, found) in [(&mut self.broken, document.at("/error")), (&mut self.unknown, document.at("/unknown"))]
        {
            if found.is_there() {
                faults.push(format!("{} #{}: {}", file.value(), place.1 + 1, found.value()));
            }
        }
        let seen = document.at("/object");
        let text = |pointer: &str| seen.at(pointer).text().unwrap_or_default().to_owned();
        let namespace = match text("/metadata/namespace") {
            none if none.is_empty() => "default".to_owned(),
            given => given,
        };
        let (kind, name) = (text("/kind"), text("/metadata/name"));
        self.objects.push(Object { file, place, kind, name, namespace, seen });
    }

    /// All objects.
    pub fn all(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter()
    }

    /// All objects of one kind.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Object> {
        self.objects.iter().filter(move |object| object.kind == kind)
    }

    /// Everything that makes pods which run for good.
    pub fn workloads(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter().filter(|object| WORKLOADS.contains(&object.kind.as_str()))
    }

    /// The object of this kind and name in the namespace of another one.
    pub fn beside(&self, other: &Object, kind: &str, name: &str) -> Option<&Object> {
        self.objects.iter().find(|one| one.kind == kind && one.name == name && one.namespace == other.namespace)
    }

    /// The workload that runs a service: named after it, or its pods are labelled so.
    pub fn workload_of(&self, service: &str) -> Option<&Object> {
        let labels = ["component", "app", "app.kubernetes.io/name", "app.kubernetes.io/component"];
        let named = self.workloads().find(|object| object.name == service);
        let labelled =
            |object: &&Object| labels.iter().any(|label| object.pod_labels().key(label).text() == Some(service));
        named.or_else(|| self.workloads().find(labelled))
    }

    /// The workloads in the same namespace whose pods an object's labels select.
    pub fn selected<'a>(&'a self, by: &'a Object, labels: &'a Seen) -> impl Iterator<Item = &'a Object> {
        self.workloads().filter(|one| one.namespace == by.namespace && selects(labels, &one.pod_labels()))
    }

    /// The containers of all workloads, without those that only prepare.
    pub fn containers(&self) -> Vec<Container<'_>> {
        let of_one = |of| {
            let containers = Object::pod(of).at("/containers").items();
            containers.into_iter().map(move |seen| Container { of, seen })
        };
        self.workloads().flat_map(of_one).collect()
    }
}

impl Object {
    /// A part of the object, by JSON pointer.
    pub fn at(&self, pointer: &str) -> Seen {
        self.seen.at(pointer)
    }

    /// What the pods of a workload are made of.
    pub fn pod(&self) -> Seen {
        self.at("/spec/template/spec")
    }

    /// The labels of a workload's pods.
    pub fn pod_labels(&self) -> Seen {
        self.at("/spec/template/metadata/labels")
    }
}

impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ({})", self.kind, self.name, self.file.text().unwrap_or_default())
    }
}

impl Container<'_> {
    /// Its name, for faults.
    pub fn name(&self) -> String {
        let name = self.seen.at("/name");
        format!("{} of {}", name.text().unwrap_or("a container without a name"), self.of)
    }

    /// Whether one of its ports has this name or number.
    pub fn has_port(&self, wanted: &Seen) -> bool {
        has_port(&self.seen, wanted)
    }
}

/// Whether a container has a port of this name or number.
pub fn has_port(container: &Seen, wanted: &Seen) -> bool {
    let wanted = wanted.value();
    let ports = container.at("/ports").items();
    let is_meant = |port: &Seen| port.at("/name").value() == wanted || port.at("/containerPort").value() == wanted;
    !wanted.is_null() && ports.iter().any(is_meant)
}

/// Whether all of these labels are among those; no label at all selects nothing.
pub fn selects(wanted: &Seen, labels: &Seen) -> bool {
    let keys = wanted.keys();
    !keys.is_empty() && keys.iter().all(|key| wanted.key(key).value() == labels.key(key).value())
}
