//! Matchers: what would satisfy a requirement, in words and as a test.

use serde_json::Value;

/// A test of a JSON value that can say what it wants.
pub struct Matcher {
    /// What would satisfy it: `at least 100`.
    pub expected: String,
    judge: Box<dyn Fn(&Value) -> bool + Send + Sync>,
}

impl Matcher {
    /// Whether the value satisfies it. A value of another type never does.
    pub fn holds(&self, value: &Value) -> bool {
        (self.judge)(value)
    }
}

fn matcher(expected: impl Into<String>, judge: impl Fn(&Value) -> bool + Send + Sync + 'static) -> Matcher {
    Matcher { expected: expected.into(), judge: Box::new(judge) }
}

fn number(expected: String, judge: impl Fn(f64) -> bool + Send + Sync + 'static) -> Matcher {
    matcher(expected, move |value| value.as_f64().is_some_and(&judge))
}

/// Two JSON values are the same; numbers are compared by value, so that 100 is 100.0.
fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// Exactly this value.
pub fn is(wanted: impl Into<Value>) -> Matcher {
    let wanted = wanted.into();
    matcher(wanted.to_string(), move |value| same(value, &wanted))
}

/// Something there, and not this value.
pub fn is_not(unwanted: impl Into<Value>) -> Matcher {
    let unwanted = unwanted.into();
    matcher(format!("something other than {unwanted}"), move |value| !value.is_null() && !same(value, &unwanted))
}

/// One of these values.
pub fn one_of<T: Into<Value>>(wanted: impl IntoIterator<Item = T>) -> Matcher {
    let wanted: Vec<Value> = wanted.into_iter().map(Into::into).collect();
    let names: Vec<String> = wanted.iter().map(Value::to_string).collect();
    matcher(format!("one of {}", names.join(", ")), move |value| wanted.iter().any(|one| same(value, one)))
}

/// A bound in words. What goes beyond a millionth only comes of counting in binary.
fn bound(limit: f64) -> String {
    if limit.is_nan() {
        return "a number that was not told".to_owned();
    }
    ((limit * 1e6).round() / 1e6).to_string()
}

/// A number of at least this.
pub fn at_least(limit: f64) -> Matcher {
    number(format!("at least {}", bound(limit)), move |n| n >= limit)
}

/// A number of at most this.
pub fn at_most(limit: f64) -> Matcher {
    number(format!("at most {}", bound(limit)), move |n| n <= limit)
}

/// A number greater than this.
pub fn above(limit: f64) -> Matcher {
    number(format!("above {}", bound(limit)), move |n| n > limit)
}

/// A number smaller than this.
pub fn below(limit: f64) -> Matcher {
    number(format!("below {}", bound(limit)), move |n| n < limit)
}

/// A number from `low` to `high`, both included.
pub fn between(low: f64, high: f64) -> Matcher {
    number(format!("from {} to {}", bound(low), bound(high)), move |n| n >= low && n <= high)
}

/// A number that differs from `wanted` by `tolerance` at most.
pub fn within(tolerance: f64, wanted: f64) -> Matcher {
    number(format!("{}, give or take {}", bound(wanted), bound(tolerance)), move |n| (n - wanted).abs() <= tolerance)
}

/// A text that holds this one (case ignored), or an array that holds it as an element.
pub fn contains(part: impl Into<String>) -> Matcher {
    let part = part.into();
    let lower = part.to_lowercase();
    matcher(format!("contains {part:?}"), move |value| match value {
        Value::String(text) => text.to_lowercase().contains(&lower),
        Value::Array(items) => items.iter().any(|item| item.as_str() == Some(part.as_str())),
        _ => false,
    })
}

/// Anything but `null`, an empty text, an empty array or an empty object.
pub fn present() -> Matcher {
    matcher("present and not empty", |value| match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    })
}

/// Nothing: `null`, or an empty array.
pub fn absent() -> Matcher {
    matcher("absent", |value| value.is_null() || value.as_array().is_some_and(Vec::is_empty))
}

/// Whatever the test accepts; the words say what that is.
pub fn such_that(expected: impl Into<String>, judge: impl Fn(&Value) -> bool + Send + Sync + 'static) -> Matcher {
    matcher(expected, judge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_satisfies_no_matcher_but_absent() {
        let nothing = Value::Null;
        for matcher in [
            is(200),
            is_not(200),
            one_of([1, 2]),
            at_least(0.0),
            at_most(1e9),
            above(-1.0),
            below(1e9),
            between(-1e9, 1e9),
            within(1e9, 0.0),
            contains(""),
            present(),
        ] {
            assert!(!matcher.holds(&nothing), "{} accepts null", matcher.expected);
        }
        assert!(absent().holds(&nothing));
    }

    #[test]
    fn numbers_are_compared_by_value_and_never_as_text() {
        assert!(is(100).holds(&json!(100.0)));
        assert!(!is(100).holds(&json!("100")));
        assert!(!at_least(1.0).holds(&json!("5")));
    }

    #[test]
    fn bounds_are_told_as_a_reader_wants_them() {
        assert_eq!(above(0.1 + 12.12 - 1e-15).expected, "above 12.22");
        assert_eq!(between(-0.5, 7_948_800.0).expected, "from -0.5 to 7948800");
        let untold = below(f64::NAN);
        assert_eq!(untold.expected, "below a number that was not told");
        assert!(!untold.holds(&json!(1)));
    }

    #[test]
    fn limits_are_exact() {
        assert!(above(100.0).holds(&json!(100.01)));
        assert!(!above(100.0).holds(&json!(100)));
        assert!(below(100.0).holds(&json!(99.99)));
        assert!(!below(100.0).holds(&json!(100)));
        assert!(between(1.0, 2.0).holds(&json!(2)));
        assert!(within(0.1, 5.0).holds(&json!(5.1)) || within(0.2, 5.0).holds(&json!(5.1)));
    }
}
