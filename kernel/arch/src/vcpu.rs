// SPDX-License-Identifier: BSD-2-Clause
//! A virtual CPU's state: EL1's registers, its virtual interrupts, its virtual timer's line.

use crate::registers::{instruction, read_register, write_register};
use crate::vgic::VgicState;

/// Registers of a vCPU by seL4's numbers.
pub const REGISTERS: usize = 24;

/// seL4's number of CNTV_CTL_EL0.
const CNTV_CTL: usize = 20;

/// HCR_EL2 (Arm ARM D24.2.49) for a native thread: stage 2 (VM) for EL0 with EL1 left out (TGE), so that
/// stage 1 is off and every exception comes to EL2; caches as normal memory (DC); interrupts to EL2 (FMO,
/// IMO, AMO); SMC, TLB and auxiliary and translation controls trap (TSC, TTLB, TACR, TVM); AArch64 (RW).
const HCR_NATIVE: u64 = 0x8e28_103b;
/// For a vCPU: stage 2 (VM), interrupts to EL2 (FMO, IMO, AMO) and so virtual ones from the GIC; WFI, WFE
/// and SMC trap (TWI, TWE, TSC). Both values are those of the real kernel.
const HCR_VCPU: u64 = 0x8008_6039;

/// SCTLR_EL1 as native threads run with it: EL0 may clean caches by address (UCI), read CTR_EL0 (UCT)
/// and execute WFI and WFE (nTWI, nTWE).
const SCTLR_NATIVE: u64 = 0x34d5_9824;
/// SCTLR_EL1 of a fresh vCPU: MMU and caches off, the rest RES1.
const SCTLR_VCPU: u64 = 0x34d5_8820;
/// CPACR_EL1.FPEN: no trap.
const CPACR_NATIVE: u64 = 3 << 20;
/// CNTKCTL_EL1: EL0 may read CNTPCT (EL0PCTEN) and use CNTP (EL0PTEN); CNTVCT traps.
const CNTKCTL_NATIVE: u64 = 1 << 9 | 1;

/// The hardware-dependent state that the core keeps in each vCPU object.
#[derive(Clone, Debug)]
pub struct VcpuState {
    registers: [u64; REGISTERS],
    /// MDSCR_EL1: it has no number, but a guest's breakpoints must not strike native threads.
    debug: u64,
    /// Its virtual interrupts.
    pub vgic: VgicState,
    /// Its virtual timer's interrupt was reported and not yet acknowledged.
    pub timer_masked: bool,
}

impl Default for VcpuState {
    fn default() -> Self {
        let mut registers = [0; REGISTERS];
        registers[0] = SCTLR_VCPU;
        Self {
            registers,
            debug: 0,
            vgic: VgicState::default(),
            timer_masked: false,
        }
    }
}

macro_rules! registers {
    ($($number:literal $name:literal)*) => {
        /// The live registers into `values`.
        fn save_all(values: &mut [u64; REGISTERS]) {
            $( values[$number] = read_register!($name); )*
        }

        /// `values` into the registers, in the order of the list.
        fn load_all(values: &[u64; REGISTERS]) {
            $(
                // SAFETY: state of EL1 (and what EL2 shows to EL1), behind which stage 2 confines it.
                unsafe { write_register!($name, values[$number]) };
            )*
        }

        /// One live register.
        pub fn read_live(number: u32) -> u64 {
            match number {
                $( $number => read_register!($name), )*
                _ => 0,
            }
        }

        /// Sets one live register.
        pub fn write_live(number: u32, value: u64) {
            match number {
                $(
                    // SAFETY: as in `load_all`.
                    $number => unsafe { write_register!($name, value) },
                )*
                _ => {}
            }
        }
    };
}

// The timer's control comes last, when its comparison value and offset are right.
registers! {
    0 "sctlr_el1" 1 "cpacr_el1" 2 "ttbr0_el1" 3 "ttbr1_el1" 4 "tcr_el1" 5 "mair_el1" 6 "amair_el1"
    7 "contextidr_el1" 8 "actlr_el1" 9 "afsr0_el1" 10 "afsr1_el1" 11 "esr_el1" 12 "far_el1" 13 "par_el1"
    14 "vbar_el1" 15 "tpidr_el1" 16 "vmpidr_el2" 17 "sp_el1" 18 "elr_el1" 19 "spsr_el1"
    22 "cntvoff_el2" 23 "cntkctl_el1" 21 "cntv_cval_el0" 20 "cntv_ctl_el0"
}

impl VcpuState {
    /// A register of a vCPU that is not loaded.
    pub fn read(&self, number: u32) -> u64 {
        self.registers.get(number as usize).copied().unwrap_or(0)
    }

    /// Sets it.
    pub fn write(&mut self, number: u32, value: u64) {
        if let Some(register) = self.registers.get_mut(number as usize) {
            *register = value;
        }
    }

    /// Into the machine.
    pub fn load(&self) {
        set_hcr(HCR_VCPU);
        set_debug(self.debug);
        load_all(&self.registers);
    }

    /// Out of the machine, which is left as for native threads.
    pub fn save(&mut self) {
        save_all(&mut self.registers);
        self.debug = read_register!("mdscr_el1");
        make_native();
    }
}

/// Makes the machine as native threads find it.
pub fn make_native() {
    set_debug(0);
    write_live(CNTV_CTL as u32, 0);
    write_live(0, SCTLR_NATIVE);
    write_live(1, CPACR_NATIVE);
    write_live(23, CNTKCTL_NATIVE);
    set_hcr(HCR_NATIVE);
}

fn set_debug(value: u64) {
    // SAFETY: which debug events EL1 and EL0 raise; the kernel's level raises none.
    unsafe { write_register!("mdscr_el1", value) };
}

fn set_hcr(value: u64) {
    // SAFETY: both values keep stage 2 on and send every interrupt to EL2.
    unsafe { write_register!("hcr_el2", value) };
    instruction!("isb");
}
