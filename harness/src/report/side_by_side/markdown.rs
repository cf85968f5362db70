//! Records side by side in Markdown.

use super::{Cell, SideBySide};
use crate::report::markdown::{add, inline};
use crate::report::plain;
use std::fmt::Write as _;

/// Letters of a reason.
const LETTERS: usize = 200;

pub(super) fn render(table: &SideBySide) -> String {
    let mut page = String::new();
    let names = table.columns.iter().map(|column| inline(&column.name)).collect::<Vec<_>>();
    add!(page, "# Conformance side by side\n");
    for caveat in &table.caveats {
        add!(page, "> {}\n", inline(caveat));
    }
    add!(page, "{} of {} features differ.\n", table.differing, table.rows.len());
    add!(page, "| | | {} |", names.join(" | "));
    add!(page, "|---|---|{}", "---|".repeat(names.len()));
    let words = table.columns.iter().map(|column| format!("**{} of {} pass**", column.pass, column.of));
    add!(page, "| | all | {} |", words.collect::<Vec<_>>().join(" | "));
    for row in &table.rows {
        let cells = row.cells.iter().map(mark).collect::<Vec<_>>().join(" | ");
        let number = if row.differs { format!("**{}**", row.feature) } else { row.feature.to_string() };
        add!(page, "| {number} | {} | {cells} |", inline(&row.description));
    }
    add!(page, "\n## Where they differ\n");
    for row in table.rows.iter().filter(|row| row.differs) {
        add!(page, "- **{}** {}", row.feature, inline(&row.description));
        for (name, cell) in names.iter().zip(&row.cells) {
            let why = cell.why.as_deref().map(|why| format!(": {}", inline(&plain::short(why, LETTERS))));
            add!(page, "  - {name}: {}{}", word(cell), why.unwrap_or_default());
        }
    }
    page
}

fn word(cell: &Cell) -> &'static str {
    if cell.verdict == "none" { "no outcome" } else { cell.verdict }
}

fn mark(cell: &Cell) -> &'static str {
    match cell.verdict {
        "pass" => "✅ pass",
        "partial" => "🟡 partial",
        "fail" => "❌ fail",
        "error" => "⚠️ error",
        "none" => "–",
        other => other,
    }
}
