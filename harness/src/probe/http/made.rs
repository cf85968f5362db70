//! What a request makes on the target, for the ledger of a run on somebody else's system.

use super::Spec;
use super::jwt::decode;
use crate::check::{CannotLook, Live};
use crate::ledger::Thing;
use crate::target::Service;
use serde_json::Value;

/// Where backups are made and brought back (contract, section 3.15).
const DATABASE_BACKUP: &str = "/api/admin/backup/create";
const BUCKET_BACKUP: &str = "/api/admin/minio/backup/create";
const BUCKET_RESTORE: &str = "/api/admin/minio/backup/restore";

/// Writes down what a request is about to make: an account is known by its address before it is there, a bucket by its
/// name.
pub(super) fn before(live: &Live, spec: &Spec) -> Result<(), CannotLook> {
    if live.ledger.is_none() {
        return Ok(());
    }
    if let Some(bucket) = restored_to(spec) {
        return live.note(Thing::bucket(bucket), None, None);
    }
    if !registers(spec) {
        return Ok(());
    }
    let body = spec.body.as_ref().map(|body| live.vault.open_json(body)).unwrap_or_default();
    let account = body["email"].as_str().and_then(Thing::account);
    live.note(account, body["password"].as_str(), None)
}

/// Writes down what a request has made: only its answer names a diagram or a backup.
pub(super) fn after(live: &Live, spec: &Spec, seen: &Value) -> Result<(), CannotLook> {
    if live.ledger.is_none() || !(draws(spec) || backs_up(spec)) {
        return Ok(());
    }
    let header = |name: &str| spec.headers.get(name).and_then(Value::as_str).map(|value| live.vault.open(value));
    let token = header("authorization").and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned));
    let claimed =
        token.as_deref().and_then(decode).and_then(|token| token["claims"]["sub"].as_str().map(str::to_owned));
    let owner = claimed.or_else(|| header("x-user-id")).unwrap_or_default();
    let backup = &seen["body"]["backup"];
    let made = match path(spec) {
        DATABASE_BACKUP => backup["file_path"].as_str().and_then(Thing::database_backup),
        BUCKET_BACKUP => backup["backup_name"].as_str().and_then(Thing::bucket_backup),
        _ => seen["body"]["id"].as_str().and_then(|id| Thing::diagram(id, &owner)),
    };
    live.note(made, None, token.as_deref())
}

/// The body of a request as the target wants it: its registrations may have to say more than the contract's.
pub(super) fn in_full(live: &Live, spec: &Spec, mut body: Value) -> Value {
    if let (true, Some(fields)) = (registers(spec), body.as_object_mut()) {
        fields.extend(live.target.rules.registration.clone());
    }
    body
}

fn registers(spec: &Spec) -> bool {
    spec.method == "POST"
        && match spec.service {
            Service::Gateway => path(spec) == "/api/auth/register",
            Service::Auth => path(spec) == "/register",
            _ => false,
        }
}

fn draws(spec: &Spec) -> bool {
    spec.method == "POST"
        && match spec.service {
            Service::Gateway => path(spec) == "/api/diagrams",
            Service::Diagram => path(spec).is_empty(),
            _ => false,
        }
}

/// The bucket that a backup is to be restored to, which is made for it.
fn restored_to(spec: &Spec) -> Option<&str> {
    let (path, query) = spec.path.split_once('?')?;
    let restores = spec.method == "POST" && spec.service == Service::Gateway && path == BUCKET_RESTORE;
    query.split('&').filter(|_| restores).find_map(|pair| pair.strip_prefix("target_bucket="))
}

fn backs_up(spec: &Spec) -> bool {
    spec.method == "POST" && spec.service == Service::Gateway && [DATABASE_BACKUP, BUCKET_BACKUP].contains(&path(spec))
}

/// The path without its query and without a slash at its end.
fn path(spec: &Spec) -> &str {
    spec.path.split('?').next().unwrap_or_default().trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(service: Service, method: &str, path: &str) -> (bool, bool) {
        let spec = Spec { method: method.to_owned(), ..Spec::get(service, path) };
        (registers(&spec), draws(&spec))
    }

    #[test]
    fn what_makes_accounts_and_diagrams_is_known_wherever_it_is_asked() {
        for (service, path) in [(Service::Gateway, "/api/auth/register"), (Service::Auth, "/register")] {
            assert_eq!(asks(service, "POST", path), (true, false));
        }
        for (service, path) in
            [(Service::Gateway, "/api/diagrams/"), (Service::Gateway, "/api/diagrams?x=1"), (Service::Diagram, "/")]
        {
            assert_eq!(asks(service, "POST", path), (false, true));
            assert_eq!(asks(service, "GET", path), (false, false));
        }
        assert_eq!(asks(Service::Gateway, "POST", "/api/diagrams/1/versions"), (false, false));
    }

    #[test]
    fn a_restore_may_make_a_bucket() {
        let path = "/api/admin/minio/backup/restore?backup_name=b&target_bucket=conform-f049-1a2b3c4d&source=replica";
        let spec = Spec { method: "POST".to_owned(), ..Spec::get(Service::Gateway, path) };
        assert_eq!(restored_to(&spec), Some("conform-f049-1a2b3c4d"));
        let other = Spec { method: "POST".to_owned(), ..Spec::get(Service::Gateway, "/api/x?target_bucket=diagrams") };
        assert_eq!(restored_to(&other), None);
    }
}
