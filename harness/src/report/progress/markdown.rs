//! The progress report in Markdown.

use super::accomplished::Accomplished;
use super::environment::Surroundings;
use super::highlights::Highlights;
use super::history::Earlier;
use super::phases::PhaseProgress;
use super::priorities::Priority;
use super::statistics::Row;
use super::{NO_FILES, Progress, TERMS};
use crate::report::markdown::{add, inline};
use std::fmt::Write as _;

/// The report as Markdown.
pub(super) fn render(progress: &Progress) -> String {
    let mut page = String::new();
    add!(page, "# Progress of {}\n\n**{}**\n", inline(&progress.target), inline(&progress.lead));
    for caveat in &progress.caveats {
        add!(page, "> {}\n", inline(caveat));
    }
    accomplished(&mut page, &progress.accomplished);
    statistics(&mut page, &progress.statistics, progress.compared);
    highlights(&mut page, &progress.highlights);
    add!(page, "## Files created and changed\n\n{NO_FILES}\n");
    phases(&mut page, &progress.phases);
    priorities(&mut page, &progress.priorities);
    environment(&mut page, &progress.environment);
    metrics(&mut page, &progress.phases);
    history(&mut page, &progress.history);
    page
}

fn accomplished(page: &mut String, section: &Accomplished) {
    add!(page, "## What was accomplished\n");
    if section.features.is_empty() {
        add!(page, "No feature passes newly.\n");
    }
    for one in &section.features {
        if section.in_full {
            add!(
                page,
                "### Feature {}: {}\n\n{}. {}.\n",
                one.feature,
                inline(&one.description),
                one.belongs,
                one.results
            );
            for step in &one.steps {
                add!(page, "{}. {} ({})", step.step, inline(&step.text), step.results);
                if let Some(instead) = &step.observed_as {
                    add!(page, "   - observed as: {}", inline(instead));
                }
            }
            add!(page, "");
        } else {
            add!(page, "- **{}** {}: {}", one.feature, inline(&one.description), one.results);
        }
    }
    if !page.ends_with("\n\n") {
        add!(page, "");
    }
    if !section.lost.is_empty() {
        add!(page, "### No longer passing\n");
        for one in &section.lost {
            add!(page, "- **{}** {}: {}", one.feature, inline(&one.description), inline(&one.why));
        }
        add!(page, "");
    }
}

fn statistics(page: &mut String, rows: &[Row], compared: bool) {
    add!(page, "## Statistics\n");
    if compared {
        add!(page, "| | before | after | change |\n|---|--:|--:|--:|");
    } else {
        add!(page, "| | |\n|---|--:|");
    }
    for row in rows {
        if !compared {
            add!(page, "| {} | {} |", row.name, inline(&row.after));
            continue;
        }
        add!(page, "| {} | {} | {} | {} |", row.name, inline(&row.before), inline(&row.after), inline(&row.change));
    }
    add!(page, "\n{TERMS}\n");
}

fn highlights(page: &mut String, section: &Highlights) {
    if !section.run.is_empty() || !section.features.is_empty() {
        add!(page, "## Technical highlights\n");
        for words in &section.run {
            add!(page, "- {}", inline(words));
        }
        for one in section.features.iter().filter(|one| !one.points.is_empty()) {
            add!(page, "- **Feature {}**, {}", one.feature, inline(&one.description));
            for point in &one.points {
                add!(page, "  - {}", inline(point));
            }
        }
        if section.left_out > 0 {
            add!(page, "- {} features more are told of in the report of the run.", section.left_out);
        }
        add!(page, "");
    }
    if !section.figures.is_empty() {
        add!(page, "## Figures that were measured\n\n| feature | figure | measured | expected |\n|--:|---|--:|---|");
        for one in &section.figures {
            let [name, measured, expected] = [&one.name, &one.measured, &one.expected].map(|text| inline(text));
            add!(page, "| {} | {name} | {measured} | {expected} |", one.feature);
        }
        add!(page, "");
    }
}

fn phases(page: &mut String, phases: &[PhaseProgress]) {
    add!(page, "## Phases\n\n| phase | | pass | | change |\n|---|---|--:|--:|--:|");
    for phase in phases {
        let PhaseProgress { number, name, bar, pass, of, percent, change, .. } = phase;
        add!(page, "| {number} {name} | `{bar}` | {pass} of {of} | {percent} | {change} |");
    }
    add!(page, "");
}

fn priorities(page: &mut String, priorities: &[Priority]) {
    add!(page, "## Next priorities\n");
    if priorities.is_empty() {
        add!(page, "Every feature passes.");
    }
    for (place, one) in (1..).zip(priorities) {
        let description = one.description.as_deref().map(|text| format!(": {}", inline(text))).unwrap_or_default();
        add!(page, "{place}. **Feature {}**{description} ({}; {})", one.feature, one.belongs, inline(&one.state));
    }
    add!(page, "");
}

fn environment(page: &mut String, section: &Surroundings) {
    add!(page, "## State of the environment\n\n{}\n", section.words);
    if let Some(services) = &section.services {
        add!(page, "| service | state | version |\n|---|---|---|");
        for service in services {
            let [name, state, version] = [&service.name, &service.state, &service.version].map(|text| inline(text));
            add!(page, "| {name} | {state} | {version} |");
        }
        add!(page, "");
    }
    add!(page, "| | |\n|---|---|");
    for (name, value) in &section.facts {
        add!(page, "| {} | {} |", inline(name), inline(value));
    }
    add!(page, "");
}

fn metrics(page: &mut String, phases: &[PhaseProgress]) {
    add!(page, "## Success metrics\n\n| phase | features | checked | pass | scenarios that pass | |");
    add!(page, "|---|---|--:|--:|--:|---|");
    for phase in phases {
        let PhaseProgress { number, name, features, checked, pass, of, percent, scenarios, state, .. } = phase;
        add!(page, "| {number} {name} | {features} | {checked} | {pass} of {of} ({percent}) | {scenarios} | {state} |");
    }
    add!(page, "");
}

fn history(page: &mut String, history: &[Earlier]) {
    if history.is_empty() {
        return;
    }
    add!(page, "## Earlier runs\n\n| began | target | features that pass | found | took |\n|---|---|--:|---|--:|");
    for one in history {
        let mark = if one.compared { " (compared with)" } else { "" };
        let [started, target] = [&one.started, &one.target].map(|text| inline(text));
        add!(page, "| {started}{mark} | {target} | {} | {} | {} |", one.pass, one.found, one.took);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Records, golden, render};
    use crate::record::fixture;
    use crate::report::snapshot;

    #[test]
    fn the_golden_case_is_as_its_snapshot() {
        let [before, after] = golden::records();
        let (_place, after) = golden::on_disk(&after);
        let earlier = [before.clone()];
        let records = Records { record: &after, since: Some(&before), earlier: &earlier };
        let page = render(records, Format::Markdown).unwrap();
        for words in [
            "40 of 679 (5.89%) | 42 of 679 (6.19%) | +2 (+0.30%)",
            "| 42 of 50 | 84% | +2 |",
            "| 0 of 60 | 0% | 0 |",
            "42 (19 + 23), 100% passing",
            "19 of 19 scenarios pass (100%)",
            "23 of 23 scenarios pass (100%)",
            "1. **Feature 43**",
            "5. **Feature 47**",
        ] {
            assert!(page.contains(words), "{words} is not in {page}");
        }
        snapshot("progress.md", &page);
    }

    #[test]
    fn text_of_a_target_stays_text() {
        let (_place, record) = fixture::finished();
        let page = render(Records { record: &record, since: None, earlier: &[] }, Format::Markdown).unwrap();
        assert!(!page.contains("<b>") && page.contains("&lt;b&gt;"), "{page}");
        assert!(!page.chars().any(|letter| letter.is_control() && letter != '\n'));
        assert!(!page.lines().any(|line| line.trim_start().starts_with("::")));
    }

    #[test]
    fn what_no_longer_passes_is_not_passed_over() {
        let [before, after] = golden::records();
        let page = render(Records { record: &before, since: Some(&after), earlier: &[] }, Format::Markdown).unwrap();
        assert!(page.contains("No feature passes newly.") && page.contains("### No longer passing"), "{page}");
        assert!(page.contains("- **41** Slow database queries"), "{page}");
    }
}
