//! The first days of January, April, July and October.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, Utc};

/// The beginning of the next quarter, strictly after `now`.
pub fn next(now: DateTime<Utc>) -> DateTime<Utc> {
    let first_month = (now.month0() / 3) * 3 + 1;
    // The first of a month exists in every year that a clock can show.
    let begun = NaiveDate::from_ymd_opt(now.year(), first_month, 1).unwrap_or(now.date_naive());
    (begun + Months::new(3)).and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_quarter_begins_after_now() {
        for (now, wanted) in [
            ("2025-01-01T00:00:00Z", "2025-04-01T00:00:00Z"),
            ("2025-03-31T23:59:59Z", "2025-04-01T00:00:00Z"),
            ("2025-11-24T09:00:00Z", "2026-01-01T00:00:00Z"),
            ("2024-02-29T12:00:00Z", "2024-04-01T00:00:00Z"),
        ] {
            assert_eq!(next(now.parse().unwrap()), wanted.parse::<DateTime<Utc>>().unwrap(), "{now}");
        }
    }
}
