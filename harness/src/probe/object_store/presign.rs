//! Presigned URLs: made by us, followed without any credentials, and altered as somebody would who wants more than
//! they give.

use super::exchange::{Content, Reading, access, address, cannot, send, signed};
use super::{PAUSE, Reply, Signer, Store};
use crate::check::{CannotLook, Case, Live, Stop};
use crate::target::Need;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// What a URL gives access to.
#[derive(Debug, Clone, Copy)]
pub struct Presign<'a> {
    /// The method it is for.
    pub method: &'a str,
    /// The bucket.
    pub bucket: &'a str,
    /// The key of the object.
    pub key: &'a str,
    /// For how long.
    pub valid: Duration,
    /// Whose access it hands on.
    pub signer: Signer,
}

/// In what a URL differs from the one that was made.
#[derive(Debug, Clone, Copy)]
pub enum Altered<'a> {
    /// In nothing.
    Not,
    /// One digit of the signature is another.
    Signature,
    /// There is no signature, while all else is there.
    Unsigned,
    /// It names another object.
    Key(&'a str),
    /// It claims to hold longer.
    Expiry(Duration),
}

/// A URL, by name: whoever has it has the access it gives.
#[derive(Debug, Clone)]
pub struct Presigned(String);

impl Case {
    /// Makes a URL for one object of the main store. Its time begins now, on the store's clock.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access.
    pub fn presign(&mut self, asked: Presign<'_>, altered: Altered<'_>) -> Result<Presigned, Stop> {
        self.needs(Need::ObjectStore)?;
        let url = match self.live_target() {
            Some(live) => make(&live, &asked, altered)?.to_string(),
            None => self.id(),
        };
        Ok(Presigned(self.vault().seal("presigned URL", &url)))
    }

    /// Follows a URL without any credentials; a PUT sends the text.
    ///
    /// # Errors
    /// As [`Case::observe`].
    pub async fn follow(&mut self, url: &Presigned, method: &str, text: &str) -> Result<Reply, Stop> {
        self.needs(Need::ObjectStore)?;
        let asked = json!({"follow": url.0, "method": method, "content": text});
        let (url, method, text) = (url.0.clone(), method.to_owned(), text.to_owned());
        let look = async |live: Arc<Live>| {
            let url = live.vault.open(&url).parse().map_err(|_| cannot("the presigned URL is lost"))?;
            send(&live, &method, url, Content::Text(text).bytes(), Reading::Plain).await
        };
        Ok(Reply::new(self.observe("s3", asked, look).await?))
    }

    /// Follows a URL with GET again and again until it is answered with this status, or patience ends: the last answer.
    ///
    /// # Errors
    /// As [`Case::observe`].
    pub async fn follow_until(&mut self, url: &Presigned, status: u16) -> Result<Reply, Stop> {
        self.needs(Need::ObjectStore)?;
        let (asked, url) = (json!({"follow": url.0, "until": status}), url.0.clone());
        let look = async |live: Arc<Live>| {
            let deadline = tokio::time::Instant::now() + live.patience.moment();
            loop {
                let url = live.vault.open(&url).parse().map_err(|_| cannot("the presigned URL is lost"))?;
                let seen = send(&live, "GET", url, Vec::new(), Reading::Plain).await?;
                if seen["status"] == status || tokio::time::Instant::now() > deadline {
                    return Ok(seen);
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        Ok(Reply::new(self.observe("s3", asked, look).await?))
    }

    /// What a URL says of itself: the parameters of its query, but for the signature and the key.
    ///
    /// # Errors
    /// As [`Case::observe`].
    pub async fn presigned_parameters(&mut self, url: &Presigned) -> Result<crate::check::Seen, Stop> {
        let (asked, url) = (json!({"parameters of": url.0}), url.0.clone());
        self.observe("s3", asked, async |live: Arc<Live>| {
            let url: Url = live.vault.open(&url).parse().map_err(|_| cannot("the presigned URL is lost"))?;
            let told = |name: &str| name == "X-Amz-Algorithm" || name == "X-Amz-Expires";
            Ok(url
                .query_pairs()
                .filter(|(name, _)| told(name))
                .map(|(name, value)| (name.into_owned(), json!(value)))
                .collect())
        })
        .await
    }
}

fn make(live: &Live, asked: &Presign<'_>, altered: Altered<'_>) -> Result<Url, CannotLook> {
    let access = access(live, Store::Main)?;
    let place = (asked.method, address(access, asked.bucket, asked.key)?);
    let mut url = signed(live, access, asked.signer, place, &[], asked.valid)?;
    let text = url.to_string();
    match altered {
        Altered::Not => {}
        Altered::Signature => url = parsed(&other_last_digit(&text))?,
        Altered::Unsigned => url = parsed(text.split("&X-Amz-Signature=").next().unwrap_or_default())?,
        Altered::Key(key) => url.set_path(address(access, asked.bucket, key)?.path()),
        Altered::Expiry(longer) => {
            let (from, to) = (asked.valid.as_secs(), longer.as_secs());
            url = parsed(&text.replace(&format!("X-Amz-Expires={from}&"), &format!("X-Amz-Expires={to}&")))?;
        }
    }
    Ok(url)
}

fn parsed(text: &str) -> Result<Url, CannotLook> {
    text.parse().map_err(cannot)
}

/// The signature comes last in a URL.
fn other_last_digit(url: &str) -> String {
    let (rest, last) = url.split_at(url.len().saturating_sub(1));
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_altered_signature_is_another_one() {
        assert_eq!(other_last_digit("http://x/?X-Amz-Signature=ab0"), "http://x/?X-Amz-Signature=ab1");
        assert_eq!(other_last_digit("http://x/?X-Amz-Signature=abc"), "http://x/?X-Amz-Signature=ab0");
    }
}
