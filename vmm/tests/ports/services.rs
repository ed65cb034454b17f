// SPDX-License-Identifier: BSD-2-Clause
//! Services behind ports.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use molt_vmm::World;
use molt_vmm::virtio::port::Port;

/// What a service has seen, and how it behaves.
#[derive(Debug, Default)]
pub struct State {
    /// What the guest has sent.
    pub taken: Vec<u8>,
    /// For the guest.
    pub to_give: VecDeque<u8>,
    /// How many more bytes it takes.
    pub room: usize,
    pub is_open: bool,
    pub sessions: usize,
}

/// A service that the test controls.
#[derive(Clone, Default)]
pub struct Recorder(pub Rc<RefCell<State>>);

impl Port for Recorder {
    fn name(&self) -> &str {
        "org.molt.recorder"
    }
    fn open(&mut self) {
        let mut state = self.0.borrow_mut();
        assert!(!state.is_open, "it is closed before it is opened again");
        state.is_open = true;
        state.sessions += 1;
    }
    fn close(&mut self) {
        let mut state = self.0.borrow_mut();
        assert!(state.is_open, "only what is open is closed");
        state.is_open = false;
        state.to_give.clear();
    }
    fn take(&mut self, bytes: &[u8], _: &mut World<'_>) -> usize {
        let mut state = self.0.borrow_mut();
        assert!(state.is_open && !bytes.is_empty());
        let count = bytes.len().min(state.room);
        state.room -= count;
        state.taken.extend(&bytes[..count]);
        count
    }
    fn give(&mut self, room: &mut [u8]) -> usize {
        let mut state = self.0.borrow_mut();
        assert!(state.is_open && !room.is_empty());
        let count = room.len().min(state.to_give.len());
        for (to, from) in room.iter_mut().zip(state.to_give.drain(..count)) {
            *to = from;
        }
        count
    }
}

/// Sends back what it gets, a few bytes at a time.
#[derive(Default)]
pub struct Echo {
    bytes: VecDeque<u8>,
}

/// Bytes that an [`Echo`] keeps.
pub const KEPT: usize = 100;

impl Port for Echo {
    fn name(&self) -> &str {
        "org.molt.echo"
    }
    fn close(&mut self) {
        self.bytes.clear();
    }
    fn take(&mut self, bytes: &[u8], _: &mut World<'_>) -> usize {
        let count = bytes.len().min(KEPT - self.bytes.len());
        self.bytes.extend(&bytes[..count]);
        count
    }
    fn give(&mut self, room: &mut [u8]) -> usize {
        let count = room.len().min(self.bytes.len()).min(7);
        for (to, from) in room.iter_mut().zip(self.bytes.drain(..count)) {
            *to = from;
        }
        count
    }
}
