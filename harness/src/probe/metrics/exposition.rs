//! Reads the Prometheus text exposition format, version 0.0.4, and names every offence against it.
//!
//! Rules: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One line with a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Name of the sample; of a histogram `family_bucket`, `family_sum` or `family_count`.
    pub name: String,
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
    /// The value; may be infinite or not a number.
    pub value: f64,
}

/// All samples of one metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Family {
    /// `counter`, `gauge`, `histogram`, `summary` or `untyped`.
    pub kind: String,
    /// The HELP text, if any.
    pub help: Option<String>,
    /// The samples in order.
    pub samples: Vec<Sample>,
}

/// What a scrape said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scrape {
    /// Metrics by name.
    pub families: BTreeMap<String, Family>,
    /// Offences against the format, with line numbers.
    pub faults: Vec<String>,
    /// Whether there are more lines than are read.
    pub more: bool,
}

const KINDS: [&str; 5] = ["counter", "gauge", "histogram", "summary", "untyped"];

/// More lines are not read, whatever they say.
pub(super) const MOST_LINES: usize = 20_000;
/// More faults are only counted.
const MOST_FAULTS: usize = 100;

/// Reads a scrape; never fails, but notes faults.
pub fn read(text: &str) -> Scrape {
    let mut scrape = Scrape::default();
    for (at, line) in text.lines().enumerate() {
        if at == MOST_LINES {
            scrape.more = true;
            break;
        }
        if let Err(fault) = read_line(&mut scrape, line.trim_end_matches('\r')) {
            scrape.faults.push(format!("line {}: {fault}", at + 1));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        scrape.faults.push("the last line does not end with a line feed".to_owned());
    }
    let faults: Vec<String> = scrape.families.iter().flat_map(|(name, family)| family_faults(name, family)).collect();
    scrape.faults.extend(faults);
    shorten(&mut scrape.faults);
    scrape
}

/// A few faults tell as much as all of them.
fn shorten(faults: &mut Vec<String>) {
    let more = faults.len().saturating_sub(MOST_FAULTS);
    faults.truncate(MOST_FAULTS);
    if more > 0 {
        faults.push(format!("and {more} more faults"));
    }
}

fn read_line(scrape: &mut Scrape, line: &str) -> Result<(), String> {
    if line.trim().is_empty() {
        return Ok(());
    }
    if let Some(comment) = line.strip_prefix('#') {
        let mut words = comment.trim_start().splitn(3, [' ', '\t']);
        match (words.next(), words.next(), words.next()) {
            (Some("TYPE"), Some(name), Some(kind)) => {
                let kind = kind.trim();
                if !KINDS.contains(&kind) {
                    return Err(format!("unknown type {kind:?} of {name}"));
                }
                let family = scrape.families.entry(name.to_owned()).or_default();
                if !family.kind.is_empty() {
                    return Err(format!("a second TYPE line for {name}"));
                }
                if !family.samples.is_empty() {
                    return Err(format!("the TYPE line of {name} comes after its samples"));
                }
                family.kind = kind.to_owned();
            }
            (Some("TYPE"), ..) => return Err("a TYPE line without name and type".to_owned()),
            (Some("HELP"), Some(name), help) => {
                let family = scrape.families.entry(name.to_owned()).or_default();
                if family.help.is_some() {
                    return Err(format!("a second HELP line for {name}"));
                }
                family.help = Some(help.unwrap_or_default().to_owned());
            }
            _ => {}
        }
        return Ok(());
    }
    let sample = read_sample(line)?;
    let family = family_of(&scrape.families, &sample.name);
    scrape.families.entry(family).or_default().samples.push(sample);
    Ok(())
}

/// The metric a sample belongs to: a histogram's or summary's parts belong to the name without their suffix.
fn family_of(families: &BTreeMap<String, Family>, sample: &str) -> String {
    for suffix in ["_bucket", "_sum", "_count"] {
        if let Some(base) = sample.strip_suffix(suffix)
            && families
                .get(base)
                .is_some_and(|family| family.kind == "histogram" || family.kind == "summary" && suffix != "_bucket")
        {
            return base.to_owned();
        }
    }
    sample.to_owned()
}

fn read_sample(line: &str) -> Result<Sample, String> {
    let end = line.find(|c: char| !is_name(c)).unwrap_or(line.len());
    let (name, mut rest) = line.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!("no metric name begins {line:?}"));
    }
    let mut labels = BTreeMap::new();
    rest = rest.trim_start();
    if let Some(inner) = rest.strip_prefix('{') {
        (labels, rest) = read_labels(inner)?;
    }
    let mut words = rest.split_whitespace();
    let value = words.next().ok_or_else(|| format!("{name} has no value"))?;
    let value = read_value(value).ok_or_else(|| format!("{name}: {value:?} is not a number"))?;
    if let Some(stamp) = words.next()
        && stamp.parse::<i64>().is_err()
    {
        return Err(format!("{name}: {stamp:?} is not a timestamp in milliseconds"));
    }
    match words.next() {
        Some(extra) => Err(format!("{name}: {extra:?} follows the timestamp")),
        None => Ok(Sample { name: name.to_owned(), labels, value }),
    }
}

/// Labels up to the closing brace, and what follows it.
fn read_labels(mut text: &str) -> Result<(BTreeMap<String, String>, &str), String> {
    let mut labels = BTreeMap::new();
    loop {
        text = text.trim_start();
        if let Some(rest) = text.strip_prefix('}') {
            return Ok((labels, rest));
        }
        let end = text.find(|c: char| !is_name(c) || c == ':').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let value = rest.trim_start().strip_prefix('=').map(str::trim_start);
        let inner = value.and_then(|value| value.strip_prefix('"'));
        let inner = inner.ok_or_else(|| format!("label {name:?} has no value in quotes"))?;
        let (value, rest) = read_quoted(inner)?;
        if labels.insert(name.to_owned(), value).is_some() {
            return Err(format!("label {name:?} stands twice"));
        }
        text = rest.trim_start();
        match text.strip_prefix(',') {
            Some(rest) => text = rest,
            None if text.starts_with('}') => {}
            None => return Err(format!("neither comma nor brace after label {name:?}")),
        }
    }
}

/// A label value up to its closing quote, unescaped, and what follows.
fn read_quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, c @ ('"' | '\\'))) => value.push(c),
                _ => return Err("a label value has an unknown escape".to_owned()),
            },
            c => value.push(c),
        }
    }
    Err("a label value has no closing quote".to_owned())
}

fn read_value(word: &str) -> Option<f64> {
    match word {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        _ => word.parse().ok(),
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// What is wrong with one metric as a whole.
fn family_faults(name: &str, family: &Family) -> Vec<String> {
    let mut faults = Vec::new();
    let mut known = BTreeSet::new();
    for sample in &family.samples {
        if !known.insert((&sample.name, &sample.labels)) {
            faults.push(format!("{} stands twice with the same labels", sample.name));
        }
        if family.kind == "counter" && (sample.value.is_nan() || sample.value < 0.0) {
            faults.push(format!("counter {} is below zero", sample.name));
        }
    }
    if family.kind == "histogram" {
        faults.extend(histogram_faults(name, family));
    }
    faults
}

/// Buckets are cumulative, one is `+Inf`, and it agrees with `_count`.
fn histogram_faults(name: &str, family: &Family) -> Vec<String> {
    type Labels = BTreeMap<String, String>;
    let mut buckets: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    let mut counts: BTreeMap<Labels, f64> = BTreeMap::new();
    let mut faults = Vec::new();
    for sample in &family.samples {
        let mut labels = sample.labels.clone();
        if sample.name == format!("{name}_count") {
            counts.insert(labels, sample.value);
        } else if sample.name == format!("{name}_bucket") {
            match labels.remove("le").as_deref().and_then(read_value) {
                Some(le) => buckets.entry(labels).or_default().push((le, sample.value)),
                None => faults.push(format!("a bucket of {name} has no `le`")),
            }
        }
    }
    for (labels, series) in &buckets {
        if series.windows(2).any(|pair| pair[0].0 >= pair[1].0 || pair[0].1 > pair[1].1) {
            faults.push(format!("buckets of {name} are not cumulative"));
        }
        match series.last() {
            Some((le, total)) if le.is_infinite() => {
                if counts.get(labels) != Some(total) {
                    faults.push(format!("{name}_count is not its +Inf bucket"));
                }
            }
            _ => faults.push(format!("{name} has no +Inf bucket at its end")),
        }
    }
    faults
}

impl Scrape {
    /// The metrics as JSON: by name, `type` and `samples`, these by their own names; values that JSON cannot hold are texts.
    pub fn to_json(&self) -> Value {
        let family = |family: &Family| {
            let mut samples: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
            for sample in &family.samples {
                let value =
                    if sample.value.is_finite() { json!(sample.value) } else { json!(sample.value.to_string()) };
                let one = json!({"labels": sample.labels, "value": value});
                samples.entry(&sample.name).or_default().push(one);
            }
            json!({"type": family.kind, "samples": samples})
        };
        let all: Map<String, Value> = self.families.iter().map(|(name, one)| (name.clone(), family(one))).collect();
        Value::Object(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::mutation::mutant_texts;

    const SOUND: &str = "# HELP a_total Requests\n# TYPE a_total counter\na_total{path=\"/x\\\"y\",code=\"200\"} 3 1700000000000\n\
        # TYPE d_seconds histogram\nd_seconds_bucket{le=\"0.1\"} 1\nd_seconds_bucket{le=\"+Inf\"} 2\nd_seconds_sum 0.5\nd_seconds_count 2\n";

    #[test]
    fn a_sound_scrape_has_no_faults() {
        let scrape = read(SOUND);
        assert_eq!(scrape.faults, Vec::<String>::new());
        assert_eq!(scrape.families["a_total"].samples[0].labels["path"], "/x\"y");
        assert_eq!(scrape.families["d_seconds"].samples.len(), 4);
    }

    #[test]
    fn every_offence_is_named() {
        for (text, part) in [
            ("a 1", "line feed"),
            ("a\n", "no value"),
            ("a one\n", "not a number"),
            ("1a 1\n", "metric name"),
            ("<html>\n", "metric name"),
            ("a{b=1} 1\n", "quotes"),
            ("a{b=\"1} 1\n", "closing quote"),
            ("a{b=\"1\",b=\"2\"} 1\n", "twice"),
            ("a 1 x\n", "timestamp"),
            ("# TYPE a wrong\n", "unknown type"),
            ("# TYPE a counter\n# TYPE a counter\n", "second TYPE"),
            ("# TYPE a counter\na 1\na 2\n", "stands twice"),
            ("# TYPE a counter\na -1\n", "below zero"),
            ("# TYPE d histogram\nd_bucket{le=\"1\"} 3\nd_bucket{le=\"+Inf\"} 2\nd_count 2\n", "cumulative"),
            ("# TYPE d histogram\nd_bucket{le=\"1\"} 3\nd_count 3\n", "+Inf"),
            ("# TYPE d histogram\nd_bucket{le=\"+Inf\"} 3\nd_count 2\n", "_count"),
        ] {
            let faults = read(text).faults;
            assert!(faults.iter().any(|fault| fault.contains(part)), "{text:?}: {faults:?}");
        }
    }

    #[test]
    fn whatever_comes_is_a_scrape_with_faults() {
        let text = "# HELP d how long\n# TYPE d histogram\nd_bucket{path=\"/a\",le=\"1\"} 1\nd_bucket{path=\"/a\",le=\"+Inf\"} 2\n\
            d_sum{path=\"/a\"} 3.5\nd_count{path=\"/a\"} 2\n# TYPE c counter\nc{a=\"\\\"\\n\"} 1 1700000000000\n";
        let mut sound = 0;
        for mutant in mutant_texts(&[text], 3000) {
            let scrape = read(&mutant);
            scrape.to_json();
            sound += usize::from(scrape.faults.is_empty());
            let numbered = |fault: &String| !fault.starts_with("line ") || fault[5..].contains(':');
            assert!(scrape.faults.iter().all(numbered), "{:?}", scrape.faults);
        }
        assert!(sound > 0);
        let endless = "a 1\n".repeat(3 * MOST_LINES) + &"!\n".repeat(10);
        let scrape = read(&endless);
        assert!(scrape.faults.len() <= MOST_FAULTS + 1);
        assert!(scrape.more);
    }
}
