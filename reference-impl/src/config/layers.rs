//! Where settings come from (features 13 and 32). The strongest first: the environment of the process, `.env.<ENV>`,
//! `.env`, and what the environment implies.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use url::Url;

use super::environment::Environment;
use super::given::SettingsError;

/// Why a service does not know its settings. Values that may be secrets are not shown.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A variable holds what it cannot hold.
    #[error(transparent)]
    Value(#[from] SettingsError),
    /// A file is there and cannot be read.
    #[error("cannot read {}: {source}; mend its permissions or remove it", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is there and is no list of variables.
    #[error("{} has a line that is not NAME=value; correct it", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
    },
    /// Variables are missing that have no default.
    #[error("{} must be set where ENV is {environment}: in the process environment, .env.{environment} or .env", names.join(", "))]
    Missing {
        /// All of them.
        names: Vec<&'static str>,
        /// Where there is no default.
        environment: Environment,
    },
}

type Variables = BTreeMap<String, String>;

/// All that is said, the strongest word first.
pub(super) struct Layers(Vec<Variables>);

impl Layers {
    /// What this process was told, and the files of the folder it runs in.
    pub(super) fn of_this_process() -> Result<Layers, ConfigError> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Layers::read(std::env::vars_os().filter_map(text).collect(), Path::new("."))
    }

    fn read(process: Variables, folder: &Path) -> Result<Layers, ConfigError> {
        let file = variables(folder.join(".env"))?;
        let word = said(&process, "ENV").or(said(&file, "ENV"));
        let environment = Environment::from_word(word)?;
        let special = variables(folder.join(format!(".env.{environment}")))?;
        let mut layers = [process, special, file].into_iter().map(taken_apart).collect::<Result<Vec<_>, _>>()?;
        let namespace = layers.iter().find_map(|layer| said(layer, "NAMESPACE")).unwrap_or("autograph");
        let implied = environment.defaults(namespace).into_iter().collect();
        layers.push(implied);
        let layers = Layers(layers);
        let names: Vec<&str> =
            environment.required().iter().copied().filter(|name| layers.get(name).is_none()).collect();
        if names.is_empty() { Ok(layers) } else { Err(ConfigError::Missing { names, environment }) }
    }

    /// The strongest word about a variable. An empty value says nothing.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.0.iter().find_map(|layer| said(layer, name)).map(str::to_owned)
    }
}

fn said<'a>(layer: &'a Variables, name: &str) -> Option<&'a str> {
    layer.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// The variables of a file; none where there is no such file.
fn variables(path: PathBuf) -> Result<Variables, ConfigError> {
    let lines = match dotenvy::from_path_iter(&path) {
        Ok(lines) => lines,
        Err(dotenvy::Error::Io(source)) if source.kind() == io::ErrorKind::NotFound => return Ok(Variables::new()),
        Err(dotenvy::Error::Io(source)) => return Err(ConfigError::Unreadable { path, source }),
        Err(_) => return Err(ConfigError::Malformed { path }),
    };
    // The error would repeat the line, which may hold a secret.
    lines.collect::<Result<_, _>>().map_err(|_| ConfigError::Malformed { path })
}

/// A layer in which addresses stand for their parts: `DATABASE_URL` for `POSTGRES_*`, `REDIS_URL` for `REDIS_*`. A part
/// that is named by itself goes before the address.
fn taken_apart(mut layer: Variables) -> Result<Variables, SettingsError> {
    if let Some(address) = said(&layer, "DATABASE_URL") {
        let expected = "postgresql://user:password@host:port/database";
        let url = address_of(address, &["postgres", "postgresql"]).ok_or_else(|| hidden("DATABASE_URL", expected))?;
        let database = decoded(url.path().trim_start_matches('/'));
        let (database, user) = (("POSTGRES_DB", database), ("POSTGRES_USER", decoded(url.username())));
        fill_in(&mut layer, parts(&url, "POSTGRES", "5432"));
        fill_in(&mut layer, [database, user].map(|(name, value)| (name.to_owned(), value)));
    }
    if let Some(address) = said(&layer, "REDIS_URL") {
        let expected = "redis://:password@host:port/0";
        let url = address_of(address, &["redis"]).ok_or_else(|| hidden("REDIS_URL", expected))?;
        fill_in(&mut layer, parts(&url, "REDIS", "6379"));
    }
    Ok(layer)
}

fn fill_in(layer: &mut Variables, parts: impl IntoIterator<Item = (String, String)>) {
    for (name, value) in parts {
        if said(layer, &name).is_none() {
            layer.insert(name, value);
        }
    }
}

fn address_of(text: &str, schemes: &[&str]) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    (schemes.contains(&url.scheme()) && url.has_host()).then_some(url)
}

fn parts(url: &Url, prefix: &str, port: &str) -> [(String, String); 3] {
    let port = url.port().map_or_else(|| port.to_owned(), |port| port.to_string());
    // Brackets around an IPv6 address belong to the URL, not to the host.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let password = decoded(url.password().unwrap_or_default());
    [("HOST", host), ("PORT", port), ("PASSWORD", password)].map(|(name, value)| (format!("{prefix}_{name}"), value))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn hidden(variable: &str, expected: &'static str) -> SettingsError {
    SettingsError { variable: variable.to_owned(), value: "(not shown)".to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(process: &[(&str, &str)], files: &[(&str, &str)]) -> Result<Layers, ConfigError> {
        let folder = std::env::temp_dir().join(format!("autograph-layers-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let process = process.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let layers = Layers::read(process, &folder);
        std::fs::remove_dir_all(&folder).unwrap();
        layers
    }

    #[test]
    fn the_process_goes_before_the_file_of_the_environment_and_that_before_the_common_one() {
        let files =
            [(".env", "A=1\nB=1\nC=1\nENV=docker\nJWT_SECRET=s\nPOSTGRES_PASSWORD=p"), (".env.docker", "A=2\nB=2")];
        let layers = layers(&[("A", "3")], &files).unwrap();
        let got = ["A", "B", "C", "REDIS_HOST"].map(|name| layers.get(name).unwrap());
        assert_eq!(got, ["3", "2", "1", "redis"]);
    }

    #[test]
    fn an_address_stands_for_its_parts_and_yields_to_a_stronger_word() {
        let file = [(".env", "DATABASE_URL=postgresql://us%40er:p%21w@db.example:6543/one\nPOSTGRES_USER=two")];
        let layers = layers(&[("POSTGRES_PORT", "7000")], &file).unwrap();
        let got =
            ["HOST", "PORT", "DB", "USER", "PASSWORD"].map(|part| layers.get(&format!("POSTGRES_{part}")).unwrap());
        assert_eq!(got, ["db.example", "7000", "one", "two", "p!w"]);
    }

    #[test]
    fn all_that_is_missing_is_named_at_once() {
        let error = layers(&[("ENV", "kubernetes")], &[]).err().unwrap().to_string();
        assert!(error.contains("JWT_SECRET, POSTGRES_PASSWORD") && error.contains("kubernetes"), "{error}");
    }

    #[test]
    fn no_error_repeats_what_may_be_a_secret() {
        for text in ["DATABASE_URL=postgresql//user:hush@host/db", "REDIS_URL=hush", "JWT_SECRET=\"hush\n"] {
            let error = layers(&[], &[(".env", text)]).err().unwrap();
            assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
        }
    }
}
