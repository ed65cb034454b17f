// SPDX-License-Identifier: BSD-2-Clause
//! The service of the clients, with a minimal implementation of the device's trait.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::AtomicU64;

use molt_block::{
    CLIENTS, Client, ClientId, Code, Command, Device, Driver, Error, Limits, Service, Share,
};
use molt_block_queue::{Op, Request, Segment, Server, Status, layout};

#[derive(Debug, PartialEq, Eq)]
struct Never;

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("never")
    }
}

impl Code for Never {
    fn code(&self) -> u64 {
        1
    }
}

/// When a device is done with a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// Before it interrupts.
    Interrupt,
    /// As soon as it is told.
    AtOnce,
    /// Just before the wish for an interrupt is there: it does not interrupt.
    BeforeWish,
}

/// Takes one request at a time, and answers each with success; starts when told.
struct OneAtATime {
    started: bool,
    pace: Pace,
    finished: bool,
    armed: bool,
    limits: Limits,
    has: Option<Op>,
    log: VecDeque<(Op, u64)>,
}

impl OneAtATime {
    fn new() -> Self {
        Self {
            started: true,
            pace: Pace::Interrupt,
            finished: false,
            armed: true,
            limits: Limits {
                capacity: 1024,
                block_size: 512,
                read_only: false,
                flush: true,
                max_sectors: 8,
                max_segments: 4,
                max_segment: 0x1000,
                alignment: 4,
                memory_end: 1 << 32,
                max_discard_sectors: 0,
                max_write_zeroes_sectors: 0,
            },
            has: None,
            log: VecDeque::new(),
        }
    }
}

impl Device for OneAtATime {
    type Error = Never;

    fn limits(&self) -> Option<&Limits> {
        self.started.then_some(&self.limits)
    }
    fn has_room(&self) -> bool {
        self.has.is_none()
    }
    fn in_flight(&self) -> usize {
        usize::from(self.has.is_some())
    }
    fn submit(&mut self, command: &Command) -> Option<usize> {
        self.has = Some(command.op);
        self.finished = self.pace == Pace::AtOnce;
        self.log.push_back((command.op, command.sector));
        Some(0)
    }
    fn tell(&mut self) {}
    fn interrupt(&mut self) -> Result<(), Never> {
        self.started = true;
        self.finished = true;
        Ok(())
    }
    fn disarm(&mut self) {
        self.armed = false;
    }
    fn arm(&mut self) -> bool {
        self.finished |= self.pace == Pace::BeforeWish;
        self.armed = true;
        self.finished && self.has.is_some()
    }
    fn done(&mut self) -> Result<Option<(usize, Status)>, Never> {
        let done = if self.finished { self.has.take() } else { None };
        Ok(done.map(|_| (0, Status::Ok)))
    }
    fn stop(&mut self) -> Result<(), Never> {
        Ok(())
    }
}

fn share(n: u64) -> Share {
    Share {
        first_sector: 100 * n,
        sectors: 100,
        memory: 0x4000_0000 + 0x8000 * n,
        memory_size: 0x8000,
        queue: 0,
        queue_size: 0,
    }
}

fn queue() -> &'static [AtomicU64] {
    let words: Vec<AtomicU64> = (0..layout::WORDS).map(|_| AtomicU64::new(0)).collect();
    words.leak()
}

fn client(share: Share) -> Client<'static> {
    Client::new(Server::new(queue(), 0), share)
}

fn read(sector: u64, offset: u64, len: u32) -> Request {
    Request {
        op: Op::Read,
        sector,
        sectors: len / 512,
        segments: [Segment { offset, len }].into_iter().collect(),
    }
}

/// A driver with two clients, and their ends of the queues.
fn pair(
    device: OneAtATime,
) -> (
    Driver<'static, OneAtATime>,
    Vec<molt_block_queue::Client<'static>>,
) {
    let mut driver = Driver::new(device, 1);
    let queues = [queue(), queue()];
    for (n, queue) in queues.iter().enumerate() {
        let server = Server::new(queue, 0);
        driver.attach(Client::new(server, share(n as u64))).unwrap();
    }
    // A client has a private record of each request: too large for the stack.
    let mut clients: Vec<_> = queues
        .into_iter()
        .map(molt_block_queue::Client::new)
        .collect();
    clients.iter_mut().for_each(|client| client.resume(0));
    (driver, clients)
}

#[test]
fn a_share_has_to_be_within_disk_and_memory() {
    let ready = |share| {
        let mut driver = Driver::new(OneAtATime::new(), 1);
        driver.attach(client(share)).unwrap();
        driver.ready()
    };
    assert_eq!(ready(share(0)), Ok(true));
    for wrong in [
        Share {
            first_sector: 1000,
            ..share(0)
        },
        Share {
            first_sector: u64::MAX,
            ..share(0)
        },
        Share {
            memory: (1 << 32) - 0x7000,
            ..share(0)
        },
        Share {
            memory: u64::MAX - 1,
            ..share(0)
        },
    ] {
        let refused = matches!(ready(wrong), Err(Error::Share(_)));
        assert!(refused, "{wrong:?}");
    }
}

#[test]
fn no_more_clients_than_there_is_room_for() {
    let mut driver = Driver::new(OneAtATime::new(), 1);
    for n in 0..CLIENTS as u64 {
        assert_eq!(driver.attach(client(share(n))), Ok(ClientId(n as u8)));
    }
    assert_eq!(driver.attach(client(share(0))), Err(Error::Clients));
}

#[test]
fn nothing_is_taken_before_the_device_has_started() {
    let mut device = OneAtATime::new();
    device.started = false;
    let (mut driver, mut clients) = pair(device);
    clients[0].submit(&read(0, 0, 512)).unwrap();
    assert_eq!(driver.ready(), Ok(false));
    assert_eq!(driver.pump().unwrap().submitted, 0);
    driver.interrupt().unwrap();
    assert_eq!(
        driver.pump().unwrap().submitted,
        0,
        "the clients do not know the disk yet"
    );
    assert_eq!(driver.ready(), Ok(true));
    assert_eq!(driver.pump().unwrap().submitted, 1);
}

#[test]
fn a_device_that_does_one_at_a_time_serves_clients_in_turn() {
    let (mut driver, mut clients) = pair(OneAtATime::new());
    driver.ready().unwrap();
    for sector in 0..3 {
        for client in &mut clients {
            client.submit(&read(sector, 0, 512)).unwrap();
        }
    }
    let mut completed = 0;
    while completed < 6 {
        assert_eq!(driver.pump().unwrap().submitted, 1);
        let again = driver.pump().unwrap().submitted;
        assert_eq!((again, driver.in_flight()), (0, 1));
        completed += driver.interrupt().unwrap().completed;
    }
    let order: Vec<u64> = driver.device().log.iter().map(|found| found.1).collect();
    assert_eq!(order, [0, 100, 1, 101, 2, 102]);
}

#[test]
fn what_is_done_while_the_driver_is_at_work_needs_no_interrupt() {
    for pace in [Pace::AtOnce, Pace::BeforeWish] {
        let mut device = OneAtATime::new();
        device.pace = pace;
        let (mut driver, mut clients) = pair(device);
        driver.ready().unwrap();
        for client in &mut clients {
            for sector in 0..3 {
                client.submit(&read(sector, 0, 512)).unwrap();
            }
        }
        let progress = driver.pump().unwrap();
        assert_eq!((progress.submitted, progress.completed), (6, 6));
        assert_eq!((progress.notify, progress.more), (3, false), "both wait");
        assert_eq!(driver.in_flight(), 0);
        assert!(driver.device().armed, "it waits for the next");
        let order: Vec<u64> = driver.device().log.iter().map(|found| found.1).collect();
        assert_eq!(order, [0, 100, 1, 101, 2, 102]);
    }
}

#[test]
fn requests_without_end_do_not_keep_the_driver() {
    let mut device = OneAtATime::new();
    device.pace = Pace::AtOnce;
    let (mut driver, mut clients) = pair(device);
    driver.ready().unwrap();
    for client in &mut clients {
        for sector in 0..64 {
            client.submit(&read(sector, 0, 512)).unwrap();
        }
    }
    let progress = driver.pump().unwrap();
    assert_eq!((progress.completed, progress.more), (128, true));
    let progress = driver.pump().unwrap();
    assert_eq!((progress.completed, progress.more), (0, false));
}

#[test]
fn what_the_device_does_not_take_does_not_reach_it() {
    let (mut driver, mut clients) = pair(OneAtATime::new());
    driver.ready().unwrap();
    let ranged = Request {
        op: Op::Discard,
        segments: Default::default(),
        ..read(0, 0, 512)
    };
    for (request, expected) in [
        (read(0, 2, 512), Status::IoError),
        (read(0, 0, 9 * 512), Status::IoError),
        (read(99, 0, 1024), Status::IoError),
        (read(0, 0x7f00, 512), Status::IoError),
        (ranged, Status::Unsupported),
    ] {
        clients[0].submit(&request).unwrap();
        let progress = driver.pump().unwrap();
        assert_eq!(
            (progress.submitted, progress.completed, progress.notify),
            (0, 1, 1)
        );
        assert_eq!(
            clients[0].poll().unwrap().unwrap().1,
            expected,
            "{request:?}"
        );
        assert!(clients[0].poll().is_none(), "then it waits for the next");
    }
    assert!(driver.device().log.is_empty());
}
