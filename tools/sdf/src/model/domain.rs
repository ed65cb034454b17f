// SPDX-License-Identifier: BSD-2-Clause
//! Protection domains.

use super::{
    At, Client, DomainId, Doorbell, IoPorts, Irq, Map, RegionId, Replaceable, VirtualMachine,
};
use crate::Span;

/// The value that a symbol is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetvarValue {
    /// A number known from the text.
    Number(u64),
    /// The physical address of a region.
    Address(RegionId),
}

/// `<setvar>`, or a `setvar_…` attribute.
#[derive(Clone, Debug)]
pub struct Setvar {
    /// The 8-byte symbol of the program image.
    pub symbol: At<String>,
    /// The value.
    pub value: SetvarValue,
}

/// Scheduling parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// 0 to 254.
    pub priority: u64,
    /// Microseconds per period.
    pub budget: u64,
    /// Microseconds.
    pub period: u64,
}

/// What kind of capability `<cspace>` places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are seL4's")]
pub enum ExtraCapability {
    Tcb,
    SchedContext,
    VSpace,
}

/// An element of `<cspace>`.
#[derive(Clone, Debug)]
pub struct ExtraCap {
    /// What.
    pub kind: ExtraCapability,
    /// Slot of the root CNode.
    pub slot: At<u64>,
    /// The PD whose capability it is.
    pub domain: DomainId,
}

/// A part that a PD plays for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the roles'")]
pub enum Role {
    Update,
    Stage,
    Serial,
    Timer,
    Flash,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] = [
        Self::Update,
        Self::Stage,
        Self::Serial,
        Self::Timer,
        Self::Flash,
    ];

    /// As `role="…"` has it.
    pub fn name(self) -> &'static str {
        match self {
            Role::Update => "update",
            Role::Stage => "stage",
            Role::Serial => "serial",
            Role::Timer => "timer",
            Role::Flash => "flash",
        }
    }
}

/// `<protection_domain>`
#[derive(Clone, Debug)]
pub struct ProtectionDomain {
    /// Unique name.
    pub name: String,
    /// Where its name is.
    pub span: Span,
    /// Scheduling.
    pub schedule: Schedule,
    /// The core that it runs on.
    pub cpu: At<u64>,
    /// The kernel's number of the scheduling domain that it runs in, where the system has such domains.
    pub scheduling_domain: Option<u64>,
    /// Runs on the scheduling contexts of its callers.
    pub passive: bool,
    /// Bytes of stack.
    pub stack_size: u64,
    /// Holds the SMC capability.
    pub smc: bool,
    /// May use the FPU.
    pub fpu: bool,
    /// Parent PD and identifier in it.
    pub parent: Option<(DomainId, u64)>,
    /// ELF file.
    pub image: At<String>,
    /// ELF file that has the symbols, if another.
    pub symbols: Option<At<String>>,
    /// Mappings.
    pub maps: Vec<Map>,
    /// Interrupts.
    pub irqs: Vec<Irq>,
    /// I/O ports.
    pub ioports: Vec<IoPorts>,
    /// Symbols to set.
    pub setvars: Vec<Setvar>,
    /// Further capabilities.
    pub cspace: Vec<ExtraCap>,
    /// Its virtual machine.
    pub machine: Option<VirtualMachine>,
    /// Ours: its role.
    pub role: Option<Role>,
    /// Ours: it is replaceable.
    pub replaceable: Option<Replaceable>,
    /// Ours: clients of a replaceable PD.
    pub clients: Vec<Client>,
    /// Ours: the doorbell of a native client.
    pub doorbell: Option<Doorbell>,
    /// Ours: what an operator at its port may do.
    pub operator: Option<Operator>,
}

/// `<operator>`
#[derive(Clone, Debug)]
pub struct Operator {
    /// Where the element is.
    pub span: Span,
    /// `molt_operator::May`, as a number.
    pub may: u32,
}

impl ProtectionDomain {
    /// Whether it has elements of ours.
    pub(super) fn is_ours(&self) -> bool {
        let machine = self.machine.as_ref();
        self.role.is_some()
            || self.replaceable.is_some()
            || self.any_doorbell().is_some()
            || machine.is_some_and(|machine| machine.guest.is_some())
    }

    /// Its own doorbell or its virtual machine's.
    pub fn any_doorbell(&self) -> Option<&Doorbell> {
        self.doorbell
            .as_ref()
            .or(self.machine.as_ref().and_then(|m| m.doorbell.as_ref()))
    }
}
