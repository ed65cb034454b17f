// SPDX-License-Identifier: BSD-2-Clause
//! PSCI 1.1 and SMCCC 1.1 for a guest (Arm DEN 0022, DEN 0028).
//!
//! The conduit is SMC: on seL4 an HVC of a guest enters the kernel as a system call.
//!
//! A vCPU is on as soon as CPU_ON returns, so there is never one that is about to start: ON_PENDING is no answer of any call.

use arm_psci::{
    ArchitecturalResetType, EntryPoint, ErrorCode, Function, FunctionId, Mpidr, PsciFeature,
    ResetType,
};

use crate::processor::Vcpus;

/// The result of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The caller continues with this value in X0.
    Return(u64),
    /// The caller waits for an interrupt, then continues with 0 in X0 (CPU_SUSPEND to a standby state).
    Suspend,
    /// The caller turns itself off.
    CpuOff,
    /// A vCPU that is off is to start at this guest-physical address, with this in X0, if that is an address of the guest's memory.
    /// The caller continues with 0 or [`INVALID_ADDRESS`].
    CpuOn {
        /// Its number.
        vcpu: usize,
        /// Guest-physical address of its first instruction.
        entry: u64,
        /// X0.
        context: u64,
    },
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
/// The entry point is not in the guest's memory.
pub const INVALID_ADDRESS: u64 = -9_i64 as u64;
/// AFFINITY_INFO: the answers.
const ON: u64 = 0;
const OFF: u64 = 1;

/// A guest's vCPUs.
#[derive(Clone, Copy, Debug)]
pub struct Processors {
    /// Their number.
    pub count: usize,
    /// Those that are on.
    pub on: Vcpus,
}

impl Processors {
    /// The vCPU with this MPIDR: its number is Aff0, all other fields are 0.
    fn find(self, mpidr: Mpidr) -> Option<usize> {
        let number = usize::try_from(u64::from(mpidr)).ok()?;
        (number < self.count).then_some(number)
    }
}

/// Carries out the call in X0 to X3. Unknown functions return NOT_SUPPORTED (SMCCC 5.2).
#[must_use]
pub fn call(arguments: &[u64; 4], processors: Processors) -> Outcome {
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
        Ok(function) => psci(function, processors),
        Err(error) => failure(error.into()),
    }
}

fn psci(function: Function, processors: Processors) -> Outcome {
    match function {
        Function::Version => Outcome::Return(PSCI_1_1),
        // The caller may come back at once where a state is not as deep as what it asked for (5.4.5): all are a standby here.
        Function::CpuSuspend { .. } => Outcome::Suspend,
        Function::CpuOff => Outcome::CpuOff,
        Function::CpuOn { target_cpu, entry } => match processors.find(target_cpu) {
            None => failure(ErrorCode::InvalidParameters),
            Some(vcpu) if processors.on.contains(vcpu) => failure(ErrorCode::AlreadyOn),
            Some(vcpu) => turn_on(vcpu, entry),
        },
        Function::AffinityInfo {
            mpidr,
            lowest_affinity_level: 0,
        } => match processors.find(mpidr) {
            None => failure(ErrorCode::InvalidParameters),
            Some(vcpu) if processors.on.contains(vcpu) => Outcome::Return(ON),
            Some(_) => Outcome::Return(OFF),
        },
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

fn turn_on(vcpu: usize, entry: EntryPoint) -> Outcome {
    let context = match entry {
        EntryPoint::Entry32 { context_id, .. } => context_id.into(),
        EntryPoint::Entry64 { context_id, .. } => context_id,
    };
    Outcome::CpuOn {
        vcpu,
        entry: entry.entry_point_address(),
        context,
    }
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

    /// Of four vCPUs these are on.
    fn four(on: &[usize]) -> Processors {
        let mut set = Vcpus::default();
        on.iter().for_each(|vcpu| set.insert(*vcpu));
        Processors { count: 4, on: set }
    }

    /// A guest with one vCPU calls.
    fn call(arguments: &[u64; 4]) -> Outcome {
        let mut on = Vcpus::default();
        on.insert(0);
        super::call(arguments, Processors { count: 1, on })
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

    /// Every state of a vCPU, and every vCPU that is none.
    #[test]
    fn several_processors() {
        const ON_64: u64 = 0xc400_0003;
        const ON_32: u64 = 0x8400_0003;
        const INFO_64: u64 = 0xc400_0004;
        const INFO_32: u64 = 0x8400_0004;
        let processors = four(&[0, 2]);
        let call = |arguments: [u64; 4]| super::call(&arguments, processors);
        for vcpu in [0, 2] {
            assert_eq!(call([ON_64, vcpu, 0x4000_0000, 0]), error(-4));
            assert_eq!(call([INFO_64, vcpu, 0, 0]), Outcome::Return(0), "on");
        }
        for vcpu in [1, 3] {
            let on = Outcome::CpuOn {
                vcpu: vcpu as usize,
                entry: 0x4000_1000,
                context: 7,
            };
            assert_eq!(call([ON_64, vcpu, 0x4000_1000, 7]), on);
            assert_eq!(call([ON_32, vcpu, 0x4000_1000, 7]), on);
            assert_eq!(call([INFO_64, vcpu, 0, 0]), Outcome::Return(1), "off");
            assert_eq!(call([INFO_32, vcpu, 0, 0]), Outcome::Return(1), "off");
        }
        for nobody in [4, 0x100, 1 << 16, 1 << 32, 1 << 31, 0x0100_0001, u64::MAX] {
            assert_eq!(call([ON_64, nobody, 0x4000_0000, 0]), error(-2));
            assert_eq!(call([INFO_64, nobody, 0, 0]), error(-2));
        }
        assert_eq!(
            call([INFO_64, 0, 1, 0]),
            error(-2),
            "only single vCPUs have a state"
        );
    }
}
