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
pub fn aarch64(vector: u64, before: Before, last: &[u8]) -> &'static str {
    let last = last
        .first_chunk()
        .map_or(0, |word| u32::from_le_bytes(*word));
    match vector & 0x180 {
        0x80 => "interrupt",
        0x100 => "fast interrupt",
        0x180 => "system error",
        _ => synchronous(before, last),
    }
}

/// The kind by seL4's name for the place that is entered: `int_` and the vector's two digits, of which those below 0x20 are
/// exceptions (Intel SDM, volume 3, 6.2), or one of two for system calls.
pub fn x86_64(name: &str) -> &'static str {
    let vector = name.strip_prefix("int_");
    let vector = vector.and_then(|digits| u8::from_str_radix(digits, 16).ok());
    match vector {
        Some(..0x20) => "fault",
        Some(_) => "interrupt",
        None if matches!(name, "handle_fastsyscall" | "handle_syscall") => "system call",
        None => "unknown",
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
        let kind = |vector, before, last: u32| aarch64(vector, before, &last.to_le_bytes());
        let svc = 0xd400_0001;
        assert_eq!(kind(0x400, Domain, svc), "system call");
        assert_eq!(kind(0x480, Domain, svc), "interrupt");
        assert_eq!(kind(0x400, Guest, 0xd503_207f), "guest waits (WFE, WFI)");
        assert_eq!(kind(0x400, Guest, 0xd400_0002), "guest's call (HVC, SMC)");
        let load = 0xb940_0001;
        assert!(kind(0x400, Guest, load).contains("device"));
        assert_eq!(kind(0x400, Domain, load), "fault");
    }

    #[test]
    fn entries_of_x86_64_are_told_apart_by_the_kernel_s_names() {
        assert_eq!(x86_64("handle_fastsyscall"), "system call");
        assert_eq!(x86_64("int_0e"), "fault");
        assert_eq!(x86_64("int_21"), "interrupt");
        assert_eq!(x86_64("c_x64_handle_interrupt"), "unknown");
    }
}
