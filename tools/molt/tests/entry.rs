// SPDX-License-Identifier: BSD-2-Clause
//! The entry script, in places and with settings that users have. Its toolchain consists of shell scripts that print how they
//! were called; nothing is built.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A fake compiler that has both targets.
const RUSTC: &str = r#"#!/bin/sh
case $1 in
--version) echo "rustc 1.96.0 (fake)" ;;
--print) dirname -- "$(dirname -- "$0")" ;;
-vV) printf 'host: here\nLLVM version: 19.1\n' ;;
esac
"#;
/// A fake cargo that prints its arguments and settings.
const CARGO: &str = r#"#!/bin/sh
for argument in "$@"; do echo "cargo: $argument" >&2; done
echo "CARGO_TARGET_DIR=$CARGO_TARGET_DIR CARGO_BUILD_TARGET=$CARGO_BUILD_TARGET LC_ALL=$LC_ALL umask=$(umask)" >&2
"#;
/// The host tool.
const TOOL: &str = r#"#!/bin/sh
echo "root=$MOLT_ROOT"
echo "here=$(pwd)"
for argument in "$@"; do echo "argument=$argument"; done
"#;

struct Place {
    folder: tempfile::TempDir,
    checkout: PathBuf,
}

fn program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("its folder");
    fs::write(path, text).expect("a program");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode");
}

impl Place {
    /// A checkout in a folder of this name, and a toolchain beside it.
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let real = fs::canonicalize(folder.path()).expect("its path");
        let (checkout, tools) = (real.join(name), real.join("toolchain"));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../molt");
        let script = fs::read_to_string(script).expect("the script");
        program(&checkout.join("molt"), &script);
        program(&checkout.join("target/debug/molt"), TOOL);
        program(&tools.join("bin/rustc"), RUSTC);
        program(&tools.join("bin/cargo"), CARGO);
        let rustlib = tools.join("lib/rustlib");
        program(&rustlib.join("here/bin/rust-lld"), "");
        for target in ["aarch64-unknown-none", "aarch64-unknown-none-softfloat"] {
            fs::create_dir_all(rustlib.join(target).join("lib")).expect("a target");
        }
        // What else the script looks for.
        for name in ["cc", "qemu-system-aarch64", "mkfs.ext4", "dpkg-deb", "xz"] {
            program(&tools.join("bin").join(name), "#!/bin/sh\n");
        }
        Self { folder, checkout }
    }

    fn command(&self, script: &Path) -> Command {
        let tools = self.folder.path().join("toolchain/bin");
        let mut command = Command::new(script);
        command
            .env("PATH", format!("{}:/usr/bin:/bin", tools.display()))
            .current_dir(self.folder.path());
        command
    }
}

fn text(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn the_folder_may_be_called_anything() {
    for name in [
        "a b",
        "a,b",
        "it's \"quoted\"",
        "\u{e4}\u{f6}\u{fc}",
        "$HOME `x` \\ * ?",
        "-x",
    ] {
        let place = Place::new(name);
        let output = place
            .command(&place.checkout.join("molt"))
            .args(["run", "a file"])
            .output()
            .expect("the script");
        let text = text(&output);
        assert!(output.status.success(), "{name}: {text}");
        let root = place.checkout.display();
        assert!(text.contains(&format!("root={root}\n")), "{name}: {text}");
        assert!(text.contains("argument=a file\n"), "{name}: {text}");
        assert!(
            text.contains(&format!("cargo: {root}/target\n")),
            "{name}: {text}"
        );
    }
}

#[test]
fn a_link_to_the_script_finds_the_checkout_and_paths_are_the_callers() {
    let place = Place::new("checkout");
    let link = place.folder.path().join("link");
    symlink(place.checkout.join("molt"), &link).expect("a link");
    let output = place.command(&link).output().expect("the script");
    let text = text(&output);
    assert!(
        text.contains(&format!("root={}\n", place.checkout.display())),
        "{text}"
    );
    let here = fs::canonicalize(place.folder.path()).expect("its path");
    assert!(
        text.contains(&format!("here={}\n", here.display())),
        "{text}"
    );
}

#[test]
fn where_things_are_built_is_not_the_users_setting() {
    let place = Place::new("checkout");
    let output = place
        .command(&place.checkout.join("molt"))
        .env("CARGO_TARGET_DIR", "/elsewhere")
        .env("CARGO_BUILD_TARGET", "riscv64gc-unknown-none-elf")
        .env("LC_ALL", "de_DE.UTF-8")
        .output()
        .expect("the script");
    let text = text(&output);
    assert!(
        text.contains("CARGO_TARGET_DIR= CARGO_BUILD_TARGET= LC_ALL=C.UTF-8 umask=0022"),
        "{text}"
    );
}

/// A tool that another setting has put elsewhere is not taken from an earlier build.
#[test]
fn what_cannot_work_is_said_before_anything_is_built() {
    let refused = |place: &Place, change: &dyn Fn(&mut Command)| {
        let mut command = place.command(&place.checkout.join("molt"));
        change(&mut command);
        let output = command.output().expect("the script");
        assert!(!output.status.success());
        let text = text(&output);
        assert!(!text.contains("cargo:"), "{text}");
        text
    };
    let said = refused(&Place::new("a:b"), &|_| {});
    assert!(
        said.contains("a colon in the path of this folder"),
        "{said}"
    );
    let said = refused(&Place::new("checkout"), &|command| {
        command.env("TMPDIR", "/nowhere");
    });
    assert!(said.contains("TMPDIR is /nowhere"), "{said}");
    let place = Place::new("checkout");
    fs::remove_dir_all(place.checkout.join("target")).expect("no target");
    // A file in its place stops root, too, whom modes do not.
    fs::write(place.checkout.join("target"), "").expect("a file");
    let said = refused(&place, &|_| {});
    assert!(said.contains("target cannot be written"), "{said}");
}

#[test]
fn a_tool_that_was_built_elsewhere_is_missed() {
    let place = Place::new("checkout");
    fs::remove_file(place.checkout.join("target/debug/molt")).expect("no tool");
    let output = place
        .command(&place.checkout.join("molt"))
        .output()
        .expect("the script");
    let text = text(&output);
    assert!(!output.status.success());
    assert!(text.contains("sets another [build] target"), "{text}");
}
