// SPDX-License-Identifier: BSD-2-Clause
//! Passes the linker script, which determines the loader's place in memory.

fn main() {
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo:rustc-link-arg-bins=-T{folder}/loader.ld");
    println!("cargo:rerun-if-changed=loader.ld");
}
