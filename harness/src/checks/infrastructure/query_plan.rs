//! What the plan of a query says: how it comes to its rows, and by which indexes.

use crate::check::{Case, Matcher, Seen, such_that};
use serde_json::Value;

/// One step of a plan that reads a table or an index.
pub struct Scan {
    /// `Seq Scan`, `Bitmap Index Scan`, …
    pub kind: String,
    /// The index, where there is one.
    pub index: Option<String>,
    /// What the index is asked for: `(owner_id = '7'::text)`.
    pub condition: Option<String>,
}

/// All scans of a plan, outermost first.
pub fn scans(plan: &Seen) -> Vec<Scan> {
    let text = |place: &str| plan.at(place).text().map(str::to_owned);
    let mut found = Vec::new();
    if let Some(kind) = text("/Node Type").filter(|kind| kind.contains("Scan")) {
        found.push(Scan { kind, index: text("/Index Name"), condition: text("/Index Cond") });
    }
    found.extend(plan.at("/Plans").items().iter().flat_map(scans));
    found
}

/// Expects that a query comes to its rows by one of these indexes and reads no table from end to end: the scans. What else
/// the planner takes beside it is the planner's affair.
pub fn expect_index(case: &mut Case, what: &str, plan: &Seen, names: &[String]) -> Vec<Scan> {
    let scans = scans(plan);
    let kinds: Vec<&str> = scans.iter().map(|scan| scan.kind.as_str()).collect();
    case.expect(format!("ways in which {what} comes to its rows"), kinds, by_index());
    let used: Vec<&str> = scans.iter().filter_map(|scan| scan.index.as_deref()).collect();
    let known: Vec<String> = names.to_vec();
    let ours = such_that(format!("{} among them", known.join(" or ")), move |used| {
        let used = used.as_array().map_or(&[][..], Vec::as_slice);
        let is_known = |name: &Value| known.iter().any(|known| name.as_str() == Some(known));
        used.iter().any(is_known)
    });
    case.expect(format!("indexes that {what} uses"), used, ours);
    scans
}

fn by_index() -> Matcher {
    such_that("an index scan, and no sequential scan", |kinds| {
        let kinds = kinds.as_array().map_or(&[][..], Vec::as_slice);
        let named = |word: &str| kinds.iter().any(|kind| kind.as_str().is_some_and(|kind| kind.contains(word)));
        named("Index") && !named("Seq Scan")
    })
}
