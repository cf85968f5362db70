//! Times as the command line writes them.

use std::time::Duration;

/// Thirty days in seconds: nobody waits for longer, and clocks can count further than that.
const LONGEST_TIME: f64 = 720.0 * 3600.0;

/// `90`, `90s`, `2m`, `1h`, `500ms`, also with a fraction and several in a row: `1m30s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time; write it as 90s, 2m, 1m30s or 1h");
    let mut rest = text.trim();
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits =
            rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.').len();
        let (number, after) = rest.split_at(digits);
        let letters = after.len() - after.trim_start_matches(|letter: char| letter.is_ascii_alphabetic()).len();
        let (unit, after) = after.split_at(letters);
        let unit = match unit {
            "ms" => 0.001,
            "s" | "" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        seconds += number.parse::<f64>().map_err(|_| wrong())? * unit;
        rest = after;
    }
    if text.trim().is_empty() {
        return Err(wrong());
    }
    if seconds > LONGEST_TIME {
        return Err(format!("`{text}` is too long; write at most 720h"));
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::mutation::mutant_texts;

    #[test]
    fn times_are_written_with_their_units() {
        let told = ["90s", "2m", "1m30s", "1h", "500ms", "0.5m", "90"].map(|text| duration(text).unwrap().as_millis());
        assert_eq!(told, [90_000, 120_000, 90_000, 3_600_000, 500, 30_000, 90_000]);
        for text in ["", "s", "2 m", "-1s", "1d", "1.2.3s", "x"] {
            assert!(duration(text).unwrap_err().contains("is no time"), "{text}");
        }
    }

    #[test]
    fn whatever_is_written_is_a_time_that_can_be_waited_for_or_none() {
        assert!(duration("99999999999h").unwrap_err().contains("too long"));
        for text in mutant_texts(&["1m30s", "500ms", "0.5m", "90", "720h"], 3000) {
            if let Ok(time) = duration(&text) {
                // Sums and products of times must not run over.
                let now = std::time::Instant::now();
                assert!(now + time * 100 >= now, "{text}");
            }
        }
    }
}
