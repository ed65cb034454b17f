// SPDX-License-Identifier: BSD-2-Clause
//! Wrong SDKs: each is refused with what was found and what was expected. The SDKs are made here, in temporary folders.

use std::fs;
use std::path::Path;

use molt_sdk::{Configuration, Error, Sdk, Tables};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

const BOARD: &str = "some_board";
const FOLDER: &str = "board/some_board/release";

fn write(root: &Path, file: &str, content: &str) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// An SDK whose one kernel has the embedded one's configuration.
fn sdk() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "VERSION", "2.3.0\n");
    let tables = Tables::embedded().unwrap();
    let config: Map<String, Value> = (tables.config.iter())
        .map(|(key, value)| match value {
            molt_sdk::Setting::Bool(b) => (key.clone(), json!(b)),
            molt_sdk::Setting::Text(t) => (key.clone(), json!(t)),
        })
        .chain([("OF_NO_CONCERN".to_owned(), json!("here"))])
        .collect();
    let config = Value::Object(config).to_string();
    write(
        root,
        &format!("{FOLDER}/include/kernel/gen_config.json"),
        &config,
    );
    write(
        root,
        &format!("{FOLDER}/invocations_all.json"),
        &json!(tables.labels).to_string(),
    );
    write(
        root,
        &format!("{FOLDER}/object_sizes.json"),
        &json!(tables.sizes).to_string(),
    );
    write(root, &format!("{FOLDER}/elf/sel4.elf"), "a kernel");
    let platform = r#"{"devices": [{"start": 0, "end": 4096}, {"start": 8192, "end": 12288}], "memory": [{"start": 65536, "end": 131072}, {"start": 262144, "end": 524288}]}"#;
    write(root, &format!("{FOLDER}/platform_gen.json"), platform);
    folder
}

fn open(sdk: &TempDir, board: &str, configuration: &str) -> Result<Configuration, Error> {
    Sdk::open(sdk.path())?
        .board(board)?
        .configuration(configuration)
}

/// The message, with the SDK's place left out.
fn refusal(sdk: &TempDir, board: &str, configuration: &str) -> String {
    let error = open(sdk, board, configuration).map(|_| ()).unwrap_err();
    let place = fs::canonicalize(sdk.path()).unwrap();
    error
        .to_string()
        .replace(&place.display().to_string(), "SDK")
}

#[test]
fn a_whole_one_is_read() {
    let sdk = sdk();
    let configuration = open(&sdk, BOARD, "release").unwrap();
    assert_eq!(
        configuration.platform().memory,
        [65536..131_072, 262_144..524_288]
    );
    assert_eq!(configuration.platform().devices, [0..4096, 8192..12_288]);
    assert_eq!(configuration.cores(), 1);
    assert!(configuration.kernel().ends_with("release/elf/sel4.elf"));
    assert_eq!(*configuration.tables(), Tables::embedded().unwrap());
    assert_eq!(
        configuration.tables().digest(),
        Tables::embedded().unwrap().digest()
    );
    let board = configuration.board();
    assert_eq!(board.configurations(), ["release"]);
    assert_eq!(board.sdk().kernel_version(), "16.0.0");
}

#[test]
fn another_configuration_has_another_digest() {
    let sdk = sdk();
    let file = sdk.path().join(FOLDER).join("invocations_all.json");
    let labels = fs::read_to_string(&file)
        .unwrap()
        .replace("\"CNodeRevoke\":18", "\"CNodeRevoke\":22");
    fs::write(file, labels).unwrap();
    let found = open(&sdk, BOARD, "release").unwrap().tables().digest();
    assert_ne!(found, Tables::embedded().unwrap().digest());
}

#[test]
fn something_else_is_no_sdk() {
    let empty = tempfile::tempdir().unwrap();
    let expected = "SDK: not a Microkit SDK: expected the folder that the SDK 2.3.0 (seL4 16.0.0) unpacks to, \
                    with the file VERSION and the folder board";
    assert_eq!(refusal(&empty, BOARD, "release"), expected);
    write(empty.path(), "VERSION", "2.3.0");
    assert_eq!(refusal(&empty, BOARD, "release"), expected);
    assert!(matches!(
        Sdk::open(Path::new("/nowhere/at/all")),
        Err(Error::NotAnSdk(_))
    ));
}

#[test]
fn another_version_was_not_tried() {
    let sdk = sdk();
    write(sdk.path(), "VERSION", "2.2.0\n");
    assert_eq!(
        refusal(&sdk, BOARD, "release"),
        "SDK: Microkit SDK 2.2.0 was not tried; expected 2.3.0 (seL4 16.0.0)"
    );
}

#[test]
fn what_it_does_not_have_is_told_with_what_it_has() {
    let sdk = sdk();
    fs::create_dir_all(sdk.path().join("board/another")).unwrap();
    assert_eq!(
        refusal(&sdk, "third", "release"),
        "SDK: this SDK has no board 'third'; it has another, some_board"
    );
    assert_eq!(
        refusal(&sdk, "../board/some_board", "release"),
        "SDK: this SDK has no board '../board/some_board'; it has another, some_board"
    );
    assert_eq!(
        refusal(&sdk, BOARD, "smp-debug"),
        "SDK: board 'some_board' has no configuration 'smp-debug' in this SDK; it has release"
    );
    assert_eq!(
        refusal(&sdk, "another", "release"),
        "SDK: board 'another' has no configuration 'release' in this SDK; it has none"
    );
}

#[test]
fn each_missing_file_is_named() {
    for file in [
        "elf/sel4.elf",
        "include/kernel/gen_config.json",
        "invocations_all.json",
        "object_sizes.json",
        "platform_gen.json",
    ] {
        let sdk = sdk();
        fs::remove_file(sdk.path().join(FOLDER).join(file)).unwrap();
        assert_eq!(
            refusal(&sdk, BOARD, "release"),
            format!("SDK: this SDK is incomplete: there is no SDK/{FOLDER}/{file}")
        );
    }
}

#[test]
fn a_damaged_table_is_named() {
    let damaged = |file: &str, content: &str| {
        let sdk = sdk();
        write(sdk.path(), &format!("{FOLDER}/{file}"), content);
        refusal(&sdk, BOARD, "release").replace(&format!("SDK/{FOLDER}/"), "")
    };
    assert!(
        damaged("invocations_all.json", "{")
            .starts_with("invocations_all.json: not a JSON object: ")
    );
    assert_eq!(
        damaged("object_sizes.json", "{}"),
        "object_sizes.json: no 'asid_pool'"
    );
    assert_eq!(
        damaged(
            "platform_gen.json",
            r#"{"memory": [{"start": 8, "end": 8}], "devices": []}"#
        ),
        "platform_gen.json: 'memory' is not a list of address ranges with 'start' below 'end'"
    );
}

#[test]
fn a_kernel_that_molt_cannot_run_on_is_refused() {
    let unsuitable = |from: &str, to: &str| {
        let sdk = sdk();
        let file = sdk
            .path()
            .join(FOLDER)
            .join("include/kernel/gen_config.json");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from));
        fs::write(file, text.replace(from, to)).unwrap();
        refusal(&sdk, BOARD, "release")
    };
    assert_eq!(
        unsuitable(r#""SEL4_ARCH":"aarch64""#, r#""SEL4_ARCH":"riscv64""#),
        "board 'some_board', configuration 'release': Molt needs an AArch64 or x86_64 kernel: SEL4_ARCH is riscv64, expected aarch64"
    );
    assert_eq!(
        unsuitable(r#""KERNEL_MCS":true"#, r#""KERNEL_MCS":false"#),
        "board 'some_board', configuration 'release': Molt needs an MCS kernel: KERNEL_MCS is false, expected true"
    );
    for cores in ["0", "9", "many"] {
        assert_eq!(
            unsuitable(
                r#""MAX_NUM_NODES":"1""#,
                &format!(r#""MAX_NUM_NODES":"{cores}""#)
            ),
            format!(
                "board 'some_board', configuration 'release': a kernel for {cores} cores: Molt's loader starts 1 to 8"
            )
        );
    }
}
