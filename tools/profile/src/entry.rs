// SPDX-License-Identifier: BSD-2-Clause
//! Kinds of entries of the kernel.

/// What ran before the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// A protection domain.
    Domain,
    /// A guest.
    Guest,
}

/// The kind of an entry by its vector (Arm ARM, "Exception vectors") and the last instruction before it.
pub fn kind(vector: u64, before: Before, last: u32) -> &'static str {
    match vector & 0x180 {
        0x80 => "interrupt",
        0x100 => "fast interrupt",
        0x180 => "system error",
        _ => synchronous(before, last),
    }
}

fn synchronous(before: Before, last: u32) -> &'static str {
    // Arm ARM, "Exception generation" and "Hints".
    match (last & 0xffe0_001f, last) {
        (0xd400_0001, _) if before == Before::Domain => "system call",
        (0xd400_0002, _) if before == Before::Domain => "system call",
        (0xd400_0002 | 0xd400_0003, _) => "guest's call (HVC, SMC)",
        (_, 0xd503_205f | 0xd503_207f) => "guest waits (WFE, WFI)",
        _ if before == Before::Guest => "guest's access to a device or register",
        _ => "fault",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_told_apart() {
        use Before::{Domain, Guest};
        let svc = 0xd400_0001;
        assert_eq!(kind(0x400, Domain, svc), "system call");
        assert_eq!(kind(0x480, Domain, svc), "interrupt");
        assert_eq!(kind(0x400, Guest, 0xd503_207f), "guest waits (WFE, WFI)");
        assert_eq!(kind(0x400, Guest, 0xd400_0002), "guest's call (HVC, SMC)");
        let load = 0xb940_0001;
        assert!(kind(0x400, Guest, load).contains("device"));
        assert_eq!(kind(0x400, Domain, load), "fault");
    }
}
