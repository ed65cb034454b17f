// SPDX-License-Identifier: BSD-2-Clause
//! Generates constants from a kernel's configuration.
//!
//! `MOLT_SDK_CONFIG` names the folder of one board and configuration of a Microkit SDK
//! (`<SDK>/board/<board>/<config>`). Without it the embedded kernel's tables are used, which equal those of the release
//! configuration of `qemu_virt_aarch64`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fmt::Write as _, fs};

use sel4_config_tables::{CONFIG, LABELS, SIZES, Setting, Tables};

const SDK_CONFIG: &str = "MOLT_SDK_CONFIG";

fn main() {
    println!("cargo:rerun-if-env-changed={SDK_CONFIG}");
    let tables = match env::var_os(SDK_CONFIG).map(PathBuf::from) {
        Some(folder) => {
            for file in [CONFIG, LABELS, SIZES] {
                println!("cargo:rerun-if-changed={}", folder.join(file).display());
            }
            Tables::read(&folder)
        }
        None => Tables::embedded(),
    };
    let tables = tables.unwrap_or_else(|error| panic!("{SDK_CONFIG}: {error}"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for (file, text) in [
        ("consts.rs", consts(&tables)),
        ("cfg_if.rs", cfg_if(&tables)),
        ("labels.rs", numbers(&tables.labels)),
        ("sizes.rs", numbers(&tables.sizes)),
        ("digest.rs", format!("{:?}", tables.digest())),
    ] {
        fs::write(out.join(file), text).unwrap_or_else(|e| panic!("cannot write {file}: {e}"));
    }
}

fn consts(tables: &Tables) -> String {
    let mut text = String::new();
    for (key, value) in &tables.config {
        match value {
            Setting::Bool(value) => writeln!(text, "pub const {key}: bool = {value};"),
            Setting::Text(value) => writeln!(text, "pub const {key}: &str = {value:?};"),
        }
        .expect("writing to a String");
    }
    text
}

/// Upstream's `sel4_cfg_if!` for the conditions `KEY`, `KEY = "value"` and `not(…)` of them: a rule for each key, which
/// takes the branch that the configuration has. Another key is an error where the macro is used.
fn cfg_if(tables: &Tables) -> String {
    let mut text = String::from(
        "/// Code of one configuration: `if #[sel4_cfg(CONDITION)] { … } else { … }`, where a condition is `KEY` (a switch),\n\
         /// `KEY = \"value\"`, or `not(…)` of either.\n\
         #[macro_export]\n\
         macro_rules! sel4_cfg_if {\n\
         (if #[sel4_cfg(not($($c:tt)*))] {$($a:tt)*} else {$($b:tt)*}) =>\n\
         {$crate::sel4_cfg_if! {if #[sel4_cfg($($c)*)] {$($b)*} else {$($a)*}}};\n",
    );
    let mut rule = |condition: &str, taken: &str| {
        writeln!(
            text,
            "(if #[sel4_cfg({condition})] {{$($a:tt)*}} else {{$($b:tt)*}}) => {{$(${taken})*}};"
        )
        .expect("writing to a String");
    };
    for (key, value) in &tables.config {
        match value {
            Setting::Bool(true) => rule(key, "a"),
            Setting::Bool(false) => rule(key, "b"),
            Setting::Text(value) => {
                rule(&format!("{key} = {value:?}"), "a");
                rule(&format!("{key} = $value:literal"), "b");
            }
        }
    }
    text.push('}');
    text
}

fn numbers(table: &BTreeMap<String, u64>) -> String {
    let mut text = String::new();
    for (name, number) in table {
        writeln!(text, "pub const {name}: u32 = {number};").expect("writing to a String");
    }
    text
}
