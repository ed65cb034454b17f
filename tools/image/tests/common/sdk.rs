// SPDX-License-Identifier: BSD-2-Clause
//! Kernels of other configurations than the embedded one's: SDKs made up in temporary folders.

use super::{description, programs};
use molt_image::KernelSource;
use molt_sdk::Sdk;
use std::fs;
use std::path::Path;

const BOARD: &str = "qemu_virt_aarch64";
const CONFIG: &str = include_str!("../../../../sel4/sel4-config-tables/config/gen_config.json");

/// An SDK with one kernel, that of the embedded kernel's tables; `edit` is a key of its configuration and another value for it.
pub fn sdk(folder: &Path, edit: Option<(&str, &str)>) -> KernelSource {
    let write = |file: &str, content: &str| {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    let config = edit.map_or(CONFIG.to_owned(), |(key, value)| {
        let (before, after) = CONFIG.split_once(&format!("\"{key}\": \"")).unwrap();
        let (_, after) = after.split_once('"').unwrap();
        format!("{before}\"{key}\": \"{value}\"{after}")
    });
    write("VERSION", "2.3.0\n");
    let board = format!("board/{BOARD}/release");
    write(&format!("{board}/include/kernel/gen_config.json"), &config);
    write(
        &format!("{board}/invocations_all.json"),
        include_str!("../../../../sel4/sel4-config-tables/config/invocations_all.json"),
    );
    write(
        &format!("{board}/object_sizes.json"),
        include_str!("../../../../sel4/sel4-config-tables/config/object_sizes.json"),
    );
    write(
        &format!("{board}/platform_gen.json"),
        include_str!("../../../sdk/config/platform_gen.json"),
    );
    write(&format!("{board}/elf/sel4.elf"), "a kernel");
    let board = Sdk::open(folder).unwrap().board(BOARD).unwrap();
    KernelSource::Sdk(Box::new(board.configuration("release").unwrap()))
}

/// Lays out `text` for a kernel with an edited configuration.
pub fn lay_out(text: &str, edit: Option<(&str, &str)>) -> Result<Vec<u8>, String> {
    let (folder, root) = (programs(), tempfile::tempdir().unwrap());
    let path = description(folder.path(), text);
    molt_image::lay_out(&path, &[], &sdk(root.path(), edit)).map_err(|error| error.to_string())
}
