// SPDX-License-Identifier: BSD-2-Clause
//! Both sides of a queue against a plain model, with drivers that die and sides that are hostile.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use molt_queue::Payload;

use crate::layout::{self, COMPLETED, GENERATION, SLOTS, SUBMITTED, WORDS};
use crate::*;

fn region() -> Vec<AtomicU64> {
    (0..WORDS).map(|_| AtomicU64::new(0)).collect()
}

fn take(server: &mut Server) -> Option<Result<(SlotId, Request), Violation>> {
    let mut request = Request::default();
    let taken = server.take(&mut request)?;
    Some(taken.map(|slot| (slot, request)))
}

/// Writes the completion ring's entry of this index.
fn forge(region: &[AtomicU64], index: u64, slot: u8, answer: u64, generation: u64) {
    let at = layout::completion(index);
    region[at].store(layout::completed(slot, generation), Ordering::Relaxed);
    region[at + 1].store(answer, Ordering::Relaxed);
}

const OK: u64 = 1;

fn write(sector: u64) -> Request {
    let segments = [Segment {
        offset: sector * 512,
        len: 512,
    }];
    Request {
        op: Op::Write,
        sector,
        sectors: 1,
        segments: heapless::Vec::from_slice(&segments).unwrap(),
    }
}

fn request() -> impl Strategy<Value = Request> {
    let lens = prop::collection::vec((0u64..1 << 40, 1u32..9), 1..=SEGMENTS);
    (0u8..5, 0u64..1 << 50, lens).prop_map(|(op, sector, lens)| {
        let op = [Op::Read, Op::Write, Op::Flush, Op::Discard, Op::WriteZeroes][op as usize];
        let data = lens.iter().map(|(offset, blocks)| Segment {
            offset: *offset,
            len: blocks * 512,
        });
        let blocks = lens.iter().map(|(_, blocks)| blocks).sum();
        match op {
            Op::Flush => Request::flush(),
            Op::Read | Op::Write => Request {
                op,
                sector,
                sectors: blocks,
                segments: data.collect(),
            },
            _ => Request {
                op,
                sector,
                sectors: blocks,
                segments: heapless::Vec::new(),
            },
        }
    })
}

#[derive(Clone, Debug)]
enum Step {
    Submit(Box<Request>),
    Take,
    Complete(usize, u8),
    Poll,
    /// The driver dies here; the queue is resumed, at once or after some closed steps.
    Die,
    Close,
    /// A word is overwritten by the hostile side.
    Spoil(usize, u64),
    /// A well-aimed one: a ring or index word gets a plausible value.
    Aim(u8, u64),
}

fn step(hostile: bool) -> impl Strategy<Value = Step> {
    let spoil = if hostile { 2 } else { 0 };
    prop_oneof![
        8 => request().prop_map(|request| Step::Submit(Box::new(request))),
        8 => Just(Step::Take),
        8 => (any::<usize>(), 0u8..3).prop_map(|(at, status)| Step::Complete(at, status)),
        8 => Just(Step::Poll),
        1 => Just(Step::Die),
        1 => Just(Step::Close),
        spoil => (0..WORDS, prop_oneof![any::<u64>(), 0u64..70]).prop_map(|(word, value)| Step::Spoil(word, value)),
        spoil => (0u8..6, 0u64..70).prop_map(|(kind, value)| Step::Aim(kind, value)),
    ]
}

fn aim(region: &[AtomicU64], kind: u8, value: u64, generation: u64) {
    let add = |word: usize, value: u64| {
        region[word].fetch_add(value, Ordering::Relaxed);
    };
    match kind {
        0 => add(COMPLETED, value % 3),
        1 => add(SUBMITTED, value % 3),
        2 => {
            let index = region[COMPLETED].load(Ordering::Relaxed);
            forge(region, index, value as u8, OK, generation);
            add(COMPLETED, 1);
        }
        3 => region[layout::submission(value)].store(value, Ordering::Relaxed),
        4 => region[layout::slot::<Request>(value as u8 % 64)].store(value, Ordering::Relaxed),
        _ => region[GENERATION].store(generation + value % 3, Ordering::Relaxed),
    }
}

/// What is true of any run: the model knows what the client's caller was promised.
struct Run<'a> {
    region: &'a [AtomicU64],
    client: Client<'a>,
    server: Server<'a>,
    generation: u64,
    /// Promised to the caller and not yet answered.
    owed: BTreeMap<Token, Request>,
    /// What an honest run's server must be given next, in order.
    queued: VecDeque<Request>,
    /// Completed by the server, not yet polled: only in honest runs.
    answered: VecDeque<(Request, Status)>,
    in_service: Vec<(SlotId, Request)>,
    honest: bool,
}

impl<'a> Run<'a> {
    fn new(region: &'a [AtomicU64], honest: bool) -> Self {
        let mut client = Client::new(region);
        client.resume(0);
        Self {
            region,
            client,
            server: Server::new(region, 0),
            generation: 0,
            owed: BTreeMap::new(),
            queued: VecDeque::new(),
            answered: VecDeque::new(),
            in_service: Vec::new(),
            honest,
        }
    }

    fn next_generation(&mut self) {
        self.generation += 1;
        self.server = Server::new(self.region, self.generation);
        self.in_service.clear();
        self.answered.clear();
        self.client.close();
        self.client.resume(self.generation);
        self.queued = self.owed.values().cloned().collect();
    }

    fn submit(&mut self, request: Request) {
        match self.client.submit(&request) {
            Ok(token) => {
                assert!(self.owed.keys().all(|other| other.slot() != token.slot()));
                assert!(
                    self.owed
                        .keys()
                        .all(|other| other.serial() < token.serial())
                );
                self.owed.insert(token, request.clone());
                self.queued.push_back(request);
            }
            Err(error) => {
                assert_eq!(error, SubmitError::Full);
                assert_eq!(self.owed.len(), SLOTS);
            }
        }
    }

    fn take(&mut self) {
        match take(&mut self.server) {
            Some(Ok((slot, request))) => {
                assert_eq!(request.check(), Ok(()));
                if self.honest {
                    assert_eq!(self.queued.pop_front(), Some(request.clone()));
                }
                self.in_service.push((slot, request));
            }
            Some(Err(violation)) => assert!(!self.honest, "{violation}"),
            None => assert!(!self.honest || self.queued.is_empty() || !self.client.is_open()),
        }
    }

    fn complete(&mut self, at: usize, status: u8) {
        if !self.in_service.is_empty() {
            let (slot, request) = self.in_service.swap_remove(at % self.in_service.len());
            let status = [Status::Ok, Status::IoError, Status::Unsupported][usize::from(status)];
            assert_eq!(self.server.complete(slot, status), Ok(()));
            self.answered.push_back((request, status));
        }
    }

    fn poll(&mut self) {
        match self.client.poll() {
            Some(Ok((token, status))) => {
                let request = self.owed.remove(&token).expect("owed, and answered once");
                if self.honest {
                    assert_eq!(self.answered.pop_front(), Some((request, status)));
                }
            }
            Some(Err(violation)) => {
                assert!(!self.honest, "{violation}");
                assert!(self.client.poll().is_none(), "said once");
                self.next_generation();
            }
            None => assert!(!self.honest || self.answered.is_empty() || !self.client.is_open()),
        }
        assert_eq!(self.client.owed(), self.owed.len());
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Submit(request) => self.submit(*request),
            Step::Take => self.take(),
            Step::Complete(at, status) => self.complete(at, status),
            Step::Poll => self.poll(),
            Step::Die => self.next_generation(),
            Step::Close => self.client.close(),
            Step::Spoil(word, value) => self.region[word].store(value, Ordering::Relaxed),
            Step::Aim(kind, value) => aim(self.region, kind, value, self.generation),
        }
    }

    /// A last, honest generation settles everything.
    fn settle(mut self) {
        self.next_generation();
        self.honest = true;
        for _ in 0..SLOTS {
            self.take();
            self.complete(0, 0);
            self.poll();
        }
        assert!(self.owed.is_empty(), "nothing was lost");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn honest_sides_and_dying_drivers(steps in prop::collection::vec(step(false), 0..400)) {
        let region = region();
        let mut run = Run::new(&region, true);
        for step in steps {
            run.step(step);
        }
        run.settle();
    }

    #[test]
    fn spoilt_regions(steps in prop::collection::vec(step(true), 0..400)) {
        let region = region();
        let mut run = Run::new(&region, false);
        for step in steps {
            run.step(step);
        }
        run.settle();
    }

    #[test]
    fn a_client_that_writes_anything(words in prop::collection::vec((0..WORDS, any::<u64>()), 0..64), seed: u64) {
        let region = region();
        let mut client = Client::new(&region);
        client.resume(0);
        for sector in 0..seed % 65 {
            client.submit(&write(sector)).unwrap();
        }
        for (word, value) in words {
            region[word].store(value, Ordering::Relaxed);
        }
        let mut server = Server::new(&region, 0);
        while let Some(Ok((_slot, request))) = take(&mut server) {
            prop_assert_eq!(request.check(), Ok(()));
        }
        prop_assert!(server.in_service() <= SLOTS);
        prop_assert!(take(&mut server).is_none());
    }
}

/// One request taken by the server, which then misbehaves.
fn misbehave(
    spoil: impl FnOnce(&[AtomicU64], &mut Server, SlotId),
) -> Option<Result<(), Violation>> {
    let region = region();
    let mut client = Client::new(&region);
    client.resume(7);
    client.submit(&write(1)).unwrap();
    client.submit(&write(2)).unwrap();
    let mut server = Server::new(&region, 7);
    let (slot, _) = take(&mut server).unwrap().unwrap();
    spoil(&region, &mut server, slot);
    client.poll().map(|result| result.map(|_| ()))
}

#[test]
fn each_violation_has_its_name() {
    let forged = |slot, answer, generation| {
        misbehave(move |region, _, _| {
            forge(region, layout::START, slot, answer, generation);
            region[COMPLETED].fetch_add(1, Ordering::Relaxed);
        })
    };
    assert_eq!(forged(0, OK, 7), Some(Ok(())), "an honest one");
    assert_eq!(forged(64, OK, 7), Some(Err(Violation::Identifier)));
    assert_eq!(forged(0, OK, 6), Some(Err(Violation::Generation)));
    assert_eq!(forged(0, 4, 7), Some(Err(Violation::Status)));
    assert_eq!(forged(9, OK, 7), Some(Err(Violation::NotOwed { slot: 9 })));
    assert_eq!(forged(1, OK, 7), Some(Err(Violation::NotTaken { slot: 1 })));
    let jump = misbehave(|region, _, _| {
        region[COMPLETED].fetch_add(3, Ordering::Relaxed);
    });
    assert_eq!(jump, Some(Err(Violation::Index)));
    let others_index = misbehave(|region, server, slot| {
        region[SUBMITTED].fetch_add(1, Ordering::Relaxed);
        server.complete(slot, Status::Ok).unwrap();
    });
    assert_eq!(others_index, Some(Err(Violation::Index)));
    let others_generation = misbehave(|region, server, slot| {
        region[GENERATION].fetch_add(1, Ordering::Relaxed);
        server.complete(slot, Status::Ok).unwrap();
    });
    assert_eq!(others_generation, Some(Err(Violation::Index)));
    let contents = misbehave(|region, server, slot| {
        region[layout::slot::<Request>(0) + 2].store(5, Ordering::Relaxed);
        server.complete(slot, Status::Ok).unwrap();
    });
    assert_eq!(contents, Some(Err(Violation::Contents { slot: 0 })));
}

#[test]
fn a_client_that_submits_more_than_the_queue_holds_is_refused_at_once() {
    let region = region();
    let mut client = Client::new(&region);
    client.resume(0);
    for sector in 0..SLOTS as u64 {
        client.submit(&write(sector)).unwrap();
    }
    let mut server = Server::new(&region, 0);
    let (taken, _) = take(&mut server).unwrap().unwrap();
    // All 64 are waiting or in service: one more cannot be.
    region[SUBMITTED].fetch_add(1, Ordering::Relaxed);
    assert_eq!(take(&mut server), Some(Err(Violation::Index)));
    assert_eq!(take(&mut server), None);
    assert_eq!(server.complete(taken, Status::Ok), Ok(()));
}

#[test]
fn each_violation_of_a_client_has_its_name() {
    let spoilt = |spoil: &dyn Fn(&[AtomicU64])| {
        let region = region();
        let mut client = Client::new(&region);
        client.resume(0);
        client.submit(&write(0)).unwrap();
        client.submit(&write(1)).unwrap();
        let mut server = Server::new(&region, 0);
        let first = take(&mut server);
        assert!(matches!(first, Some(Ok(_))));
        spoil(&region);
        take(&mut server).map(|next| next.map(|(slot, _)| slot.index()))
    };
    let entry = layout::submission(layout::START + 1);
    let store = |word: usize, value: u64| {
        move |region: &[AtomicU64]| region[word].store(value, Ordering::Relaxed)
    };
    assert_eq!(spoilt(&|_| ()), Some(Ok(1)), "an honest one");
    assert_eq!(
        spoilt(&store(entry, SLOTS as u64)),
        Some(Err(Violation::Identifier))
    );
    assert_eq!(
        spoilt(&store(entry, 1 << 8 | 1)),
        Some(Err(Violation::Identifier))
    );
    assert_eq!(
        spoilt(&store(entry, 0)),
        Some(Err(Violation::Busy { slot: 0 }))
    );
    assert_eq!(
        spoilt(&store(layout::slot::<Request>(1) + 1, 0)),
        Some(Err(Violation::Contents { slot: 1 }))
    );
    assert_eq!(spoilt(&store(GENERATION, 2)), None, "open for another one");
}

#[test]
fn a_doubled_completion_is_not_passed_on() {
    let region = region();
    let mut client = Client::new(&region);
    client.resume(0);
    let token = client.submit(&write(1)).unwrap();
    client.submit(&write(2)).unwrap();
    let mut server = Server::new(&region, 0);
    let (slot, _) = take(&mut server).unwrap().unwrap();
    server.complete(slot, Status::Ok).unwrap();
    forge(&region, layout::START + 1, 0, OK, 0);
    region[COMPLETED].fetch_add(1, Ordering::Relaxed);
    assert_eq!(client.poll(), Some(Ok((token, Status::Ok))));
    assert_eq!(client.poll(), Some(Err(Violation::NotOwed { slot: 0 })));
    assert_eq!(client.owed(), 1, "the other one is still owed");
}

#[test]
fn a_closed_client_touches_nothing() {
    let region = region();
    let mut client = Client::new(&region);
    client.submit(&write(1)).unwrap();
    assert!(client.poll().is_none() && client.properties().is_none());
    assert!(region.iter().all(|word| word.load(Ordering::Relaxed) == 0));
    client.resume(3);
    assert!(
        take(&mut Server::new(&region, 2)).is_none(),
        "not for an old generation"
    );
    assert!(take(&mut Server::new(&region, 3)).is_some());
}

#[test]
fn a_failed_client_answers_with_errors_and_touches_nothing() {
    let region = region();
    let mut client = Client::new(&region);
    client.resume(0);
    let mut tokens = vec![client.submit(&write(0)), client.submit(&write(1))];
    client.close();
    tokens.push(client.submit(&write(2)));
    assert_eq!(client.poll(), None);
    client.fail();
    // What stands there does not matter any more.
    region
        .iter()
        .for_each(|word| word.store(0xdead, Ordering::Relaxed));
    tokens.push(client.submit(&write(3)));
    for token in tokens {
        let failed = Ok((token.expect("room"), Status::IoError));
        assert_eq!(client.poll(), Some(failed));
    }
    assert_eq!((client.poll(), client.owed()), (None, 0));
    assert!(
        region
            .iter()
            .all(|word| word.load(Ordering::Relaxed) == 0xdead)
    );
}

#[test]
fn properties_arrive() {
    let region = region();
    let mut client = Client::new(&region);
    client.resume(0);
    assert_eq!(client.properties(), None);
    let properties = Properties {
        read_only: false,
        flush: true,
        max_discard_sectors: 77,
        max_write_zeroes_sectors: u32::MAX,
        block_size: 4096,
        max_segments: 17,
    };
    Server::new(&region, 0).publish(&properties);
    assert_eq!(client.properties(), Some(properties));
}

#[test]
fn contradictory_requests_are_not_submitted() {
    let region = region();
    let mut client = Client::new(&region);
    let with = |change: fn(&mut Request)| {
        let mut request = write(4);
        change(&mut request);
        request
    };
    for (request, why) in [
        (with(|r| r.sectors = 2), Malformed::Length),
        (with(|r| r.sectors = 0), Malformed::Sectors),
        (with(|r| r.sector = u64::MAX), Malformed::Sectors),
        (with(|r| r.segments[0].len = 0), Malformed::Segment),
        (
            with(|r| r.segments[0].offset = u64::MAX - 3),
            Malformed::Segment,
        ),
        (with(|r| r.op = Op::Discard), Malformed::Length),
        (with(|r| r.op = Op::Flush), Malformed::Sectors),
    ] {
        assert_eq!(client.submit(&request), Err(SubmitError::Malformed(why)));
    }
    assert_eq!(client.owed(), 0);
}

#[test]
fn the_slot_has_room_for_the_longest_request() {
    let mut longest = write(0);
    longest.segments = (0..SEGMENTS as u64)
        .map(|n| Segment {
            offset: n,
            len: 512,
        })
        .collect();
    let mut places = vec![];
    longest.words(|place, _| places.push(place));
    assert_eq!(places, (0..Request::WORDS).collect::<Vec<_>>());
}

/// Either side sleeps only after it has found nothing, and is then notified of the next entry: none is overlooked, and
/// none is told twice of the same.
#[test]
fn a_side_that_found_nothing_is_notified_once() {
    let region = region();
    let mut client = Client::new(&region);
    client.resume(0);
    let mut server = Server::new(&region, 0);
    assert!(take(&mut server).is_none());
    assert!(!client.must_notify(), "nothing was submitted");
    client.submit(&write(0)).unwrap();
    client.submit(&write(1)).unwrap();
    assert!(client.must_notify());
    client.submit(&write(2)).unwrap();
    assert!(!client.must_notify(), "it has not looked yet");
    let mut taken = vec![];
    while let Some(Ok((slot, _))) = take(&mut server) {
        taken.push(slot);
    }
    assert_eq!(taken.len(), 3);
    assert!(client.poll().is_none());
    assert!(!server.must_notify(), "nothing was completed");
    server.complete(taken.remove(0), Status::Ok).unwrap();
    assert!(server.must_notify());
    server.complete(taken.remove(0), Status::Ok).unwrap();
    assert!(!server.must_notify(), "it has not looked yet");
    assert!(client.poll().is_some() && client.poll().is_some() && client.poll().is_none());
    server.complete(taken.remove(0), Status::Ok).unwrap();
    assert!(server.must_notify());
    client.submit(&write(3)).unwrap();
    assert!(client.must_notify(), "the server had found nothing");
}
