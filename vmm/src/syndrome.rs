// SPDX-License-Identifier: BSD-2-Clause
//! Decodes ESR_EL2 (Arm ARM D24.2.40).

/// Width of an access in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Width {
    /// 8 bits.
    Byte = 1,
    /// 16 bits.
    Half = 2,
    /// 32 bits.
    Word = 4,
    /// 64 bits.
    Double = 8,
}

impl Width {
    /// All bits of a value of this width.
    #[must_use]
    pub const fn mask(self) -> u64 {
        u64::MAX >> (64 - 8 * self as u32)
    }
}

/// One load or store of a general register, as ISS describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// SAS.
    pub width: Width,
    /// WnR.
    pub write: bool,
    /// SRT: 0 to 30, or 31 for the zero register.
    pub register: u8,
    /// SSE: the loaded value is sign-extended.
    pub sign_extend: bool,
    /// SF: to 64 bits, otherwise to 32.
    pub sixty_four: bool,
}

impl Access {
    /// What a load of `raw` leaves in the register.
    #[must_use]
    pub const fn extend(self, raw: u64) -> u64 {
        let value = raw & self.width.mask();
        if !self.sign_extend {
            return value;
        }
        let unused = 64 - 8 * self.width as u32;
        let signed = ((value << unused) as i64 >> unused) as u64;
        if self.sixty_four {
            signed
        } else {
            signed & 0xffff_ffff
        }
    }
}

/// Takes the syndrome of a stage-2 abort apart. `None` for an instruction abort, and for the data aborts that come
/// without a valid syndrome (pairs, writeback, SIMD, exclusives, cache maintenance, a walk of stage 1).
#[must_use]
pub const fn decode_abort(esr: u64) -> Option<Access> {
    const DATA_ABORT_LOWER_EL: u64 = 0x24;
    const ISV: u64 = 1 << 24;
    const S1PTW: u64 = 1 << 7;
    if class(esr) != DATA_ABORT_LOWER_EL || esr & ISV == 0 || esr & S1PTW != 0 {
        return None;
    }
    Some(Access {
        width: match esr >> 22 & 3 {
            0 => Width::Byte,
            1 => Width::Half,
            2 => Width::Word,
            _ => Width::Double,
        },
        write: esr >> 6 & 1 == 1,
        register: (esr >> 16 & 31) as u8,
        sign_extend: esr >> 21 & 1 == 1,
        sixty_four: esr >> 15 & 1 == 1,
    })
}

/// Whether the abort is a translation fault (DFSC or IFSC 0b0001xx): nothing is mapped there.
#[must_use]
pub const fn is_translation_fault(esr: u64) -> bool {
    esr & 0x3c == 0x04
}

/// A system register by its encoding, with the direction of the access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemRegister {
    /// Op0, Op1, CRn, CRm, Op2.
    pub encoding: (u8, u8, u8, u8, u8),
    /// The general register, 31 for the zero register.
    pub register: u8,
    /// MRS rather than MSR.
    pub read: bool,
}

/// Why a vCPU trapped, other than by an abort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// WFI (or WFIT).
    WaitForInterrupt,
    /// WFE (or WFET).
    WaitForEvent,
    /// HVC #imm.
    Hvc,
    /// SMC #imm.
    Smc,
    /// MSR, MRS or a system instruction.
    System(SystemRegister),
    /// Any other class.
    Other(u8),
}

/// Takes the syndrome of a trap apart.
#[must_use]
pub const fn decode_trap(esr: u64) -> Trap {
    match class(esr) {
        0x01 if esr & 1 == 0 => Trap::WaitForInterrupt,
        0x01 => Trap::WaitForEvent,
        0x16 => Trap::Hvc,
        0x17 => Trap::Smc,
        0x18 => Trap::System(SystemRegister {
            encoding: (
                (esr >> 20 & 3) as u8,
                (esr >> 14 & 7) as u8,
                (esr >> 10 & 15) as u8,
                (esr >> 1 & 15) as u8,
                (esr >> 17 & 7) as u8,
            ),
            register: (esr >> 5 & 31) as u8,
            read: esr & 1 == 1,
        }),
        other => Trap::Other(other as u8),
    }
}

const fn class(esr: u64) -> u64 {
    esr >> 26 & 0x3f
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn access(width: u64, sign: u64, register: u64, sf: u64, write: u64) -> u64 {
        0x24 << 26
            | 1 << 25
            | 1 << 24
            | width << 22
            | sign << 21
            | register << 16
            | sf << 15
            | write << 6
            | 7
    }

    #[test]
    fn a_load_extends_as_the_instruction_says() {
        let case = |esr, raw| decode_abort(esr).map(|a| a.extend(raw));
        assert_eq!(case(access(0, 0, 3, 0, 0), 0xffff_ff80), Some(0x80), "ldrb");
        assert_eq!(
            case(access(0, 1, 3, 0, 0), 0x80),
            Some(0xffff_ff80),
            "ldrsb w"
        );
        assert_eq!(
            case(access(0, 1, 3, 1, 0), 0x80),
            Some(0xffff_ffff_ffff_ff80),
            "ldrsb x"
        );
        assert_eq!(case(access(1, 1, 3, 1, 0), 0x7fff), Some(0x7fff), "ldrsh x");
        assert_eq!(
            case(access(2, 1, 3, 1, 0), 0x8000_0000),
            Some(0xffff_ffff_8000_0000),
            "ldrsw"
        );
        assert_eq!(
            case(access(3, 0, 3, 1, 0), u64::MAX),
            Some(u64::MAX),
            "ldr x"
        );
    }

    #[test]
    fn aborts_without_syndrome_are_none() {
        assert_eq!(
            decode_abort(access(2, 0, 0, 0, 0) & !(1 << 24)),
            None,
            "ISV clear"
        );
        assert_eq!(
            decode_abort(access(2, 0, 0, 0, 0) | 1 << 7),
            None,
            "stage 1 walk"
        );
        assert_eq!(
            decode_abort(0x20 << 26 | 1 << 24),
            None,
            "instruction abort"
        );
        assert!(decode_abort(access(2, 0, 31, 0, 1)).is_some_and(|a| a.write && a.register == 31));
    }

    #[test]
    fn traps() {
        assert_eq!(decode_trap(0x01 << 26), Trap::WaitForInterrupt);
        assert_eq!(decode_trap(0x01 << 26 | 1), Trap::WaitForEvent);
        assert_eq!(decode_trap(0x17 << 26), Trap::Smc);
        // msr oslar_el1, x5: op0 2, op1 0, CRn 1, CRm 0, op2 4
        let esr = 0x18 << 26 | 2 << 20 | 4 << 17 | 1 << 10 | 5 << 5;
        let Trap::System(register) = decode_trap(esr) else {
            panic!()
        };
        assert_eq!(
            register,
            SystemRegister {
                encoding: (2, 0, 1, 0, 4),
                register: 5,
                read: false
            }
        );
    }
}
