//! Has the binary built anew when a migration changes, for they are embedded in it.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
