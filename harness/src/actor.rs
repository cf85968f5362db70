//! A user that a check creates and signs in for itself.

use crate::check::{CannotLook, Case, Stop, Vault, is};
use crate::ledger::Thing;
use crate::probe::unix_now;
use crate::target::{Need, Power, Service};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};

/// bcrypt, cost 12, of [`SEEDED_PASSWORD`]: hashing costs a quarter of a second, so checks that are not about
/// passwords start from this.
const SEEDED_HASH: &str = "$2b$12$lgQ6pSOCqxkXb90I4j/v2uBO4clhVaDPcRZqyOrB9kFoy2c7J0OCC";
/// The password of every seeded user; such users live in throw-away databases only.
pub(crate) const SEEDED_PASSWORD: &str = "Seeded!Passw0rd";

/// A user of the target, in a check's hands.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Id of the user.
    pub id: String,
    /// Address to sign in with.
    pub email: String,
    /// Name of the password.
    pub password: String,
}

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// HS256 with the target's key, as it should be.
    Right,
    /// HS256 with another key.
    WrongKey,
    /// HS512 with the target's key.
    WrongAlgorithm,
    /// `alg: none`, no signature.
    None,
}

impl Case {
    /// A user who can sign in. The case's first is one of the target's own accounts where it names any, for then it wants
    /// no others; else it is a [`Case::newcomer`].
    ///
    /// # Errors
    /// [`Stop::Failed`] where the target refuses to sign the user in or to register them.
    pub async fn actor(&mut self) -> Result<Actor, Stop> {
        match self.can(Need::Account) && self.is_first_actor() {
            true => self.regular().await,
            false => self.newcomer().await,
        }
    }

    /// A user who has done nothing yet and can sign in: a row with a prepared password hash where the database is ours to
    /// write, else by registering.
    ///
    /// # Errors
    /// [`Stop::Failed`] where the target refuses to register the user.
    pub async fn newcomer(&mut self) -> Result<Actor, Stop> {
        let id = self.id();
        let email = format!("{}@example.com", self.word());
        if !self.can(Need::Sql) || !self.can(Need::Disposable) {
            return self.registered(email).await;
        }
        let password = self.vault().seal("own password", SEEDED_PASSWORD);
        let hash = self.vault().seal("own password hash", SEEDED_HASH);
        if let Some(live) = self.live_target() {
            live.note(Thing::account(&email), None, None)?;
        }
        self.execute(&[&format!(
            "insert into users (id, email, password_hash, full_name, is_active, is_verified, role) \
             values ('{id}', '{email}', '{hash}', 'Conformance', true, true, 'user')"
        )])
        .await?;
        Ok(Actor { id, email, password })
    }

    /// An account of the target's own, for this case alone until it ends. Its address is nobody else's business.
    async fn regular(&mut self) -> Result<Actor, Stop> {
        let (email, password) = match self.live_target() {
            None => (self.id(), self.id()),
            Some(live) => live.account().await.unwrap_or_default(),
        };
        let email = self.vault().seal("account", &email);
        let password = self.vault().seal("account password", &password);
        let reply =
            self.sign_in(&Actor { id: String::new(), email: email.clone(), password: password.clone() }).await?;
        self.require("status of signing in with an account of the target file", reply.status(), is(200))?;
        let id = reply.claims("access_token").at("/sub").text().unwrap_or_default().to_owned();
        Ok(Actor { id, email, password })
    }

    async fn registered(&mut self, email: String) -> Result<Actor, Stop> {
        let password = self.password();
        let body = json!({"email": email, "password": password, "full_name": "Conformance"});
        let reply = self.http(Service::Gateway).post("/api/auth/register").json(body).send().await?;
        self.require("status of registering a user", reply.status(), is(201))?;
        let id = reply.at("/id").text().unwrap_or_default().to_owned();
        Ok(Actor { id, email, password })
    }

    /// Signs in over the gateway: the reply, with both tokens by name.
    ///
    /// # Errors
    /// As [`Case::observe`].
    pub async fn sign_in(&mut self, actor: &Actor) -> Result<crate::probe::Reply, Stop> {
        let body = json!({"email": actor.email, "password": actor.password});
        self.http(Service::Gateway).post("/api/auth/login").json(body).send().await
    }

    /// Whether [`Case::token_of`] makes tokens instead of signing in. On somebody else's system nobody knows what else
    /// signing in does, such as writing a session without which a token is worth nothing (feature 3).
    pub fn makes_tokens(&self) -> bool {
        self.can(Need::SigningKey) && self.can(Need::Power(Power::Configure))
    }

    /// An access token for a user: made with the target's key on a system of the harness's own, else by signing in.
    ///
    /// # Errors
    /// As [`Case::observe`].
    pub async fn token_of(&mut self, actor: &Actor) -> Result<String, Stop> {
        if self.makes_tokens() {
            let claims = json!({"sub": actor.id, "type": "access"});
            return self.forge(&claims, Some(3600), Signature::Right).await;
        }
        let reply = self.sign_in(actor).await?;
        self.require("status of signing in", reply.status(), is(200))?;
        Ok(reply.token("access_token"))
    }

    /// A token made by us, by name; `expires_in` is in seconds from now on the target's clock, negative for the past,
    /// `None` for a token without `exp`.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the target's key is not known.
    pub async fn forge(
        &mut self,
        claims: &Value,
        expires_in: Option<i64>,
        signature: Signature,
    ) -> Result<String, Stop> {
        self.needs(Need::SigningKey)?;
        let id = self.id();
        let Some(live) = self.live_target() else {
            return Ok(self.vault().seal("forged token", &id));
        };
        let key = live.target.signing_key.clone();
        let key = key.ok_or_else(|| CannotLook::new("http", "the target's key is not known"))?;
        let mut claims = claims.clone();
        claims["jti"] = json!(id);
        if let Some(seconds) = expires_in {
            claims["exp"] = json!(unix_now(&live) as i64 + seconds);
        }
        Ok(seal(self.vault(), &claims, key.expose(), signature))
    }
}

fn seal(vault: &Vault, claims: &Value, key: &str, signature: Signature) -> String {
    let algorithm = match signature {
        Signature::Right | Signature::WrongKey => "HS256",
        Signature::WrongAlgorithm => "HS512",
        Signature::None => "none",
    };
    let header = json!({"alg": algorithm, "typ": "JWT"});
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(&header), encode(claims));
    let key = match signature {
        Signature::WrongKey => "not the key of this deployment, surely",
        _ => key,
    };
    let mark = match signature {
        Signature::None => String::new(),
        Signature::WrongAlgorithm => URL_SAFE_NO_PAD.encode(hmac::<Hmac<Sha512>>(key, &signed)),
        Signature::Right | Signature::WrongKey => URL_SAFE_NO_PAD.encode(hmac::<Hmac<Sha256>>(key, &signed)),
    };
    vault.seal("forged token", &format!("{signed}.{mark}"))
}

fn hmac<M: Mac + KeyInit>(key: &str, text: &str) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
