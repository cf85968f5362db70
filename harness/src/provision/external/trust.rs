//! Whose certificates a target file has us believe: `[tls]`.

use super::Reader;
use super::error::TargetFileError;
use super::file::TlsTable;
use crate::wire::Trust;

impl Reader<'_> {
    /// The authorities of this machine, and those that the file names.
    pub(super) fn trust(&self, table: Option<TlsTable>) -> Result<Trust, TargetFileError> {
        let Some(TlsTable { ca }) = table else {
            return Ok(Trust::in_authorities(None).unwrap_or_else(|_| Trust::in_nobody()));
        };
        let file = self.source.beside(ca.as_ref());
        Trust::in_authorities(Some(&file)).map_err(|error| {
            let problem = format!("{}: {error}: expected a file of certificates in PEM", file.display());
            self.source.wrong(ca.span(), "tls.ca", &problem)
        })
    }
}
