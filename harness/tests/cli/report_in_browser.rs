//! The page of `conform report` in a real browser: it works, complains of nothing and asks nothing of anyone.

use crate::chromium::{self, Chromium};
use crate::project::Project;
use harness::outcome::{Observation, Verdict};
use harness::record::{Record, evidence_path};
use serde_json::json;
use std::path::{Path, PathBuf};

const VERDICTS: [(u16, Verdict); 6] = [
    (1, Verdict::Pass),
    (7, Verdict::Fail),
    (8, Verdict::Fail),
    (9, Verdict::Error),
    (50, Verdict::Skip),
    (51, Verdict::Unchecked),
];

/// Features that are shown, by number.
const SHOWN: &str = "Array.from(document.querySelectorAll('.list li[data-verdict]:not([hidden]) .row .no, \
                     .list li.row[data-verdict]:not([hidden]) .no')).map((one) => Number(one.textContent))";

fn page(project: &Project, words: &[&str]) -> PathBuf {
    let path = project.path().join("page.html");
    let words: Vec<&str> = words.iter().copied().chain(["--format", "html", "--output", "page.html"]).collect();
    let ran = project.conform(&words);
    assert_eq!(ran.code, 0, "{ran:?}");
    path
}

/// The page asked for itself alone, and nothing went wrong in it.
fn is_quiet(browser: &Chromium, page: &Path) {
    let own = format!("file://{}", page.canonicalize().unwrap().display());
    let others: Vec<&String> = browser.asked.iter().filter(|url| **url != own && !url.starts_with("data:")).collect();
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[test]
fn the_report_can_be_filtered_and_searched_and_asks_nothing_of_anyone() {
    let Some(program) = chromium::found() else { return };
    let project = Project::with_record(&VERDICTS);
    let page = page(&project, &["report", "reports/latest"]);
    let mut browser = Chromium::open(&program, &page);
    assert_eq!(browser.evaluate(SHOWN), json!([1, 7, 8, 9, 50, 51]));

    browser.evaluate("document.querySelector('[data-filter=fail]').click()");
    assert_eq!(browser.evaluate(SHOWN), json!([7, 8]));
    assert_eq!(browser.evaluate("document.querySelector('[data-filter=fail]').getAttribute('aria-pressed')"), "true");
    browser.evaluate("document.getElementById('reset').click()");

    let search = "(words) => { const field = document.getElementById('search'); field.value = words; \
                  field.dispatchEvent(new Event('input')); }";
    browser.evaluate(&format!("({search})('demand 50')"));
    assert_eq!(browser.evaluate(SHOWN), json!([50]));
    browser.evaluate(&format!("({search})('no such words')"));
    assert_eq!(browser.evaluate("document.getElementById('nothing').hidden"), json!(false));

    // A link to what a filter hides shows it, opens it and takes the keyboard there.
    browser.evaluate("location.hash = '#f007'; new Promise((done) => setTimeout(done, 200))");
    assert_eq!(browser.evaluate("document.getElementById('f007').open"), json!(true));
    assert_eq!(browser.evaluate("document.activeElement.closest('details').id"), "f007");
    assert_eq!(browser.evaluate("document.querySelectorAll('.cause.fail').length"), json!(1), "one cause, not two");
    // On paper what failed stands open, and afterwards it is as it was.
    let open = "Array.from(document.querySelectorAll('.list > ul > li > details[open]')).map((one) => one.id)";
    browser.evaluate("window.dispatchEvent(new Event('beforeprint'))");
    assert_eq!(browser.evaluate(open), json!(["f007", "f008"]));
    browser.evaluate("window.dispatchEvent(new Event('afterprint'))");
    assert_eq!(browser.evaluate(open), json!(["f007"]), "it was open before");
    is_quiet(&browser, &page);
}

#[test]
fn a_page_without_its_script_still_says_everything() {
    let project = Project::with_record(&VERDICTS);
    let page = std::fs::read_to_string(page(&project, &["report", "reports/latest"])).unwrap();
    let (body, _script) = page.split_once("<script>").unwrap();
    for words in ["Demand 7", "It is seen", "needs access to Redis", "status 500 where 200 was expected"] {
        assert!(body.contains(words), "{words}");
    }
}

#[test]
fn records_side_by_side_can_be_narrowed_to_where_they_differ() {
    let Some(program) = chromium::found() else { return };
    let project = Project::new();
    let other: Vec<(u16, Verdict)> = VERDICTS.map(|(feature, _)| (feature, Verdict::Pass)).into();
    project.record("ours", "reference", &VERDICTS, true);
    project.record("theirs", "other", &other, true);
    let page = page(&project, &["report", "reports/runs/ours", "reports/runs/theirs"]);
    let mut browser = Chromium::open(&program, &page);
    let rows = "document.querySelectorAll('tr[data-differs]:not([hidden])').length";
    assert_eq!(browser.evaluate(rows), json!(6));
    browser.evaluate("document.getElementById('differing').click()");
    assert_eq!(browser.evaluate(rows), json!(5));
    is_quiet(&browser, &page);
}

#[test]
fn details_of_a_large_page_are_unpacked_when_a_link_leads_to_them() {
    let Some(program) = chromium::found() else { return };
    let project = Project::with_record(&VERDICTS);
    let record = project.path().join("reports/latest");
    let mut evidence = Record::read(&record).unwrap().evidence(7).unwrap().unwrap();
    let one = evidence.observations[0].clone();
    let seen = json!({"status": 200, "body": "long ".repeat(800)});
    evidence.observations = (1..=1700).map(|seq| Observation { seq, seen: seen.clone(), ..one.clone() }).collect();
    std::fs::write(evidence_path(&record, 7), evidence.to_lines()).unwrap();

    let page = page(&project, &["report", "reports/latest"]);
    let mut browser = Chromium::open(&program, &page);
    assert_eq!(browser.evaluate("document.querySelectorAll('[data-packed]').length"), json!(5));
    assert_eq!(browser.evaluate("document.getElementById('f007-1700')"), json!(null));
    let search = "const field = document.getElementById('search'); field.value = 'status'; \
                  field.dispatchEvent(new Event('input'))";
    browser.evaluate(search);
    assert_eq!(browser.evaluate(SHOWN), json!([1, 7, 8, 9, 50]), "packed words are found");
    browser.evaluate("location.hash = '#f007-1700'; new Promise((done) => setTimeout(done, 3000))");
    assert_eq!(browser.evaluate("document.getElementById('f007-1700').open"), json!(true));
    is_quiet(&browser, &page);
}
