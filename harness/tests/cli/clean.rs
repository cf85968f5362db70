//! `conform clean`.

use crate::project::{Project, Ran};
use harness::ledger::{LEDGER_FILE, Ledger, Thing};
use harness::outcome::Verdict::Fail;
use std::fs;
use std::path::PathBuf;

/// A project with the record of a run on a system that does not answer any more, and its target file.
fn project() -> (Project, PathBuf) {
    let project = Project::new();
    let record = project.record("theirs", "theirs", &[(7, Fail)], false);
    // Nothing listens at the port of tcpmux.
    let gateway = "[gateway]\nurl = \"http://127.0.0.1:1\"\n";
    for name in ["theirs", "another"] {
        let text = format!("name = \"{name}\"\n{gateway}");
        fs::write(project.path().join(format!("{name}.toml")), text).unwrap();
    }
    (project, record)
}

fn clean(project: &Project, target: &str) -> Ran {
    project.conform(&["clean", "reports/runs/theirs", "--target", target])
}

#[test]
fn a_run_that_made_nothing_leaves_nothing() {
    let (project, _) = project();
    let ran = clean(&project, "theirs.toml");
    assert_eq!((ran.code, ran.out.as_str()), (0, "nothing is left of this run\n"), "{ran:?}");
}

#[test]
fn what_cannot_be_removed_stays_in_the_ledger_with_the_reason() {
    let (project, record) = project();
    let ledger = Ledger::of(&record).unwrap();
    ledger.note(Thing::diagram("1", "2").unwrap(), None, Some("a token")).unwrap();
    ledger.note(Thing::account("conform-f007-1a2b3c4d@example.com").unwrap(), None, None).unwrap();
    let ran = clean(&project, "theirs.toml");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.out.starts_with("0 of 2 things that checks made on the target are removed\n"), "{}", ran.out);
    assert!(ran.out.contains("left: diagram 1: its owner cannot be signed in\n"), "{}", ran.out);
    assert!(ran.out.contains("left: account conform-f007-1a2b3c4d@example.com: no route removes"), "{}", ran.out);
    assert_eq!(Ledger::of(&record).unwrap().owed().len(), 2);
}

#[test]
fn bad_input_ends_with_2_and_touches_nothing() {
    let (project, record) = project();
    let another = clean(&project, "another.toml");
    assert!(another.code == 2 && another.err.contains("name the target file of that run"), "{another:?}");

    let outcomes = fs::File::options().append(true).open(record.join("outcomes.jsonl")).unwrap();
    outcomes.try_lock().unwrap();
    let running = clean(&project, "theirs.toml");
    assert!(running.code == 2 && running.err.contains("is being written by another run"), "{running:?}");
    drop(outcomes);

    let foreign = "{\"kind\":\"owed\",\"thing\":\"bucket\",\"name\":\"backups\"}\n";
    fs::write(record.join(LEDGER_FILE), foreign).unwrap();
    let refused = clean(&project, "theirs.toml");
    assert!(refused.code == 2 && refused.err.contains("ledger.jsonl:1: expected a line of a ledger"), "{refused:?}");
    assert_eq!(fs::read_to_string(record.join(LEDGER_FILE)).unwrap(), foreign);
}
