//! An S3 server inside the harness, for machines without a MinIO: real requests over loopback, real signatures, and a
//! clock that can be moved.

mod accounts;
mod alone;
mod body;
mod clock;
mod console;
mod door;
mod lifecycle;
mod listing;
mod lists;
mod objects;
mod policy;
mod records;
mod scanner;
mod service;
mod settings;
mod shelf;
mod store;
mod uploads;

pub use alone::{Alone, serve_alone};

use super::ObjectStore;
use crate::provision::random;
use crate::provision::servers::Running;
use crate::target::{Boxed, ObjectStoreAccess, Secret, StoreUser};
use accounts::{Accounts, Key, User};
use clock::Clock;
use door::Door;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use policy::Document;
use s3s::Body;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::S3ServiceBuilder;
use shelf::Shelf;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, JoinSet};

/// What the user beside the owner may do, in the words of `docs/target-file.md`.
const USER_POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"],
    "Resource": ["arn:aws:s3:::conform-*/granted/*"]}]}"#;

/// What a store is to be.
#[derive(Debug, Clone)]
struct Settings {
    /// Where it listens.
    address: SocketAddr,
    /// Where its console listens.
    console: SocketAddr,
    /// Where objects, versions and settings of buckets are kept; what is there already is served.
    folder: PathBuf,
    /// The key of the owner.
    owner: Key,
    /// The key of the user beside the owner, whom [`USER_POLICY`] is about.
    user: Option<Key>,
    /// Bytes that it can hold; nothing for as many as the disk has.
    capacity: Option<u64>,
    /// Its time.
    clock: Clock,
    /// Whether the clock may be asked and moved, under `/test/clock`.
    test_clock: bool,
}

/// Starts a store of the run on the port, its console on the other, with what it holds in the folder.
///
/// # Errors
/// Where a port is taken or the folder cannot be opened.
pub async fn start(access: ObjectStoreAccess, (port, console): (u16, u16), folder: PathBuf) -> io::Result<ObjectStore> {
    let user = StoreUser { access_key: random::hex(10), secret_key: Secret::new(random::hex(20)) };
    let settings = Settings {
        address: (Ipv4Addr::LOCALHOST, port).into(),
        console: (Ipv4Addr::LOCALHOST, console).into(),
        folder,
        owner: Key { id: access.access_key.clone(), secret: access.secret_key.clone() },
        user: Some(Key { id: user.access_key.clone(), secret: user.secret_key.clone() }),
        capacity: None,
        clock: Clock::new(),
        test_clock: true,
    };
    let embedded = Embedded { settings, task: Mutex::new(None) };
    embedded.launch().await?;
    let console = Some(format!("http://127.0.0.1:{console}"));
    let access = ObjectStoreAccess { console, clock: true, user: Some(user), ..access };
    Ok(ObjectStore { access, description: "embedded s3s".into(), running: Box::new(embedded) })
}

/// A store as a task of the harness.
struct Embedded {
    settings: Settings,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Embedded {
    async fn launch(&self) -> io::Result<()> {
        let serving = listen(&self.settings).await?;
        *self.task.lock().await = Some(tokio::spawn(serving));
        Ok(())
    }

    async fn end(&self) {
        if let Some(task) = self.task.lock().await.take() {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Running for Embedded {
    fn stop(self: Box<Self>) -> Boxed<'static, ()> {
        Box::pin(async move { self.end().await })
    }

    fn pause(&self) -> Boxed<'_, Result<(), String>> {
        Box::pin(async {
            self.end().await;
            Ok(())
        })
    }

    fn resume(&self) -> Boxed<'_, Result<(), String>> {
        Box::pin(async { self.launch().await.map_err(|error| error.to_string()) })
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut() {
            task.abort();
        }
    }
}

/// What the folder holds, behind a door.
fn open(settings: &Settings) -> io::Result<Door> {
    let mut users = Vec::new();
    if let Some(key) = settings.user.clone() {
        let policy = Document::of_user(USER_POLICY).map_err(io::Error::other)?;
        users.push(User { name: key.id.clone(), key, policy });
    }
    let accounts = Accounts::new(settings.owner.clone(), users);
    let shelf = Shelf::open(&settings.folder, settings.capacity)?;
    let keys = accounts.keys();
    let store = Store::new(shelf, accounts, settings.clock.clone());
    let mut service = S3ServiceBuilder::new(store.clone());
    service.set_auth(keys);
    service.set_access(store.clone());
    // The door judges times by the store's clock.
    let mut config = S3Config::default();
    config.presigned_url_max_skew_time_secs = u32::MAX;
    service.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    Ok(Door { store, service: service.build(), clock_is_open: settings.test_clock })
}

/// Opens the folder and the ports; what comes back serves until it is dropped.
async fn listen(settings: &Settings) -> io::Result<impl Future<Output = ()> + use<>> {
    let door = open(settings)?;
    let store = door.store.clone();
    let (listener, console) = (TcpListener::bind(settings.address).await?, TcpListener::bind(settings.console).await?);
    Ok(async move {
        let scanned = store.clone();
        tokio::select! {
            () = scanner::run(scanned) => {}
            () = accept(listener, move |request| door.clone().answer(request)) => {}
            () = accept(console, move |request| console::answer(store.clone(), request)) => {}
        }
    })
}

/// Answers whoever comes.
async fn accept<A, F, E>(listener: TcpListener, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Body>, E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    // The set ends its tasks when it is dropped, together with this one.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let service = service_fn(answer.clone());
        let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
        // A client that breaks off is its own affair.
        connections.spawn(async move {
            let _ = connection.await;
        });
        while connections.try_join_next().is_some() {}
    }
}
