// SPDX-License-Identifier: BSD-2-Clause
//! The operator's freeze: what has disturbed nothing yet ends, in whichever phase it is.
#![allow(missing_docs)]

mod common;

use common::limits;
use molt_update::{Action, Config, Event, Machine, Phase, Reason, Status};

/// A machine that serves; its device has firmware.
fn machine() -> Machine {
    let mut machine = Machine::new(
        Config {
            transfer: Some(60),
            ..limits()
        },
        1,
    );
    for event in [Event::Start, Event::Built, Event::Ready(0)] {
        machine.step(0, event);
    }
    machine
}

#[test]
fn an_update_that_has_disturbed_nothing_is_refused() {
    let (client, handle) = (0, 1);
    let offer = Event::Offer {
        client,
        allowed: true,
        handle,
    };
    let verified = Event::Verified {
        sequence: 2,
        digest: [7; 4],
    };
    let confirm = Event::Confirm { client, handle };
    let events = [offer, confirm, verified, Event::Built];
    for count in 1..=events.len() {
        let mut machine = machine();
        for event in &events[..count] {
            machine.step(1, *event);
        }
        let phase = machine.phase();
        let actions = machine.step(2, Event::Freeze(true));
        let refused = actions.iter().any(|action| {
            let Action::Report { status, reason, .. } = action else {
                return false;
            };
            (*status, *reason) == (Status::Refused, Reason::Frozen)
        });
        assert!(refused, "{phase:?}: {actions:?}");
        assert_eq!((machine.phase(), machine.holder()), (Phase::Idle, Some(0)));
    }
}
