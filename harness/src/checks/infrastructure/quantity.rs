//! Quantities as Kubernetes writes them: `250m`, `512Mi`, `2`.

/// The endings and what they multiply by; longer ones first.
const ENDINGS: [(&str, f64); 13] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
];

/// The number that a quantity stands for: cores, or bytes. Nothing where it is no quantity.
pub fn number(quantity: &serde_json::Value) -> Option<f64> {
    let Some(text) = quantity.as_str() else {
        return quantity.as_f64();
    };
    let ending = ENDINGS.iter().find(|(ending, _)| text.ends_with(ending));
    let (digits, factor) = ending.map_or((text, 1.0), |(ending, factor)| (&text[..text.len() - ending.len()], *factor));
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    plain.then(|| digits.parse::<f64>().ok()).flatten().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn quantities_are_read_with_their_endings() {
        for (quantity, wanted) in
            [(json!("250m"), 0.25), (json!("512Mi"), 536_870_912.0), (json!(2), 2.0), (json!("1e3"), 1000.0)]
        {
            assert_eq!(number(&quantity), Some(wanted), "{quantity}");
        }
        for nonsense in [json!("much"), json!(""), json!("12 Mi"), json!("Mi"), json!(null), json!("infinity")] {
            assert_eq!(number(&nonsense), None, "{nonsense}");
        }
    }
}
