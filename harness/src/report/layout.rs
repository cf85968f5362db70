//! How a page is laid out from its template, and what it is forbidden to do.

use super::ReportError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// The page as HTML; every text in it is escaped.
pub(super) fn lay_out(template: &str, page: &impl Serialize) -> Result<String, ReportError> {
    Template::new(template)?.fill(page)
}

/// A template that is filled in more than once.
pub(super) struct Template<'a>(Environment<'a>);

/// The ending is what turns escaping on.
const NAME: &str = "page.html";

impl<'a> Template<'a> {
    pub(super) fn new(template: &'a str) -> Result<Template<'a>, ReportError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
        environment.set_syntax(syntax);
        environment.add_template(NAME, template)?;
        Ok(Template(environment))
    }

    pub(super) fn fill(&self, page: &impl Serialize) -> Result<String, ReportError> {
        Ok(self.0.get_template(NAME)?.render(Serde(page))?)
    }
}

/// Only our own style and script may act, and nothing may be fetched: even if markup slipped in, it would stay dead.
pub(super) fn policy(style: &str, script: Option<&str>) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let (style, script) = (hash(style), script.map_or_else(|| "'none'".to_owned(), hash));
    format!(
        "default-src 'none'; img-src data:; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"
    )
}
