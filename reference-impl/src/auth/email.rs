//! Addresses, as far as their form tells.

use crate::error::ApiError;

/// An address of the right form. Whether mail arrives there is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// The address in `text`, or a 422 about the field.
    pub fn parse(text: &str) -> Result<Email, ApiError> {
        let text = text.trim();
        let well_formed =
            text.rsplit_once('@').is_some_and(|(local, domain)| is_local_part(local) && is_domain(domain));
        if text.len() <= 254 && well_formed {
            Ok(Email(text.to_owned()))
        } else {
            Err(ApiError::invalid("email_invalid", &["body", "email"], "an address like name@example.com is expected"))
        }
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_local_part(text: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
    (1..=64).contains(&text.len())
        && text.chars().all(fits)
        && !text.starts_with('.')
        && !text.ends_with('.')
        && !text.contains("..")
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.contains('.') && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_is_checked() {
        for good in ["a@b.co", " first.last+tag@sub.example.com ", "jörg@bücher.example"] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in
            ["", "a", "a@b", "@b.co", "a@", "a b@c.de", "a@b..co", ".a@b.co", "a@-b.co", "a@b@c.de", "a\0@b.co", &long]
        {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }
}
