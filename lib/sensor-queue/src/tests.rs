// SPDX-License-Identifier: BSD-2-Clause
//! The payload in the queue: which answers a driver may give, and which requests the next generation gets again.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Answer, Client, Request, Server, Violation, layout};
use molt_queue::Payload;

fn region() -> Vec<AtomicU64> {
    let words = layout::words::<Request>();
    (0..words).map(|_| AtomicU64::new(0)).collect()
}

const ASKED: Request = Request { sensor: 5 };

/// The client's next completion where the driver's answer is this word.
fn answered(word: u64) -> Result<Answer, Violation> {
    let region = region();
    let mut client = Client::new(&region);
    client.resume(0);
    client.submit(&ASKED).unwrap();
    let mut server = Server::new(&region, 0);
    let slot = server.take(&mut Request::default()).unwrap().unwrap();
    server.complete(slot, Answer::Value(0)).unwrap();
    let newest = layout::completion(layout::START);
    region[newest + 1].store(word, Ordering::Relaxed);
    client.poll().unwrap().map(|(_, answer)| answer)
}

#[test]
fn every_value_can_be_told_from_every_error() {
    let answers = [0, 1, 0x8000_0000, u32::MAX].map(Answer::Value);
    for answer in answers.into_iter().chain([Answer::Absent, Answer::Faulty]) {
        assert_eq!(answered(Request::answer_to_word(answer)), Ok(answer));
    }
}

#[test]
fn words_that_are_no_answer_of_a_driver_are_violations() {
    let nobody = Request::answer_to_word(Answer::Failed);
    // An error has no value, and there are no more kinds.
    for word in [nobody, 1 << 32 | 1, 2 << 32 | 7, 4 << 32, u64::MAX] {
        assert_eq!(answered(word), Err(Violation::Status), "{word:#x}");
    }
}

#[test]
fn a_request_of_more_than_32_bits_is_not_taken() {
    let region = region();
    let mut client = Client::new(&region);
    client.resume(0);
    let token = client.submit(&ASKED).unwrap();
    let at = layout::slot::<Request>(token.slot() as u8) + 1;
    region[at].store(1 << 32, Ordering::Relaxed);
    let mut server = Server::new(&region, 0);
    let taken = server.take(&mut Request::default());
    assert_eq!(taken, Some(Err(Violation::Contents { slot: 0 })));
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
    new.complete(slot, Answer::Value(40_500)).unwrap();
    assert_eq!(client.poll(), Some(Ok((token, Answer::Value(40_500)))));
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
