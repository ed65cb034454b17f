// SPDX-License-Identifier: BSD-2-Clause
//! The controller's firmware: what the driver does at its start, transfers, and commits.

use molt_firmware::Refusal;
use molt_sensor_queue::Answer;

use super::fake::{Fake, Fault, RESTART, image, signed};
use super::rig::Rig;
use crate::{Failure, Service, Transfer, reason};

/// A value of sensor 0 as the client gets it.
fn value(rig: &mut Rig) -> Answer {
    let token = rig.ask(1, 0);
    rig.wait(5).unwrap();
    rig.answers[1][&token]
}

#[test]
fn without_a_firmware_whatever_runs_is_served() {
    let mut rig = Rig::new(Fake::new(&[image(4)]), &[]);
    rig.until_ready().unwrap();
    assert_eq!((value(&mut rig), rig.starts()), (Answer::Value(30_004), 1));
}

#[test]
fn a_firmware_that_runs_already_is_left_alone() {
    let mut rig = Rig::new(Fake::new(&[image(4)]), image(4));
    assert!(rig.until_ready().unwrap() < 20);
    assert!(rig.fake.0.borrow().sent < 100, "one question");
    rig.driver.committed();
    rig.wait(20).unwrap();
    assert_eq!((rig.version(), rig.starts()), (4, 1));
}

#[test]
fn a_firmware_in_the_other_bank_is_started() {
    let mut rig = Rig::new(Fake::new(&[image(4), image(5)]), image(5));
    assert!(rig.until_ready().unwrap() < 2 * RESTART + 200);
    assert!(rig.fake.0.borrow().sent < 1000, "without a transfer");
    assert_eq!((rig.version(), rig.starts()), (5, 2));
    assert_eq!(value(&mut rig), Answer::Value(30_005));
}

#[test]
fn another_firmware_is_transferred_and_started_and_stays_once_it_is_committed() {
    for committed in [false, true] {
        let mut rig = Rig::new(Fake::new(&[image(4), image(5)]), image(6));
        rig.until_ready().unwrap();
        assert_eq!(rig.version(), 6);
        if committed {
            rig.driver.committed();
        }
        rig.wait(20).unwrap();
        rig.fake.0.borrow_mut().power_cycle();
        let ended = rig.wait(2_000);
        match committed {
            true => assert_eq!((ended, rig.version()), (Ok(()), 6)),
            // It has gone back by itself, which is noticed though nobody reads.
            false => {
                assert_eq!(ended, Err(Failure::Changed.into()));
                assert_eq!(rig.version(), 4);
            }
        }
    }
}

#[test]
fn a_controller_without_any_firmware_gets_one() {
    let mut rig = Rig::new(Fake::new(&[]), image(6));
    assert_eq!(rig.version(), 0);
    rig.until_ready().unwrap();
    assert_eq!(rig.version(), 6);
}

#[test]
fn sensors_are_read_while_the_next_firmware_is_transferred() {
    let mut rig = Rig::new(Fake::new(&[image(4)]), image(4));
    rig.until_ready().unwrap();
    rig.driver.transfer(image(5));
    assert_eq!(rig.driver.transferred(), Transfer::Working(0));
    let (end, read) = rig.until_transferred();
    assert_eq!(end, Transfer::Done);
    assert!(read > 10, "{read} reads");
    assert_eq!((rig.version(), rig.starts(), rig.total.errors), (4, 1, 0));
    // Once more: it is there.
    let sent = rig.fake.0.borrow().sent;
    rig.driver.transfer(image(5));
    assert_eq!(rig.until_transferred().0, Transfer::Done);
    assert!(rig.fake.0.borrow().sent < sent + 1000);
    // The next generation has only to start it.
    rig.swap(1, image(5));
    rig.until_ready().unwrap();
    assert!(rig.fake.0.borrow().sent < sent + 2000);
    assert_eq!((rig.version(), rig.starts()), (5, 2));
    // The one after it goes back: the committed image again.
    rig.swap(2, image(4));
    rig.until_ready().unwrap();
    assert_eq!((rig.version(), rig.starts()), (4, 3));
}

#[test]
fn a_firmware_that_is_refused_disturbs_nothing() {
    let mut rig = Rig::new(Fake::new(&[image(4)]), image(4));
    rig.until_ready().unwrap();
    let code = |refusal: Refusal| u16::from(refusal.code());
    rig.driver.transfer(signed(5, [8; 32]));
    let refused = reason::REFUSED | code(Refusal::Signature);
    assert_eq!(rig.until_transferred().0, Transfer::Failed(refused));
    rig.driver
        .transfer(b"no image at all, though it is long enough for a header to be in it");
    let no_image = Transfer::Failed(reason::IMAGE | code(Refusal::NoImage));
    assert_eq!(rig.driver.transferred(), no_image);
    let cut_off = &image(5)[..4000];
    rig.driver.transfer(cut_off);
    let length = Transfer::Failed(reason::IMAGE | code(Refusal::Length));
    assert_eq!(rig.driver.transferred(), length);
    assert_eq!((value(&mut rig), rig.starts()), (Answer::Value(30_004), 1));
    // A generation with such a firmware does not become ready.
    rig.swap(1, signed(5, [8; 32]));
    let error = rig.until_ready().unwrap_err();
    assert_eq!(error, Failure::Refused(Refusal::Signature).into());
    assert_eq!((rig.version(), rig.starts()), (4, 1));
}

/// At any moment of the transfer.
#[test]
fn a_transfer_outlasts_a_restart_of_the_controller() {
    for at in (1..40).step_by(3) {
        let mut rig = Rig::new(Fake::new(&[image(4)]), image(4));
        rig.until_ready().unwrap();
        rig.driver.transfer(image(5));
        rig.wait(at).unwrap();
        rig.fake.0.borrow_mut().power_cycle();
        let (end, _) = rig.until_transferred();
        assert_eq!((end, rig.version()), (Transfer::Done, 4), "{at} ms");
        assert_eq!(rig.total.errors, 0);
        rig.swap(1, image(5));
        rig.until_ready().unwrap();
        assert_eq!(rig.version(), 5);
    }
}

#[test]
fn a_transfer_to_a_silent_controller_ends_and_is_no_longer_read() {
    let mut rig = Rig::new(Fake::new(&[image(4)]), image(4));
    rig.until_ready().unwrap();
    rig.driver.transfer(image(5));
    rig.wait(10).unwrap();
    rig.fake.0.borrow_mut().cut = true;
    let (end, _) = rig.until_transferred();
    assert_eq!(end, Transfer::Failed(reason::SILENT));
    rig.fake.0.borrow_mut().cut = false;
    // From here on nothing of the image may be used.
    let sent = rig.fake.0.borrow().sent;
    rig.wait(500).unwrap();
    assert!(rig.fake.0.borrow().sent < sent + 1000);
}

#[test]
fn another_transfer_takes_the_place_of_the_first() {
    let mut rig = Rig::new(Fake::new(&[image(4)]), image(4));
    rig.until_ready().unwrap();
    rig.driver.transfer(image(5));
    rig.wait(10).unwrap();
    rig.driver.transfer(image(6));
    assert_eq!(rig.until_transferred().0, Transfer::Done);
    rig.swap(1, image(6));
    rig.until_ready().unwrap();
    assert_eq!((rig.version(), rig.starts()), (6, 2));
}

#[test]
fn all_this_goes_over_a_line_that_garbles() {
    let mut rig = Rig::new(Fake::new(&[image(4)]), image(4));
    rig.fake.0.borrow_mut().one_in = 500;
    rig.until_ready().unwrap();
    rig.driver.transfer(image(5));
    assert_eq!(rig.until_transferred().0, Transfer::Done);
    rig.swap(1, image(5));
    rig.until_ready().unwrap();
    rig.driver.committed();
    rig.wait(500).unwrap();
    rig.fake.0.borrow_mut().power_cycle();
    rig.wait(500).unwrap();
    assert_eq!((rig.version(), rig.total.errors), (5, 0));
}

/// Before the driver has seen it run: the generation does not become ready.
#[test]
fn a_firmware_that_does_not_start_is_noticed() {
    for fault in [Fault::Crashes(0), Fault::Hangs(0)] {
        let fake = Fake::new(&[image(4), image(5)]);
        fake.0.borrow_mut().fault = Some((5, fault));
        let mut rig = Rig::new(fake, image(5));
        let error = rig.until_ready().unwrap_err();
        assert_eq!(error, Failure::WentBack.into(), "{fault:?}");
        // The committed image's next generation finds its firmware running.
        rig.swap(1, image(4));
        rig.until_ready().unwrap();
        assert_eq!((rig.version(), rig.starts()), (4, 3));
        assert_eq!(value(&mut rig), Answer::Value(30_004));
    }
}

/// On probation, while clients read.
#[test]
fn a_firmware_that_ends_later_is_noticed_and_nobody_gets_a_value_of_the_other() {
    for fault in [Fault::Crashes(300), Fault::Hangs(300)] {
        let fake = Fake::new(&[image(4), image(5)]);
        fake.0.borrow_mut().fault = Some((5, fault));
        let mut rig = Rig::new(fake, image(5));
        rig.until_ready().unwrap();
        let mut error = None;
        while error.is_none() {
            if rig.clients[0].owed() < 8 {
                rig.ask(0, 0);
            }
            error = rig.wait(10).err();
        }
        assert_eq!(error, Some(Failure::Changed.into()), "{fault:?}");
        let values = rig.answers[0].values();
        assert!(values.clone().count() > 5);
        assert!(
            values
                .into_iter()
                .all(|answer| *answer == Answer::Value(30_005))
        );
        rig.swap(1, image(4));
        rig.until_ready().unwrap();
        rig.wait(200).unwrap();
        assert_eq!(rig.clients[0].owed(), 0, "the rest is answered now");
    }
}

/// A trial that nobody has ended: of a generation that was lost with the power, for example.
#[test]
fn the_trial_of_another_firmware_is_ended_before_a_transfer() {
    let mut rig = Rig::new(Fake::new(&[image(4), image(5)]), image(5));
    rig.until_ready().unwrap();
    rig.swap(1, image(6));
    rig.until_ready().unwrap();
    rig.driver.committed();
    rig.wait(20).unwrap();
    rig.fake.0.borrow_mut().power_cycle();
    rig.wait(500).unwrap();
    assert_eq!(rig.version(), 6);
}

#[test]
fn bytes_that_are_no_firmware_make_no_generation() {
    let fake = Fake::new(&[image(4)]);
    let error = super::rig::driver(&fake, [&[], &[]], 0, b"no").map(drop);
    assert_eq!(error, Err(Failure::Image(Refusal::NoImage).into()));
}
