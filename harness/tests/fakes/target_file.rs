//! A target file for a worthless server, which claims that everything there is stands at its address.

use harness::provision::external;
use harness::target::{Service, Target};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// The variable that holds the key of the target's tokens.
pub const KEY: &str = "WORTHLESS_KEY";
/// Its value; a worthless server has no use for it.
pub const KEY_VALUE: &str = "a key that nobody asks for";

/// The stores that a target claims to have beside its services.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stores {
    /// None.
    Missing,
    /// PostgreSQL and Redis, at the address of the worthless server, which speaks neither protocol.
    Worthless,
}

/// Writes the file into a folder and tells where it is.
pub fn write(folder: &Path, base: &str, stores: Stores) -> PathBuf {
    let address = base.strip_prefix("http://").expect("the address of a double");
    let (host, port) = address.rsplit_once(':').expect("the address of a double");
    let mut text = String::from("name = \"worthless\"\n");
    for service in Service::ALL {
        let name = service.short();
        writeln!(text, "[services.{name}]\nurl = \"{base}\"\nlog = {{ file = \"/dev/null\" }}").unwrap();
    }
    writeln!(text, "[tokens]\nsigning_key_env = \"{KEY}\"\n[test]\nendpoints = true\nclock = true").unwrap();
    if stores == Stores::Worthless {
        writeln!(text, "[postgres]\nhost = \"{host}\"\nport = {port}\ndatabase = \"autograph\"\nuser = \"autograph\"")
            .unwrap();
        writeln!(text, "[redis]\nhost = \"{host}\"\nport = {port}").unwrap();
    }
    let path = folder.join("worthless.toml");
    fs::write(&path, text).unwrap();
    path
}

/// The target that such a file describes.
pub fn target(folder: &Path, base: &str, stores: Stores) -> Target {
    let variable = |name: &str| (name == KEY).then(|| KEY_VALUE.to_owned());
    external::load(&write(folder, base, stores), &variable).unwrap()
}
