// SPDX-License-Identifier: BSD-2-Clause
//! The event loop.

use core::fmt;

use crate::{
    Channel, Child, MessageInfo,
    defer::{DeferredAction, PreparedDeferredAction},
    ipc::{self, ChannelSet, Event},
    symbols,
};

pub use core::convert::Infallible;

/// How a protection domain handles events.
pub trait Handler {
    /// Why it stops.
    type Error: fmt::Display;

    /// Channels (interrupts among them) have been notified. Panics unless implemented.
    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        panic!(
            "unexpected notification from channels {}",
            channels.display()
        )
    }

    /// The other side of `channel` calls. Panics unless implemented.
    fn protected(
        &mut self,
        channel: Channel,
        msg_info: MessageInfo,
    ) -> Result<MessageInfo, Self::Error> {
        panic!("unexpected call from {channel:?}: {msg_info:?}")
    }

    /// A child or vCPU faulted. An answer lets it continue; without one it stays stopped.
    /// Panics unless implemented.
    fn fault(
        &mut self,
        child: Child,
        msg_info: MessageInfo,
    ) -> Result<Option<MessageInfo>, Self::Error> {
        panic!("unexpected fault of {child:?}: {msg_info:?}")
    }

    /// A signal or acknowledgement that the event loop is to send when it waits again.
    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        None
    }

    #[doc(hidden)]
    fn run(&mut self) -> Result<Never, Self::Error> {
        let mut reply: Option<MessageInfo> = None;
        let mut deferred: Option<PreparedDeferredAction> =
            symbols::pd_is_passive().then(ipc::forfeit_sc);
        ack_all_irqs();

        loop {
            let event = match (reply.take(), deferred.take()) {
                (Some(message), action) => {
                    if let Some(action) = action {
                        ipc::send(&action);
                    }
                    ipc::reply_recv(message)
                }
                (None, Some(action)) => ipc::nb_send_recv(&action),
                (None, None) => ipc::recv(),
            };
            match event {
                Event::Notified(channels) => self.notified(channels)?,
                Event::Protected(channel, message) => {
                    reply = Some(self.protected(channel, message)?);
                }
                Event::Fault(child, message) => reply = self.fault(child, message)?,
            }
            deferred = self.take_deferred_action().map(|action| action.prepare());
        }
    }
}

/// Acknowledges every interrupt once, after `init`: one that came before its handler was bound
/// would stay masked (seL4 issue 1536).
///
/// A missing handler capability is no error: `update` gives and takes those of drivers.
fn ack_all_irqs() {
    let mut irqs = symbols::pd_irqs();
    while irqs != 0 {
        let _ = Channel::new(irqs.trailing_zeros() as usize).irq_ack();
        irqs &= irqs - 1;
    }
}

/// The result of the event loop, which never ends.
pub enum Never {}

impl Handler for Never {
    type Error = Infallible;
}

/// A handler that expects nothing.
pub struct NullHandler(());

impl NullHandler {
    /// The handler.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(())
    }
}

impl Handler for NullHandler {
    type Error = Infallible;
}
