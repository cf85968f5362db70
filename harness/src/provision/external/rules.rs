//! What a target file asks of guests: `forbid`, `requests_per_second` and `[headers]`.

use super::Reader;
use super::error::TargetFileError;
use super::file::RegistrationTable;
use crate::target::{Forbidden, HouseRules, Pace, Secret};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, TRANSFER_ENCODING};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use toml::Spanned;

/// What these say is how a message is sent, and to whom; a request with another value would be none.
const OF_THE_MESSAGE: [HeaderName; 4] = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION];

/// `[headers]`: names that differ from the contract's.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct HeadersTable {
    pub correlation_id: Option<Spanned<String>>,
    pub idempotency_key: Option<Spanned<String>>,
    pub idempotency_hit: Option<Spanned<String>>,
    pub user_id: Option<Spanned<String>>,
    pub client_address: Option<Spanned<String>>,
}

impl HeadersTable {
    /// Key in the file, the contract's name, the target's.
    fn rows(self) -> [(&'static str, &'static str, Option<Spanned<String>>); 5] {
        [
            ("correlation_id", "x-correlation-id", self.correlation_id),
            ("idempotency_key", "idempotency-key", self.idempotency_key),
            ("idempotency_hit", "x-idempotency-hit", self.idempotency_hit),
            ("user_id", "x-user-id", self.user_id),
            ("client_address", "x-forwarded-for", self.client_address),
        ]
    }
}

impl Reader<'_> {
    /// The rules of a file.
    pub(super) fn rules(
        &self,
        forbid: &[Spanned<String>],
        pace: Option<Spanned<u32>>,
        headers: HeadersTable,
        registration: Map<String, Value>,
    ) -> Result<HouseRules, TargetFileError> {
        let forbidden = forbid.iter().map(|entry| {
            Forbidden::named(entry.as_ref()).ok_or_else(|| {
                let problem = "expected \"control\", \"database writes\" or a path such as \"/test/memory/allocate\"";
                self.source.wrong(entry.span(), "forbid", problem)
            })
        });
        let pace = pace.map(|requests| {
            if *requests.as_ref() >= Pace::SLOWEST {
                return Ok(Pace::per_second(requests.into_inner()));
            }
            let problem = format!(
                "expected at least {}: the checks of rate limits send a hundred requests within a minute",
                Pace::SLOWEST
            );
            Err(self.source.wrong(requests.span(), "requests_per_second", &problem))
        });
        Ok(HouseRules {
            forbidden: forbidden.collect::<Result<_, _>>()?,
            headers: self.headers(headers)?,
            registration,
            pace: pace.transpose()?,
        })
    }

    /// What a registration says beside what the contract has; a credential among it comes from a variable, and is a secret.
    pub(super) fn registration(
        &self,
        table: Option<RegistrationTable>,
        secrets: &mut Vec<Secret>,
    ) -> Result<Map<String, Value>, TargetFileError> {
        let mut fields = Map::new();
        for (key, given) in table.into_iter().flat_map(|table| table.fields) {
            let place = given.span();
            let told = format!("registration.fields.{key}");
            match (key.strip_suffix("_env"), given.into_inner()) {
                (Some(field), toml::Value::String(variable)) => {
                    let secret = self.secret(&told, &Spanned::new(place, variable))?;
                    fields.insert(field.to_owned(), Value::from(secret.expose()));
                    secrets.push(secret);
                }
                (_, value) => {
                    let value = serde_json::to_value(value);
                    let value = value.map_err(|error| self.source.wrong(place, &told, &error.to_string()))?;
                    fields.insert(key, value);
                }
            }
        }
        Ok(fields)
    }

    fn headers(&self, table: HeadersTable) -> Result<BTreeMap<String, String>, TargetFileError> {
        let mut headers = BTreeMap::new();
        for (key, contract, given) in table.rows() {
            let Some(given) = given else {
                continue;
            };
            let Ok(name) = given.as_ref().parse::<HeaderName>() else {
                let problem = "expected the name of a header, such as \"X-Request-ID\"";
                return Err(self.source.wrong(given.span(), &format!("headers.{key}"), problem));
            };
            if OF_THE_MESSAGE.contains(&name) {
                let problem = "expected a header of the target's own: this one says how a request is sent";
                return Err(self.source.wrong(given.span(), &format!("headers.{key}"), problem));
            }
            headers.insert(contract.to_owned(), name.as_str().to_owned());
        }
        Ok(headers)
    }
}
