//! `conform completions`.

use crate::project::Project;

#[test]
fn every_shell_learns_every_command() {
    let project = Project::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = project.conform(&["completions", shell]);
        assert_eq!(ran.code, 0, "{ran:?}");
        for command in ["run", "list", "explain", "report", "repro", "gate", "prove", "mark"] {
            assert!(ran.out.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn bash_takes_the_script() {
    let script = Project::new().conform(&["completions", "bash"]).out;
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("conform.bash");
    std::fs::write(&path, script).unwrap();
    let status = std::process::Command::new("bash").arg("-n").arg(&path).status().unwrap();
    assert!(status.success());
}
