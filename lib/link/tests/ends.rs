// SPDX-License-Identifier: BSD-2-Clause
//! Both ends against each other over a bad line, and each against a hostile peer.

mod line;

use line::{Faults, Line};
use molt_firmware::{Digest, Refusal};
use molt_link::frame::{Decoder, Event, FRAME, Frame};
use molt_link::{
    Answer, Broken, Device, Host, Id, Identity, Request, State, Ticket, Timing, WINDOW,
};
use proptest::prelude::*;

const TIMING: Timing = Timing {
    retry: 100,
    limit: 2_000,
    long: 10_000,
};

/// A request and its content, which the test keeps to compare.
#[derive(Clone, Debug, PartialEq)]
enum Asked {
    Identify,
    Read(u8),
    Begin(u32),
    Data(u32, Vec<u8>),
    Activate(u8),
}

impl Asked {
    fn any(random: &mut fastrand::Rng) -> Self {
        match random.u32(0..6) {
            0 => Self::Identify,
            1 => Self::Begin(random.u32(..)),
            2 => Self::Activate(random.u8(..)),
            3 => {
                let length = random.usize(1..=256);
                // Zeros are what COBS is for.
                let mut byte = |_| random.u8(..) & random.u8(..) & random.u8(..);
                let bytes = (0..length).map(&mut byte).collect();
                Self::Data(random.u32(..), bytes)
            }
            _ => Self::Read(random.u8(..)),
        }
    }

    fn request(&self) -> Request<'_> {
        match self {
            Self::Identify => Request::Identify,
            Self::Read(sensor) => Request::Read { sensor: *sensor },
            Self::Begin(length) => Request::Begin {
                length: *length,
                digest: Digest::of(&length.to_le_bytes()),
            },
            Self::Data(offset, bytes) => Request::Data {
                offset: *offset,
                bytes,
            },
            Self::Activate(bank) => Request::Activate { bank: *bank },
        }
    }
}

/// What an honest controller answers. The answer shows all of the request.
fn answer(request: &Request<'_>) -> Answer {
    match request {
        Request::Identify => Answer::Identity(identity()),
        Request::Read { sensor } if sensor % 7 == 0 => Answer::Refused(Refusal::Sensor),
        Request::Read { sensor } => Answer::Value(i64::from(*sensor) * -1_000_003),
        Request::Begin { length, digest } if *digest != Digest::of(&length.to_le_bytes()) => {
            Answer::Refused(Refusal::Announced)
        }
        Request::Data { offset, bytes } => {
            Answer::Received(offset.wrapping_add(crc32fast::hash(bytes)))
        }
        _ => Answer::Accepted,
    }
}

fn identity() -> Identity {
    Identity {
        running: Some(1),
        digest: Digest::of(b"one"),
        version: 7,
        state: State::Trial,
        other: Some(Digest::of(b"other")),
        limit: 1 << 18,
        counter: 3,
        boots: 0x0001_0000,
    }
}

/// The one request in these bytes.
fn received(device: &mut Device, bytes: &[u8]) -> Id {
    let mut bytes = bytes.iter();
    bytes
        .find_map(|byte| device.receive(*byte).map(|received| received.id))
        .unwrap()
}

/// A host and a controller with a line between them, a millisecond at a time.
struct Run {
    host: Host,
    device: Device,
    there: Line,
    back: Line,
    now: u64,
    asked: Vec<(Ticket, Asked, u64)>,
    ended: Vec<Result<(), Broken>>,
}

impl Run {
    fn new(faults: Faults, seed: u64) -> Self {
        Self {
            host: Host::new(seed as u16, TIMING),
            device: Device::new(),
            there: Line::new(faults, seed),
            back: Line::new(faults, !seed),
            now: 0,
            asked: Vec::new(),
            ended: Vec::new(),
        }
    }

    fn ask(&mut self, asked: Asked) {
        let ticket = self.host.submit(&asked.request(), self.now).unwrap();
        self.asked.push((ticket, asked, self.now));
    }

    fn step(&mut self) {
        self.now += 1;
        // The transmitter takes more when it has sent what it has.
        let mut buffer = [0; 64];
        while self.there.waiting() < 12 {
            let count = self.host.transmit(self.now, &mut buffer);
            buffer[..count]
                .iter()
                .for_each(|byte| self.there.put(*byte));
            if count == 0 {
                break;
            }
        }
        // About 115200 bits a second.
        for _ in 0..12 {
            if let Some(byte) = self.there.take()
                && let Some(received) = self.device.receive(byte)
            {
                let (id, answer) = (received.id, answer(&received.request));
                self.device.answer(id, &answer);
            }
            if let Some(byte) = self.device.transmit() {
                self.back.put(byte);
            }
            if let Some(byte) = self.back.take() {
                self.host.receive(&[byte], self.now);
            }
        }
        while let Some((ticket, result)) = self.host.poll(self.now) {
            let place = self.asked.iter().position(|(asked, ..)| *asked == ticket);
            let (_, asked, since) = self.asked.swap_remove(place.expect("each ends once"));
            if let Ok(found) = result {
                assert_eq!(found, answer(&asked.request()), "{asked:?}");
            }
            assert!(self.now - since <= TIMING.long, "{asked:?}");
            self.ended.push(result.map(drop));
        }
        let deadline = self.host.deadline();
        assert_eq!(deadline.is_some(), !self.asked.is_empty());
    }
}

/// Asks for so many things, several at a time, until all have ended.
fn run(faults: Faults, seed: u64, requests: usize) -> Run {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut run = Run::new(faults, seed);
    let mut left = requests;
    while left > 0 || !run.asked.is_empty() {
        if left > 0 && run.host.room() > 0 && random.bool() {
            run.ask(Asked::any(&mut random));
            left -= 1;
        }
        run.step();
        assert!(run.now < requests as u64 * TIMING.long, "it does not end");
    }
    assert_eq!(run.ended.len(), requests);
    run
}

#[test]
fn on_a_good_line_each_request_is_answered_at_once() {
    let run = run(Faults::default(), 1, 200);
    assert!(run.ended.iter().all(Result::is_ok));
    assert!(run.now < 200 * 60, "{} ms", run.now);
}

#[test]
fn on_a_bad_line_each_request_ends_and_no_answer_is_another_ones() {
    for seed in 0..100 {
        let one_in = [100, 300, 1_000, 10_000][seed as usize % 4];
        let run = run(Faults::all(one_in), seed, 100);
        let good = run.ended.iter().filter(|ended| ended.is_ok()).count();
        // With one fault in 100 bytes the longest frames hardly ever pass; in 1000, almost all do in time.
        let wanted = [30, 90, 100, 100][seed as usize % 4];
        assert!(
            good >= wanted,
            "seed {seed}: {good} of 100, one fault in {one_in}"
        );
    }
}

#[test]
fn a_dead_line_ends_each_request_within_its_limit() {
    let nothing = Faults {
        lose: Some(1),
        ..Faults::default()
    };
    let run = run(nothing, 3, 20);
    assert!(run.ended.iter().all(|ended| *ended == Err(Broken::Silent)));
}

#[test]
fn when_the_line_is_well_again_everything_goes_on() {
    for seed in 0..20 {
        let mut run = Run::new(Faults::all(20), seed);
        for sensor in 1..=WINDOW as u8 {
            run.ask(Asked::Read(sensor));
        }
        for _ in 0..500 {
            run.step();
        }
        run.there.heal();
        run.back.heal();
        while !run.asked.is_empty() {
            run.step();
        }
        assert!(run.ended.iter().all(Result::is_ok), "seed {seed}");
    }
}

#[test]
fn a_broken_frame_is_sent_again_before_its_time() {
    let mut host = Host::new(0, TIMING);
    let mut device = Device::new();
    let ticket = host.submit(&Request::Read { sensor: 1 }, 0).unwrap();
    let mut buffer = [0; FRAME];
    let count = host.transmit(0, &mut buffer);
    buffer[3] ^= 4;
    assert!(
        buffer[..count]
            .iter()
            .all(|byte| device.receive(*byte).is_none())
    );
    let nak: Vec<u8> = std::iter::from_fn(|| device.transmit()).collect();
    assert!(!nak.is_empty());
    host.receive(&nak, 20);
    assert_eq!(host.deadline(), Some(0));
    let count = host.transmit(20, &mut buffer);
    let id = received(&mut device, &buffer[..count]);
    device.answer(id, &Answer::Value(5));
    let answer: Vec<u8> = std::iter::from_fn(|| device.transmit()).collect();
    host.receive(&answer, 25);
    assert_eq!(host.poll(25), Some((ticket, Ok(Answer::Value(5)))));
}

#[test]
fn a_late_answer_to_the_last_host_is_not_taken_for_one_to_the_next() {
    let mut old = Host::new(1, TIMING);
    let mut new = Host::new(2, TIMING);
    let mut device = Device::new();
    old.submit(&Request::Read { sensor: 1 }, 0).unwrap();
    new.submit(&Request::Read { sensor: 2 }, 0).unwrap();
    let mut buffer = [0; FRAME];
    let count = old.transmit(0, &mut buffer);
    let id = received(&mut device, &buffer[..count]);
    device.answer(id, &Answer::Value(1));
    let late: Vec<u8> = std::iter::from_fn(|| device.transmit()).collect();
    new.receive(&late, 1);
    assert_eq!(new.poll(1), None);
}

#[test]
fn the_sequence_goes_round_within_its_session() {
    let mut host = Host::new(9, TIMING);
    let mut device = Device::new();
    for n in 0..70_000_u32 {
        let ticket = host.submit(&Request::Read { sensor: 1 }, 0).unwrap();
        let mut buffer = [0; FRAME];
        let count = host.transmit(0, &mut buffer);
        let id = received(&mut device, &buffer[..count]);
        device.answer(id, &Answer::Value(n.into()));
        while let Some(byte) = device.transmit() {
            host.receive(&[byte], 0);
        }
        assert_eq!(host.poll(0), Some((ticket, Ok(Answer::Value(n.into())))));
    }
}

#[test]
fn a_window_of_answers_fits_and_more_than_that_is_dropped_whole() {
    let mut device = Device::new();
    let mut host = Host::new(0, TIMING);
    let mut ids = Vec::new();
    for _ in 0..WINDOW {
        host.submit(&Request::Identify, 0).unwrap();
    }
    assert!(host.submit(&Request::Identify, 0).is_err());
    let mut buffer = [0; WINDOW * FRAME];
    let count = host.transmit(0, &mut buffer);
    for byte in &buffer[..count] {
        ids.extend(device.receive(*byte).map(|received| received.id));
    }
    assert_eq!(ids.len(), WINDOW);
    for _ in 0..10 {
        ids.iter()
            .for_each(|id| device.answer(*id, &Answer::Identity(identity())));
    }
    let bytes: Vec<u8> = std::iter::from_fn(|| device.transmit()).collect();
    assert!(device.is_idle());
    host.receive(&bytes, 1);
    let answers = std::iter::from_fn(|| host.poll(1)).filter(|(_, answer)| answer.is_ok());
    assert_eq!(answers.count(), WINDOW);
}

/// One that ends with a full block was lost.
#[test]
fn a_frame_of_any_length_without_zeros_arrives() {
    for length in 0..=260 {
        let content = vec![1; length];
        for sequence in 0x0101_0101..0x0101_0105 {
            let frame = Frame::new(1, sequence, &content);
            let mut decoder = Decoder::new();
            let mut seen = 0;
            for byte in frame.bytes() {
                seen += usize::from(matches!(decoder.take(*byte), Some(Event::Message(_))));
            }
            assert_eq!(seen, 1, "{length} bytes");
        }
    }
}

proptest! {
    #[test]
    fn a_frame_carries_any_content(kind: u8, sequence: u32, content in proptest::collection::vec(any::<u8>(), 0..=260)) {
        let frame = Frame::new(kind, sequence, &content);
        let inner = &frame.bytes()[1..frame.bytes().len() - 1];
        prop_assert!(!inner.contains(&0));
        let mut decoder = Decoder::new();
        let mut seen = 0;
        for byte in frame.bytes() {
            if let Some(event) = decoder.take(*byte) {
                let Event::Message(message) = event else { panic!("{event:?}") };
                prop_assert_eq!((message.kind, message.sequence), (kind, sequence));
                prop_assert_eq!(message.content, &content[..]);
                seen += 1;
            }
        }
        prop_assert_eq!(seen, 1);
    }

    /// Whatever a controller sends: a request is answered by what a frame with its number and kind says, or not at all.
    #[test]
    fn a_hostile_controller_answers_what_was_asked_or_nothing(
        frames in proptest::collection::vec((any::<u8>(), 0..6_u32, proptest::collection::vec(any::<u8>(), 0..100)), 0..60),
        noise in proptest::collection::vec(any::<u8>(), 0..700),
    ) {
        let mut host = Host::new(0, TIMING);
        host.submit(&Request::Identify, 0).unwrap();
        host.submit(&Request::Read { sensor: 0 }, 0).unwrap();
        host.submit(&Request::Confirm { digest: Digest::default() }, 0).unwrap();
        let mut ended = 0;
        let mut check = |host: &mut Host, now| {
            while let Some((_, answer)) = host.poll(now) {
                ended += 1;
                let fits = matches!(answer, Err(_) | Ok(Answer::Identity(_) | Answer::Value(_) | Answer::Accepted | Answer::Refused(_)));
                assert!(fits, "{answer:?}");
            }
            ended
        };
        for (kind, sequence, content) in &frames {
            host.receive(Frame::new((kind % 10) | 0x80, *sequence, content).bytes(), 1);
            host.transmit(1, &mut [0; 40]);
            check(&mut host, 1);
        }
        host.receive(&noise, 2);
        prop_assert_eq!(check(&mut host, TIMING.long), 3);
        prop_assert_eq!(host.room(), WINDOW);
    }

    /// Whatever a host sends: the controller sees requests only, with as much data as one may have.
    #[test]
    fn a_hostile_host_is_understood_or_passed_over(
        frames in proptest::collection::vec((any::<u8>(), any::<u32>(), proptest::collection::vec(any::<u8>(), 0..=260)), 0..20),
        noise in proptest::collection::vec(any::<u8>(), 0..700),
    ) {
        let mut device = Device::new();
        let frames = frames.iter().map(|(kind, sequence, content)| Frame::new(kind % 10, *sequence, content));
        let bytes = frames.flat_map(|frame| frame.bytes().to_vec()).chain(noise);
        for byte in bytes {
            if let Some(received) = device.receive(byte) {
                if let Request::Data { bytes, .. } = received.request {
                    prop_assert!((1..=256).contains(&bytes.len()));
                }
                let id = received.id;
                device.answer(id, &Answer::Refused(Refusal::Busy));
            }
        }
        while device.transmit().is_some() {}
    }
}
