//! An S3 server inside the harness, for machines without a MinIO: real requests over loopback, real signatures.

use super::ObjectStore;
use super::bucket_settings::BucketSettings;
use super::policy::Policies;
use crate::provision::error::ProvisionError;
use crate::provision::servers::Running;
use crate::target::{Boxed, ObjectStoreAccess};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// Starts it on the port, with its objects in the folder.
pub async fn start(access: ObjectStoreAccess, port: u16, folder: &Path) -> Result<ObjectStore, ProvisionError> {
    let action = "start the embedded S3 server";
    let files = s3s_fs::FileSystem::new(folder)
        .map_err(|error| io::Error::other(format!("{error:?}")))
        .map_err(ProvisionError::system(action))?;
    let policies = Policies::default();
    let mut service = S3ServiceBuilder::new(BucketSettings::new(files, policies.clone()));
    service.set_auth(SimpleAuth::from_single(access.access_key.clone(), access.secret_key.expose()));
    service.set_access(policies);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(ProvisionError::system(action))?;
    let task = tokio::spawn(serve(listener, service.build()));
    Ok(ObjectStore { access, description: "embedded s3s".into(), running: Box::new(Embedded(task)) })
}

async fn serve(listener: TcpListener, service: S3Service) {
    // The set ends its tasks when it is dropped, together with this one.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
        // A client that breaks off is its own affair.
        connections.spawn(async move {
            let _ = connection.await;
        });
        while connections.try_join_next().is_some() {}
    }
}

struct Embedded(JoinHandle<()>);

impl Running for Embedded {
    fn stop(mut self: Box<Self>) -> Boxed<'static, ()> {
        Box::pin(async move {
            self.0.abort();
            let _ = (&mut self.0).await;
        })
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.0.abort();
    }
}
