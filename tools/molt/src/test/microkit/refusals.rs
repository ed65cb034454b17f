// SPDX-License-Identifier: BSD-2-Clause
//! What Microkit's own tool refuses, and why: the descriptions that break a rule of ours are given to it too.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use molt_sdk::Configuration;

use super::super::count::Count;
use crate::output::say;
use crate::toolchain::Toolchain;

/// `<rule>.system` or `<rule>-<what>.system`; the exact messages of this tool are tested where the rules are.
const FIXTURES: &str = "tests/fixtures/sdf";

/// The board of the descriptions for that architecture, which name it.
const X86: &str = "x86_64_generic";

/// What only our descriptions have.
const OURS: [&str; 6] = [
    "revocable=",
    "role=",
    "<replaceable",
    "<doorbell",
    "<client",
    "<guest",
];

/// Microkit's parser takes these, and its tool or its initialiser dies of them.
const STRICTER: [&str; 11] = [
    "bounds-budget",
    "bounds-child",
    "bounds-irq_number",
    "bounds-period",
    "bounds-slot_64",
    "bounds-slot_127",
    "duplicate_id-itself",
    // It finds out only after it has read the program, which the fixture does not have.
    "no_region-setvar",
    "region_size_pages-zero",
    "schedule_starts_at_end",
    "schedule_starts_at_end-first",
];

/// By rule: a word of Microkit's message that shows that the reason is the same.
const REASONS: [(&str, &str); 58] = [
    ("boolean", "'true' or 'false'"),
    ("bounds-channel", "id must be"),
    ("bounds-core", "cpu"),
    ("bounds-irq_id", "id must be"),
    ("bounds-negative", "id must be"),
    ("bounds-slot_0", "slot 0"),
    ("bounds-vcpu", "id must be"),
    ("bounds", "priority"),
    ("budget", "budget"),
    ("channel_both_call", "bidirectional"),
    ("channel_ends", "end elements"),
    ("channel_priority", "priorities"),
    ("child_id", "'id'"),
    ("choice", "trigger"),
    ("decimal", "ParseIntError"),
    ("duplicate_domain_id", "id element must be unique"),
    ("duplicate_id", "duplicate"),
    ("duplicate_irq", "duplicate irq"),
    ("duplicate_name", "duplicate"),
    ("duplicate_setvar", "already exists"),
    ("duplicate_slot", "overlapping"),
    ("duration", "duration"),
    ("empty", "at least one"),
    ("io_device", "duplicate device"),
    ("io_domain", "reusing a domain id"),
    ("io_map_overlap", "overlaps"),
    ("io_map_pages", "large page"),
    ("map_alignment", "alignment"),
    ("map_overlap", "overlaps"),
    ("map_too_high", "0xffffff"),
    ("missing_attribute", "Missing required attribute"),
    ("no_domain_schedule", "must appear once"),
    ("no_domain", "PD name"),
    ("no_image", "program_image"),
    ("no_region", "region"),
    ("no_scheduling_domain", "domain '"),
    ("no_vcpu", "vcpu"),
    ("number", "element"),
    ("only_once", "once"),
    ("page_size", "page size"),
    ("pci_function", "peripheral_id"),
    ("permissions", "perms"),
    ("prefill_bootinfo", "BootInfo"),
    ("prefill", "prefill"),
    ("range", "stack size"),
    ("region_address", "aligned"),
    ("region_overlap", "overlaps"),
    ("region_size", "size"),
    ("root_id", "'id'"),
    ("root", "panicked"),
    ("schedule_start", "schedule_start_index"),
    ("stack_pages", "aligned"),
    ("text", "unexpected text"),
    ("too_many_domains", "too many"),
    ("unknown", ""),
    ("unsupported-x86_64_machine", "hypervisor"),
    ("unsupported", "x86"),
    ("xml", "Could not parse"),
];

/// Whether a description has elements or attributes of ours.
pub fn is_ours(text: &str) -> bool {
    OURS.iter().any(|ours| text.contains(ours))
}

/// Gives each to Microkit's tool.
pub fn run(toolchain: &Toolchain, sdk: &Configuration, filter: Option<&str>) -> Result<Count> {
    let folder = toolchain.root().join(FIXTURES);
    let mut count = Count::default();
    if filter.is_some_and(|filter| !"refusals".contains(filter)) {
        return Ok(count);
    }
    let mut files: Vec<_> = fs::read_dir(&folder)
        .with_context(|| format!("{}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "system"))
        .collect();
    files.sort();
    let image = toolchain.root().join("target/molt/microkit/refused.img");
    let x86 = sdk.board().sdk().board(X86);
    let x86 = x86.and_then(|board| board.configuration(sdk.name())).ok();
    let mut refused = 0;
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let text = fs::read_to_string(&file)?;
        // Of these it says, for a kernel for several cores, that it has no domain scheduler.
        let is_for_one_core = sdk.cores() > 1 && text.contains("<domains>");
        if is_ours(&text) || STRICTER.contains(&&*name) || is_for_one_core {
            continue;
        }
        let sdk = match (name.contains("x86_64"), &x86) {
            (false, _) => sdk,
            (true, Some(x86)) => x86,
            (true, None) => {
                say!("skip   microkit refuses {name}: the SDK lacks {X86} with this configuration");
                count += Count::SKIPPED;
                continue;
            }
        };
        let refusal = microkit(sdk, &file, &[&folder.join("prefill")], &image)?;
        let reason = REASONS.iter().find(|(rule, _)| name.starts_with(rule));
        let failure = match (refusal, reason) {
            (_, None) => Some("what Microkit says of this rule is not written down".to_owned()),
            (None, _) => Some("Microkit's tool takes it".to_owned()),
            (Some(message), Some((_, word))) if !message.contains(word) => {
                Some(format!("Microkit's reason is another: {message}"))
            }
            _ => None,
        };
        if let Some(failure) = &failure {
            say!("FAILED microkit refuses {name}: {failure}");
            count += Count::of(false);
        } else {
            refused += 1;
            count += Count::of(true);
        }
    }
    say!("ok     microkit refuses {refused} of our refused descriptions, for the same reasons");
    Ok(count)
}

/// Builds with Microkit's own tool. Returns its message if it refuses.
pub fn microkit(
    sdk: &Configuration,
    description: &Path,
    search: &[&Path],
    image: &Path,
) -> Result<Option<String>> {
    let program = sdk.board().sdk().root().join("bin/microkit");
    let folder = image.parent().context("an image stands in a folder")?;
    fs::create_dir_all(folder)?;
    let mut command = Command::new(&program);
    command
        .arg(env::current_dir()?.join(description))
        .args(["--board", sdk.board().name(), "--config", sdk.name()])
        .arg("--output")
        .arg(image)
        .arg("--report")
        .arg(image.with_extension("report"))
        // It writes into its working directory.
        .current_dir(folder)
        .arg("--search-path")
        .args(search);
    let output = command
        .output()
        .with_context(|| format!("{} does not run here", program.display()))?;
    if output.status.success() {
        return Ok(None);
    }
    let message = String::from_utf8_lossy(&output.stderr);
    ensure!(!message.is_empty(), "Microkit's tool fails without a word");
    Ok((!is_only_a_missing_program(&message)).then(|| message.trim().replace('\n', " ")))
}

/// Whether the message is only about a missing program. The fixtures name programs that do not exist, so a tool that misses
/// one has accepted the description.
fn is_only_a_missing_program(message: &str) -> bool {
    message.contains("unable to find program image")
}
