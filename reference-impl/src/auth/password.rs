//! Password hashes, which are slow on purpose and therefore made beside the event loop.

use std::sync::{Arc, OnceLock};

use tokio::task::spawn_blocking;

use crate::error::ApiError;

/// Makes and checks hashes of one cost.
#[derive(Clone)]
pub struct Passwords {
    cost: u32,
    /// The hash of no password, checked when there is no user.
    nobody: Arc<OnceLock<String>>,
}

impl Passwords {
    /// Hashes of this cost.
    pub fn new(cost: u32) -> Passwords {
        Passwords { cost, nobody: Arc::default() }
    }

    /// The hash of `password`, `$2b$…`. As everywhere with bcrypt, bytes beyond the 72nd do not count.
    pub async fn hash(&self, password: String) -> Result<String, ApiError> {
        let cost = self.cost;
        spawn_blocking(move || bcrypt::hash(password, cost))
            .await
            .map_err(|fault| ApiError::internal("hashing a password", fault))?
            .map_err(|fault| ApiError::internal("hashing a password", fault))
    }

    /// Whether `password` is the one that `hash` was made of. Without a hash it is not, and that takes as long
    /// as a wrong password, so that the time does not tell who is registered.
    pub async fn matches(&self, password: String, hash: Option<String>) -> Result<bool, ApiError> {
        let cost = self.cost;
        let nobody = Arc::clone(&self.nobody);
        spawn_blocking(move || match hash {
            // A hash that cannot be read matches nothing; it is a foreign row, not a fault of the request.
            Some(hash) => bcrypt::verify(password, &hash).unwrap_or(false),
            None => {
                let hash = nobody.get_or_init(|| bcrypt::hash("nobody", cost).unwrap_or_default());
                let _ = bcrypt::verify(password, hash);
                false
            }
        })
        .await
        .map_err(|fault| ApiError::internal("checking a password", fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hash_matches_its_password_alone() {
        let passwords = Passwords::new(4);
        let hash = passwords.hash("test123".to_owned()).await.unwrap();
        assert!(hash.starts_with("$2b$04$"));
        let matches = async |text: &str, hash| passwords.matches(text.to_owned(), hash).await;
        assert!(matches("test123", Some(hash.clone())).await.unwrap());
        assert!(!matches("test124", Some(hash)).await.unwrap());
        assert!(!matches("test123", Some("no hash".to_owned())).await.unwrap());
        assert!(!matches("nobody", None).await.unwrap());
    }
}
