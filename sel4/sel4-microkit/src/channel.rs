// SPDX-License-Identifier: BSD-2-Clause
//! Channels, interrupts and children, by their ids.

use core::fmt;

use crate::{MessageInfo, symbols};

/// Slots of the Microkit CNode, each followed by one for every id.
const BASE_OUTPUT_NOTIFICATION_SLOT: usize = 10;
const BASE_ENDPOINT_SLOT: usize = 74;
const BASE_IRQ_SLOT: usize = 138;
const BASE_TCB_SLOT: usize = 202;

/// Ids are below this.
pub(crate) const MAX_CHANNELS: usize = 62;

/// A channel to another protection domain, or an interrupt: both are known by their id.
#[derive(Debug, Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Channel {
    index: usize,
}

impl Channel {
    /// Channel `index`.
    ///
    /// # Panics
    /// If `index` is above 61.
    pub const fn new(index: usize) -> Self {
        assert!(index < MAX_CHANNELS);
        Self { index }
    }

    /// Its id.
    pub const fn index(&self) -> usize {
        self.index
    }

    fn cap<T: sel4::CapType>(&self, what: &str, present: usize, base: usize) -> sel4::Cap<T> {
        assert!(
            present & 1 << self.index != 0,
            "{what}: not possible on channel {}",
            self.index
        );
        sel4::Cap::from_bits((base + self.index) as sel4::CPtrBits)
    }

    #[doc(hidden)]
    pub fn notification(&self) -> sel4::cap::Notification {
        self.cap(
            "notify",
            symbols::pd_notifications(),
            BASE_OUTPUT_NOTIFICATION_SLOT,
        )
    }

    #[doc(hidden)]
    pub fn irq_handler(&self) -> sel4::cap::IrqHandler {
        self.cap("irq_ack", symbols::pd_irqs(), BASE_IRQ_SLOT)
    }

    #[doc(hidden)]
    pub fn endpoint(&self) -> sel4::cap::Endpoint {
        self.cap("pp_call", symbols::pd_pps(), BASE_ENDPOINT_SLOT)
    }

    /// Notifies the other side.
    ///
    /// # Panics
    /// If the system description does not let this side notify.
    pub fn notify(&self) {
        self.notification().signal();
    }

    /// Acknowledges the interrupt, so that it can come again.
    ///
    /// # Panics
    /// If the system description has no such interrupt.
    pub fn irq_ack(&self) -> Result<(), IrqAckError> {
        self.irq_handler().irq_handler_ack().map_err(IrqAckError)
    }

    /// Calls the other side's protected procedure.
    ///
    /// # Panics
    /// If the system description does not let this side call.
    pub fn pp_call(&self, msg_info: MessageInfo) -> MessageInfo {
        MessageInfo::from_inner(self.endpoint().call(msg_info.into_inner()))
    }
}

/// Why an interrupt could not be acknowledged.
#[derive(Debug, PartialEq, Eq)]
pub struct IrqAckError(sel4::Error);

impl fmt::Display for IrqAckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "irq ack: {}", self.0)
    }
}

/// A child protection domain (or a vCPU, whose faults arrive likewise), by its id.
#[derive(Debug, Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Child {
    index: usize,
}

impl Child {
    /// Child `index`.
    pub const fn new(index: usize) -> Self {
        Self { index }
    }

    /// Its id.
    pub const fn index(&self) -> usize {
        self.index
    }

    #[doc(hidden)]
    pub fn tcb(&self) -> sel4::cap::Tcb {
        sel4::Cap::from_bits((BASE_TCB_SLOT + self.index) as sel4::CPtrBits)
    }
}
