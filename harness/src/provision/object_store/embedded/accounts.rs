//! Who may sign requests: the owner of the store, and users whose rights a policy names.

use super::policy::Document;
use crate::target::Secret;
use s3s::auth::SimpleAuth;

/// The owner and the users.
#[derive(Debug)]
pub struct Accounts {
    owner: Key,
    users: Vec<User>,
}

/// What requests are signed with.
#[derive(Debug, Clone)]
pub struct Key {
    /// Access key, sent with each request.
    pub id: String,
    /// Secret key, never sent.
    pub secret: Secret,
}

/// A user beside the owner.
#[derive(Debug)]
pub struct User {
    /// Name in policies of buckets: `arn:aws:iam::…:user/NAME`.
    pub name: String,
    /// The user's key.
    pub key: Key,
    /// What the user may do, unless a bucket says more or less.
    pub policy: Document,
}

/// Who sends a request.
#[derive(Debug, Clone, Copy)]
pub enum Caller<'a> {
    /// May do anything.
    Owner,
    /// May do what policies allow.
    User(&'a User),
    /// Sent no signature.
    Anybody,
}

impl Accounts {
    /// The owner, and the users beside.
    pub fn new(owner: Key, users: Vec<User>) -> Accounts {
        Accounts { owner, users }
    }

    /// The keys, for whoever verifies signatures.
    pub fn keys(&self) -> SimpleAuth {
        let mut keys = SimpleAuth::new();
        for key in self.users.iter().map(|user| &user.key).chain([&self.owner]) {
            keys.register(key.id.clone(), key.secret.expose().into());
        }
        keys
    }

    /// Whether these are the owner's keys.
    pub fn is_owner(&self, id: &str, secret: &str) -> bool {
        id == self.owner.id && secret == self.owner.secret.expose()
    }

    /// Whose key it is; a request without a signature has none, and a key that nobody has opens nothing.
    pub fn caller(&self, key: Option<&str>) -> Caller<'_> {
        match key {
            Some(key) if key == self.owner.id => Caller::Owner,
            Some(key) => self.users.iter().find(|user| user.key.id == key).map_or(Caller::Anybody, Caller::User),
            None => Caller::Anybody,
        }
    }
}

impl Caller<'_> {
    /// The name that policies know; nobody in particular has none.
    pub fn name(&self) -> Option<&str> {
        match self {
            Caller::User(user) => Some(&user.name),
            Caller::Owner | Caller::Anybody => None,
        }
    }
}
