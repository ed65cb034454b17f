// SPDX-License-Identifier: BSD-2-Clause
//! Cores: where threads run and interrupts go, and which cores a kernel does not have.
#![forbid(unsafe_code)]

mod common;

use common::model::Model;
use common::sdk::lay_out;
use molt_system::boot::{System, Thread};

const SPREAD: &str = r#"<system>
    <protection_domain name="first"><program_image path="plain.elf" /><irq irq="40" id="0" /></protection_domain>
    <protection_domain name="second" cpu="1">
        <program_image path="plain.elf" />
        <irq irq="41" id="0" />
        <virtual_machine name="guest"><vcpu id="0" /><vcpu id="1" cpu="3" /></virtual_machine>
    </protection_domain>
</system>"#;

#[test]
fn threads_and_interrupts_are_where_the_description_has_them() {
    let packed = lay_out(SPREAD, Some(("MAX_NUM_NODES", "4"))).unwrap_or_else(|e| panic!("{e}"));
    let system = System::new(&packed).expect("tables");
    let threads = system.rows::<Thread>(system.header().threads);
    let cores = threads.expect("threads").iter();
    let cores: Vec<_> = cores.map(|t| (t.name.as_str(), t.core)).collect();
    assert_eq!(
        cores,
        [("first", 0), ("second", 1), ("guest", 1), ("guest", 3)]
    );
    let model = Model::run(&packed);
    assert_eq!(
        model.cores.into_iter().collect::<Vec<_>>(),
        [(40, 0), (41, 1)]
    );
}

#[test]
fn a_core_that_the_kernel_does_not_have_is_refused() {
    let refused = |cores| lay_out(SPREAD, Some(("MAX_NUM_NODES", cores))).expect_err("refused");
    let text = refused("1");
    assert!(
        text.contains(":3:43: core 1: this kernel is for 1, counted from 0"),
        "{text}"
    );
    let text = refused("3");
    assert!(
        text.contains(":6:72: core 3: this kernel is for 3, counted from 0"),
        "{text}"
    );
}
