//! Records side by side as one page that asks nothing of anyone.

use super::SideBySide;
use crate::report::ReportError;
use crate::report::html::STYLE;
use crate::report::layout::{lay_out, policy};
use serde::Serialize;

const TEMPLATE: &str = include_str!("side_by_side.html");
const OWN_STYLE: &str = include_str!("side_by_side.css");
const SCRIPT: &str = include_str!("side_by_side.js");

#[derive(Serialize)]
struct Page<'a> {
    policy: String,
    css: String,
    js: String,
    table: &'a SideBySide,
}

pub(super) fn render(table: &SideBySide) -> Result<String, ReportError> {
    let css = format!("{STYLE}{OWN_STYLE}");
    let js = format!("//<![CDATA[\n{SCRIPT}//]]>");
    lay_out(TEMPLATE, &Page { policy: policy(&css, Some(&js)), css, js, table })
}
