//! How long a check may take: what it does by itself, and the answers it waits for at the pace of the target.
//!
//! A run measures what an answer takes as it begins ([`super::RollCall`]); all else follows from that one figure, so
//! that a slow target that is sound is given the time it needs, and a fast one that hangs half-way does not hold a run
//! up for longer than it must. `docs/target-file.md` tells the rule to those whose target it is.

use crate::check::{Check, Live};
use crate::record::Deadlines;
use crate::target::Need;
use std::fmt;
use std::time::Duration;

/// What a check does beside waiting for answers: hashes, statements, restarts, long ways through a table. The longest
/// on a sound target came to 77 s, on two cores that had much else to do; where all is quiet it is 30 s.
const WORK: Duration = Duration::from_secs(90);
/// Answers of the services that a check waits for, one after another. The suite's longest check waits for 89; it has
/// more, for others ask the same target meanwhile. A load of many requests comes on top, as it is sent.
const ANSWERS: u32 = 160;
/// An answer that takes longer counts as this: however slow a target is, a check without loads holds a run up for 250 s at
/// most, and not for hours.
const SLOWEST: Duration = Duration::from_secs(1);
/// Where nothing was measured, for nothing answered or nobody asked.
const UNMEASURED: Duration = Duration::from_secs(120);
/// For what is waited for in steps until it is so, where nothing can be hastened: of what `--patience` allows, so much.
const UNTIL: Duration = Duration::from_secs(120);
/// What it may take longer in a cluster, which pulls images and starts pods more than once.
const IN_A_CLUSTER: Duration = Duration::from_secs(1_500);
/// What it may take longer where an engine starts and stops the thirteen containers of a system.
const IN_CONTAINERS: Duration = Duration::from_secs(60);

/// The deadline of one check, and what it follows from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deadline {
    /// What an answer of the target takes; nothing where it was not measured.
    answer: Option<Duration>,
    /// Answers that are waited for, one after another.
    answers: u32,
    /// What is slow by itself: waits in earnest, pods, containers.
    beside: Duration,
}

impl Deadline {
    /// Of this check, as far as it has come: what it sends as a load, and what it waits for, move its deadline on.
    pub fn of(live: &Live, check: &Check, answer: Option<Duration>) -> Deadline {
        let needs = |need| check.needs.contains(&need);
        let pods = if needs(Need::Manifests) && live.target.cluster.is_some() { IN_A_CLUSTER } else { Duration::ZERO };
        let containers = if needs(Need::Containers) { IN_CONTAINERS } else { Duration::ZERO };
        Deadline {
            // Requests that keep to a pace come no faster than that.
            answer: answer
                .map(|answer| live.target.rules.pace.as_ref().map_or(answer, |pace| answer.max(pace.between()))),
            answers: ANSWERS.saturating_add(live.load()),
            beside: live.waited() + live.patience.longest_wait.min(UNTIL) + pods + containers,
        }
    }

    /// How long the check may take.
    pub fn limit(self) -> Duration {
        let work = self.answer.map_or(UNMEASURED, |answer| WORK + answer.min(SLOWEST).saturating_mul(self.answers));
        work + self.beside
    }

    /// What a record keeps of it: the deadline of a check that neither waits in earnest nor sends a load.
    pub fn recorded(answer: Duration) -> Deadlines {
        let usual = Deadline { answer: Some(answer), answers: ANSWERS, beside: Duration::ZERO };
        let tenths = |one: Duration| (one.as_secs_f64() * 10.0).round() / 10.0;
        Deadlines { answer_ms: tenths(answer * 1_000), check_s: tenths(usual.limit()) }
    }
}

impl fmt::Display for Deadline {
    /// `92 s: 90 s of its own and 160 answers of 12 ms, measured as the run began`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s: ", self.limit().as_secs())?;
        match self.answer {
            None => write!(f, "{} s, for no answer was measured as the run began", UNMEASURED.as_secs())?,
            Some(answer) => {
                write!(f, "{} s of its own and {} answers of {} ms", WORK.as_secs(), self.answers, answer.as_millis())?;
                if answer > SLOWEST {
                    write!(f, ", counted as {} ms", SLOWEST.as_millis())?;
                }
                write!(f, ", measured as the run began")?;
            }
        }
        match self.beside {
            Duration::ZERO => Ok(()),
            beside => write!(f, ", and {} s for what is slow by itself", beside.as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Patience, Pulse};
    use crate::checks;
    use crate::outcome::Evidence;
    use crate::target::{Pace, Target};
    use std::sync::Arc;

    fn live(patience: Patience, pace: Option<u32>) -> Live {
        let mut target = Target::unreachable("a target");
        target.rules.pace = pace.map(Pace::per_second);
        Live::new(target, patience, Arc::<Pulse>::default(), 41)
    }

    fn of(feature: u16, answer_ms: u64) -> Deadline {
        let check = checks::find(feature).unwrap();
        Deadline::of(&live(Patience::default(), None), check, Some(Duration::from_millis(answer_ms)))
    }

    #[test]
    fn a_slow_target_is_given_more_than_usual_and_a_fast_one_less() {
        for fast in [0, 1, 12, 100] {
            assert!((WORK..UNMEASURED).contains(&of(41, fast).limit()), "{fast} ms: {}", of(41, fast));
        }
        assert_eq!(of(41, 800).limit(), Duration::from_secs(90 + 128));
        assert_eq!(of(41, 9_000).limit(), Duration::from_secs(90 + 160));
        assert_eq!(of(41, 9_000).limit(), of(41, 1_000).limit());
    }

    #[test]
    fn nothing_measured_is_what_it_always_was() {
        let deadline = Deadline::of(&live(Patience::default(), None), checks::find(41).unwrap(), None);
        assert_eq!(deadline.limit(), UNMEASURED);
        assert_eq!(deadline.to_string(), "120 s: 120 s, for no answer was measured as the run began");
    }

    #[test]
    fn a_load_moves_the_deadline_on_as_it_is_sent() {
        let (live, check) = (live(Patience::default(), None), checks::find(42).unwrap());
        let answer = Some(Duration::from_millis(800));
        let before = Deadline::of(&live, check, answer).limit();
        live.expect_load(5_000, 8);
        assert_eq!(Deadline::of(&live, check, answer).limit() - before, Duration::from_secs(500));
    }

    #[test]
    fn a_wait_in_earnest_moves_the_deadline_on_however_many_there_are() {
        let patience = Patience { longest_wait: Duration::from_secs(301), ..Patience::default() };
        let (live, check) = (live(patience, None), checks::find(47).unwrap());
        let answer = Some(Duration::from_millis(8));
        let before = Deadline::of(&live, check, answer).limit();
        for _ in 0..13 {
            live.expect_wait(Duration::from_millis(60_200));
        }
        assert_eq!(Deadline::of(&live, check, answer).limit() - before, Duration::from_millis(13 * 60_200));
    }

    #[test]
    fn requests_that_keep_to_a_pace_come_no_faster() {
        let (live, check) = (live(Patience::default(), Some(5)), checks::find(42).unwrap());
        live.expect_load(1_000, 8);
        let deadline = Deadline::of(&live, check, Some(Duration::from_millis(1)));
        assert_eq!(deadline.limit(), WORK + Duration::from_millis(200) * (160 + 1_000));
    }

    #[test]
    fn what_is_slow_by_itself_comes_on_top() {
        let patience = Patience { longest_wait: Duration::from_secs(60), ..Patience::default() };
        let waiting = Deadline::of(&live(patience, None), checks::find(41).unwrap(), Some(Duration::ZERO));
        assert_eq!(waiting.limit(), WORK + Duration::from_secs(60));
        assert_eq!(of(31, 0).limit(), WORK + IN_CONTAINERS);
    }

    #[test]
    fn a_deadline_tells_how_it_came_about() {
        assert_eq!(of(41, 12).to_string(), "91 s: 90 s of its own and 160 answers of 12 ms, measured as the run began");
        let capped = "250 s: 90 s of its own and 160 answers of 9000 ms, counted as 1000 ms, measured as the run began";
        assert_eq!(of(41, 9_000).to_string(), capped);
        assert!(of(30, 0).to_string().ends_with(", and 60 s for what is slow by itself"), "{}", of(30, 0));
        let recorded = Deadline::recorded(Duration::from_micros(12_345));
        assert_eq!((recorded.answer_ms, recorded.check_s), (12.3, 92.0));
    }

    #[test]
    fn no_check_waits_for_more_answers_than_it_has_time_for() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/evidence");
        for check in checks::all() {
            let text = std::fs::read_to_string(root.join(format!("f{:03}.jsonl", check.feature))).unwrap();
            let seen = Evidence::from_lines(&text).unwrap().observations;
            let of_services = ["http", "clock", "metrics", "process"];
            let answers = seen.iter().filter(|one| of_services.contains(&one.probe.as_str())).count();
            assert!(answers as u32 * 3 / 2 <= ANSWERS, "f{:03} waits for {answers} answers", check.feature);
        }
    }
}
