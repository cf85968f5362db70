//! What a system keeps under a key of Redis, whatever the type of it.

use crate::check::{Case, Seen, Stop};
use std::collections::BTreeSet;

/// Redis has sixteen unless told otherwise; a server that claims to have more is not looked through for ever.
const MOST_DATABASES: usize = 16;

/// The value of a key, whether it is a text or a hash.
pub(super) async fn value_of(case: &mut Case, database: u8, key: &str) -> Result<Seen, Stop> {
    let text = case.redis(database, &["GET", key]).await?;
    if !text.at("/error").is_there() {
        return Ok(text);
    }
    case.redis(database, &["HVALS", key]).await
}

/// The databases of Redis that hold anything: which of them a system keeps its own in, no step says.
pub(super) async fn databases(case: &mut Case) -> Result<Vec<u8>, Stop> {
    let info = case.redis(0, &["INFO", "keyspace"]).await?;
    let lines = info.text().unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>();
    let number = |line: &String| line.strip_prefix("db")?.split_once(':')?.0.parse().ok();
    Ok(lines.iter().filter_map(number).take(MOST_DATABASES).collect())
}

/// Every key, with its database.
pub(super) async fn all_keys(case: &mut Case) -> Result<BTreeSet<(u8, String)>, Stop> {
    let mut all = BTreeSet::new();
    for database in databases(case).await? {
        all.extend(keys(&case.redis_keys(database, "*").await?).into_iter().map(|key| (database, key)));
    }
    Ok(all)
}

/// The names in a list of keys.
fn keys(seen: &Seen) -> Vec<String> {
    seen.items().iter().filter_map(|key| key.text().map(str::to_owned)).collect()
}
