// SPDX-License-Identifier: BSD-2-Clause
//! The payload in the queue: which answers a driver may give, and which requests the next generation gets again.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Answer, Client, MAX, Malformed, Request, Server, Violation, layout};
use molt_queue::{Payload, SubmitError};

fn region() -> Vec<AtomicU64> {
    let words = layout::words::<Request>();
    (0..words).map(|_| AtomicU64::new(0)).collect()
}

const ASKED: Request = Request {
    offset: 0x1000,
    len: 64,
};

/// The client's next completion where the driver's answer is this word.
fn answered(word: u64) -> Result<Answer, Violation> {
    let region = region();
    let mut client = Client::new(&region);
    client.resume(0);
    client.submit(&ASKED).unwrap();
    let mut server = Server::new(&region, 0);
    let mut request = Request::default();
    let slot = server.take(&mut request).unwrap().unwrap();
    assert_eq!(request, ASKED);
    server.complete(slot, Answer::Filled(1)).unwrap();
    let at = layout::completion(layout::START) + 1;
    region[at].store(word, Ordering::Relaxed);
    client.poll().unwrap().map(|(_, answer)| answer)
}

#[test]
fn a_driver_writes_at_least_one_byte_and_no_more_than_were_asked_for() {
    assert_eq!(answered(1), Ok(Answer::Filled(1)));
    assert_eq!(answered(64), Ok(Answer::Filled(64)));
    for word in [0, 65, u64::from(u32::MAX), 1 << 32 | 1, u64::MAX] {
        assert_eq!(answered(word), Err(Violation::Status), "{word:#x}");
    }
}

#[test]
fn contradictory_requests_are_not_submitted() {
    let region = region();
    let mut client = Client::new(&region);
    let mut refused = |offset, len| match client.submit(&Request { offset, len }) {
        Err(SubmitError::Malformed(why)) => Some(why),
        _ => None,
    };
    assert_eq!(refused(0, 0), Some(Malformed::Length));
    assert_eq!(refused(0, MAX + 1), Some(Malformed::Length));
    assert_eq!(refused(u64::MAX, 1), Some(Malformed::Offset));
    assert_eq!(refused(u64::MAX - 1, 1), None);
}

#[test]
fn what_is_owed_is_asked_again_of_the_next_generation_and_answered_once() {
    let region = region();
    let mut client = Client::new(&region);
    client.resume(0);
    let token = client.submit(&ASKED).unwrap();
    let mut request = Request::default();
    let mut old = Server::new(&region, 0);
    assert!(matches!(old.take(&mut request), Some(Ok(_))));
    client.close();
    client.resume(1);
    let mut new = Server::new(&region, 1);
    let slot = new.take(&mut request).unwrap().unwrap();
    assert_eq!(request, ASKED);
    new.complete(slot, Answer::Filled(8)).unwrap();
    assert_eq!(client.poll(), Some(Ok((token, Answer::Filled(8)))));
    assert_eq!((client.poll(), client.owed()), (None, 0));
}

#[test]
fn where_nobody_serves_a_request_fails() {
    let region = region();
    let mut client = Client::new(&region);
    let token = client.submit(&ASKED).unwrap();
    client.fail();
    assert_eq!(client.poll(), Some(Ok((token, Request::FAILED))));
}
