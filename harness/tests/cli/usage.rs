//! Whoever writes something wrong is told what is right, and the shell sees 2.

use crate::project::Project;

#[test]
fn bad_usage_ends_with_2() {
    let project = Project::new();
    for words in [
        &["frobnicate"][..],
        &[],
        &["run", "--backend", "kubernetes"],
        &["run", "--patience", "forever"],
        &["run", "--jobs", "0"],
        &["explain"],
        &["report", "reports/latest"],
        &["list", "phase", "99"],
        &["list", "--catalogue", "nowhere.json"],
    ] {
        let ran = project.conform(words);
        assert_eq!(ran.code, 2, "{words:?}: {ran:?}");
        assert!(!ran.err.is_empty() && ran.out.is_empty(), "{words:?}: {ran:?}");
    }
}

#[test]
fn help_teaches_by_example() {
    let project = Project::new();
    for command in [
        "run",
        "list",
        "explain",
        "report",
        "repro",
        "diff",
        "serve",
        "progress",
        "gate",
        "prove",
        "mark",
        "completions",
        "clean",
    ] {
        let ran = project.conform(&[command, "--help"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains("Examples:") && ran.out.contains(&format!("conform {command}")), "{}", ran.out);
    }
    assert!(project.conform(&["--help"]).out.contains("Exit codes: 0 all is well"));
    assert!(project.conform(&["gate", "--help"]).out.contains("not 44"));
}

#[test]
fn the_catalogue_is_found_from_a_folder_below() {
    let project = Project::new();
    let below = project.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_conform"))
        .args(["list", "60"])
        .current_dir(below)
        .output()
        .unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("Demand 60"));
}
