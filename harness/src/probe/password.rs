//! The password probe: whether a password matches the hash that the users table has for somebody.

use super::sql::pool;
use crate::check::{CannotLook, Case, Live, Seen, Stop};
use crate::target::Need;
use serde_json::json;
use std::sync::Arc;

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
            let stored = query.fetch_one(&pool(&live)?).await.map_err(|error| cannot(error.to_string()))?;
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
