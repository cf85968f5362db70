//! Tests of the ledger: what is owed after which lines, and what never stands in them.

use super::*;

fn diagram() -> Thing {
    Thing::diagram("7d5c1a90-0000-4000-8000-000000000001", "owner-1").unwrap()
}

fn account() -> Thing {
    Thing::account("conform-f041-1a2b3c4d@example.com").unwrap()
}

#[test]
fn what_was_noted_and_not_removed_is_owed_after_a_crash() {
    let place = tempfile::tempdir().unwrap();
    let ledger = Ledger::of(place.path()).unwrap();
    let bucket = Thing::bucket("conform-f006-1a2b3c4d").unwrap();
    let password = ledger.password("an id");
    ledger.note(account(), Some(&password), None).unwrap();
    ledger.note(diagram(), None, Some("a token")).unwrap();
    ledger.note(bucket.clone(), None, None).unwrap();
    ledger.removed(&bucket).unwrap();
    assert_eq!(ledger.owed()[0].token, Some(Secret::new("a token")));
    drop(ledger);

    let text = fs::read_to_string(place.path().join(LEDGER_FILE)).unwrap();
    assert!(!text.contains(&password) && !text.contains("a token"), "{text}");
    // A line that was being written when the run was killed.
    fs::write(place.path().join(LEDGER_FILE), format!("{text}{{\"kind\":\"owed\",\"thi")).unwrap();
    let owed = Ledger::of(place.path()).unwrap().owed();
    assert_eq!(owed.iter().map(|one| one.thing.clone()).collect::<Vec<_>>(), [diagram(), account()]);
    assert_eq!(owed[1].password, Some(Secret::new(password)));
    assert_eq!(owed[0].token, None);
}

#[test]
fn a_run_that_makes_nothing_leaves_no_ledger() {
    let place = tempfile::tempdir().unwrap();
    let ledger = Ledger::of(place.path()).unwrap();
    ledger.password("an id");
    ledger.forget_key().unwrap();
    assert!(ledger.owed().is_empty() && !place.path().join(LEDGER_FILE).exists());
}

#[test]
fn nobody_but_its_owner_reads_a_ledger_and_nothing_leads_to_a_password_in_the_end() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join(LEDGER_FILE);
    let ledger = Ledger::of(place.path()).unwrap();
    let password = ledger.password("an id");
    ledger.note(account(), Some(&password), None).unwrap();
    ledger.left(&account(), "no route removes it").unwrap();
    ledger.forget_key().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("\"key\"") && !text.contains("an id"), "{text}");
    assert_ne!(ledger.password("an id"), password);
    let owed = Ledger::of(place.path()).unwrap().owed();
    assert_eq!(owed, [Owed { thing: account(), password: None, token: None }]);
    // It can be gone on with.
    ledger.note(diagram(), None, None).unwrap();
    assert_eq!(Ledger::of(place.path()).unwrap().owed().len(), 2);
}

#[test]
fn a_ledger_that_names_what_is_not_ours_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let line = "{\"kind\":\"owed\",\"thing\":\"account\",\"email\":\"admin@example.com\"}\n";
    fs::write(place.path().join(LEDGER_FILE), line).unwrap();
    let told = Ledger::of(place.path()).unwrap_err().to_string();
    assert!(
        told.ends_with("ledger.jsonl:1: expected a line of a ledger: it names something that the suite never makes"),
        "{told}"
    );
}

#[test]
fn a_ledger_that_is_removed_or_cut_short_meanwhile_is_written_again() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("record");
    let path = dir.join(LEDGER_FILE);
    let remove_all = || fs::remove_dir_all(&dir).unwrap();
    let remove = || fs::remove_file(&path).unwrap();
    let cut = || File::options().write(true).open(&path).unwrap().set_len(30).unwrap();
    let replace = || fs::rename(fs::write(dir.join("a"), "{}\n").map(|()| dir.join("a")).unwrap(), &path).unwrap();
    for meddle in [&remove_all as &dyn Fn(), &remove, &cut, &replace] {
        fs::create_dir_all(&dir).unwrap();
        let ledger = Ledger::of(&dir).unwrap();
        let password = ledger.password("an id");
        ledger.note(account(), Some(&password), None).unwrap();
        meddle();
        ledger.left(&account(), "no route removes it").unwrap();
        let again = Ledger::of(&dir).unwrap();
        assert_eq!(again.owed(), [Owed { thing: account(), password: Some(Secret::new(password)), token: None }]);
        meddle();
        ledger.forget_key().unwrap();
        assert_eq!(Ledger::of(&dir).unwrap().owed(), [Owed { thing: account(), password: None, token: None }]);
        remove_all();
    }
}

#[test]
fn a_ledger_that_is_removed_after_it_was_read_is_not_lost() {
    let place = tempfile::tempdir().unwrap();
    Ledger::of(place.path()).unwrap().note(account(), None, None).unwrap();
    let ledger = Ledger::of(place.path()).unwrap();
    fs::remove_file(place.path().join(LEDGER_FILE)).unwrap();
    ledger.note(diagram(), None, None).unwrap();
    assert_eq!(Ledger::of(place.path()).unwrap().owed().len(), 2);
}

#[test]
fn what_is_written_after_a_line_that_breaks_off_begins_a_line() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join(LEDGER_FILE);
    Ledger::of(place.path()).unwrap().note(account(), None, None).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}{{\"kind\":\"ow")).unwrap();
    Ledger::of(place.path()).unwrap().note(diagram(), None, None).unwrap();
    assert_eq!(Ledger::of(place.path()).unwrap().owed().len(), 2);
}

#[test]
fn a_ledger_that_is_no_file_or_has_a_line_without_end_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join(LEDGER_FILE);
    crate::disk::pipe(&path);
    let told = Ledger::of(place.path()).unwrap_err().to_string();
    assert!(told.contains("ledger.jsonl cannot be read: it is a pipe"), "{told}");
    fs::remove_file(&path).unwrap();
    File::create(&path).unwrap().set_len(crate::disk::LONGEST_LINE + 1).unwrap();
    let told = Ledger::of(place.path()).unwrap_err().to_string();
    assert!(told.ends_with("ledger.jsonl:1: expected a line of a ledger: a line of at most 64 MB"), "{told}");
}
