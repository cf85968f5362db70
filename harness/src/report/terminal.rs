//! Tells a run as it goes on: a line for each feature that ends, what runs now, and every failure at the end.

use super::summary::{duration, flaky_in_words};
use super::{Summary, plain, reason};
use crate::outcome::{Outcome, Verdict};
use crate::record::{Record, evidence_path};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How much of an observed value is shown in a failure.
const SHOWN: usize = 600;
/// A check that runs longer than this is named now and then.
pub const MINUTE: Duration = Duration::from_secs(60);
/// How much of a description is shown in a line.
const DESCRIPTION: usize = 80;

/// A listener of a run; tasks share it by reference.
pub struct Terminal(Mutex<State>);

struct State {
    out: Box<dyn Write + Send>,
    bar: Option<ProgressBar>,
    colour: bool,
    /// What runs now: its description, and since when it runs.
    running: BTreeMap<u16, (String, Instant)>,
}

impl Terminal {
    /// Tells on standard output. Where a person looks on, a bar on standard error shows what runs now.
    pub fn new(total: usize, interactive: bool) -> Terminal {
        let bar = interactive.then(|| bar(total));
        let colour = interactive && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Terminal(Mutex::new(State { out: Box::new(std::io::stdout()), bar, colour, running: BTreeMap::new() }))
    }

    /// Tells in plain lines to whatever can be written to.
    pub fn plain(out: impl Write + Send + 'static) -> Terminal {
        Terminal(Mutex::new(State { out: Box::new(out), bar: None, colour: false, running: BTreeMap::new() }))
    }

    /// The check of a feature has begun.
    pub fn started(&self, feature: u16, description: &str) {
        let mut state = self.lock();
        state.running.insert(feature, (plain::line(description), Instant::now()));
        state.show_running();
    }

    /// A feature has its outcome. One without a check only moves the bar.
    pub fn finished(&self, outcome: &Outcome) {
        let mut state = self.lock();
        state.running.remove(&outcome.feature);
        if outcome.verdict != Verdict::Unchecked {
            let line = format!(
                "{} f{:03}  {}  {}{}",
                state.painted(outcome.verdict),
                outcome.feature,
                plain::short(&plain::line(&outcome.description), DESCRIPTION),
                duration(outcome.duration_ms),
                outcome.flaky().map(|flaky| format!("  {flaky}")).unwrap_or_default(),
            );
            state.say(&line);
        }
        if let Some(bar) = &state.bar {
            bar.inc(1);
        }
        state.show_running();
    }

    /// Names what has run for a minute or longer, where no bar shows what runs.
    pub fn still_running(&self) {
        let mut state = self.lock();
        let long = state.running.iter().filter(|(_, (_, since))| since.elapsed() >= MINUTE);
        let long: Vec<String> =
            long.map(|(feature, (_, since))| format!("f{feature:03} for {} s", since.elapsed().as_secs())).collect();
        if state.bar.is_none() && !long.is_empty() {
            state.say(&format!("still at work: {}", long.join(", ")));
        }
    }

    /// Something else that is worth a line.
    pub fn note(&self, text: &str) {
        self.lock().say(&plain::line(text));
    }

    /// The run is over: what failed and why, what could not be looked at, and the totals.
    pub fn end(&self, record: &Record) {
        let mut state = self.lock();
        if let Some(bar) = state.bar.take() {
            bar.finish_and_clear();
        }
        for outcome in record.outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Fail) {
            state.tell_failure(record, outcome);
        }
        for outcome in record.outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Error) {
            state.tell_error(outcome);
        }
        state.tell_totals(record);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics while it holds this lock")
    }
}

impl State {
    /// A line above the bar. Nobody may be listening any more; the record has everything all the same.
    fn say(&mut self, line: &str) {
        let State { out, bar, .. } = self;
        let mut write = || writeln!(out, "{line}").and_then(|()| out.flush()).ok();
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        };
    }

    fn show_running(&self) {
        let Some(bar) = &self.bar else {
            return;
        };
        let shown =
            self.running.iter().take(2).map(|(feature, (text, _))| format!("f{feature:03} {}", plain::short(text, 40)));
        let mut message = shown.collect::<Vec<_>>().join(", ");
        if let Some(more) = self.running.len().checked_sub(2).filter(|more| *more > 0) {
            message += &format!(" and {more} more");
        }
        bar.set_message(message);
    }

    fn painted(&self, verdict: Verdict) -> String {
        let word = format!("{verdict:<7}");
        let colour = match verdict {
            Verdict::Pass => 32,
            Verdict::Fail => 31,
            Verdict::Error => 35,
            Verdict::Partial | Verdict::Skip => 33,
            Verdict::Unchecked => 90,
        };
        if self.colour { format!("\u{1b}[{colour}m{word}\u{1b}[0m") } else { word }
    }

    fn tell_failure(&mut self, record: &Record, outcome: &Outcome) {
        let verdict = self.painted(outcome.verdict);
        self.say("");
        self.say(&format!("{verdict} f{:03}  {}", outcome.feature, plain::line(&outcome.description)));
        for (step, one) in reason::failures(outcome) {
            self.say(&format!("  step {}: {}", step.step, plain::line(&step.text)));
            self.say(&format!("    requirement  {}", plain::line(&one.requirement)));
            self.say(&format!("    expected     {}", plain::line(&one.expected)));
            self.say(&format!("    observed     {}", plain::short(&plain::observed(&one.observed), SHOWN)));
        }
        let evidence = evidence_path(&record.dir, outcome.feature);
        if evidence.is_file() {
            self.say(&format!("  evidence: {}", plain::path(&evidence)));
        }
    }

    fn tell_error(&mut self, outcome: &Outcome) {
        let verdict = self.painted(outcome.verdict);
        self.say("");
        self.say(&format!("{verdict} f{:03}  {}", outcome.feature, plain::line(&outcome.description)));
        let because = reason::because(outcome).unwrap_or_else(|| "no reason was given".to_owned());
        self.say(&format!("  could not look: {because}"));
    }

    fn tell_totals(&mut self, record: &Record) {
        let summary = Summary::of(record);
        self.say("");
        if let Some(damage) = &record.damage {
            self.say(&format!("the record is damaged: {}", plain::line(damage)));
        } else if record.footer.is_none() {
            self.say("the run was broken off before its end");
        }
        if !summary.missing.is_empty() {
            self.say(&format!("{} selected features have no outcome", summary.missing.len()));
        }
        let took = record.footer.as_ref().map(|footer| format!(" in {}", duration(footer.duration_ms)));
        self.say(&format!("{}{}", summary.tally.words(), took.unwrap_or_default()));
        if let Some(flaky) = flaky_in_words(record) {
            self.say(&flaky);
        }
        self.say(&format!("record: {}", plain::path(&record.dir)));
    }
}

fn bar(total: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len}  {elapsed}  {wide_msg}");
    bar.set_style(style.expect("the template names only what there is").progress_chars("━╸─"));
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;
    use crate::report::snapshot;
    use std::sync::Arc;

    /// A place to write to that can be read afterwards.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_run_is_told_as_its_snapshot() {
        let (place, record) = fixture::finished();
        let page = Page::default();
        let terminal = Terminal::plain(page.clone());
        terminal.note("native: PostgreSQL 16.6 \u{1b}[2J");
        for outcome in &record.outcomes {
            terminal.started(outcome.feature, &outcome.description);
            terminal.finished(outcome);
        }
        terminal.end(&record);
        let told = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        assert!(!told.chars().any(|letter| letter.is_control() && letter != '\n'), "{told:?}");
        assert!(!told.lines().any(|line| line.trim_start().starts_with("::")));
        snapshot("terminal.txt", &told.replace(&place.path().display().to_string(), "RECORD"));
    }
}
