//! What knows what: the two packages, the modules of the harness, and what they are built on.

use crate::tree::{lines_before_tests, none, read, root, rust_files, shown};
use std::collections::BTreeSet;

/// The names of all packages that a package depends on, in whatever way.
fn dependencies(package: &str) -> BTreeSet<String> {
    let manifest: toml::Table = read(&root().join(package).join("Cargo.toml")).parse().unwrap();
    let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
    let platforms = manifest.get("target").and_then(toml::Value::as_table);
    let platforms = platforms.into_iter().flat_map(toml::Table::values).filter_map(toml::Value::as_table);
    let tables = std::iter::once(&manifest).chain(platforms);
    let of_sections = tables.flat_map(|table| sections.iter().filter_map(|section| table.get(*section)?.as_table()));
    let mut names = BTreeSet::new();
    for (name, how) in of_sections.flatten() {
        let renamed = how.get("package").and_then(toml::Value::as_str);
        names.insert(renamed.unwrap_or(name).to_owned());
        names.extend(how.get("path").and_then(toml::Value::as_str).map(str::to_owned));
    }
    names
}

#[test]
fn the_two_packages_do_not_depend_on_each_other() {
    for (package, other, name_in_code) in
        [("harness", "reference-impl", "reference_impl::"), ("reference-impl", "harness", "harness::")]
    {
        let names = dependencies(package);
        assert!(names.len() > 3, "the dependencies of {package} were not read: {names:?}");
        assert!(!names.iter().any(|name| name.contains(other)), "{package} depends on {other}");
        for path in rust_files(&root().join(package).join("src")) {
            for (number, line) in lines_before_tests(&read(&path)) {
                let used = line.trim_start().starts_with("use ") && line.contains(name_in_code);
                assert!(!used, "{}:{number}: {line}", shown(&path));
            }
        }
    }
}

/// The modules of the harness in the order in which `lib.rs` declares them.
fn modules_in_order() -> Vec<String> {
    let map = read(&root().join("harness/src/lib.rs"));
    let declared = map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    declared.map(str::to_owned).collect()
}

/// Every `crate::NAME` on a line.
fn named_modules(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    code.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
        &rest[..end.unwrap_or(rest.len())]
    })
}

#[test]
fn each_module_of_the_harness_knows_only_those_before_it() {
    let order = modules_in_order();
    let place = |name: &str| order.iter().position(|module| module == name);
    let source = root().join("harness/src");
    let mut faults = Vec::new();
    for path in rust_files(&source) {
        let below = path.strip_prefix(&source).unwrap();
        let own = below.components().next().unwrap().as_os_str().to_string_lossy();
        let own = own.trim_end_matches(".rs");
        if ["lib", "main"].contains(&own) {
            continue;
        }
        let Some(mine) = place(own) else {
            faults.push(format!("{}: lib.rs does not declare `{own}`", shown(&path)));
            continue;
        };
        for (number, line) in lines_before_tests(&read(&path)) {
            for name in named_modules(line) {
                if place(name).is_none_or(|theirs| theirs > mine) {
                    faults.push(format!("{}:{number}: `{own}` comes before `{name}`: {line}", shown(&path)));
                }
            }
        }
    }
    assert!(order.len() > 10, "lib.rs is no longer read as it is written: {order:?}");
    none(faults);
}

#[test]
fn nothing_needs_a_c_library_for_tls() {
    let lock = read(&root().join("Cargo.lock"));
    let names = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let unwanted: Vec<&str> =
        names.filter(|name| name.contains("aws-lc") || ["openssl-sys", "native-tls"].contains(name)).collect();
    assert_eq!(unwanted, Vec::<&str>::new());
}

#[test]
fn the_lints_that_hold_the_rest_are_on_in_both_packages() {
    let workspace: toml::Table = read(&root().join("Cargo.toml")).parse().unwrap();
    let rust = &workspace["workspace"]["lints"]["rust"];
    assert_eq!(rust["warnings"].as_str(), Some("deny"));
    assert_eq!(rust["missing_docs"].as_str(), Some("warn"), "with denied warnings this asks for documentation");
    for package in ["harness", "reference-impl"] {
        let manifest: toml::Table = read(&root().join(package).join("Cargo.toml")).parse().unwrap();
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{package}");
    }
}

#[test]
fn modules_are_found_wherever_a_line_names_them() {
    let line = "    pub fn new(vault: crate::check::Vault) -> crate::record::Line { // crate::cli";
    assert_eq!(named_modules(line).collect::<Vec<_>>(), ["check", "record"]);
}
