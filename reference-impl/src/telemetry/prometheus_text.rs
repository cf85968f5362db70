//! Metrics in the text format of Prometheus, version 0.0.4.

use std::fmt::Write;
use std::sync::Arc;

use super::metrics::{BUCKETS, Family, Kind, Series};

/// The content type of the format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The text of all families. One without samples still says what it is.
pub(super) fn render(families: &[Arc<Family>]) -> String {
    let mut text = String::new();
    for family in families {
        let series = family.snapshot();
        head(&mut text, &family.name, &family.help, family.kind.word());
        for (values, numbers) in &series {
            let labels = pairs(family.labels, values);
            match family.kind {
                Kind::Counter | Kind::Gauge => {
                    sample(&mut text, &family.name, &labels, numbers.value);
                }
                Kind::Histogram => histogram(&mut text, &family.name, &labels, numbers),
            }
        }
        if family.kind != Kind::Gauge {
            let name = created_name(&family.name);
            head(&mut text, &name, &family.help, Kind::Gauge.word());
            for (values, numbers) in &series {
                let labels = pairs(family.labels, values);
                sample(&mut text, &name, &labels, numbers.created);
            }
        }
    }
    text
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

fn created_name(name: &str) -> String {
    format!("{}_created", name.strip_suffix("_total").unwrap_or(name))
}

fn head(text: &mut String, name: &str, help: &str, kind: &str) {
    let help = help.replace('\\', r"\\").replace('\n', r"\n");
    line(text, format_args!("# HELP {name} {help}"));
    line(text, format_args!("# TYPE {name} {kind}"));
}

/// Buckets are cumulative in the text, and single in memory.
fn histogram(text: &mut String, name: &str, labels: &[String], numbers: &Series) {
    let bucket = format!("{name}_bucket");
    let mut below = 0;
    for (bound, count) in BUCKETS.iter().zip(numbers.buckets) {
        below += count;
        let mut labels = labels.to_vec();
        labels.push(format!("le=\"{bound}\""));
        sample(text, &bucket, &labels, below);
    }
    let mut all = labels.to_vec();
    all.push("le=\"+Inf\"".to_owned());
    sample(text, &bucket, &all, numbers.count);
    sample(text, &format!("{name}_count"), labels, numbers.count);
    sample(text, &format!("{name}_sum"), labels, numbers.value);
}

fn sample(text: &mut String, name: &str, labels: &[String], value: impl std::fmt::Display) {
    if labels.is_empty() {
        line(text, format_args!("{name} {value}"));
    } else {
        let labels = labels.join(",");
        line(text, format_args!("{name}{{{labels}}} {value}"));
    }
}

fn pairs(names: &[&str], values: &[String]) -> Vec<String> {
    names.iter().zip(values).map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect()
}

fn escape(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{content}").expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::metrics::Metrics;

    #[test]
    fn counter_without_samples_still_says_what_it_is() {
        let metrics = Metrics::default();
        metrics.counter("a_total", "Things.", &["kind"]);
        metrics.counter("b_total", "Others.", &[]);
        let text = metrics.render();
        assert!(text.contains("# HELP a_total Things.\n# TYPE a_total counter\n"));
        assert!(!text.contains("a_total{"));
        assert!(text.contains("\nb_total 0\n"));
    }

    #[test]
    fn buckets_are_cumulative() {
        let metrics = Metrics::default();
        let histogram = metrics.histogram("h", "Durations.", &["path"]);
        histogram.observe(&["/"], Duration::from_millis(7));
        histogram.observe(&["/"], Duration::from_secs(3));
        histogram.observe(&["/"], Duration::from_secs(11));
        let text = metrics.render();
        for expected in [
            "h_bucket{path=\"/\",le=\"0.005\"} 0\n",
            "h_bucket{path=\"/\",le=\"0.01\"} 1\n",
            "h_bucket{path=\"/\",le=\"1\"} 1\n",
            "h_bucket{path=\"/\",le=\"10\"} 2\n",
            "h_bucket{path=\"/\",le=\"+Inf\"} 3\n",
            "h_count{path=\"/\"} 3\n",
            "# TYPE h_created gauge\n",
        ] {
            assert!(text.contains(expected), "{expected} is missing in {text}");
        }
    }

    #[test]
    fn label_values_are_escaped_and_label_sets_are_bounded() {
        let metrics = Metrics::default();
        let counter = metrics.counter("c_total", "Calls.", &["path"]);
        counter.increment(&["/\"\\\n"]);
        assert!(metrics.render().contains("c_total{path=\"/\\\"\\\\\\n\"} 1\n"));
        for number in 0..6000 {
            counter.increment(&[&number.to_string()]);
        }
        let text = metrics.render();
        assert!(text.contains("c_total{path=\"other\"} 1001\n"));
    }
}
