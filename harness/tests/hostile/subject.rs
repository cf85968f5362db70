//! Hostile systems to run checks against: their servers, and the target file that leads to them.

use harness::doubles::{Hostile, HostileServer, HostileStore, HostileStoreServer, Worthless, WorthlessServer};
use harness::guard::Protocol;
use harness::target::Service;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Credentials that the target file names; nobody hostile has a use for them.
pub const SECRETS: [(&str, &str); 4] = [
    ("HOSTILE_SIGNING_KEY", "a-key/that+nobody asks for"),
    ("HOSTILE_DATABASE_PASSWORD", "pass:word/of@the database"),
    ("HOSTILE_STORE_KEY", "store-access-key"),
    ("HOSTILE_STORE_SECRET", "store secret 'key'"),
];

/// What the target calls itself, to whom it may concern.
const NAME: &str = "<script>alert('name')</script> ]]>\\u001b[31m\\n::error::name";

/// What is hostile about a system.
#[derive(Clone, Copy)]
pub enum Enemy {
    /// Everything that speaks HTTP.
    Everything(Hostile),
    /// PostgreSQL or Redis, behind services that claim to be healthy.
    Store(HostileStore),
}

impl Enemy {
    /// Every kind there is.
    pub fn all() -> Vec<Enemy> {
        let http = Hostile::ALL.into_iter().map(Enemy::Everything);
        http.chain(HostileStore::ALL.into_iter().map(Enemy::Store)).collect()
    }

    /// In words.
    pub fn what(self) -> &'static str {
        match self {
            Enemy::Everything(kind) => kind.what(),
            Enemy::Store(kind) => kind.what(),
        }
    }
}

/// Servers at work and a folder with the target file; both go when it is dropped.
pub struct Subject {
    pub file: PathBuf,
    pub folder: tempfile::TempDir,
    _servers: Box<dyn Send + Sync>,
}

/// Starts what is hostile.
pub async fn start(enemy: Enemy) -> Subject {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("hostile.log");
    match enemy {
        Enemy::Everything(kind) => {
            // Gigabytes that were there before; what is new comes after them.
            std::fs::File::create(&log).unwrap().set_len(8 << 30).unwrap();
            let writes = matches!(kind, Hostile::GarbageLog | Hostile::EndlessLogLine);
            if writes {
                std::fs::File::create(&log).unwrap();
            }
            let server = HostileServer::start(kind, writes.then(|| log.clone())).await.unwrap();
            let file = write(folder.path(), &server.base(), None);
            Subject { file, folder, _servers: Box::new(server) }
        }
        Enemy::Store(kind) => {
            std::fs::File::create(&log).unwrap();
            let services = WorthlessServer::start(Worthless::AlwaysHealthy).await.unwrap();
            let store = HostileStoreServer::start(kind).await.unwrap();
            let file = write(folder.path(), &services.base(), Some((kind.protocol(), store.port())));
            Subject { file, folder, _servers: Box::new((services, store)) }
        }
    }
}

fn write(folder: &Path, base: &str, store: Option<(Protocol, u16)>) -> PathBuf {
    let [signing, password, access, secret] = SECRETS.map(|(name, _)| name);
    let mut text = format!("name = \"{NAME}\"\n");
    // Whoever may be disturbed is believed no more than others.
    writeln!(text, "disposable = {}", store.is_some()).unwrap();
    for service in Service::ALL {
        let name = service.short();
        writeln!(text, "[services.{name}]\nurl = \"{base}\"\nlog = {{ file = \"hostile.log\" }}").unwrap();
    }
    writeln!(text, "[tokens]\nsigning_key_env = \"{signing}\"\n[test]\nendpoints = true\nclock = true").unwrap();
    writeln!(text, "[object_store]\nendpoint = \"{base}\"\nconsole = \"{base}\"\nclock = true").unwrap();
    writeln!(text, "access_key_env = \"{access}\"\nsecret_key_env = \"{secret}\"").unwrap();
    writeln!(text, "[object_store.user]\naccess_key_env = \"{access}\"\nsecret_key_env = \"{secret}\"").unwrap();
    match store {
        Some((Protocol::Postgres, port)) => writeln!(
            text,
            "[postgres]\nhost = \"127.0.0.1\"\nport = {port}\ndatabase = \"a\"\nuser = \"u\"\npassword_env = \"{password}\""
        )
        .unwrap(),
        Some((Protocol::Redis, port)) => writeln!(text, "[redis]\nhost = \"127.0.0.1\"\nport = {port}").unwrap(),
        None => {}
    }
    let path = folder.join("hostile.toml");
    std::fs::write(&path, text).unwrap();
    path
}
