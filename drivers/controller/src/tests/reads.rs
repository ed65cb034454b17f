// SPDX-License-Identifier: BSD-2-Clause
//! Reading sensors.

use std::sync::atomic::Ordering;

use molt_link::Sensor;
use molt_sensor_queue::{Answer, Server, layout};
use proptest::prelude::*;

use super::fake::{Fake, Fault, image};
use super::rig::{Rig, words};
use crate::{Client, Failure, Service};

fn serving(firmware: &'static [u8]) -> Rig {
    let mut rig = Rig::new(Fake::new(&[image(3)]), firmware);
    rig.until_ready().unwrap();
    rig
}

#[test]
fn every_client_reads_every_sensor_and_each_read_is_answered_once() {
    let mut rig = serving(&[]);
    let mut asked = Vec::new();
    for client in [0, 1] {
        for sensor in 0..20 {
            asked.push((client, sensor, rig.ask(client, sensor)));
        }
        asked.push((client, 256, rig.ask(client, 256)));
        asked.push((client, u32::MAX, rig.ask(client, u32::MAX)));
    }
    rig.wait(100).unwrap();
    assert_eq!((rig.total.submitted, rig.total.completed), (44, 44));
    assert_eq!((rig.total.errors, rig.driver.in_flight()), (0, 0));
    for (client, sensor, token) in asked {
        let answer = rig.answers[client][&token];
        let known = u8::try_from(sensor).ok().and_then(Sensor::from_number);
        match (known, answer) {
            (Some(Sensor::Boots), Answer::Value(1)) | (None, Answer::Absent) => {}
            (Some(known), Answer::Value(value)) => {
                let version = known.given_by(value.into());
                assert!(
                    version.is_none_or(|version| version == 3),
                    "{known:?} {value}"
                );
            }
            other => panic!("sensor {sensor}: {other:?}"),
        }
    }
}

/// A client that asks for much does not keep the others waiting.
#[test]
fn clients_take_turns() {
    let mut rig = serving(&[]);
    for _ in 0..60 {
        rig.ask(0, 1);
    }
    let token = rig.ask(1, 1);
    rig.wait(3).unwrap();
    assert!(rig.answers[1].contains_key(&token));
    assert!(rig.answers[0].len() < 20);
}

#[test]
fn a_driver_that_quiesces_takes_nothing_and_finishes_what_it_has() {
    let mut rig = serving(&[]);
    rig.ask(0, 0);
    assert_eq!(rig.driver.pump().unwrap().submitted, 1);
    let later = rig.ask(0, 1);
    rig.driver.set_taking(false);
    rig.wait(10).unwrap();
    assert_eq!((rig.total.completed, rig.driver.in_flight()), (1, 0));
    rig.swap(1, &[]);
    rig.until_ready().unwrap();
    rig.wait(10).unwrap();
    assert!(rig.answers[0].contains_key(&later));
}

#[test]
fn on_a_line_that_garbles_each_read_is_answered_once_and_right() {
    for one_in in [30, 100, 1000] {
        let mut rig = serving(image(3));
        rig.fake.0.borrow_mut().one_in = one_in;
        for _ in 0..50 {
            rig.ask(0, 0);
            rig.ask(1, 2);
        }
        rig.wait(30_000).unwrap();
        assert_eq!(rig.answers.each_ref().map(|all| all.len()), [50, 50]);
        let faulty = rig.total.errors as usize;
        let given = rig.answers.iter().flat_map(|all| all.values());
        let right = given.filter(|answer| match answer {
            Answer::Value(value) => [30_003, 8_993].contains(value),
            _ => false,
        });
        assert_eq!(right.count(), 100 - faulty, "one in {one_in}");
        assert!(one_in < 100 || faulty == 0);
    }
}

#[test]
fn a_controller_that_is_silent_is_reported_and_asked_again() {
    let mut rig = serving(image(3));
    rig.fake.0.borrow_mut().cut = true;
    let lost = rig.ask(0, 0);
    rig.wait(5_100).unwrap();
    assert_eq!(rig.answers[0][&lost], Answer::Faulty);
    assert_eq!(rig.total.errors, 1);
    rig.fake.0.borrow_mut().cut = false;
    let token = rig.ask(0, 0);
    rig.wait(200).unwrap();
    assert!(matches!(rig.answers[0][&token], Answer::Value(_)));
}

/// Its watchdog restarts it, and nobody sees more than a delay.
#[test]
fn reads_outlast_a_restart_of_the_controller() {
    let mut rig = serving(image(3));
    rig.fake.0.borrow_mut().power_cycle();
    let token = rig.ask(0, Sensor::Boots.number().into());
    rig.wait(200).unwrap();
    assert_eq!(rig.answers[0][&token], Answer::Value(2));
}

#[test]
fn a_value_that_no_sensor_can_have_is_passed_on_to_nobody() {
    for firmware in [&[][..], image(3)] {
        let mut rig = serving(firmware);
        rig.fake.0.borrow_mut().fault = Some((3, Fault::Nonsense(1_000_000_000)));
        let token = rig.ask(0, 1);
        let error = rig.wait(100).unwrap_err();
        assert_eq!(error, Failure::Nonsense(1).into());
        assert!(rig.answers[0].is_empty());
        // The next generation answers.
        rig.fake.0.borrow_mut().fault = None;
        rig.swap(1, firmware);
        rig.until_ready().unwrap();
        rig.wait(10).unwrap();
        assert!(matches!(rig.answers[0][&token], Answer::Value(_)));
    }
}

#[test]
fn a_controller_without_its_sensors_is_an_error() {
    let mut rig = serving(image(3));
    rig.fake.0.borrow_mut().fault = Some((3, Fault::NoSensors));
    let (known, unknown) = (rig.ask(0, 0), rig.ask(0, 9));
    rig.wait(10).unwrap();
    assert_eq!(rig.answers[0][&known], Answer::Faulty);
    assert_eq!(rig.answers[0][&unknown], Answer::Absent);
    assert_eq!(rig.total.errors, 1);
}

#[test]
fn a_client_that_breaks_the_protocol_is_not_served_and_the_others_are() {
    let mut rig = serving(&[]);
    rig.ask(0, 0);
    let honest = rig.ask(1, 0);
    rig.regions[0][layout::SUBMITTED].fetch_add(100, Ordering::Relaxed);
    let mut other = rig.clients[1].owed();
    while other > 0 {
        rig.fake.0.borrow_mut().tick();
        rig.driver.pump().unwrap();
        if let Some(answer) = rig.clients[1].poll() {
            assert_eq!(answer.unwrap().0, honest);
            other -= 1;
        }
    }
    assert_eq!(rig.fake.0.borrow().reads(), 1);
}

#[test]
fn there_are_no_more_clients_than_it_can_have() {
    let mut rig = serving(&[]);
    let client = || Client::new(Server::new(words(1), 0));
    (2..crate::CLIENTS).for_each(|_| rig.driver.attach(client()).unwrap());
    let error = rig.driver.attach(client()).unwrap_err();
    assert_eq!(error, molt_service::Error::Clients);
}

#[test]
fn an_error_of_the_line_ends_the_generation() {
    let mut rig = serving(&[]);
    rig.fake.0.borrow_mut().broken = true;
    let error = rig.tick().unwrap_err();
    assert_eq!(error, Failure::Line(super::fake::Failed).into());
    assert_eq!(crate::Code::code(&error), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever comes over the line, one call of the driver ends, and no read is answered with a value that no firmware gave.
    #[test]
    fn any_bytes(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..40)) {
        let mut rig = serving(image(3));
        rig.fake.0.borrow_mut().cut = true;
        rig.ask(0, 0);
        for piece in pieces {
            rig.fake.arrive(&piece);
            rig.tick().unwrap();
        }
        // A frame of CRC-32 that is right by chance is not to be expected in 12 KB.
        prop_assert!(rig.answers[0].is_empty());
    }
}
