// SPDX-License-Identifier: BSD-2-Clause
//! PSCI 1.1 and SMCCC 1.1 for a guest with one vCPU (Arm DEN 0022, DEN 0028).
//!
//! The conduit is SMC: on seL4 an HVC of a guest enters the kernel as a system call.

use arm_psci::{
    ArchitecturalResetType, ErrorCode, Function, FunctionId, Mpidr, PsciFeature, ResetType,
};

/// The result of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The caller continues with this value in X0.
    Return(u64),
    /// The caller waits for an interrupt, then continues with 0 in X0 (CPU_SUSPEND to a standby state).
    Suspend,
    /// The only vCPU turns itself off.
    CpuOff,
    /// SYSTEM_OFF.
    SystemOff,
    /// SYSTEM_RESET, or SYSTEM_RESET2 with the architectural warm reset. They do the same here: memory is not kept.
    SystemReset,
}

const SMCCC_VERSION: u32 = 0x8000_0000;
const SMCCC_ARCH_FEATURES: u32 = 0x8000_0001;
const SMCCC_1_1: u64 = 0x1_0001;
const PSCI_1_1: u64 = 0x1_0001;
const NOT_SUPPORTED: Outcome = Outcome::Return(-1_i64 as u64);

/// Carries out the call in X0 to X3. Unknown functions return NOT_SUPPORTED (SMCCC 5.2).
#[must_use]
pub fn call(arguments: &[u64; 4]) -> Outcome {
    match arguments[0] as u32 {
        SMCCC_VERSION => return Outcome::Return(SMCCC_1_1),
        SMCCC_ARCH_FEATURES => {
            return match arguments[1] as u32 {
                SMCCC_VERSION | SMCCC_ARCH_FEATURES => Outcome::Return(0),
                _ => NOT_SUPPORTED,
            };
        }
        _ => {}
    }
    match Function::try_from(arguments) {
        Ok(function) => psci(function),
        Err(error) => failure(error.into()),
    }
}

fn psci(function: Function) -> Outcome {
    match function {
        Function::Version => Outcome::Return(PSCI_1_1),
        Function::CpuSuspend { .. } => Outcome::Suspend,
        Function::CpuOff => Outcome::CpuOff,
        Function::CpuOn { target_cpu, .. } if is_self(target_cpu) => failure(ErrorCode::AlreadyOn),
        Function::CpuOn { .. } => failure(ErrorCode::InvalidParameters),
        Function::AffinityInfo {
            mpidr,
            lowest_affinity_level: 0,
        } if is_self(mpidr) => Outcome::Return(0),
        Function::AffinityInfo { .. } => failure(ErrorCode::InvalidParameters),
        // No Trusted OS, or one that need not be migrated.
        Function::MigrateInfoType => Outcome::Return(2),
        Function::SystemOff => Outcome::SystemOff,
        Function::SystemReset
        | Function::SystemReset2 {
            reset_type: ResetType::Architectural(ArchitecturalResetType::SystemWarmReset),
            ..
        } => Outcome::SystemReset,
        // A vendor's kinds of reset: there are none (5.1.12).
        Function::SystemReset2 { .. } => failure(ErrorCode::InvalidParameters),
        Function::Features { psci_func_id } => features(psci_func_id),
        _ => failure(ErrorCode::NotSupported),
    }
}

fn features(function: PsciFeature) -> Outcome {
    use FunctionId as F;
    match function {
        PsciFeature::SmcccVersion
        | PsciFeature::PsciFunction(
            F::PsciVersion
            | F::CpuSuspend32
            | F::CpuSuspend64
            | F::CpuOff
            | F::CpuOn32
            | F::CpuOn64
            | F::AffinityInfo32
            | F::AffinityInfo64
            | F::MigrateInfoType
            | F::SystemOff
            | F::SystemReset
            | F::SystemReset232
            | F::SystemReset264
            | F::PsciFeatures,
        ) => Outcome::Return(0),
        PsciFeature::PsciFunction(_) => NOT_SUPPORTED,
    }
}

fn is_self(mpidr: Mpidr) -> bool {
    u64::from(mpidr) == 0
}

fn failure(code: ErrorCode) -> Outcome {
    Outcome::Return(i64::from(i32::from(code)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: i64) -> Outcome {
        Outcome::Return(code as u64)
    }

    #[test]
    fn versions_and_features() {
        assert_eq!(call(&[0x8400_0000, 0, 0, 0]), Outcome::Return(0x1_0001));
        assert_eq!(call(&[0x8000_0000, 0, 0, 0]), Outcome::Return(0x1_0001));
        assert_eq!(call(&[0x8400_000a, 0x8000_0000, 0, 0]), Outcome::Return(0));
        assert_eq!(call(&[0x8400_000a, 0xc400_0003, 0, 0]), Outcome::Return(0));
        assert_eq!(
            call(&[0x8400_000a, 0x8400_000e, 0, 0]),
            error(-1),
            "SYSTEM_SUSPEND is not there"
        );
        assert_eq!(call(&[0x8400_000a, 0x1234, 0, 0]), error(-1));
        assert_eq!(
            call(&[0xc600_0000, 0, 0, 0]),
            error(-1),
            "a vendor's function"
        );
        assert_eq!(call(&[0x8400_000a, 0x8400_0012, 0, 0]), Outcome::Return(0));
        assert_eq!(call(&[0x8400_000a, 0xc400_0012, 0, 0]), Outcome::Return(0));
    }

    #[test]
    fn processors() {
        assert_eq!(
            call(&[0xc400_0003, 0, 0x4000_0000, 0]),
            error(-4),
            "already on"
        );
        assert_eq!(
            call(&[0xc400_0003, 1, 0x4000_0000, 0]),
            error(-2),
            "no such CPU"
        );
        assert_eq!(
            call(&[0xc400_0003, u64::MAX, 0, 0]),
            error(-2),
            "no MPIDR at all"
        );
        assert_eq!(call(&[0xc400_0004, 0, 0, 0]), Outcome::Return(0));
        assert_eq!(call(&[0x8400_0002, 0, 0, 0]), Outcome::CpuOff);
        assert_eq!(call(&[0x8400_0008, 0, 0, 0]), Outcome::SystemOff);
        assert_eq!(call(&[0x8400_0009, 0, 0, 0]), Outcome::SystemReset);
        assert_eq!(call(&[0xc400_0012, 0, 0, 0]), Outcome::SystemReset);
        assert_eq!(
            call(&[0x8400_0012, 0x8000_0000, 0, 0]),
            error(-2),
            "no reset of a vendor's"
        );
        assert_eq!(call(&[0x8400_0006, 0, 0, 0]), Outcome::Return(2));
    }
}
