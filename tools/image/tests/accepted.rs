// SPDX-License-Identifier: BSD-2-Clause
//! Descriptions that are accepted boot. Random descriptions, with values at the limits of what is possible, are refused with
//! a place, or `monitor`'s walk over their tables succeeds on a model that refuses what the kernel refuses.
#![forbid(unsafe_code)]

mod common;

use common::model::Model;
use common::{description, lay_out, programs};
use proptest::prelude::*;
use proptest::sample::select;
use std::cell::Cell;
use std::fmt::Write;

/// A region's attributes.
fn region() -> impl Strategy<Value = String> {
    let size = select(vec![
        "0x1000",
        "0x2000",
        "0x200000",
        "0x201000",
        "0x400000",
        "0x10000000",
    ]);
    let page = select(vec![
        "",
        "",
        "",
        " page_size=\"0x1000\"",
        " page_size=\"0x200000\"",
    ]);
    let mut places = vec![""; 24];
    places.extend([
        " phys_addr=\"0x9043000\"",
        // Across two untypeds of devices; of RAM; at the ends of RAM; of nobody.
        " phys_addr=\"0xfff000\"",
        " phys_addr=\"0x6fe00000\"",
        " phys_addr=\"0xbdfff000\"",
        " phys_addr=\"0xbffff000\"",
        " phys_addr=\"0x8000000\"",
        " phys_addr=\"0xfffffff000\"",
    ]);
    let place = select(places);
    let filled = select(vec![
        "",
        "",
        "",
        " prefill_path=\"plain.elf\"",
        " prefill_bootinfo=\"fdt\"",
    ]);
    (size, page, place, filled)
        .prop_map(|(size, page, place, filled)| format!("size=\"{size}\"{page}{place}{filled}"))
}

/// A mapping's address.
fn vaddr() -> impl Strategy<Value = &'static str> {
    select(vec![
        "0x0",
        "0x1000",
        "0x1ff000",
        "0x200000",
        "0x4000000",
        "0x40000000",
        "0x40100000",
        "0x7ffff000",
        "0xf000000000",
        "0xffffffb000",
        "0xffffffd000",
    ])
}

fn maps() -> impl Strategy<Value = Vec<(usize, &'static str)>> {
    prop::collection::vec((0..3usize, vaddr()), 0..3)
}

/// A PD's text but for its name and end.
fn domain() -> impl Strategy<Value = String> {
    let schedule = select(vec![
        "",
        "",
        "",
        "",
        "",
        "",
        " budget=\"19\"",
        " budget=\"20\"",
        " budget=\"20\" period=\"18446744073709551615\"",
        " budget=\"100\" period=\"281474976710656\"",
    ]);
    let stack = select(vec![
        "",
        " stack_size=\"0x1000\"",
        " stack_size=\"0x1000000\"",
    ]);
    let interrupt = select(vec![
        "", "", "", "", "", "", "", "", "0", "24", "25", "27", "28", "159", "160", "1019",
    ]);
    let slot = select(vec!["", "1", "63"]);
    (0..=254u8, schedule, stack, any::<bool>(), maps(), interrupt, slot, any::<bool>(), maps()).prop_map(
        |(priority, schedule, stack, smc, maps, interrupt, slot, machine, guests)| {
            let mut text = format!(
                "priority=\"{priority}\"{schedule}{stack} smc=\"{smc}\"><program_image path=\"plain.elf\" />"
            );
            let map = |text: &mut String, (region, vaddr): &(usize, &str)| {
                let _ = write!(text, "<map mr=\"r{region}\" vaddr=\"{vaddr}\" />");
            };
            maps.iter().for_each(|one| map(&mut text, one));
            if !interrupt.is_empty() {
                let _ = write!(text, "<irq irq=\"{interrupt}\" id=\"3\" />");
            }
            if !slot.is_empty() {
                let _ = write!(text, "<cspace><cap_tcb slot=\"{slot}\" pd=\"p0\" /></cspace>");
            }
            if machine {
                let _ = write!(text, "<virtual_machine name=\"vNAME\"{schedule}><vcpu id=\"0\" />");
                guests.iter().for_each(|one| map(&mut text, one));
                text.push_str("</virtual_machine>");
            }
            text
        },
    )
}

fn system() -> impl Strategy<Value = String> {
    let regions = prop::collection::vec(region(), 3);
    let domains = prop::collection::vec(domain(), 1..3);
    (regions, domains).prop_map(|(regions, domains)| {
        let mut text = String::from("<system>");
        for (index, region) in regions.iter().enumerate() {
            let _ = write!(text, "<memory_region name=\"r{index}\" {region} />");
        }
        for (index, domain) in domains.iter().enumerate() {
            let domain = domain.replace("NAME", &index.to_string());
            let _ = write!(
                text,
                "<protection_domain name=\"p{index}\" {domain}</protection_domain>"
            );
        }
        text + "</system>"
    })
}

#[test]
fn what_is_accepted_boots() {
    let folder = programs();
    let accepted = Cell::new(0);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 3000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let tried = runner.run(&system(), |text| {
        match lay_out(&description(folder.path(), &text), &[]) {
            Ok(packed) => {
                accepted.set(accepted.get() + 1);
                Model::run(&packed);
            }
            // With a place: file, line and column.
            Err(error) => prop_assert!(error.to_string().contains("system.xml:1:"), "{error}"),
        }
        Ok(())
    });
    tried.unwrap_or_else(|error| panic!("{error}"));
    assert!(accepted.get() > 50, "{} accepted: too few", accepted.get());
}

/// A guest's 256 MiB, which its addresses allow in small pages only: 65,536 of them, mapped twice.
#[test]
fn more_pages_than_the_root_task_has_slots_for_are_refused() {
    let folder = programs();
    let text = r#"<system>
    <memory_region name="memory" size="0x10000000" />
    <protection_domain name="vmm" priority="1">
        <program_image path="plain.elf" />
        <map mr="memory" vaddr="0x40000000" />
        <virtual_machine name="guest">
            <vcpu id="0" />
            <map mr="memory" vaddr="0x40100000" />
        </virtual_machine>
    </protection_domain>
</system>"#;
    let error = lay_out(&description(folder.path(), text), &[])
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("system.xml:2:26: the system needs 196608 of the capability slots"),
        "{error}"
    );
    assert!(
        error.contains("'memory' takes 196608 of them, one for each of its 65536 pages"),
        "{error}"
    );
    let good = text.replace("0x40100000", "0x40200000");
    Model::run(&lay_out(&description(folder.path(), &good), &[]).unwrap_or_else(|e| panic!("{e}")));
}

/// A program whose first segment is moved to an address.
fn moved(to: u64) -> Vec<u8> {
    let mut program = common::elf::program(b"moved");
    // p_vaddr of the first program header, which stands behind the file's.
    program[64 + 16..64 + 24].copy_from_slice(&to.to_le_bytes());
    program
}

#[test]
fn a_program_over_its_own_stack_is_refused() {
    let folder = programs();
    let text = r#"<system>
    <protection_domain name="a"><program_image path="plain.elf" /></protection_domain>
</system>"#;
    for (address, said) in [
        (0xff_ffff_d000, "reaches over the stack"),
        (0xff_ffff_f000, "reaches over the stack"),
        (1 << 48, "beyond every address space"),
        (u64::MAX - 0xfff, "beyond every address space"),
    ] {
        std::fs::write(folder.path().join("plain.elf"), moved(address)).expect("a program");
        let error = lay_out(&description(folder.path(), text), &[])
            .expect_err("refused")
            .to_string();
        assert!(error.contains(said), "{address:#x}: {error}");
    }
}
