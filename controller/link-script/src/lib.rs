// SPDX-License-Identifier: BSD-2-Clause
//! What the build scripts of the controller's programs have in common.
#![forbid(unsafe_code)]

use std::path::Path;
use std::{env, fs};

/// Names the file with the public key whose images the controller accepts: 32 bytes.
const KEY: &str = "MOLT_CONTROLLER_KEY";

/// Where a program lies in the controller's memory.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The address of its code, and of its vector table.
    pub code: u32,
    /// Bytes for the code.
    pub code_size: u32,
    /// The address of its variables, with its stack at their end.
    pub data: u32,
    /// Bytes for both.
    pub data_size: u32,
}

/// Has the program linked for its place by `cortex-m-rt`'s script.
///
/// # Panics
/// The folder for the build's files cannot be written.
pub fn link(place: &Place) {
    let Place {
        code,
        code_size,
        data,
        data_size,
    } = place;
    let script = format!(
        "MEMORY\n{{\n  FLASH : ORIGIN = {code:#x}, LENGTH = {code_size:#x}\n  RAM : ORIGIN = {data:#x}, LENGTH = {data_size:#x}\n}}\n"
    );
    let out = env::var("OUT_DIR").expect("set for build scripts");
    fs::write(Path::new(&out).join("memory.x"), script).expect("memory.x is written");
    println!("cargo::rustc-link-search={out}");
    // Otherwise the ELF's header would be loaded in front of the vector table.
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
}

/// Writes `key.rs` with the public key, as an expression of type `[u8; 32]`. Without one it is that of no key, and the program
/// accepts no image at all.
///
/// # Panics
/// The file that was named is not there, or has not 32 bytes.
pub fn key() {
    println!("cargo::rerun-if-env-changed={KEY}");
    let bytes = match env::var_os(KEY) {
        Some(file) => {
            println!("cargo::rerun-if-changed={}", Path::new(&file).display());
            let bytes = fs::read(&file).expect("the file with the public key is read");
            assert_eq!(
                bytes.len(),
                32,
                "{KEY}: a public key of Ed25519 has 32 bytes"
            );
            bytes
        }
        // The encoding of no point (RFC 8032, 5.1.3: y is not below p).
        None => vec![0xff; 32],
    };
    let out = env::var("OUT_DIR").expect("set for build scripts");
    fs::write(Path::new(&out).join("key.rs"), format!("{bytes:?}")).expect("key.rs is written");
}
