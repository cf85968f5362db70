//! The bytes of a request, on their way into a file: counted, hashed, and held against what the request says of them.

use super::shelf::{Shelf, full};
use futures_util::StreamExt;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{Checksum, StreamingBlob};
use s3s::{S3Error, S3Result, s3_error};
use std::path::PathBuf;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

/// Bytes that have come in. Their file goes when this is dropped, unless it was moved elsewhere before.
#[derive(Debug)]
pub struct Received {
    /// Where they are.
    pub file: PathBuf,
    /// How many.
    pub size: u64,
    /// Their MD5.
    pub md5: Vec<u8>,
}

/// What the request says of its bytes.
#[derive(Debug, Default)]
pub struct Claims {
    /// How many there are.
    pub size: Option<i64>,
    /// Their MD5, as base64.
    pub md5: Option<String>,
    /// Other checksums.
    pub sums: Checksum,
}

/// Writes a body into a file of the shelf.
pub async fn receive(shelf: &Shelf, body: Option<StreamingBlob>, claims: Claims) -> S3Result<Received> {
    let mut received = Received { file: shelf.place(), size: 0, md5: Vec::new() };
    let mut file = File::create(&received.file).await.map_err(S3Error::internal_error)?;
    let room = shelf.room();
    let (mut md5, mut sums) = (Md5::new(), hasher(&claims.sums));
    let mut body = body;
    while let Some(stream) = &mut body
        && let Some(chunk) = stream.next().await
    {
        let chunk = chunk.map_err(|error| S3Error::with_source(s3s::S3ErrorCode::IncompleteBody, error))?;
        received.size += chunk.len() as u64;
        if room.is_some_and(|room| received.size > room) {
            return Err(full());
        }
        md5.update(&chunk);
        sums.update(&chunk);
        file.write_all(&chunk).await.map_err(S3Error::internal_error)?;
    }
    file.flush().await.map_err(S3Error::internal_error)?;
    received.md5 = md5.finalize().as_ref().to_vec();
    if claims.size.is_some_and(|size| i128::from(size) != i128::from(received.size)) {
        return Err(s3_error!(IncompleteBody));
    }
    let right =
        claims.md5.is_none_or(|claimed| claimed == base64(&received.md5)) && same(&sums.finalize(), &claims.sums);
    if right { Ok(received) } else { Err(s3_error!(BadDigest)) }
}

fn hasher(claimed: &Checksum) -> ChecksumHasher {
    ChecksumHasher {
        crc32: claimed.checksum_crc32.as_ref().map(|_| s3s::crypto::Crc32::new()),
        crc32c: claimed.checksum_crc32c.as_ref().map(|_| s3s::crypto::Crc32c::new()),
        sha1: claimed.checksum_sha1.as_ref().map(|_| s3s::crypto::Sha1::new()),
        sha256: claimed.checksum_sha256.as_ref().map(|_| s3s::crypto::Sha256::new()),
        crc64nvme: claimed.checksum_crc64nvme.as_ref().map(|_| s3s::crypto::Crc64Nvme::new()),
    }
}

fn same(reckoned: &Checksum, claimed: &Checksum) -> bool {
    reckoned.checksum_crc32 == claimed.checksum_crc32
        && reckoned.checksum_crc32c == claimed.checksum_crc32c
        && reckoned.checksum_sha1 == claimed.checksum_sha1
        && reckoned.checksum_sha256 == claimed.checksum_sha256
        && reckoned.checksum_crc64nvme == claimed.checksum_crc64nvme
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Drop for Received {
    fn drop(&mut self) {
        // It is not there once the shelf has taken it.
        let _ = std::fs::remove_file(&self.file);
    }
}
