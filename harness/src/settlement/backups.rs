//! Removes a backup of the database or of a bucket, with its copy in the store, as anybody who made one may.

use super::asking::{ask, outcome};
use super::{Remains, rows, signing_in};
use crate::check::Case;
use crate::ledger::Owed;
use serde_json::Value;

/// Removes the backup of this name, which the gateway keeps under a path (contract, section 3.15).
pub(super) async fn remove(case: &mut Case, backup: (&str, &str), owed: &Owed, all: &[Owed]) -> Result<(), Remains> {
    let mut why = "nobody can be signed in".to_owned();
    let own = owed.token.as_ref().map(|token| case.vault().seal("access_token", token.expose()));
    if let Some(token) = own {
        why = match deleted(case, backup, &token).await? {
            None => return Ok(()),
            Some(why) => why,
        };
    }
    // The token may have expired since.
    if let Some((token, made)) = signing_in::any_token(case, all).await? {
        let left = deleted(case, backup, &token).await;
        if let Some(email) = made {
            rows::remove(case, "users", &format!("email = '{email}'")).await?;
        }
        why = match left? {
            None => return Ok(()),
            Some(why) => why,
        };
    }
    Err(Remains(why))
}

/// Nothing once no list names it any more, else why it is still there.
async fn deleted(case: &mut Case, (path, name): (&str, &str), token: &str) -> Result<Option<String>, Remains> {
    let deletion = ask(case, "DELETE", &format!("{path}/{name}"), token).await?;
    if !matches!(deletion.status().number(), Some(200.0 | 204.0 | 404.0)) {
        return Ok(Some(format!("DELETE {path}/{name} was {}", outcome(&deletion))));
    }
    let list = ask(case, "GET", &format!("{path}/list"), token).await?;
    let listed = list.at("/backups");
    Ok(match list.status().number() {
        Some(200.0) if !listed.is_there() => {
            Some(format!("whether its DELETE removed it cannot be seen: {path}/list has no `backups`"))
        }
        Some(200.0) if names(listed.value(), name) => {
            Some(format!("its DELETE was {}, and {path}/list still names it", outcome(&deletion)))
        }
        Some(200.0) => None,
        _ => Some(format!("whether its DELETE removed it cannot be seen: {path}/list was {}", outcome(&list))),
    })
}

/// Whether anything in a list bears this name, with or without an ending: as it is, or at the end of a path or a key.
fn names(list: &Value, name: &str) -> bool {
    match list {
        Value::String(text) => {
            let last = text.rsplit('/').next().unwrap_or(text);
            last.strip_prefix(name).is_some_and(|ending| ending.is_empty() || ending.starts_with('.'))
        }
        Value::Array(parts) => parts.iter().any(|part| names(part, name)),
        Value::Object(parts) => parts.values().any(|part| names(part, name)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_backup_is_found_in_either_list_by_name_path_or_key() {
        let file = "conform-f048-1a2b.sql.gz";
        for list in [
            json!({"local": [{"name": file}], "minio": []}),
            json!({"local": [], "minio": [{"name": "a", "key": format!("postgres/{file}")}]}),
            json!([{"path": format!("/var/backups/{file}")}]),
        ] {
            assert!(names(&list, file), "{list}");
            assert!(!names(&list, "conform-f048-1a2"), "another's name may begin alike");
        }
        assert!(names(&json!([{"backup_name": "conform-f049-b"}]), "conform-f049-b"));
        assert!(names(&json!([{"key": "buckets/conform-f049-b.tar.gz"}]), "conform-f049-b"));
        assert!(!names(&json!({"local": [], "minio": [{"size_mb": 1.5}]}), file));
        assert!(!names(&Value::Null, file));
    }
}
