//! Views of a record: pure functions from what was found to a text in one format.

mod badge;
mod cause;
mod ctrf;
pub(crate) mod curl;
mod dependency_map;
pub mod difference;
mod evidence_table;
mod evidence_view;
mod exchange_text;
mod github;
mod html;
mod json;
mod junit;
mod layout;
pub mod live;
mod markdown;
pub mod plain;
mod plan_tree;
pub mod progress;
mod pull_request;
pub mod reason;
pub mod side_by_side;
mod summary;
mod terminal;

pub use curl::command as curl_command;
pub use summary::{Group, Summary, Tally};
pub use terminal::{MINUTE, Terminal};

use crate::record::{Record, RecordError};

/// A format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One self-contained page.
    Html,
    /// For people and pull requests.
    Markdown,
    /// For programs; `reports/report.schema.json` describes it.
    Json,
    /// For CI services.
    Junit,
    /// For CI tools that read the Common Test Report Format.
    Ctrf,
    /// For a comment on a pull request.
    PullRequest,
    /// Annotations of a GitHub workflow.
    Github,
    /// A small picture for a readme.
    Badge,
}

impl Format {
    /// Those that a run leaves beside its record.
    pub const BESIDE_A_RECORD: [Format; 6] =
        [Format::Html, Format::Markdown, Format::Json, Format::Junit, Format::Ctrf, Format::Badge];

    /// The name under which a report of this format is usually stored.
    pub fn file_name(self) -> &'static str {
        match self {
            Format::Html => "report.html",
            Format::Markdown => "report.md",
            Format::Json => "report.json",
            Format::Junit => "junit.xml",
            Format::Ctrf => "ctrf.json",
            Format::PullRequest => "pull-request.md",
            Format::Github => "annotations.txt",
            Format::Badge => "badge.svg",
        }
    }
}

/// Why a record has no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The evidence cannot be read.
    #[error(transparent)]
    Evidence(#[from] RecordError),
    /// The page could not be laid out.
    #[error("the page could not be laid out: {0}")]
    Page(#[from] minijinja::Error),
    /// Several records in a format that shows one.
    #[error("several records stand side by side in html and md only; name one record for this format")]
    OneRecord,
    /// The details of a large page could not be packed.
    #[error("the page could not be packed: {0}")]
    Packing(#[source] std::io::Error),
    /// The XML could not be written.
    #[error("the JUnit file could not be written: {0}")]
    Junit(#[from] quick_junit::SerializeError),
}

/// The report of a record in a format.
///
/// # Errors
/// When evidence that the report shows is damaged.
pub fn render(record: &Record, format: Format) -> Result<String, ReportError> {
    match format {
        Format::Html => html::render(record),
        Format::Markdown => Ok(markdown::render(record)),
        Format::Json => Ok(json::render(record)),
        Format::Junit => junit::render(record),
        Format::Ctrf => Ok(ctrf::render(record)),
        Format::PullRequest => Ok(pull_request::render(record)),
        Format::Github => Ok(github::render(record)),
        Format::Badge => badge::render(record),
    }
}

/// Holds a text against its snapshot under `reports/snapshots/`.
#[cfg(test)]
fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../reports/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
