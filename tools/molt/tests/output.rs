// SPDX-License-Identifier: BSD-2-Clause
//! The tool's behaviour when its output cannot be written.
#![forbid(unsafe_code)]

use std::fs::File;
use std::io::pipe;
use std::process::{Command, Output, Stdio};

/// `molt boards`, which prints several lines and builds nothing.
fn boards(stdout: impl Into<Stdio>) -> Output {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let child = Command::new(env!("CARGO_BIN_EXE_molt"))
        .arg("boards")
        .env("MOLT_ROOT", root)
        .env("MOLT_CARGO", "cargo")
        .env("MOLT_LINKER", "ld.lld")
        .env("MOLT_BUILD_STD", "1")
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn();
    child
        .expect("the tool")
        .wait_with_output()
        .expect("its end")
}

#[test]
fn a_closed_pipe_ends_it_without_a_word() {
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    let output = boards(writer);
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_full_disk_is_an_error_with_a_reason() {
    let full = File::options()
        .write(true)
        .open("/dev/full")
        .expect("a full disk");
    let output = boards(full);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("the output cannot be written") && said.contains("No space left"),
        "{said}"
    );
}
