// SPDX-License-Identifier: BSD-2-Clause
//! Links a static program at a fixed address: a Linux kernel loads it as it is.

fn main() {
    println!("cargo:rustc-link-arg-bins=--image-base=0x400000");
    println!("cargo:rustc-link-arg-bins=--entry=_start");
    println!("cargo:rustc-link-arg-bins=-zmax-page-size=4096");
}
