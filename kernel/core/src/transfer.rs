// SPDX-License-Identifier: BSD-2-Clause
//! Transfers messages between threads (words, capabilities, faults), and writes the kernel's own answers.

use crate::{
    cap::{Cap, READ, WRITE},
    error::LookupFailure,
    hardware::Hardware,
    kernel::Kernel,
    objects::TCB_BUFFER,
    slots::SlotRef,
    syscall::{CAP_REGISTER, INFO_REGISTER, MESSAGE_REGISTER, MESSAGE_REGISTERS},
};

/// Most words of a message.
const MAX_LENGTH: usize = 120;
/// Byte offsets in the IPC buffer.
pub(crate) const WORDS: u64 = 8;
const CAPS_OR_BADGES: u64 = 976;
const RECEIVE_CNODE: u64 = 1000;
const RECEIVE_INDEX: u64 = 1008;
const RECEIVE_DEPTH: u64 = 1016;

/// The slots of a message's extra capabilities.
pub(crate) type ExtraCaps = [Option<SlotRef>; 3];

/// Message information without capabilities.
pub(crate) fn info(label: u64, length: usize) -> u64 {
    label << 12 | length as u64 & 0x7f
}

impl<H: Hardware> Kernel<H> {
    /// A thread's IPC buffer in physical memory, if it has one that can be read (and written).
    pub(crate) fn buffer(&self, thread: u32, write: bool) -> Option<u64> {
        match self.slots.get(self.tcb_slot(thread, TCB_BUFFER)).cap {
            Cap::Frame {
                base,
                size,
                rights,
                device: false,
                ..
            } if rights & READ != 0 && (!write || rights & WRITE != 0) => {
                let offset = self.tcbs[thread].buffer & ((1 << size.bits()) - 1);
                Some(base + offset)
            }
            _ => None,
        }
    }

    /// Label and length of the message that a thread sends.
    pub(crate) fn message_tag(&self, thread: u32) -> (u64, usize) {
        let info = self.tcbs[thread].context.x[INFO_REGISTER];
        (info >> 12, ((info & 0x7f) as usize).min(MAX_LENGTH))
    }

    /// A word of the message that a thread sends; 0 if it has no buffer.
    pub(crate) fn message_word(&self, thread: u32, index: usize) -> u64 {
        if index < MESSAGE_REGISTERS {
            return self.tcbs[thread].context.x[MESSAGE_REGISTER + index];
        }
        match self.buffer(thread, false) {
            Some(buffer) => self.hw.read_word(buffer + WORDS + 8 * index as u64),
            None => 0,
        }
    }

    /// Give a thread words; how many it got.
    fn give_words(&mut self, thread: u32, words: &[u64]) -> usize {
        let buffer = match words.len() > MESSAGE_REGISTERS {
            true => self.buffer(thread, true),
            false => None,
        };
        for (index, word) in words.iter().enumerate() {
            if index < MESSAGE_REGISTERS {
                self.tcbs[thread].context.x[MESSAGE_REGISTER + index] = *word;
            } else if let Some(buffer) = buffer {
                self.hw.write_word(buffer + WORDS + 8 * index as u64, *word);
            } else {
                return index;
            }
        }
        words.len()
    }

    /// The kernel's own answer to an invocation.
    pub(crate) fn answer(&mut self, thread: u32, label: u64, words: &[u64], count: usize) {
        let given = self.give_words(thread, words.get(..count).unwrap_or(words));
        let x = &mut self.tcbs[thread].context.x;
        x[CAP_REGISTER] = 0;
        x[INFO_REGISTER] = info(label, given);
    }

    /// Fill in the extra capabilities that a thread sends; else the address that does not resolve.
    pub(crate) fn extra_caps(
        &self,
        thread: u32,
        caps: &mut ExtraCaps,
    ) -> Result<(), (u64, LookupFailure)> {
        let count = (self.tcbs[thread].context.x[INFO_REGISTER] >> 7 & 3) as usize;
        if count == 0 {
            return Ok(());
        }
        let Some(buffer) = self.buffer(thread, false) else {
            return Ok(());
        };
        for (index, place) in caps.iter_mut().enumerate().take(count) {
            let address = self
                .hw
                .read_word(buffer + CAPS_OR_BADGES + 8 * index as u64);
            *place = Some(self.lookup(thread, address).map_err(|f| (address, f))?);
        }
        Ok(())
    }

    /// Deliver a sender's message, or the fault that it stopped with. `endpoint`: which one it
    /// came through (its capabilities are unwrapped); `None` for a reply.
    pub(crate) fn transfer(
        &mut self,
        sender: u32,
        endpoint: Option<u32>,
        badge: u64,
        grant: bool,
        receiver: u32,
    ) {
        let info = match self.tcbs[sender].fault {
            Some(fault) => {
                let (words, count) = self.fault_message(sender, fault);
                let given = self.give_words(receiver, words.get(..count).unwrap_or(&words));
                info(fault.label(), given)
            }
            None => self.transfer_message(sender, endpoint, grant, receiver),
        };
        let x = &mut self.tcbs[receiver].context.x;
        x[CAP_REGISTER] = badge;
        x[INFO_REGISTER] = info;
    }

    fn transfer_message(
        &mut self,
        sender: u32,
        endpoint: Option<u32>,
        grant: bool,
        receiver: u32,
    ) -> u64 {
        let mut caps = [None; 3];
        if grant && self.extra_caps(sender, &mut caps).is_err() {
            caps = [None; 3];
        }
        let (label, length) = self.message_tag(sender);
        let mut given = length.min(MESSAGE_REGISTERS);
        for register in MESSAGE_REGISTER..MESSAGE_REGISTER + given {
            self.tcbs[receiver].context.x[register] = self.tcbs[sender].context.x[register];
        }
        if length > MESSAGE_REGISTERS
            && let Some(from) = self.buffer(sender, false)
            && let Some(to) = self.buffer(receiver, true)
        {
            for index in MESSAGE_REGISTERS..length {
                let offset = WORDS + 8 * index as u64;
                let word = self.hw.read_word(from + offset);
                self.hw.write_word(to + offset, word);
            }
            given = length;
        }
        let info = info(label, given);
        match caps[0] {
            None => info,
            Some(_) => info | self.transfer_caps(&caps, endpoint, receiver),
        }
    }

    /// The capability part of the message information.
    fn transfer_caps(&mut self, caps: &ExtraCaps, endpoint: Option<u32>, receiver: u32) -> u64 {
        let Some(buffer) = self.buffer(receiver, true) else {
            return 0;
        };
        let mut place = self.receive_slot(receiver, buffer);
        let (mut count, mut unwrapped) = (0u64, 0u64);
        for at in caps.iter().flatten().copied() {
            let cap = self.slots.get(at).cap;
            match cap {
                Cap::Endpoint { id, badge, .. } if Some(id) == endpoint => {
                    self.hw
                        .write_word(buffer + CAPS_OR_BADGES + 8 * count, badge);
                    unwrapped |= 1 << count;
                }
                _ => {
                    let Some(to) = place.take() else { break };
                    match self.derive_cap(at, cap) {
                        Ok(derived) if !derived.is_null() => self.insert_derived(at, to, derived),
                        _ => break,
                    }
                }
            }
            count += 1;
        }
        unwrapped << 9 | count << 7
    }

    fn receive_slot(&mut self, receiver: u32, buffer: u64) -> Option<SlotRef> {
        let address = self.hw.read_word(buffer + RECEIVE_CNODE);
        let index = self.hw.read_word(buffer + RECEIVE_INDEX);
        let depth = self.hw.read_word(buffer + RECEIVE_DEPTH);
        let root = self.lookup(receiver, address).ok()?;
        let root = self.slots.get(root).cap;
        self.lookup_empty(root, index, depth).ok()
    }
}
