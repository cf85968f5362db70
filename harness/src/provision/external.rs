//! Turns a target file into a [`Target`]: a system that somebody else started. `docs/target-file.md` documents the file.

mod commands;
mod error;
mod file;
mod lengths;
mod rules;
mod service_process;
mod trust;

pub use error::TargetFileError;

use crate::disk;
use crate::target::{
    Account, Accounts, Cluster, Control, Endpoint, LogSource, ObjectStoreAccess, Part, PostgresAccess, RedisAccess,
    Secret, Service, StoreUser, Target,
};
use crate::wire::Trust;
use commands::Commands;
use error::Source;
use file::{
    AccountTable, ControlTable, LogTable, ObjectStoreTable, PostgresTable, RedisTable, ServiceTable, StoreUserTable,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::Spanned;
use url::Url;

/// Reads a target file. Credentials come from environment variables that the file names; `env` looks one up.
pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Target, TargetFileError> {
    let text = disk::read_text(path, lengths::LONGEST_FILE)
        .map_err(|source| TargetFileError::Unreadable { path: path.to_owned(), source })?;
    let source = Source::new(path, &text);
    let file = file::parse(&source)?;
    let reader = Reader { source, env };

    let services = reader.services(file.gateway, file.services)?;
    let trust = reader.trust(file.tls)?;
    let control = file.control.map(|table| reader.control(table, &services, &trust)).transpose()?;
    let mut secrets = Vec::new();
    let registration = reader.registration(file.registration, &mut secrets)?;
    let headers = file.headers.unwrap_or_default();
    let rules = reader.rules(&file.forbid, file.requests_per_second, headers, registration)?;
    let accounts = file.accounts.into_iter().map(|table| reader.account(table)).collect::<Result<_, _>>()?;
    let test = file.test.unwrap_or_default();
    if let Some(clock) = test.clock.as_ref().filter(|clock| *clock.as_ref())
        && !test.endpoints
    {
        let problem = "the test clock is one of the test endpoints: expected `endpoints = true` beside it";
        return Err(reader.source.wrong(clock.span(), "test.clock", problem));
    }
    Ok(Target {
        name: file.name.unwrap_or_else(|| stem(path)),
        services,
        silent: Vec::new(),
        echoing: Vec::new(),
        // What its backups need, a deployment brings itself.
        parts: vec![Part::PostgresTools],
        inboxes: BTreeMap::new(),
        postgres_relay: None,
        postgres: file.postgres.map(|table| reader.postgres(table)).transpose()?,
        redis: file.redis.map(|table| reader.redis(table)).transpose()?,
        object_store: file.object_store.map(|table| reader.object_store(table, &mut secrets)).transpose()?,
        second_object_store: None,
        signing_key: file
            .tokens
            .map(|table| reader.secret("tokens.signing_key_env", &table.signing_key_env))
            .transpose()?,
        test_endpoints: test.endpoints,
        clock: test.clock.is_some_and(Spanned::into_inner),
        ours: false,
        disposable: file.disposable,
        forwarded_for: file.forwarded_for,
        trust,
        control,
        source: file.source.map(|folder| reader.folder("source", &folder)).transpose()?,
        containers: None,
        manifests: file.manifests.map(|folder| reader.folder("manifests", &folder)).transpose()?,
        cluster: file.kubeconfig.map(|file| reader.cluster(&file)).transpose()?,
        accounts: Accounts::of(accounts),
        rules,
        secrets,
    })
}

/// Without a name, a target is called after its file.
fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "external".into(), |stem| stem.to_string_lossy().into_owned())
}

/// Checks the values of a file whose keys and types are right already.
struct Reader<'a> {
    source: Source<'a>,
    env: &'a dyn Fn(&str) -> Option<String>,
}

impl Reader<'_> {
    fn services(
        &self,
        gateway: Option<ServiceTable>,
        tables: BTreeMap<Service, ServiceTable>,
    ) -> Result<BTreeMap<Service, Endpoint>, TargetFileError> {
        let mut services = BTreeMap::new();
        for (service, table) in tables {
            let key = format!("services.{}", service.short());
            services.insert(service, self.endpoint(service, &key, table)?);
        }
        if let Some(table) = gateway {
            let place = table.url.span();
            let endpoint = self.endpoint(Service::Gateway, "gateway", table)?;
            if services.insert(Service::Gateway, endpoint).is_some() {
                let problem = "the gateway is given twice: expected either [gateway] or [services.gateway]";
                return Err(self.source.wrong(place, "gateway", problem));
            }
        }
        if services.is_empty() {
            let problem = "no service is given: expected at least [gateway] with a url";
            return Err(self.source.wrong(0..0, "gateway", problem));
        }
        Ok(services)
    }

    fn endpoint(&self, service: Service, key: &str, table: ServiceTable) -> Result<Endpoint, TargetFileError> {
        let base = self.address(&format!("{key}.url"), &table.url)?;
        let health = match table.health {
            None => service.health_path().to_owned(),
            Some(path) if path.as_ref().starts_with('/') => path.into_inner(),
            Some(path) => {
                let problem = "expected a path that begins with a slash, as in \"/health\"";
                return Err(self.source.wrong(path.span(), &format!("{key}.health"), problem));
            }
        };
        let log = table.log.map(|log| self.log(&format!("{key}.log"), log)).transpose()?;
        Ok(Endpoint { base, health, log })
    }

    /// An `http://` or `https://` address without user, query or fragment; a path prefix may stand in it.
    fn address(&self, key: &str, given: &Spanned<String>) -> Result<String, TargetFileError> {
        let wrong = |problem: &str| self.source.wrong(given.span(), key, problem);
        let url = Url::parse(given.as_ref())
            .map_err(|reason| wrong(&format!("expected an address such as \"http://127.0.0.1:8080\" ({reason})")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(wrong("expected an address such as \"http://127.0.0.1:8080\""));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("expected an address without user and password: credentials come from variables only"));
        }
        if url.port() == Some(0) {
            return Err(wrong("expected a port from 1 to 65535"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("expected an address without a query or fragment"));
        }
        Ok(url.as_str().trim_end_matches('/').to_owned())
    }

    fn log(&self, key: &str, table: Spanned<LogTable>) -> Result<LogSource, TargetFileError> {
        let place = table.span();
        match table.into_inner() {
            LogTable { file: Some(file), command: None, container: None } => {
                Ok(LogSource::File(self.source.beside(&file)))
            }
            LogTable { file: None, command: Some(command), container: None } if !command.is_empty() => {
                Ok(LogSource::Command(command))
            }
            LogTable { file: None, command: None, container: Some(name) } if is_container(&name) => {
                Ok(LogSource::Command(of_container(name)))
            }
            _ => {
                let problem = "expected one of { file = \"PATH\" }, { container = \"NAME\" } and { command = [\"PROGRAM\", \"ARGUMENT\"] }";
                Err(self.source.wrong(place, key, problem))
            }
        }
    }

    /// A folder that is there.
    fn folder(&self, key: &str, given: &Spanned<PathBuf>) -> Result<PathBuf, TargetFileError> {
        let path = self.source.beside(given.as_ref());
        match path.is_dir() {
            true => Ok(path),
            false => Err(self.source.wrong(given.span(), key, &format!("{} is no folder", path.display()))),
        }
    }

    fn cluster(&self, given: &Spanned<PathBuf>) -> Result<Cluster, TargetFileError> {
        let kubeconfig = self.source.beside(given.as_ref());
        match kubeconfig.is_file() {
            true => Ok(Cluster { kubeconfig }),
            false => {
                Err(self.source.wrong(given.span(), "kubeconfig", &format!("{} is no file", kubeconfig.display())))
            }
        }
    }

    /// A host alone. What else somebody wrote there may be a credential, so it is not shown.
    fn host(&self, key: &str, given: Spanned<String>) -> Result<String, TargetFileError> {
        let strange = |letter: char| "@/\\?#".contains(letter) || letter.is_whitespace() || letter.is_control();
        match given.as_ref().is_empty() || given.as_ref().contains(strange) {
            false => Ok(given.into_inner()),
            true => {
                let problem = "expected the name or address of a host and nothing else, as in \"db.example.com\"; port, user and password have keys of their own";
                Err(self.source.wrong(given.span(), key, problem))
            }
        }
    }

    fn postgres(&self, table: PostgresTable) -> Result<PostgresAccess, TargetFileError> {
        let password = match &table.password_env {
            Some(name) => self.secret("postgres.password_env", name)?,
            None => Secret::new(""),
        };
        Ok(PostgresAccess {
            host: self.host("postgres.host", table.host)?,
            port: table.port.get(),
            database: table.database,
            user: table.user,
            password,
            tls: table.tls,
        })
    }

    fn redis(&self, table: RedisTable) -> Result<RedisAccess, TargetFileError> {
        let password = table.password_env.map(|name| self.secret("redis.password_env", &name)).transpose()?;
        let host = self.host("redis.host", table.host)?;
        Ok(RedisAccess { host, port: table.port.get(), password, tls: table.tls })
    }

    /// Whoever names a variable for an access key does not want to see its value either.
    fn object_store(
        &self,
        table: ObjectStoreTable,
        secrets: &mut Vec<Secret>,
    ) -> Result<ObjectStoreAccess, TargetFileError> {
        let mut access_key = |key: &str, name: &Spanned<String>| {
            let value = self.secret(key, name)?;
            secrets.push(value.clone());
            Ok::<_, TargetFileError>(value.expose().to_owned())
        };
        let own = access_key("object_store.access_key_env", &table.access_key_env)?;
        let user = |user: StoreUserTable| {
            Ok::<_, TargetFileError>(StoreUser {
                access_key: access_key("object_store.user.access_key_env", &user.access_key_env)?,
                secret_key: self.secret("object_store.user.secret_key_env", &user.secret_key_env)?,
            })
        };
        Ok(ObjectStoreAccess {
            endpoint: self.address("object_store.endpoint", &table.endpoint)?,
            region: table.region,
            access_key: own,
            secret_key: self.secret("object_store.secret_key_env", &table.secret_key_env)?,
            console: table.console.map(|console| self.address("object_store.console", &console)).transpose()?,
            clock: table.clock,
            user: table.user.map(user).transpose()?,
        })
    }

    fn secret(&self, key: &str, name: &Spanned<String>) -> Result<Secret, TargetFileError> {
        let wrong = |problem: &str| self.source.wrong(name.span(), key, problem);
        let variable = name.as_ref();
        if !is_variable(variable) {
            // Perhaps it is the secret itself, so it is not shown.
            return Err(wrong(
                "expected the name of an environment variable, capital letters, digits and underscores, as in \"STAGING_PASSWORD\", and not a value",
            ));
        }
        match (self.env)(variable) {
            Some(value) if !value.is_empty() => Ok(Secret::new(value)),
            _ => Err(wrong(&format!(
                "the environment variable {variable} is not set: expected it to hold the credential"
            ))),
        }
    }

    fn account(&self, table: AccountTable) -> Result<Account, TargetFileError> {
        if !table.email.as_ref().contains('@') {
            let problem = "expected the address that the user signs in with, as in \"conformance@example.com\"";
            return Err(self.source.wrong(table.email.span(), "accounts.email", problem));
        }
        let password = self.secret("accounts.password_env", &table.password_env)?;
        Ok(Account { email: table.email.into_inner(), password })
    }

    fn control(
        &self,
        table: ControlTable,
        services: &BTreeMap<Service, Endpoint>,
        trust: &Trust,
    ) -> Result<Arc<dyn Control>, TargetFileError> {
        let stop = self.command("control.stop", table.stop)?;
        let start = self.command("control.start", table.start)?;
        let pid = table.pid.map(|command| self.command("control.pid", command)).transpose()?;
        let health = services
            .iter()
            .map(|(service, endpoint)| (*service, format!("{}{}", endpoint.base, endpoint.health)))
            .collect();
        Ok(Arc::new(Commands::new(stop, start, pid, health, trust)))
    }

    /// A command that does not say which service is meant would act on all alike.
    fn command(&self, key: &str, command: Spanned<Vec<String>>) -> Result<Vec<String>, TargetFileError> {
        let words = command.as_ref();
        if words.first().is_some_and(|program| !program.is_empty())
            && words.iter().any(|word| commands::names_a_service(word))
        {
            return Ok(command.into_inner());
        }
        let problem = "expected a program and its arguments, with {service} (as in auth) or {name} (as in auth-service) in one of them";
        Err(self.source.wrong(command.span(), key, problem))
    }
}

fn is_container(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// Both streams of a container as one: services write to either.
fn of_container(name: String) -> Vec<String> {
    let words = ["sh", "-c", "exec docker logs \"$1\" 2>&1", "sh"];
    words.map(str::to_owned).into_iter().chain([name]).collect()
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests;
