//! `conform mark`.

use crate::project::Project;
use harness::outcome::Verdict;

/// Of the features in the record, 3 is said to pass and 4 is not.
const VERDICTS: [(u16, Verdict); 2] = [(3, Verdict::Fail), (4, Verdict::Pass)];

#[test]
fn what_the_reference_did_is_written_and_nothing_else_changes() {
    let project = Project::with_record(&VERDICTS);
    let before = project.catalogue_text();
    let ran = project.conform(&["mark", "reports/latest"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("2 of 2 features in the record changed: 1 pass now, 1 no longer"), "{ran:?}");

    let after = project.catalogue_text();
    let changed: Vec<(&str, &str)> = before.lines().zip(after.lines()).filter(|(one, other)| one != other).collect();
    assert_eq!(changed.len(), 2);
    for (one, other) in changed {
        assert_eq!(one.replace("true", "false"), other.replace("true", "false"));
    }
    assert_eq!(before.lines().count(), after.lines().count());

    let again = project.conform(&["mark", "reports/latest"]);
    assert!(again.out.starts_with("0 of 2"), "marking does not make it another catalogue: {again:?}");
    assert_eq!(project.conform(&["gate", "4"]).code, 0, "nor for the gate");
}

#[test]
fn a_record_that_does_not_say_what_the_reference_can_is_refused() {
    let project = Project::with_record(&VERDICTS);
    project.record("broken", "reference", &VERDICTS, false);
    project.record("other", "mine", &VERDICTS, true);
    let before = project.catalogue_text();
    for (record, why) in [("broken", "broken off"), ("other", "not of the reference")] {
        let ran = project.conform(&["mark", &format!("reports/runs/{record}")]);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains(why), "{ran:?}");
    }
    assert_eq!(project.catalogue_text(), before);

    let harder = before.replace("Demand 5\"", "Demand 5, but harder\"");
    std::fs::write(project.catalogue_path(), &harder).unwrap();
    let ran = project.conform(&["mark", "reports/latest"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("another catalogue"), "{ran:?}");
    assert_eq!(project.catalogue_text(), harder);
}
