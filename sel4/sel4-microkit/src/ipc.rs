// SPDX-License-Identifier: BSD-2-Clause
//! What the event loop sends and receives.

use core::fmt;

use crate::{Channel, Child, MessageInfo, channel::MAX_CHANNELS, defer::PreparedDeferredAction};

/// Slots of the Microkit CNode.
const INPUT_CAP: sel4::cap::Endpoint = sel4::Cap::from_bits(1);
const REPLY_CAP: sel4::cap::Reply = sel4::Cap::from_bits(4);
const MONITOR_ENDPOINT_CAP: sel4::cap::Endpoint = sel4::Cap::from_bits(5);

/// Badge bits: a call, a fault; neither: signals.
const IS_ENDPOINT: sel4::Badge = 1 << 63;
const IS_FAULT: sel4::Badge = 1 << 62;
/// The callee's channel id, in the badge of a call.
const CHANNEL_MASK: sel4::Badge = 0x3f;
/// The child's id, in the badge of a fault.
const CHILD_MASK: sel4::Badge = 0xff;

/// What has come in.
pub(crate) enum Event {
    Notified(ChannelSet),
    Protected(Channel, MessageInfo),
    Fault(Child, MessageInfo),
}

impl Event {
    fn new((tag, badge): (sel4::MessageInfo, sel4::Badge)) -> Self {
        let message = MessageInfo::from_inner(tag);
        if badge & IS_ENDPOINT != 0 {
            Self::Protected(Channel::new((badge & CHANNEL_MASK) as usize), message)
        } else if badge & IS_FAULT != 0 {
            Self::Fault(Child::new((badge & CHILD_MASK) as usize), message)
        } else {
            Self::Notified(ChannelSet(badge))
        }
    }
}

/// Channels that have been notified.
#[derive(Debug, Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelSet(sel4::Badge);

impl ChannelSet {
    /// Whether `channel` is among them.
    pub fn contains(&self, channel: Channel) -> bool {
        self.0 & 1 << channel.index() != 0
    }

    /// All of them, lowest id first.
    pub fn iter(&self) -> ChannelSetIter {
        ChannelSetIter(self.0 & ((1 << MAX_CHANNELS) - 1))
    }

    /// Their ids, for people.
    pub fn display(&self) -> DisplayChannelSet<'_> {
        DisplayChannelSet(self)
    }
}

/// Iterates over a [`ChannelSet`].
pub struct ChannelSetIter(sel4::Badge);

impl Iterator for ChannelSetIter {
    type Item = Channel;

    fn next(&mut self) -> Option<Channel> {
        if self.0 == 0 {
            return None;
        }
        let index = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(Channel::new(index))
    }
}

/// Shows a [`ChannelSet`].
pub struct DisplayChannelSet<'a>(&'a ChannelSet);

impl fmt::Display for DisplayChannelSet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.0.iter().map(|channel| channel.index()))
            .finish()
    }
}

pub(crate) fn recv() -> Event {
    Event::new(INPUT_CAP.recv(REPLY_CAP))
}

pub(crate) fn reply_recv(message: MessageInfo) -> Event {
    Event::new(INPUT_CAP.reply_recv(message.into_inner(), REPLY_CAP))
}

pub(crate) fn nb_send_recv(action: &PreparedDeferredAction) -> Event {
    Event::new(
        action
            .cap
            .nb_send_recv(action.message(), INPUT_CAP, REPLY_CAP),
    )
}

pub(crate) fn send(action: &PreparedDeferredAction) {
    action.cap.send(action.message());
}

/// Asks the monitor to take this passive server's scheduling context away.
pub(crate) fn forfeit_sc() -> PreparedDeferredAction {
    PreparedDeferredAction {
        cap: MONITOR_ENDPOINT_CAP.upcast(),
        label: 0,
    }
}
