// SPDX-License-Identifier: BSD-2-Clause
//! Random loads on a device that works but is slow and completes out of order, or on one that writes anything anywhere.

use std::collections::BTreeMap;

use molt_block_queue::{Op, Request, SubmitError, Token};
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Submit(usize, Box<Request>),
    Pump,
    Finish(usize),
    Interrupt,
    /// The device writes a word of the memory that it shares with the driver.
    Scribble(usize, u64),
}

fn request() -> impl Strategy<Value = Request> {
    // Some beyond the share of 100 sectors, or beyond the memory.
    let segments = prop::collection::vec((0u64..0x9000, 1u32..4), 1..=16);
    (0u8..5, 0u64..110, segments).prop_map(|(op, sector, segments)| {
        let total = segments.iter().map(|segment| segment.1).sum();
        let data: Vec<(u64, u32)> = segments.iter().map(|s| (s.0, s.1 * 512)).collect();
        match op {
            0 => super::request(Op::Read, sector, &data),
            1 => super::request(Op::Write, sector, &data),
            2 => ranged(Op::Discard, sector, total),
            3 => ranged(Op::WriteZeroes, sector, total),
            _ => Request::flush(),
        }
    })
}

fn step(scribbles: u32) -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0usize..2, request()).prop_map(|(client, request)| Step::Submit(client, Box::new(request))),
        3 => Just(Step::Pump),
        5 => any::<usize>().prop_map(Step::Finish),
        3 => Just(Step::Interrupt),
        scribbles => (0..RING_BYTES / 8, any::<u64>()).prop_map(|(at, value)| Step::Scribble(at, value)),
    ]
}

/// Requests of a client that are owed, and whether they may succeed.
type Owed = [BTreeMap<Token, bool>; 2];

fn allowed(request: &Request) -> bool {
    let memory = request
        .segments
        .iter()
        .all(|s| s.offset + u64::from(s.len) <= 0x8000);
    memory && request.sector + u64::from(request.sectors) <= 100
}

/// What the clients were told: each request once, and well only if it was allowed.
fn collect(machine: &mut Machine, owed: &mut Owed) {
    for (client, owed) in machine.clients.iter_mut().zip(owed) {
        while let Some(answer) = client.poll() {
            let (token, status) = answer.expect("the driver keeps the queue's protocol");
            let may_succeed = owed.remove(&token).expect("owed, and answered once");
            assert_eq!(status == Status::Ok, may_succeed);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_honest_device(indirect: bool, steps in prop::collection::vec(step(0), 0..200)) {
        let mut machine = Machine::with(|state| {
            if !indirect {
                state.offered &= !Features::INDIRECT.bits();
            }
        });
        let mut owed = Owed::default();
        for step in steps {
            match step {
                Step::Submit(client, request) => match machine.clients[client].submit(&request) {
                    Ok(token) => drop(owed[client].insert(token, allowed(&request))),
                    Err(error) => assert_eq!(error, SubmitError::Full),
                },
                Step::Pump => drop(machine.driver.pump().unwrap()),
                Step::Finish(n) => {
                    let pending = machine.fake.get().pending.len();
                    if pending > 0 {
                        machine.fake.finish(n % pending);
                    }
                }
                Step::Interrupt => drop(machine.driver.interrupt().unwrap()),
                Step::Scribble(..) => unreachable!("no weight"),
            }
            collect(&mut machine, &mut owed);
        }
        while machine.driver.in_flight() > 0 || owed.iter().any(|owed| !owed.is_empty()) {
            machine.driver.pump().unwrap();
            machine.fake.finish_all();
            machine.driver.interrupt().unwrap();
            collect(&mut machine, &mut owed);
        }
    }

    #[test]
    fn a_device_that_writes_what_it_likes(steps in prop::collection::vec(step(6), 0..200)) {
        let mut machine = Machine::new();
        let ring = machine.fake.get().ring;
        let mut owed: usize = 0;
        for step in steps {
            match step {
                Step::Submit(client, request) => owed += usize::from(machine.clients[client].submit(&request).is_ok()),
                // It looks at the used ring, too, and a wrong index ends the driver.
                Step::Pump if machine.fake.get().pending.is_empty() => {
                    if machine.driver.pump().is_err() {
                        break;
                    }
                }
                // The fake itself believes the ring: what is in it may be nonsense by now.
                Step::Pump | Step::Finish(_) => machine.fake.set().pending.clear(),
                Step::Interrupt => {
                    if machine.driver.interrupt().is_err() {
                        break;
                    }
                }
                Step::Scribble(at, value) => ring.store_u64(at * 8, value).unwrap(),
            }
            for client in &mut machine.clients {
                while let Some(answer) = client.poll() {
                    answer.expect("the driver keeps the queue's protocol");
                    owed = owed.checked_sub(1).expect("no more answers than requests");
                }
            }
        }
    }
}
