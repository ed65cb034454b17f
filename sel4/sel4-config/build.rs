// SPDX-License-Identifier: BSD-2-Clause
//! Turns a kernel's configuration into constants.
//!
//! `MOLT_SDK_CONFIG` names the folder of one board and configuration of a Microkit SDK
//! (`<SDK>/board/<board>/<config>`); its `include/kernel/gen_config.json` and
//! `invocations_all.json` are read. Without it the tables beside this file are taken: the
//! configuration that the embedded kernel implements, which is the release configuration of
//! `qemu_virt_aarch64`.

use std::path::{Path, PathBuf};
use std::{env, fmt::Write as _, fs};

use serde_json::{Map, Value};

const SDK_CONFIG: &str = "MOLT_SDK_CONFIG";

fn main() {
    println!("cargo:rerun-if-env-changed={SDK_CONFIG}");
    let (config, labels) = match env::var_os(SDK_CONFIG).map(PathBuf::from) {
        Some(dir) => (
            dir.join("include/kernel/gen_config.json"),
            dir.join("invocations_all.json"),
        ),
        None => (
            PathBuf::from("config/gen_config.json"),
            PathBuf::from("config/invocations_all.json"),
        ),
    };
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    write(&out.join("consts.rs"), &config_consts(&object(&config)));
    write(&out.join("labels.rs"), &label_consts(&object(&labels)));
}

/// The object in the JSON file `path`; there is no going on without it.
fn object(path: &Path) -> Map<String, Value> {
    println!("cargo:rerun-if-changed={}", path.display());
    let text = fs::read_to_string(path)
        .unwrap_or_else(|e| panic!("{SDK_CONFIG}: cannot read {}: {e}", path.display()));
    match serde_json::from_str(&text) {
        Ok(Value::Object(map)) => map,
        Ok(_) => panic!("{SDK_CONFIG}: {} is not an object", path.display()),
        Err(e) => panic!("{SDK_CONFIG}: {}: {e}", path.display()),
    }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
}

fn config_consts(map: &Map<String, Value>) -> String {
    let mut text = String::new();
    for (key, value) in map {
        match value {
            Value::Bool(b) => writeln!(text, "pub const {key}: bool = {b};"),
            Value::String(s) => writeln!(text, "pub const {key}: &str = {s:?};"),
            other => writeln!(text, "pub const {key}: &str = {:?};", other.to_string()),
        }
        .expect("writing to a String");
    }
    text
}

/// Labels stand in the file as numbers; other members (there may be some) are passed over.
fn label_consts(map: &Map<String, Value>) -> String {
    let mut text = String::new();
    for (name, value) in map {
        if let Some(label) = value.as_u64() {
            writeln!(text, "pub const {name}: u32 = {label};").expect("writing to a String");
        }
    }
    text
}
