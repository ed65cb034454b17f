// SPDX-License-Identifier: BSD-2-Clause
//! Links the guest as an arm64 boot image: one flat piece that begins with the image header.

fn main() {
    println!("cargo:rerun-if-changed=guest.ld");
    let directory = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo:rustc-link-arg-bins=-T{directory}/guest.ld");
    println!("cargo:rustc-link-arg-bins=--no-rosegment");
}
