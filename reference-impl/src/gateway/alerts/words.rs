//! What people are told of an alert, whichever way it reaches them.

use chrono::DateTime;

use super::Alert;
use super::book::News;

/// `CRITICAL ALERT: …`, `[ESCALATION 1] CRITICAL ALERT: …` or `RESOLVED: …`.
pub fn subject(alert: &Alert, news: News) -> String {
    let name = &alert.service_name;
    let id = &alert.service_id;
    match news {
        News::Fired => format!("CRITICAL ALERT: {name} ({id}) is down"),
        News::Escalated(count) => format!("[ESCALATION {count}] CRITICAL ALERT: {name} ({id}) is down"),
        News::Resolved => format!("RESOLVED: {name} ({id}) is up again"),
    }
}

/// One sentence that says all.
pub fn message(alert: &Alert, now: f64) -> String {
    let (name, since) = (&alert.service_name, time(alert.failing_since));
    let lasted = duration(alert.down_seconds(now));
    match alert.resolved {
        None => format!("{name} has been down for {lasted}, since {since} UTC"),
        Some(at) => format!("{name} was down for {lasted}, from {since} to {} UTC", time(at)),
    }
}

/// A moment, as bodies and mails tell it.
pub fn time(seconds: f64) -> String {
    let moment = DateTime::from_timestamp_micros((seconds * 1e6) as i64).unwrap_or_default();
    moment.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

/// `5 min 20 s`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_two_units() {
        assert_eq!(duration(9.9), "9 s");
        assert_eq!(duration(320.0), "5 min 20 s");
        assert_eq!(duration(7260.0), "2 h 1 min");
    }
}
