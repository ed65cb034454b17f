// SPDX-License-Identifier: BSD-2-Clause
//! The lines in which guests and native clients report about their load.
//!
//! | line | meaning |
//! |---|---|
//! | `result name=value …` | the last account: `requests`, `errors`, `bytes_verified`, `max_latency_ns`, `p99_latency_ns`; of the network `net_bytes`, `lost`, `lost_in_a_row`; of sensors `sensor_reads` and `stale` (values of the technique `stand-in`); of a ROM `rom_reads`; other names are ignored. Two programs of a guest may print one each |
//! | `progress name=value …` | the same at intervals, before the last one |
//! | `before name=value …`, `transferring …`, `exchanging …` | of the requests before the first offer, during the transfer of firmware, and from there to the end of the probation: `p99_latency_ns` |
//! | `saw name=count …` | what the guest saw of updates, beside longer requests: `link-down`, `link-up`; `hidden-pauses`: how often its virtual counter fell behind the physical one; `clock-jumps`, `watchdog-expired`: what a program that watches the clock saw |
//! | `alive …` | a sign of life |
//! | `count N` | a line of many, each of which has the number of the one before and one more; the first has 1 |
//! | `sensors: firmware N…` | the values of sensors are from now on those of this version of the controller's firmware |
//! | `rom: firmware N` | the content of the ROM is from now on this version |
//! | `processors N` | the guest runs on so many processors |
//! | `ring status=… reason=…` | the doorbell's status and reason, as words of `molt-doorbell`; for the reader only |
//! | `error: …` | the program has found an error |
//! | `done` | the program has ended well |

use crate::result::{Guest, Kind};

/// Messages of a Linux kernel that no healthy machine causes.
const KERNEL_COMPLAINTS: [&str; 7] = [
    "I/O error",
    "EXT4-fs error",
    "JBD2: Error",
    "blocked for more than",
    "Kernel panic",
    "rcu: INFO: rcu_",
    "soft lockup",
];

/// The meaning of a line of a guest's console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestLine {
    /// A `result`.
    Result,
    /// The guest has ended well.
    Done,
    /// The guest reports an error.
    Complaint,
    /// A sign of life, at intervals of the guest's own clock.
    Alive,
    /// A line of many, with its number.
    Counted(u64),
    /// Any other line.
    Other,
}

/// Whether this is a VMM's message about a guest that will not run again (`Stop::text` of `molt-vmm`, and the guest's PC).
pub fn is_over(guest: &str, said: &str) -> bool {
    let of_guest = said
        .strip_prefix(guest)
        .and_then(|said| said.strip_prefix(' '));
    of_guest.is_some_and(|said| ENDS.iter().any(|end| said.starts_with(end)))
}

/// Whether this is a VMM's message that its guest was paused.
pub fn is_pause(guest: &str, said: &str) -> bool {
    said.strip_prefix(guest)
        .is_some_and(|said| said.starts_with(" stood still for "))
}

/// What a VMM says it has served of a disk itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoodIn {
    /// Reads.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
    /// The longest that one of them took, in nanoseconds.
    pub longest_ns: u64,
}

/// What a VMM says it has served itself, in its account of the guest.
pub fn stood_in(guest: &str, said: &str) -> Option<StoodIn> {
    let said = said.strip_prefix(guest)?.strip_prefix(" stand-in: ")?;
    // "N reads served, N writes logged, the longest in N ns; …"
    let mut numbers = said.split(' ').filter_map(|word| word.parse().ok());
    Some(StoodIn {
        reads: numbers.next()?,
        writes: numbers.next()?,
        longest_ns: numbers.next()?,
    })
}

/// The accesses to a device that the guest drives itself which a VMM says were denied and have waited, in its account of the guest.
pub fn waited(guest: &str, said: &str) -> Option<u64> {
    let said = said.strip_prefix(guest)?.strip_prefix(" denied: ")?;
    said.split(' ').next()?.parse().ok()
}

/// Whether this is a VMM's message that its guest was reset.
pub fn is_reset(guest: &str, said: &str) -> bool {
    said.strip_prefix(guest)
        .is_some_and(|said| said.starts_with(" starts anew "))
}

/// Before the version of the firmware.
const FIRMWARE: [&str; 2] = ["sensors: firmware ", "rom: firmware "];

/// The parts of updates of which guests print the times of their requests.
const PARTS: [&str; 3] = ["before", "transferring", "exchanging"];

/// Before the number of the guest's processors.
const PROCESSORS: &str = "processors ";

/// The beginnings of a VMM's messages that its guest has ended.
const ENDS: [&str; 4] = [
    "powered off at ",
    "asked for a reset; not started again at ",
    "turned its last CPU off at ",
    "stopped by an unexpected fault at ",
];

/// Reads one line; the figures of an account are stored in `guest`.
pub fn read(guest: &mut Guest, text: &str) -> GuestLine {
    if text == "done" {
        return GuestLine::Done;
    }
    if text.starts_with("error:")
        || (guest.kind == Kind::Linux && KERNEL_COMPLAINTS.iter().any(|c| text.contains(c)))
    {
        return GuestLine::Complaint;
    }
    if let Some(version) = FIRMWARE.iter().find_map(|before| text.strip_prefix(before)) {
        let digits = version.split(|c: char| !c.is_ascii_digit()).next();
        guest
            .firmware
            .extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
        return GuestLine::Other;
    }
    if let Some(count) = text.strip_prefix(PROCESSORS) {
        guest.processors = count.parse().ok().or(guest.processors);
        return GuestLine::Other;
    }
    let Some((word, account)) = text.split_once(' ') else {
        return GuestLine::Other;
    };
    if word == "alive" {
        return GuestLine::Alive;
    }
    if word == "count" {
        return account.parse().map_or(GuestLine::Other, GuestLine::Counted);
    }
    let part = PARTS.contains(&word);
    if !part && !matches!(word, "result" | "progress" | "saw") {
        return GuestLine::Other;
    }
    for (name, value) in account.split(' ').filter_map(|field| field.split_once('=')) {
        let Ok(value) = value.parse::<u64>() else {
            continue;
        };
        if part {
            if name == "p99_latency_ns" {
                guest.p99_in_updates_ns.insert(word.to_owned(), value);
            }
            continue;
        }
        if word == "saw" {
            if value > 0 {
                guest.saw.insert(name.to_owned(), value);
            }
            continue;
        }
        match (name, guest.kind) {
            ("bytes_verified", _) => guest.bytes_verified = value,
            // Errors that the program itself has seen count, even if the requests are counted by the VMM.
            ("errors", _) => guest.errors = guest.errors.max(value),
            ("sensor_reads", _) => guest.sensor_reads = Some(value),
            ("rom_reads", _) => guest.rom_reads = Some(value),
            ("stale", _) if value > 0 => drop(guest.saw.insert("stale-values".to_owned(), value)),
            ("net_bytes", _) => guest.net_bytes = Some(value),
            ("lost", _) => guest.pings_lost = Some(value),
            ("lost_in_a_row", _) => guest.pings_lost_in_a_row = Some(value),
            ("requests", Kind::Bare) => guest.requests = value,
            ("max_latency_ns", Kind::Bare) => guest.max_latency_ns = value,
            ("p99_latency_ns", Kind::Bare) => guest.p99_latency_ns = Some(value),
            _ => {}
        }
    }
    if word == "result" {
        GuestLine::Result
    } else {
        GuestLine::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_guest_s_account_is_its_own() {
        let mut guest = Guest::default();
        let line =
            "result requests=7 errors=1 bytes_verified=4096 max_latency_ns=9 p99_latency_ns=8";
        assert_eq!(read(&mut guest, line), GuestLine::Result);
        assert_eq!((guest.requests, guest.errors), (7, 1));
        assert_eq!((guest.bytes_verified, guest.max_latency_ns), (4096, 9));
    }

    /// The texts are the VMM's.
    #[test]
    fn every_end_of_a_guest_is_known() {
        use molt_vmm::Stop;
        for stop in [Stop::Off, Stop::Reset, Stop::CpuOff, Stop::Unexpected(5)] {
            let said = format!("linux {} at 0x40080000 ({stop:?})", stop.text());
            assert!(is_over("linux", &said), "{said}");
            assert!(!is_over("bare", &said), "{said}");
        }
    }

    #[test]
    fn a_linux_program_does_not_count_the_requests() {
        let mut guest = Guest {
            kind: Kind::Linux,
            ..Guest::default()
        };
        read(&mut guest, "result requests=7 errors=0 bytes_verified=4096");
        assert_eq!((guest.requests, guest.bytes_verified), (0, 4096));
    }

    #[test]
    fn the_network_s_account_stands_beside_the_disk_s() {
        let mut guest = Guest::default();
        let disk = "result requests=7 errors=0 bytes_verified=4096";
        let network = "result net_bytes=9 errors=1 probes=5 lost=2 lost_in_a_row=1";
        for line in [disk, network] {
            assert_eq!(read(&mut guest, line), GuestLine::Result);
        }
        assert_eq!((guest.bytes_verified, guest.net_bytes), (4096, Some(9)));
        assert_eq!(guest.pings_lost, Some(2));
        assert_eq!((guest.pings_lost_in_a_row, guest.errors), (Some(1), 1));
    }

    /// The text is the VMM's.
    #[test]
    fn what_a_stand_in_served_is_known() {
        let stood = molt_vmm::virtio::standing::Stood {
            reads: 3,
            writes: 4,
            longest: 5,
            ..Default::default()
        };
        let read = StoodIn {
            reads: 3,
            writes: 4,
            longest_ns: 5,
        };
        assert_eq!(stood_in("a", &format!("a {stood}")), Some(read));
        assert_eq!(stood_in("b", &format!("a {stood}")), None);
        let denied = format!("a {}", molt_vmm::Waited(5));
        assert_eq!(waited("a", &denied), Some(5));
    }

    #[test]
    fn what_a_guest_saw_is_counted_by_name() {
        let mut guest = Guest::default();
        read(&mut guest, "saw link-down=3 link-up=0");
        assert_eq!(
            guest.saw.into_iter().collect::<Vec<_>>(),
            [("link-down".to_owned(), 3)]
        );
    }

    #[test]
    fn the_times_in_parts_of_updates_stand_beside_those_of_all_requests() {
        let mut guest = Guest::default();
        read(&mut guest, "result requests=7 errors=0 p99_latency_ns=8");
        let line = "transferring requests=5 p50_latency_ns=3 p99_latency_ns=9 max_latency_ns=11";
        assert_eq!(read(&mut guest, line), GuestLine::Other);
        assert_eq!((guest.requests, guest.p99_latency_ns), (7, Some(8)));
        let parts: Vec<(String, u64)> = guest.p99_in_updates_ns.into_iter().collect();
        assert_eq!(parts, [("transferring".to_owned(), 9)]);
    }

    #[test]
    fn the_versions_of_the_firmware_are_those_that_the_values_showed() {
        let mut guest = Guest::default();
        for line in ["sensors: firmware 1", "sensors: firmware 2, boots 3"] {
            assert_eq!(read(&mut guest, line), GuestLine::Other);
        }
        read(&mut guest, "rom: firmware 3");
        read(&mut guest, "result sensor_reads=12 errors=0 boots=3");
        read(&mut guest, "result rom_reads=13 errors=0 spanned=1");
        assert_eq!(
            (guest.firmware, guest.sensor_reads),
            (vec![1, 2, 3], Some(12))
        );
        assert_eq!(guest.rom_reads, Some(13));
    }

    #[test]
    fn a_kernel_that_complains_is_heard() {
        let mut guest = Guest {
            kind: Kind::Linux,
            ..Guest::default()
        };
        let line = "[    1.5] I/O error, dev vda, sector 8 op 0x1:(WRITE)";
        assert_eq!(read(&mut guest, line), GuestLine::Complaint);
        let line = "[   60.5] watchdog: BUG: soft lockup - CPU#2 stuck for 23s! [md5sum:97]";
        assert_eq!(read(&mut guest, line), GuestLine::Complaint);
    }
}
