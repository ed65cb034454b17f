// SPDX-License-Identifier: BSD-2-Clause
//! Signals and acknowledgements that are sent in the same system call as the next receive.

use crate::{Channel, IrqAckError};

/// A signal or acknowledgement put off until the event loop waits again
/// (see [`Handler::take_deferred_action`](crate::Handler::take_deferred_action)).
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub struct DeferredAction {
    channel: Channel,
    interface: DeferredActionInterface,
}

/// What can be put off.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum DeferredActionInterface {
    Notify,
    IrqAck,
}

impl DeferredAction {
    /// This action on this channel.
    pub fn new(channel: Channel, interface: DeferredActionInterface) -> Self {
        Self { channel, interface }
    }

    /// [`Channel::notify`].
    pub fn new_notify(channel: Channel) -> Self {
        Self::new(channel, DeferredActionInterface::Notify)
    }

    /// [`Channel::irq_ack`].
    pub fn new_irq_ack(channel: Channel) -> Self {
        Self::new(channel, DeferredActionInterface::IrqAck)
    }

    /// The channel.
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// The action.
    pub fn interface(&self) -> DeferredActionInterface {
        self.interface
    }

    /// Does it now.
    pub fn execute_now(self) -> Result<(), IrqAckError> {
        match self.interface {
            DeferredActionInterface::Notify => {
                self.channel.notify();
                Ok(())
            }
            DeferredActionInterface::IrqAck => self.channel.irq_ack(),
        }
    }

    pub(crate) fn prepare(&self) -> PreparedDeferredAction {
        match self.interface {
            DeferredActionInterface::Notify => PreparedDeferredAction {
                cap: self.channel.notification().upcast(),
                label: 0,
            },
            DeferredActionInterface::IrqAck => PreparedDeferredAction {
                cap: self.channel.irq_handler().upcast(),
                label: sel4::sys::invocation_label::IRQAckIRQ.into(),
            },
        }
    }
}

/// A message without words, ready to be sent.
#[derive(Debug)]
pub(crate) struct PreparedDeferredAction {
    pub(crate) cap: sel4::cap::Unspecified,
    pub(crate) label: sel4::Word,
}

impl PreparedDeferredAction {
    pub(crate) fn message(&self) -> sel4::MessageInfo {
        sel4::MessageInfo::new(self.label, 0, 0, 0)
    }
}

/// Room for one action: a second one sends the first off.
#[derive(Default)]
pub struct DeferredActionSlot {
    inner: Option<DeferredAction>,
}

impl DeferredActionSlot {
    /// Nothing put off.
    pub const fn new() -> Self {
        Self { inner: None }
    }

    /// The action, for the event loop.
    pub fn take(&mut self) -> Option<DeferredAction> {
        self.inner.take()
    }

    /// Puts `action` off.
    pub fn defer(&mut self, action: DeferredAction) -> Result<(), IrqAckError> {
        self.inner
            .replace(action)
            .map_or(Ok(()), DeferredAction::execute_now)
    }

    /// Puts a notification off.
    pub fn defer_notify(&mut self, channel: Channel) -> Result<(), IrqAckError> {
        self.defer(DeferredAction::new_notify(channel))
    }

    /// Puts an acknowledgement off.
    pub fn defer_irq_ack(&mut self, channel: Channel) -> Result<(), IrqAckError> {
        self.defer(DeferredAction::new_irq_ack(channel))
    }
}
