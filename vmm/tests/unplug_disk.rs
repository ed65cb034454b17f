// SPDX-License-Identifier: BSD-2-Clause
//! The technique `unplug` for a disk: what `update` is told about whether the guest uses it.

mod common;

use common::Rig;
use molt_vmm::machine::VIRTIO;

const FEATURES: u64 = VIRTIO + 0x20;
const FEATURES_SELECT: u64 = VIRTIO + 0x24;
const STATUS: u64 = VIRTIO + 0x70;
/// ACKNOWLEDGE, DRIVER, FEATURES_OK; and with DRIVER_OK.
const STARTS: u32 = 11;
const RUNS: u32 = 15;

fn plug(rig: &mut Rig) {
    // VERSION_1 of the features.
    for (register, value) in [
        (STATUS, 3),
        (FEATURES_SELECT, 1),
        (FEATURES, 1),
        (STATUS, STARTS),
    ] {
        rig.set(register, value);
        assert_eq!(rig.warden.deferral(0), 0, "its driver is not there yet");
    }
    rig.set(STATUS, RUNS);
    assert_eq!(rig.warden.deferral(0), u64::MAX);
}

#[test]
fn it_is_in_use_from_when_the_driver_is_there_until_it_is_unbound() {
    let mut rig = Rig::unplugging();
    assert_eq!(rig.warden.deferral(0), 0);
    plug(&mut rig);
    rig.close();
    rig.open();
    assert_eq!(rig.warden.deferral(0), u64::MAX, "a swap changes nothing");
    let told = rig.fake.update;
    rig.warden.wait_for(0, 100);
    rig.set(STATUS, 0);
    assert_eq!(rig.warden.deferral(0), 0);
    assert_eq!(rig.fake.update, told + 1, "an update waits for it");
    rig.warden.wait_for(0, 0);
    plug(&mut rig);
    assert_eq!(rig.fake.update, told + 1, "nobody waits");
}
