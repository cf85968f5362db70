//! Reports on hostile targets: other parsers read them, and nothing in them acts.

use crate::subject::SECRETS;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Document, Node, ParsingOptions};
use std::path::{Path, PathBuf};
use std::process::Output;

/// Nothing of what the target sent acts in any report, or on a terminal.
pub fn are_harmless(what: &str, record: &Path, output: &Output) {
    let read =
        |name: &str| std::fs::read_to_string(record.join(name)).unwrap_or_else(|e| panic!("{what}: {name}: {e}"));
    page(what, &read("report.html"));
    let xml = read("junit.xml");
    let junit = Document::parse(&xml).unwrap_or_else(|error| panic!("{what}: junit.xml: {error}"));
    assert!(!junit.descendants().any(|node| node.has_tag_name("owned")), "{what}");
    markdown(what, &read("report.md"));
    for name in ["report.json", "ctrf.json"] {
        serde_json::from_str::<serde_json::Value>(&read(name)).unwrap_or_else(|e| panic!("{what}: {name}: {e}"));
    }
    Document::parse(&read("badge.svg")).unwrap_or_else(|error| panic!("{what}: badge.svg: {error}"));
    for told in [&output.stdout, &output.stderr] {
        let told = std::str::from_utf8(told).unwrap_or_else(|error| panic!("{what}: {error}"));
        harmless_lines(what, told);
    }
}

fn harmless_lines(what: &str, text: &str) {
    let acts = |letter: char| letter.is_control() && letter != '\n';
    assert!(!text.chars().any(acts), "{what}: a control character is told");
    for line in text.lines() {
        let commands = ["##[", "##vso["].iter().any(|mark| line.contains(mark));
        assert!(!line.trim_start().starts_with("::") && !commands, "{what}: {line}");
    }
}

/// The page is read as XML, which it is written to be, too.
fn page(what: &str, text: &str) {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options);
    let document = document.unwrap_or_else(|error| panic!("{what}: report.html: {error}"));
    let elements: Vec<Node<'_, '_>> = document.descendants().filter(Node::is_element).collect();
    let count = |name: &str| elements.iter().filter(|node| node.tag_name().name() == name).count();
    assert_eq!(count("script"), 1, "{what}");
    for foreign in ["img", "iframe", "object", "embed", "owned", "base"] {
        assert_eq!(count(foreign), 0, "{what}: {foreign}");
    }
    for attribute in elements.iter().flat_map(|node| node.attributes()) {
        let (name, value) = (attribute.name(), attribute.value());
        assert!(!name.starts_with("on") && !["src", "style"].contains(&name), "{what}: {name}={value}");
        assert!(name != "href" || value.starts_with('#') || value == "data:,", "{what}: {name}={value}");
    }
}

/// Outside of code, no letter begins an element, a link or a mention.
fn markdown(what: &str, text: &str) {
    harmless_lines(what, text);
    for line in text.lines() {
        let outside = without_code(line);
        assert!(!outside.contains('<'), "{what}: {line}");
        let link = outside.match_indices("](").any(|(at, _)| !outside[..at].ends_with('\\'));
        assert!(!link, "{what}: {line}");
    }
}

/// A line without its spans of code, which end with as many back quotes as they begin with.
fn without_code(line: &str) -> String {
    let (mut outside, mut rest) = (String::new(), line);
    while let Some(begin) = rest.find('`') {
        let (before, from) = rest.split_at(begin);
        outside.push_str(before);
        if before.ends_with('\\') {
            rest = &from[1..];
            continue;
        }
        let inside = from.trim_start_matches('`');
        let fence = &from[..from.len() - inside.len()];
        match inside.find(fence) {
            Some(end) => rest = &inside[end + fence.len()..],
            None => return outside + inside,
        }
    }
    outside + rest
}

/// No file of a record, and no line of the output, shows a credential in any form.
pub fn hold_no_secret(what: &str, record: &Path, output: &Output) {
    let mut texts = vec![("stdout".into(), output.stdout.clone()), ("stderr".into(), output.stderr.clone())];
    texts.extend(files(record).into_iter().map(|path| (path.clone(), std::fs::read(&path).unwrap())));
    for (_, secret) in SECRETS {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        for form in [secret.to_owned(), STANDARD.encode(secret), hex] {
            for (path, bytes) in &texts {
                let shown = bytes.windows(form.len()).any(|window| window == form.as_bytes());
                assert!(!shown, "{what}: {} shows a secret", path.display());
            }
        }
    }
}

/// No file of a record shows a token, nor one in base64 or in hexadecimal digits.
pub fn hold_no_token(what: &str, record: &Path) {
    // `{"alg"` in base64, and so the beginning of every token that a check makes.
    let token = "eyJhbGci";
    let base64 = STANDARD.encode(token);
    let digits = |before: &str| token.bytes().map(|byte| format!("{before}{byte:02X}")).collect::<String>();
    let escaped = ["", "%", "\\u00", "\\\\u00", "\\x", "\\\\x"].map(digits);
    let forms: Vec<String> = [token.to_owned(), base64[..10].to_owned()].into_iter().chain(escaped).collect();
    for path in files(record) {
        let bytes = std::fs::read(&path).unwrap();
        for form in &forms {
            let at = bytes.windows(form.len()).position(|window| window == form.as_bytes());
            let around = at.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(60)..at + 8]).into_owned());
            assert_eq!(around, None, "{what}: {} shows {form}", path.display());
        }
    }
}

/// Whoever prints a file of a record on a terminal sees letters, and nothing of them acts.
pub fn can_be_printed(what: &str, record: &Path) {
    for path in files(record).into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "jsonl")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let acts = |letter: char| letter != '\n' && (letter.is_control() || harness::outcome::acts(letter));
        assert_eq!(text.find(acts), None, "{what}: {}", path.display());
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn code_is_told_from_what_is_not() {
    assert_eq!(without_code("a `<b>` c `` `<d>` `` e"), "a  c  e");
    assert_eq!(without_code(r"a \`<b>"), r"a \<b>");
}
