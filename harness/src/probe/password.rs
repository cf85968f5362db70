//! The password probe: whether a password matches the hash that the users table has for somebody.

use super::refused::within;
use super::sql::pool;
use crate::check::{CannotLook, Case, Live, Seen, Stop};
use crate::target::Need;
use serde_json::json;
use std::sync::Arc;

/// A hash that costs more, 2 to this power of rounds, is not compared with: a minute of work would be a day.
const HIGHEST_COST: u32 = 16;

impl Case {
    /// Whether a password matches a user's stored hash, by bcrypt's own rules: `/matches`, or `/unreadable` where what
    /// is stored is no bcrypt hash. The hash itself is not shown.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access; [`Stop::CannotLook`] where there is no such user.
    pub async fn stored_hash_matches(&mut self, user_id: &str, password: &str) -> Result<Seen, Stop> {
        self.needs(Need::Sql)?;
        let asked = json!({"user": user_id, "password": password});
        let (user, password) = (user_id.to_owned(), password.to_owned());
        self.observe("password", asked, async |live: Arc<Live>| {
            let cannot = |reason: String| CannotLook::new("password", reason);
            let query = sqlx::query_scalar::<_, String>("select password_hash from users where id = $1").bind(user);
            let stored = within(live.patience.rows(), query.fetch_one(&pool(&live)?)).await?;
            if cost(&stored).is_some_and(|cost| cost > HIGHEST_COST) {
                return Ok(json!({"unreadable": format!("its cost is above {HIGHEST_COST}")}));
            }
            let clear = live.vault.open(&password);
            let verify = tokio::task::spawn_blocking(move || bcrypt::verify(clear, &stored)).await;
            Ok(match verify.map_err(|error| cannot(error.to_string()))? {
                Ok(matches) => json!({"matches": matches}),
                Err(error) => json!({"unreadable": error.to_string()}),
            })
        })
        .await
    }
}

/// The cost that a bcrypt hash names: `$2b$12$…`.
fn cost(hash: &str) -> Option<u32> {
    hash.split('$').nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::cost;

    #[test]
    fn the_cost_of_a_hash_is_read_and_of_anything_else_there_is_none() {
        assert_eq!(cost("$2b$31$lgQ6pSOCqxkXb90I4j/v2uBO4clhVaDPcRZqyOrB9kFoy2c7J0OCC"), Some(31));
        for text in ["", "plain", "$2b$", "$2b$x$"] {
            assert_eq!(cost(text), None, "{text}");
        }
    }
}
