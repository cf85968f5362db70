//! Addresses of the target's stores in one line, as `.env` has them. A check holds their names only.

use crate::check::{CannotLook, Case, Stop};
use crate::target::Need;

/// All that a URL needs escaped in a password, and a little more.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}

impl Case {
    /// `postgresql://user:password@host:port/database` on the target's PostgreSQL; the password may be a name.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access.
    pub fn database_url(&mut self, database: &str, user: &str, password: &str) -> Result<String, Stop> {
        self.needs(Need::Sql)?;
        let Some(live) = self.live_target() else {
            // As on a target, the same address has the same name each time.
            self.vault().seal("escaped password", &format!("escaped {password}"));
            return Ok(self.vault().seal("database url", &format!("{user} {password} {database}")));
        };
        let access = live.target.postgres.as_ref();
        let access = access.ok_or_else(|| CannotLook::new("sql", "the target gives no access"))?;
        let (user, password) = (escaped(user), escaped(&live.vault.open(password)));
        let (host, port) = (&access.host, access.port);
        // Whoever tells a part of the address would tell the password in this form.
        self.vault().seal("escaped password", &password);
        Ok(self.vault().seal("database url", &format!("postgresql://{user}:{password}@{host}:{port}/{database}")))
    }

    /// `redis://:password@host:port/0` of the target's Redis.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access.
    pub fn redis_url(&mut self) -> Result<String, Stop> {
        self.needs(Need::Redis)?;
        let Some(live) = self.live_target() else {
            return Ok(self.vault().seal("redis url", "url of Redis"));
        };
        let access = live.target.redis.as_ref();
        let access = access.ok_or_else(|| CannotLook::new("redis", "the target gives no access"))?;
        let login = match &access.password {
            Some(password) => format!(":{}@", escaped(password.expose())),
            None => String::new(),
        };
        let scheme = if access.tls { "rediss" } else { "redis" };
        Ok(self.vault().seal("redis url", &format!("{scheme}://{login}{}:{}/0", access.host, access.port)))
    }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_has_a_meaning_in_a_url_is_escaped() {
        assert_eq!(escaped("Pw!7@a:b/c%-d"), "Pw%217%40a%3Ab%2Fc%25-d");
    }
}
