//! `conform explain`.

use crate::project::Project;
use harness::checks;
use harness::outcome::Verdict;

#[test]
fn a_feature_is_told_with_what_was_seen_of_it() {
    let project = Project::with_record(&[(7, Verdict::Fail)]);
    let ran = project.conform(&["explain", "7"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for words in [
        "Feature 7: Demand 7",
        "last record: fail: step 2: status: expected 200, observed 500",
        "1. It is done  [pass]",
        "2. It is seen  [fail]",
        "WRONG  status: expected 200, observed 500",
        "evidence/f007.jsonl",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
}

#[test]
fn the_sabotage_of_a_check_is_told() {
    let Some(check) = checks::all().find(|check| check.feature <= 60) else {
        return;
    };
    let ran = Project::new().conform(&["explain", &check.feature.to_string()]);
    for sabotage in check.sabotage {
        assert!(ran.out.contains(sabotage.what), "{}", ran.out);
    }
}

#[test]
fn what_is_not_there_yet_is_said() {
    let ran = Project::new().conform(&["explain", "50"]);
    assert!(ran.out.contains("Its steps are not written yet."), "{ran:?}");
    assert!(ran.out.contains("No record tells anything of it"), "{ran:?}");
    let ran = Project::new().conform(&["explain", "61"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("there is no feature 61; the features are 1 to 60"), "{ran:?}");
}
