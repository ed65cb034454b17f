// SPDX-License-Identifier: BSD-2-Clause
//! Scheduling domains: what `monitor` tells the kernel, and what a kernel's configuration does not allow. The SDKs are
//! made up here, of the embedded kernel's tables, in temporary folders.
#![forbid(unsafe_code)]

mod common;

use common::model::{FIRST, Model};
use common::sdk::lay_out;
use common::{description, programs};
use molt_image::KernelSource;
use molt_system::boot::{ScheduleEntry, System, Thread};
use std::path::PathBuf;

/// The first PD is in the schedule's domain, the second one not.
const SCHEDULED: &str = r#"<system>
    <domains>
        <domain name="idle" id="0" />
        <domain name="work" />
        <domain name="never" id="15" />
        <domain_schedule index_shift="4" start_index="1">
            <schedule_entry domain="idle" duration="3 ticks" />
            <schedule_entry domain="work" duration="1001 us" />
            <schedule_end_marker />
        </domain_schedule>
    </domains>
    <protection_domain name="worker" domain="work"><program_image path="plain.elf" /></protection_domain>
    <protection_domain name="sleeper" domain="never">
        <program_image path="plain.elf" />
        <virtual_machine name="guest"><vcpu id="0" /></virtual_machine>
    </protection_domain>
</system>"#;

fn refused(from: &str, to: &str) -> String {
    lay_out(&SCHEDULED.replacen(from, to, 1), None).expect_err("refused")
}

#[test]
fn threads_run_in_their_domains_by_the_schedule() {
    let packed = lay_out(SCHEDULED, None).unwrap_or_else(|e| panic!("{e}"));
    let system = System::new(&packed).expect("tables");
    let threads = system
        .rows::<Thread>(system.header().threads)
        .expect("threads");
    let model = Model::run(&packed);
    let domain = |name: &str| {
        let thread = threads
            .iter()
            .find(|t| t.name.as_str() == name)
            .expect("a thread");
        model.domains.get(&(FIRST + u64::from(thread.tcb))).copied()
    };
    assert_eq!((domain("worker"), domain("sleeper")), (Some(1), Some(15)));
    assert_eq!(
        domain("guest"),
        None,
        "Microkit leaves vCPUs where they are"
    );
    // 62.5 ticks are a microsecond, and half a tick is rounded up.
    let entries = [(4, 0, 3), (5, 1, 62_563), (6, 0, 0)];
    let entries = entries.map(|(index, domain, ticks)| ScheduleEntry {
        us: 0,
        index,
        domain,
        ticks,
    });
    assert_eq!(model.schedule.into_values().collect::<Vec<_>>(), entries);
    assert_eq!(model.started, Some(5));
}

#[test]
fn a_system_without_domains_leaves_the_kernels_alone() {
    let text = r#"<system>
        <protection_domain name="a"><program_image path="plain.elf" /></protection_domain>
    </system>"#;
    let model = Model::run(&lay_out(text, None).unwrap_or_else(|e| panic!("{e}")));
    assert!(model.domains.is_empty() && model.schedule.is_empty() && model.started.is_none());
}

#[test]
fn the_kernels_limits_hold() {
    let text = refused("id=\"15\"", "id=\"16\"");
    assert!(
        text.contains(":5:34: the id must be between 0 and 15"),
        "{text}"
    );
    let more: String = (0..14)
        .map(|n| format!("<domain name=\"{n}\" />"))
        .collect();
    let text = refused(
        "<domain name=\"idle\"",
        &format!("{more}<domain name=\"idle\""),
    );
    assert!(
        text.contains("too many scheduling domains: the limit is 16"),
        "{text}"
    );
    let end = "<schedule_end_marker />";
    assert!(lay_out(&SCHEDULED.replacen(end, &end.repeat(93), 1), None).is_ok());
    let text = refused(end, &end.repeat(94));
    assert!(
        text.contains("the index_shift must be between 0 and 3"),
        "{text}"
    );
    let text = refused(end, &end.repeat(98));
    assert!(
        text.contains("too many entries of the domain schedule: the limit is 99"),
        "{text}"
    );
    let text = refused("index_shift=\"4\"", "index_shift=\"0xffffffffffffffff\"");
    assert!(
        text.contains("the index_shift must be between 0 and 96"),
        "{text}"
    );
}

#[test]
fn the_limits_are_the_configurations() {
    let text = lay_out(SCHEDULED, Some(("NUM_DOMAINS", "15"))).expect_err("refused");
    assert!(text.contains("the id must be between 0 and 14"), "{text}");
    let text = lay_out(SCHEDULED, Some(("NUM_DOMAIN_SCHEDULES", "7"))).expect_err("refused");
    assert!(
        text.contains("the index_shift must be between 0 and 3"),
        "{text}"
    );
    let text = lay_out(SCHEDULED, Some(("NUM_DOMAINS", "many"))).expect_err("refused");
    assert!(
        text.contains("the kernel's configuration has no number 'NUM_DOMAINS'"),
        "{text}"
    );
}

#[test]
fn durations_fit_into_the_kernels() {
    for (from, to) in [
        ("3 ticks", "0x100000000000000 ticks"),
        ("1001 us", "18446744073709551615 us"),
    ] {
        let text = refused(from, to);
        let expected =
            "the duration in ticks of the kernel's timer must be between 1 and 72057594037927935";
        assert!(text.contains(expected), "{text}");
    }
    let slow = lay_out(SCHEDULED, Some(("TIMER_FREQUENCY", "400"))).expect_err("refused");
    assert!(
        slow.contains("the duration in ticks"),
        "no tick at all: {slow}"
    );
}

#[test]
fn the_embedded_kernel_has_no_domain_scheduler() {
    let folder = programs();
    let path = description(folder.path(), SCHEDULED);
    let embedded = KernelSource::Embedded(PathBuf::new());
    let text = molt_image::lay_out(&path, &[], &embedded)
        .expect_err("refused")
        .to_string();
    assert!(
        text.contains(
            ":2:5: <domains> is not for this kernel: the embedded one has no domain scheduler"
        ),
        "{text}"
    );
    assert!(text.contains("--sdk DIR"), "{text}");
}

#[test]
fn a_kernel_for_several_cores_has_no_domain_scheduler() {
    let text = lay_out(SCHEDULED, Some(("MAX_NUM_NODES", "4"))).expect_err("refused");
    assert!(
        text.contains(":2:5: <domains> is not for this kernel: seL4 has no domain scheduler in configurations for several cores"),
        "{text}"
    );
}
