// SPDX-License-Identifier: BSD-2-Clause
//! Which ports receive which frames.

use proptest::prelude::*;

use crate::*;

const ALL: Mac = [0xff; 6];

fn mac(n: u8) -> Mac {
    [0x02, 0, 0, 0, 0, n]
}

fn header(source: Mac, destination: Mac) -> Header {
    Header {
        destination,
        source,
    }
}

fn switch(ports: &[Port]) -> Switch {
    let mut switch = Switch::new();
    for (number, port) in ports.iter().enumerate() {
        assert_eq!(switch.add(*port), Some(number));
    }
    switch
}

fn held(n: u8) -> Port {
    Port {
        held_to: Some(mac(n)),
        isolated: false,
    }
}

fn to(ports: &[usize]) -> Result<Ports, Dropped> {
    let one = |set: Ports, port: &usize| set.with(Ports::one(*port));
    Ok(ports.iter().fold(Ports::NONE, one))
}

#[test]
fn what_is_not_known_is_flooded_and_what_is_learned_is_not() {
    let mut switch = switch(&[Port::default(); 3]);
    let first = switch.forward(0, &header(mac(1), mac(2)), 60, 0);
    assert_eq!(first, to(&[1, 2]));
    let answer = switch.forward(1, &header(mac(2), mac(1)), 60, 0);
    assert_eq!(answer, to(&[0]), "the third port sees nothing of it");
    let second = switch.forward(0, &header(mac(1), mac(2)), 60, 1);
    assert_eq!(second, to(&[1]));
    let aged = switch.forward(0, &header(mac(1), mac(2)), 60, AGE);
    assert_eq!(aged, to(&[1, 2]), "not seen for too long");
    let moved = switch.forward(2, &header(mac(2), mac(1)), 60, AGE);
    assert_eq!(moved, to(&[0]));
    let again = switch.forward(0, &header(mac(1), mac(2)), 60, AGE);
    assert_eq!(again, to(&[2]), "it is where it was seen last");
    switch.forget(2);
    let forgotten = switch.forward(0, &header(mac(1), mac(2)), 60, AGE);
    assert_eq!(forgotten, to(&[1, 2]));
}

#[test]
fn groups_reach_all_others() {
    let mut switch = switch(&[Port::default(); 3]);
    let broadcast = switch.forward(1, &header(mac(1), ALL), 60, 0);
    assert_eq!(broadcast, to(&[0, 2]));
    let multicast = [0x33, 0x33, 0, 0, 0, 1];
    let group = switch.forward(1, &header(mac(1), multicast), 60, 0);
    assert_eq!(group, to(&[0, 2]));
    let pause = [0x01, 0x80, 0xc2, 0, 0, 0x01];
    let local = switch.forward(1, &header(mac(1), pause), 60, 0);
    assert_eq!(local, Err(Dropped::Local));
}

#[test]
fn a_port_that_is_held_to_an_address_has_no_other_and_nobody_has_its() {
    let mut switch = switch(&[held(1), held(2), Port::default()]);
    let forged = switch.forward(0, &header(mac(9), ALL), 60, 0);
    assert_eq!(forged, Err(Dropped::Source));
    let stolen = switch.forward(2, &header(mac(1), ALL), 60, 0);
    assert_eq!(stolen, Err(Dropped::Source));
    let known = switch.forward(2, &header(mac(9), mac(1)), 60, 0);
    assert_eq!(known, to(&[0]), "it need not have sent anything before");
    assert_eq!(switch.counters(0).bad_source, 1);
    assert_eq!(switch.counters(2).bad_source, 1);
    assert_eq!(switch.add(held(1)), None, "two ports with one address");
    let group = Port {
        held_to: Some(ALL),
        isolated: false,
    };
    assert_eq!(switch.add(group), None);
}

#[test]
fn isolated_ports_see_only_what_is_not_isolated() {
    let isolated = Port {
        isolated: true,
        ..Port::default()
    };
    let mut switch = switch(&[Port::default(), isolated, isolated]);
    let broadcast = switch.forward(1, &header(mac(1), ALL), 60, 0);
    assert_eq!(broadcast, to(&[0]));
    let outside = switch.forward(0, &header(mac(9), ALL), 60, 0);
    assert_eq!(outside, to(&[1, 2]));
    let direct = switch.forward(2, &header(mac(2), mac(1)), 60, 0);
    assert_eq!(direct, Err(Dropped::Isolated));
    assert_eq!(switch.counters(2).isolated, 1);
}

#[test]
fn a_port_that_sends_under_many_addresses_pushes_out_only_its_own() {
    let mut switch = switch(&[Port::default(); 3]);
    switch.forward(0, &header(mac(1), ALL), 60, 0).unwrap();
    for n in 0..10_000_u32 {
        let [a, b, c, d] = n.to_be_bytes();
        let source = [0x06, 0, a, b, c, d];
        let flooded = switch.forward(1, &header(source, ALL), 60, u64::from(n / 100));
        assert!(flooded.is_ok());
    }
    let known = switch.forward(2, &header(mac(2), mac(1)), 60, 0);
    assert_eq!(known, to(&[0]));
}

#[test]
fn what_had_no_room_is_not_counted_as_delivered() {
    let mut switch = switch(&[Port::default(); 2]);
    switch.forward(0, &header(mac(1), ALL), 100, 0).unwrap();
    switch.forward(0, &header(mac(1), ALL), 50, 0).unwrap();
    switch.no_room(1, 100);
    let counters = switch.counters(1);
    assert_eq!((counters.to, counters.to_bytes), (1, 50));
    assert_eq!(counters.no_room, 1);
    let counters = switch.counters(0);
    assert_eq!((counters.from, counters.from_bytes), (2, 150));
}

proptest! {
    /// Whatever is sent: a frame never comes back to its port, never crosses between isolated ports, and one for a held
    /// address is seen by its holder alone.
    #[test]
    fn no_frame_goes_where_it_must_not(
        frames in proptest::collection::vec((0_usize..6, any::<u8>(), any::<u8>(), any::<u8>()), 1..200)
    ) {
        let isolated = Port { isolated: true, ..Port::default() };
        let mut switch = switch(&[held(0), held(2), Port::default(), isolated, isolated]);
        for (time, (from, source, destination, bits)) in frames.into_iter().enumerate() {
            let mut frame = header(mac(source & 7), mac(destination & 7));
            frame.source[0] |= u8::from(bits & 7 == 0);
            frame.destination[0] |= u8::from(bits & 56 == 0);
            let result = switch.forward(from, &frame, 60, time as u64);
            let ports = result.unwrap_or_default();
            prop_assert!(!ports.contains(from));
            prop_assert!(ports.into_iter().all(|port| port < 5));
            if from >= 3 {
                prop_assert!(!ports.contains(3) && !ports.contains(4));
            }
            if frame.destination == mac(0) {
                prop_assert!(ports.without(Ports::one(0)).is_empty());
            }
            if frame.source == mac(2) && from != 1 {
                prop_assert!(ports.is_empty());
            }
        }
    }
}
