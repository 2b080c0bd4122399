//! Tells the instruction counts what compiled them: another compiler makes other code of the same source.

use std::{env, process::Command};

fn main() {
    let rustc = env::var_os("RUSTC").expect("cargo says which compiler");
    let said = Command::new(rustc)
        .arg("--version")
        .output()
        .expect("the compiler runs");
    let version = String::from_utf8_lossy(&said.stdout);
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    println!("cargo::rustc-env=COMPILED_BY={}", version.trim());
    println!("cargo::rustc-env=COMPILED_WITH={}", flags.replace('\u{1f}', " "));
    println!(
        "cargo::rustc-env=COMPILED_FOR={}",
        env::var("TARGET").unwrap_or_default()
    );
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    println!("cargo::rerun-if-changed=build.rs");
}
