// SPDX-License-Identifier: BSD-2-Clause
//! Random sequences of capability operations, compared with a plain tree: every answer, every slot, and
//! which capabilities have children must be the same.

use std::{vec, vec::Vec};

use proptest::prelude::*;

use super::machine::{ENDPOINT, Machine, NOTIFICATION, ROOT, SMALL_PAGE, UNTYPED};
use crate::invocation::Label;

const SLOTS: usize = 8;
/// log2 of the untyped memory that a case plays with.
const BITS: u64 = 14;
const CHILD_BITS: u64 = 13;

#[derive(Clone, Copy, Debug)]
enum Op {
    Retype(usize, u64, usize),
    Copy(usize, usize),
    Mint(usize, usize, u64),
    Move(usize, usize),
    Delete(usize),
    Revoke(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let slot = || 0..SLOTS;
    let object = prop_oneof![
        Just(UNTYPED),
        Just(ENDPOINT),
        Just(NOTIFICATION),
        Just(SMALL_PAGE)
    ];
    prop_oneof![
        3 => (slot(), object, slot()).prop_map(|(a, o, b)| Op::Retype(a, o, b)),
        4 => (slot(), slot()).prop_map(|(a, b)| Op::Copy(a, b)),
        4 => (slot(), slot(), 0..3u64).prop_map(|(a, b, d)| Op::Mint(a, b, d)),
        2 => (slot(), slot()).prop_map(|(a, b)| Op::Move(a, b)),
        2 => slot().prop_map(Op::Delete),
        1 => slot().prop_map(Op::Revoke),
    ]
}

#[derive(Clone, Debug)]
struct Node {
    slot: usize,
    parent: Option<usize>,
    object: u64,
    badge: u64,
    /// Able to have children.
    original: bool,
    bits: u64,
    used: u64,
}

/// The tree, written as naively as can be: nodes never move, dead ones are `None`.
#[derive(Default)]
struct Model {
    nodes: Vec<Option<Node>>,
}

impl Model {
    fn at(&self, slot: usize) -> Option<usize> {
        self.nodes
            .iter()
            .position(|n| n.as_ref().is_some_and(|n| n.slot == slot))
    }

    fn node(&mut self, id: usize) -> &mut Node {
        self.nodes[id].as_mut().unwrap()
    }

    fn children(&self, id: usize) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|i| {
                self.nodes[*i]
                    .as_ref()
                    .is_some_and(|n| n.parent == Some(id))
            })
            .collect()
    }

    fn remove(&mut self, id: usize) {
        let parent = self.node(id).parent;
        for child in self.children(id) {
            self.node(child).parent = parent;
        }
        self.nodes[id] = None;
    }

    fn revoke(&mut self, id: usize) {
        for child in self.children(id) {
            self.revoke(child);
            self.nodes[child] = None;
        }
    }

    /// Error label; 0 for success.
    fn apply(&mut self, op: Op) -> u64 {
        const MISSING: u64 = 6;
        match op {
            Op::Retype(from, object, to) => {
                // An empty slot or one that is no untyped cannot be invoked so.
                let Some(id) = self.at(from) else { return 2 };
                let node = self.node(id).clone();
                if node.object != UNTYPED {
                    return u64::MAX;
                }
                if self.at(to).is_some() {
                    return 8;
                }
                let bits = match object {
                    UNTYPED => CHILD_BITS,
                    ENDPOINT => 4,
                    NOTIFICATION => 6,
                    _ => 12,
                };
                let fresh = self.children(id).is_empty();
                let used = if fresh { 0 } else { node.used };
                let free = (1 << node.bits) - used;
                if free >> bits == 0 {
                    return 10;
                }
                self.node(id).used = used.next_multiple_of(1 << bits) + (1 << bits);
                self.nodes.push(Some(Node {
                    slot: to,
                    parent: Some(id),
                    object,
                    badge: 0,
                    original: true,
                    bits,
                    used: 0,
                }));
                0
            }
            Op::Copy(from, to) => self.derive(from, to, None),
            Op::Mint(from, to, badge) => self.derive(from, to, Some(badge)),
            Op::Move(from, to) => {
                if self.at(to).is_some() {
                    return 8;
                }
                let Some(id) = self.at(from) else {
                    return MISSING;
                };
                self.node(id).slot = to;
                0
            }
            Op::Delete(slot) => {
                if let Some(id) = self.at(slot) {
                    self.remove(id);
                }
                0
            }
            Op::Revoke(slot) => {
                if let Some(id) = self.at(slot) {
                    self.revoke(id);
                }
                0
            }
        }
    }

    fn derive(&mut self, from: usize, to: usize, badge: Option<u64>) -> u64 {
        if self.at(to).is_some() {
            return 8;
        }
        let Some(id) = self.at(from) else { return 6 };
        let source = self.node(id).clone();
        let badged = [ENDPOINT, NOTIFICATION].contains(&source.object);
        let mut new = source.clone();
        new.slot = to;
        if let Some(badge) = badge
            && badged
        {
            if source.badge != 0 {
                return 3;
            }
            new.badge = badge;
        }
        if source.object == UNTYPED {
            if !self.children(id).is_empty() {
                return 9;
            }
            self.node(id).used = 1 << source.bits;
        }
        new.original = source.object == UNTYPED || new.badge != source.badge;
        let child = source.original;
        new.parent = if child { Some(id) } else { source.parent };
        // Minted through a copy: under whoever can have it as a child.
        self.nodes.push(Some(new));
        0
    }
}

fn run(ops: &[Op]) {
    let mut m = Machine::new();
    let first = m.free;
    m.free += SLOTS as u64;
    let mut model = Model::default();
    let root = u64::from(ROOT);
    let untyped = m.untyped;
    let made = [UNTYPED, BITS, 0, 0, first, 1];
    m.ok(untyped, Label::UNTYPED_RETYPE, &made, &[root]);
    model.nodes.push(Some(Node {
        slot: 0,
        parent: None,
        object: UNTYPED,
        badge: 0,
        original: true,
        bits: BITS,
        used: 0,
    }));
    for op in ops {
        let at = |slot: usize| first + slot as u64;
        let (cap, label, words, caps) = match *op {
            Op::Retype(from, object, to) => (
                at(from),
                Label::UNTYPED_RETYPE,
                vec![object, CHILD_BITS, 0, 0, at(to), 1],
                vec![root],
            ),
            Op::Copy(from, to) => (
                root,
                Label::CNODE_COPY,
                vec![at(to), 64, at(from), 64, 15],
                vec![root],
            ),
            Op::Mint(from, to, badge) => (
                root,
                Label::CNODE_MINT,
                vec![at(to), 64, at(from), 64, 15, badge],
                vec![root],
            ),
            Op::Move(from, to) => (
                root,
                Label::CNODE_MOVE,
                vec![at(to), 64, at(from), 64],
                vec![root],
            ),
            Op::Delete(slot) => (root, Label::CNODE_DELETE, vec![at(slot), 64], vec![]),
            Op::Revoke(slot) => (root, Label::CNODE_REVOKE, vec![at(slot), 64], vec![]),
        };
        let expected = model.apply(*op);
        if expected == u64::MAX {
            continue;
        }
        let answer = m.call(cap, label, &words, &caps);
        assert_eq!(answer.label, expected, "{op:?}");
        for slot in 0..SLOTS {
            let at = m.slot(at(slot));
            let node = model.at(slot);
            assert_eq!(
                m.kernel.slots.get(at).cap.is_null(),
                node.is_none(),
                "slot {slot} after {op:?}"
            );
            let children = node.is_some_and(|id| !model.children(id).is_empty());
            assert_eq!(
                m.kernel.first_child(at).is_some(),
                children,
                "children of {slot} after {op:?}"
            );
        }
    }
    // Whatever happened: the memory comes back whole.
    let Some(id) = model.nodes.iter().flatten().find(|n| n.parent.is_none()) else {
        return;
    };
    let at = first + id.slot as u64;
    if id.object == UNTYPED && id.bits == BITS {
        m.revoke(at);
        let to = m.free;
        let answer = m.call(
            at,
            Label::UNTYPED_RETYPE,
            &[UNTYPED, BITS, 0, 0, to, 1],
            &[root],
        );
        assert_eq!(answer.label, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn operations_agree_with_a_plain_tree(ops in proptest::collection::vec(op(), 1..60)) {
        run(&ops);
    }
}

#[test]
fn only_the_original_frame_capability_revokes_copies() {
    let mut m = Machine::new();
    let frame = m.make(SMALL_PAGE, 0);
    let a = m.copy(frame, 3);
    let b = m.copy(a, 3);
    m.revoke(a);
    assert!(!m.cap(b).is_null());
    m.revoke(frame);
    assert!(m.cap(a).is_null() && m.cap(b).is_null() && !m.cap(frame).is_null());
}
