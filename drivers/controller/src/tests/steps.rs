// SPDX-License-Identifier: BSD-2-Clause
//! The steps with a firmware, one answer after the other, where the controller gives answers that no sound one gives.

use molt_firmware::{Digest, Refusal};
use molt_link::{Answer, Broken, DATA, Identity, Request, State as Stays};

use super::fake::image;
use crate::bring_up::{BringUp, Failed, State};
use crate::failure::Stopped;
use crate::firmware::Firmware;
use crate::transfer::{State as Sent, Transfer};

fn identity(running: Option<u8>, boots: u32) -> Identity {
    Identity {
        running,
        digest: Digest([1; 32]),
        version: 1,
        state: Stays::Confirmed,
        other: None,
        limit: 0x1_0000,
        counter: 0,
        boots,
    }
}

/// Up to the data.
fn begun() -> Transfer<'static> {
    let mut transfer = Transfer::new(Firmware::new(image(5)).unwrap());
    let answers = [Answer::Identity(identity(Some(0), 1)), Answer::Accepted];
    for answer in answers {
        assert_eq!(transfer.answered(Ok(answer)), Ok(Sent::Further));
    }
    transfer
}

#[test]
fn a_controller_that_takes_nothing_or_too_much_ends_the_transfer() {
    let wrong = [0, DATA as u32 + 1, 5_128, u32::MAX].map(Answer::Received);
    let other = [Answer::Accepted, Answer::Value(1)];
    for answer in wrong.into_iter().chain(other) {
        assert_eq!(begun().answered(Ok(answer)), Err(Stopped::Answer));
    }
    // It may take a part.
    let mut transfer = begun();
    assert_eq!(
        transfer.answered(Ok(Answer::Received(100))),
        Ok(Sent::Further)
    );
    let Request::Data { offset, bytes } = transfer.request() else {
        panic!("no data");
    };
    assert_eq!((offset, bytes), (100, &image(5)[100..100 + DATA]));
}

#[test]
fn a_transfer_that_the_controller_forgets_again_and_again_ends() {
    let mut transfer = begun();
    let refused = |refusal| Ok(Answer::Refused(refusal));
    for _ in 0..3 {
        assert_eq!(
            transfer.answered(refused(Refusal::NoTransfer)),
            Ok(Sent::Further)
        );
        assert!(matches!(transfer.request(), Request::Begin { .. }));
        assert_eq!(transfer.answered(Ok(Answer::Accepted)), Ok(Sent::Further));
    }
    let end = transfer.answered(refused(Refusal::NoTransfer));
    assert_eq!(end, Err(Stopped::Refused(Refusal::NoTransfer)));
    // One that is busy is asked again after a while.
    assert_eq!(begun().answered(refused(Refusal::Busy)), Ok(Sent::Later));
    assert_eq!(begun().answered(Err(Broken::Silent)), Err(Stopped::Silent));
}

#[test]
fn an_image_that_is_too_large_is_not_begun() {
    let mut transfer = Transfer::new(Firmware::new(image(5)).unwrap());
    let small = Identity {
        limit: 1000,
        ..identity(Some(0), 1)
    };
    let end = transfer.answered(Ok(Answer::Identity(small)));
    assert_eq!(end, Err(Stopped::Refused(Refusal::TooLarge)));
}

#[test]
fn a_restart_is_waited_for_and_one_into_another_firmware_is_the_end() {
    let wanted = Firmware::new(image(5)).unwrap();
    let there = |boots| Identity {
        other: Some(wanted.digest),
        ..identity(Some(1), boots)
    };
    let restarting = || {
        let mut bring_up = BringUp::new(Some(wanted));
        let state = bring_up.answered(Ok(Answer::Identity(there(7))));
        assert!(matches!(state, Ok(State::Further)));
        assert_eq!(bring_up.request(), Request::Activate { bank: 0 });
        assert!(bring_up.answered(Ok(Answer::Accepted)).is_ok());
        assert_eq!(bring_up.request(), Request::Identify);
        bring_up
    };
    let mut bring_up = restarting();
    for _ in 0..100 {
        let state = bring_up.answered(Ok(Answer::Identity(there(7))));
        assert!(matches!(state, Ok(State::Later)), "not yet");
        assert!(matches!(
            bring_up.answered(Err(Broken::Silent)),
            Ok(State::Further)
        ));
    }
    let runs = Identity {
        digest: wanted.digest,
        ..identity(Some(0), 8)
    };
    let state = bring_up.answered(Ok(Answer::Identity(runs)));
    assert!(matches!(state, Ok(State::Done(identity)) if identity == runs));
    let ended = restarting().answered(Ok(Answer::Identity(there(9))));
    assert_eq!(ended.map(drop), Err(Failed::WentBack));
    let ended = restarting().answered(Ok(Answer::Value(1)));
    assert_eq!(ended.map(drop), Err(Failed::Answer));
}

/// With the right digest, but none running.
#[test]
fn a_boot_loader_is_no_firmware() {
    let none = Identity {
        digest: Digest::default(),
        ..identity(None, 1)
    };
    let mut any = BringUp::new(None);
    let state = any.answered(Ok(Answer::Identity(none)));
    assert!(matches!(state, Ok(State::Later)));
    let state = any.answered(Ok(Answer::Identity(identity(Some(0), 2))));
    assert!(matches!(state, Ok(State::Done(_))));
}
