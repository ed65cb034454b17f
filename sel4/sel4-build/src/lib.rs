// SPDX-License-Identifier: BSD-2-Clause
//! How programs for seL4 are linked. A program's `build.rs` is a `main` that calls
//! [`protection_domain`] (or [`root_task`]) and nothing else.
#![forbid(unsafe_code)]

/// Links the package's programs as protection domains: static, at 0x20_0000 (the image base of
/// Microkit's own linker script), entry `_start`, every segment on pages of its own.
///
/// Does nothing where the target is not bare metal.
pub fn protection_domain() {
    at(0x20_0000);
}

/// Links the package's programs as root tasks; as [`protection_domain`].
pub fn root_task() {
    at(0x20_0000);
}

fn at(image_base: u64) {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    for arg in [
        &format!("--image-base={image_base:#x}"),
        "-zmax-page-size=4096",
        // Every segment starts on a page: loaders need not share pages between segments.
        "-zseparate-loadable-segments",
        "-znorelro",
        "--no-eh-frame-hdr",
    ] {
        println!("cargo:rustc-link-arg-bins={arg}");
    }
}
