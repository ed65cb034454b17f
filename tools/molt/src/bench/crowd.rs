// SPDX-License-Identifier: BSD-2-Clause
//! A system with so many bare guests at one disk, for measuring what grows with them.

use std::fmt::Write;

/// What the first guest has to hold: the bundles of all swaps.
const FIRST_RAM: u64 = 0x0800_0000;
const RAM: u64 = 0x0200_0000;
const STAGING: u64 = 0x0080_0000;
const PAGE: u64 = 0x0020_0000;
/// Microseconds in which `stage` runs at one go. Short: guests whose requests were all answered before have none in flight when it
/// ends, and what it runs after the last answer is part of the blackout.
const STAGE: u64 = 50;
/// Half of the time: an image of 4 MiB is then checked within a second.
const STAGE_PERIOD: u64 = 100;
/// Sectors of each.
const SECTORS: usize = 32_768;

/// The system.
pub struct Crowd {
    /// Guests, from 1 to 8.
    pub clients: usize,
    /// Requests that each has in flight, from 1 to 16.
    pub depth: usize,
    /// Updates, all of which the first guest offers.
    pub swaps: u64,
}

/// Parts of the description, in its order.
#[derive(Default)]
struct Parts {
    regions: String,
    staged: String,
    queues: String,
    clients: String,
    guests: String,
    channels: String,
}

impl Crowd {
    /// Its description.
    pub fn description(&self) -> String {
        let mut parts = Parts::default();
        for n in 0..self.clients {
            // Formatting into a string cannot fail.
            let _ = self.guest(n, &mut parts);
        }
        let Parts {
            regions,
            staged,
            queues,
            clients,
            guests,
            channels,
        } = parts;
        format!(
            r#"<system>
<memory_region name="uart" size="0x1000" phys_addr="0x9000000" />
<memory_region name="virtual_cpu_interface" size="0x1000" phys_addr="0x8040000" />
<memory_region name="disk_registers" size="0x1000" phys_addr="0xa000000" />
<memory_region name="disk_ring" size="{PAGE:#x}" page_size="{PAGE:#x}" revocable="true" />
{regions}<protection_domain name="timer" role="timer" priority="254">
<program_image path="molt-timer.elf" /><irq irq="30" id="0" trigger="level" />
</protection_domain>
<protection_domain name="serial" role="serial" priority="210">
<program_image path="molt-serial.elf" />
<map mr="uart" vaddr="0x2000000" perms="rw" cached="false" /><irq irq="33" id="0" trigger="level" />
</protection_domain>
<protection_domain name="update" role="update" priority="253"><program_image path="molt-update-pd.elf" /></protection_domain>
<protection_domain name="stage" role="stage" priority="120" budget="{STAGE}" period="{STAGE_PERIOD}">
<program_image path="molt-stage.elf" />
{staged}</protection_domain>
<protection_domain name="disk" priority="200">
<program_image path="molt-virtio-blk-pd.elf" />
<replaceable vendor="molt" class="block" device="virtio,mmio" abi="1" arena="0x800000" bundle_slots="3" bundle_size="0x600000"
 quiesce_ms="50" ready_ms="500" probation_ms="2000" probation_completions="64" attempts="3" stop="virtio-mmio" technique="hold">
<trust key="driver-key.pem" signs="driver" />
</replaceable>
<map mr="disk_registers" vaddr="0x10000000" perms="rw" cached="false" />
<map mr="disk_ring" vaddr="0x11000000" perms="rw" />
{queues}<irq irq="48" id="0" trigger="edge" />
{clients}</protection_domain>
{guests}<channel><end pd="update" id="0" /><end pd="stage" id="0" /></channel>
<channel><end pd="update" id="1" /><end pd="disk" id="1" /></channel>
<channel><end pd="update" id="4" pp="true" /><end pd="timer" id="4" /></channel>
<channel><end pd="update" id="5" /><end pd="serial" id="1" /></channel>
{channels}</system>
"#
        )
    }

    fn guest(&self, n: usize, parts: &mut Parts) -> std::fmt::Result {
        let number = n + 1;
        let ram = if n == 0 { FIRST_RAM } else { RAM };
        for (what, size, attribute) in [
            ("ram", ram, ""),
            ("staging", STAGING, ""),
            ("queue", PAGE, r#" revocable="true""#),
        ] {
            writeln!(
                parts.regions,
                r#"<memory_region name="{what}{n}" size="{size:#x}" page_size="{PAGE:#x}"{attribute} />"#
            )?;
        }
        let staged = 0x1000_0000 + STAGING * n as u64;
        writeln!(
            parts.staged,
            r#"<map mr="staging{n}" vaddr="{staged:#x}" perms="r" />"#
        )?;
        let queue = 0x1200_0000 + PAGE * n as u64;
        writeln!(
            parts.queues,
            r#"<map mr="queue{n}" vaddr="{queue:#x}" perms="rw" />"#
        )?;
        let first = n * SECTORS;
        writeln!(
            parts.clients,
            r#"<client pd="vmm{n}" queue="queue{n}" memory="ram{n}"><block first_sector="{first}" sectors="{SECTORS}" /></client>"#
        )?;
        let (depth, swaps) = (self.depth, self.swaps);
        // The others are at work until the last swap is over.
        let (files, until) = match n {
            0 => (r#" initrd="first.cpio""#, String::new()),
            _ => ("", format!(" generation={swaps}")),
        };
        write!(
            parts.guests,
            r#"<protection_domain name="vmm{n}" priority="150">
<program_image path="molt-vmm-pd.elf" />
<map mr="ram{n}" vaddr="0x40000000" perms="rw" /><map mr="queue{n}" vaddr="0x30000000" perms="rw" />
<virtual_machine name="guest{n}" priority="100" budget="100" period="100">
<vcpu id="0" />
<map mr="ram{n}" vaddr="0x40000000" perms="rwx" /><map mr="staging{n}" vaddr="0x60000000" perms="rw" />
<map mr="virtual_cpu_interface" vaddr="0x8010000" perms="rw" cached="false" />
<doorbell vaddr="0xb000000" irq="80" staging="staging{n}" updates="disk" />
<guest kind="bare" kernel="molt-guest-bare.elf"{files} cmdline="guest={number} depth={depth} requests=150 every=150{until}" />
</virtual_machine>
</protection_domain>
"#
        )?;
        let (update, timer, disk, serial) = (10 + n, 5 + n, 2 + n, 2 + n);
        write!(
            parts.channels,
            r#"<channel><end pd="update" id="{update}" /><end pd="vmm{n}" id="2" /></channel>
<channel><end pd="vmm{n}" id="4" pp="true" /><end pd="timer" id="{timer}" /></channel>
<channel><end pd="vmm{n}" id="3" /><end pd="disk" id="{disk}" /></channel>
<channel><end pd="vmm{n}" id="5" /><end pd="serial" id="{serial}" /></channel>
"#
        )
    }
}
