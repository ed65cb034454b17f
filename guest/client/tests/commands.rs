// SPDX-License-Identifier: BSD-2-Clause
//! What the commands do at a doorbell, what they print, and their exit codes.

mod script;

use molt_doorbell::port::{self, Device, Entry, Fault, Kind, State, Welcome};
use molt_doorbell::{Reason, Status};
use molt_guest_client::{Command, Exit, Obstacle, Place, Session, Trouble, Value, run};
use molt_guest_part::Policy;
use script::{HANDLE, Lines, Script, answer, devices, fault, state, welcome};
use zerocopy::{FromBytes, IntoBytes};

/// A guest that stores nothing.
struct NoPlace;

impl Place for NoPlace {
    fn policy(&self) -> Policy<'static> {
        Policy::default()
    }

    fn put(&mut self, _: &str, _: u32, _: &[u8]) -> Result<(), Obstacle> {
        Err(Obstacle::Text)
    }

    fn put_back(&mut self, _: &str) -> Result<(), Obstacle> {
        Err(Obstacle::Text)
    }

    fn forget(&mut self, _: &str) -> Result<(), Obstacle> {
        Err(Obstacle::Text)
    }

    fn parameter(&mut self, _: &str, _: &str) -> Result<Value, Obstacle> {
        Err(Obstacle::Text)
    }

    fn set_parameter(&mut self, _: &str, _: &str, _: &str) -> Result<(), Obstacle> {
        Err(Obstacle::Text)
    }

    fn execute<'a>(&mut self, _: impl Iterator<Item = &'a str>) -> Result<(), Obstacle> {
        Err(Obstacle::Text)
    }
}

/// The exit code, the lines that were printed, and the commands that were sent.
type Ran = (Exit, Vec<String>, Vec<(u32, Vec<u8>)>);

/// Runs a command line at a doorbell with these answers behind the welcome.
fn at(line: &str, answers: &[Vec<u8>]) -> Ran {
    let mut script = Script {
        answers: [&[welcome()], answers].concat().into(),
        ..Script::default()
    };
    let (command, options) = Command::parse(line.split_whitespace()).unwrap();
    let mut lines = Lines::default();
    let mut session = Session::begin(&mut script).unwrap();
    let exit = run(
        &mut session,
        command,
        &options,
        b"bundle",
        &mut NoPlace,
        &mut lines,
    );
    let commands = script.commands.split_off(1);
    (exit, lines.0, commands)
}

const MAY: u32 = Device::MAY_UPDATE;

fn update(end: Vec<u8>) -> Vec<Vec<u8>> {
    vec![
        devices([MAY, 0]),
        state(Kind::Offer, Status::Offered, Reason::None),
        state(Kind::Confirm, Status::Confirmed, Reason::None),
        state(Kind::Next, Status::Probation, Reason::None),
        end,
    ]
}

#[test]
fn an_offer_is_confirmed_and_followed_to_its_end() {
    let end = state(Kind::Next, Status::Committed, Reason::None);
    let (exit, lines, commands) = at("offer f", &update(end));
    assert_eq!(exit, Exit::Done);
    let expected = [
        "disk: offered, to be confirmed with 0xab",
        "disk: confirmed",
        "disk: probation",
        "disk: committed (generation 4, sequence 10)",
    ];
    assert_eq!(lines, expected);
    let kinds: Vec<u32> = commands.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [2, 3, 4, 7, 7]);
    assert_eq!(commands[1].1, b"\0\0\0\0bundle");
    let handle = port::Handle::read_from_bytes(&commands[2].1).unwrap();
    assert_eq!(handle.handle.get(), HANDLE);
}

#[test]
fn an_exchange_of_keys_is_told_with_the_list() {
    let end = state(Kind::Next, Status::KeysExchanged, Reason::None);
    let (exit, lines, _) = at("offer f", &update(end));
    assert_eq!(exit, Exit::Done);
    let last = lines.last().map(String::as_str);
    assert_eq!(last, Some("disk: keys exchanged (list 10, generation 4)"));
}

#[test]
fn every_end_has_its_exit_code() {
    for (status, reason, exit) in [
        (Status::Refused, Reason::BadSignature, Exit::Refused),
        (Status::RolledBack, Reason::Heartbeat, Exit::RolledBack),
        (
            Status::OutOfService,
            Reason::StopTimeout,
            Exit::OutOfService,
        ),
    ] {
        let end = state(Kind::Next, status, reason);
        let (code, lines, _) = at("offer f", &update(end));
        assert_eq!(code, exit);
        let last = lines.last().unwrap();
        assert!(
            last.contains(status.text()) && last.contains(reason.text()),
            "{last}"
        );
    }
}

#[test]
fn an_offer_that_is_refused_is_not_confirmed() {
    let refused = state(Kind::Offer, Status::Refused, Reason::TooManyOffers);
    let (exit, _, commands) = at("offer f", &[devices([MAY, 0]), refused]);
    assert_eq!((exit, commands.len()), (Exit::Refused, 2));
    let (exit, lines, _) = at("offer f", &[devices([MAY, 0]), fault(Fault::Busy)]);
    assert_eq!(exit, Exit::Refused);
    assert_eq!(
        lines,
        ["refused: another update of this guest is under way"]
    );
}

#[test]
fn a_wrong_handle_ends_the_wait() {
    let own = state(Kind::State, Status::Offered, Reason::None);
    let wrong = state(Kind::Confirm, Status::Offered, Reason::WrongHandle);
    let (exit, _, commands) = at("confirm 7", &[devices([MAY, 0]), own, wrong]);
    assert_eq!((exit, commands.len()), (Exit::Refused, 3));
    let handle = port::Handle::read_from_bytes(&commands[2].1).unwrap();
    assert_eq!(handle.handle.get(), 7);
}

#[test]
fn an_offer_can_be_left_to_be_confirmed_or_to_go_on() {
    let end = state(Kind::Next, Status::Committed, Reason::None);
    let (exit, _, commands) = at("offer f --no-confirm", &update(end.clone()));
    assert_eq!((exit, commands.len()), (Exit::Done, 2));
    let (exit, _, commands) = at("offer f --no-wait", &update(end));
    assert_eq!((exit, commands.len()), (Exit::Done, 3));
}

#[test]
fn an_offer_that_was_taken_back_is_what_was_asked_for() {
    let own = state(Kind::State, Status::Offered, Reason::None);
    for (reason, exit) in [
        (Reason::Cancelled, Exit::Done),
        (Reason::NothingOffered, Exit::Refused),
    ] {
        let end = state(Kind::Cancel, Status::Refused, reason);
        let (code, _, _) = at("cancel", &[devices([MAY, 0]), own.clone(), end]);
        assert_eq!(code, exit);
    }
}

#[test]
fn it_has_to_be_clear_which_device_is_meant() {
    let exit = |line: &str, flags| at(line, &[devices(flags)]).0;
    assert_eq!(exit("offer f", [MAY, MAY]), Exit::Usage);
    assert_eq!(exit("offer f", [0, 0]), Exit::Usage);
    assert_eq!(exit("offer f --device net", [MAY, MAY]), Exit::Usage);
    assert_eq!(exit("offer f --device net\"", [MAY, 0]), Exit::Usage);
    let refused = state(Kind::Offer, Status::Refused, Reason::Frozen);
    for name in ["net\"", "1"] {
        let line = format!("offer f --device {name}");
        let (exit, _, commands) = at(&line, &[devices([MAY, MAY]), refused.clone()]);
        assert_eq!((exit, commands[1].1[0]), (Exit::Refused, 1));
    }
}

#[test]
fn a_guest_defers_updates_of_a_device_that_it_need_not_be_allowed_to_update() {
    let longest = port::Deferral {
        component: 1.into(),
        ms: 30_000.into(),
    };
    let longest = answer(Kind::Defer, longest.as_bytes());
    let all = devices([MAY, Device::MAY_DEFER]);
    for (line, ms, text) in [
        (
            "defer",
            u32::MAX,
            "net\": an update waits for this guest, 30 s at the most",
        ),
        (
            "defer --seconds 2",
            2000,
            "net\": an update waits for this guest, 2 s at the most",
        ),
        ("admit", 0, "net\": updates do not wait for this guest"),
    ] {
        let (exit, lines, commands) = at(line, &[all.clone(), longest.clone()]);
        assert_eq!((exit, lines), (Exit::Done, vec![text.to_owned()]));
        let sent = port::Deferral::read_from_bytes(&commands[1].1).unwrap();
        assert_eq!((sent.component.get(), sent.ms.get()), (1, ms));
    }
    let (exit, _, commands) = at("defer --device disk", std::slice::from_ref(&all));
    assert_eq!(
        (exit, commands.len()),
        (Exit::Usage, 1),
        "that one it may not defer"
    );
    let (exit, lines, _) = at("defer --json", &[all.clone(), fault(Fault::TooLate)]);
    assert_eq!(
        (exit, lines[0].as_str()),
        (Exit::Refused, "{\"error\":\"too-late\"}")
    );
    let (_, lines, _) = at("devices --json", &[all]);
    let object = |line: &String| serde_json::from_str::<serde_json::Value>(line).expect(line);
    let devices: Vec<_> = lines.iter().map(object).collect();
    assert_eq!(
        (&devices[0]["may_defer"], &devices[1]["may_defer"]),
        (&false.into(), &true.into())
    );
}

#[test]
fn a_guest_is_told_whom_its_update_waits_for() {
    let mut name = [0; 16];
    name[..10].copy_from_slice(b"vmm_second");
    let deferrer = port::Deferrer {
        left_ms: 12_500.into(),
        name,
    };
    let deferrer = answer(Kind::Deferrer, deferrer.as_bytes());
    let own = state(Kind::State, Status::Deferred, Reason::None);
    let (exit, lines, _) = at("status", &[devices([MAY, 0]), own, deferrer]);
    assert_eq!(exit, Exit::Done);
    let waits = "disk: the update waits for 'vmm_second', 12.500 s at the most";
    assert_eq!(lines, ["disk: deferred", waits]);
}

#[test]
fn json_is_one_object_a_line() {
    let entry = Entry {
        ago_us: 1_500_000.into(),
        component: 1.into(),
        status: 17.into(),
        reason: 67.into(),
        ..Entry::default()
    };
    let log = answer(Kind::Log, entry.as_bytes());
    let all = devices([MAY | Device::SEQUENCE, 0]);
    let own = state(Kind::State, Status::Offered, Reason::None);
    let runs = [
        at("devices --json", std::slice::from_ref(&all)),
        at("log --json", &[all.clone(), log.clone()]),
        at("status --json", &[all.clone(), own]),
        at("status --json", &[all.clone(), fault(Fault::BadLength)]),
    ];
    let objects: Vec<serde_json::Value> = (runs.iter())
        .flat_map(|(_, lines, _)| lines)
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert_eq!(objects[0]["sequence"], 9);
    assert_eq!(objects[1]["device"], "net\"");
    assert!(objects[1]["sequence"].is_null());
    assert_eq!(objects[2]["status"], "rolled back");
    assert_eq!(objects[2]["reason"], "heartbeat");
    assert_eq!(objects[3]["handle"], "0xab");
    assert_eq!(objects[4]["error"], "bad-length");
    let (_, lines, _) = at("log", &[all, log]);
    let text = "     1.500 s ago  net\": rolled back: the generation missed its heartbeat (generation 0, sequence 0)";
    assert_eq!(lines, [text]);
}

#[test]
fn answers_that_are_none_end_with_an_error() {
    let good = state(Kind::State, Status::Idle, Reason::None);
    let two = [good.clone(), good.clone()].concat();
    let too_many = answer(Kind::Devices, &[0; 40 * 9]);
    let too_long = answer(Kind::State, &[0; 41]);
    let endless = [0x86, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
    let endless = [&endless[..], &[0; 3000]].concat();
    for answers in [
        vec![devices([MAY, 0]), too_long],
        vec![devices([MAY, 0]), two],
        vec![devices([MAY, 0]), endless],
        vec![devices([MAY, 0]), devices([MAY, 0])],
        vec![devices([MAY, 0]), fault(Fault::Busy)[..11].to_vec()],
        vec![devices([MAY, 0])],
        vec![too_many],
        vec![],
    ] {
        let (exit, lines, _) = at("status", &answers);
        assert_eq!(exit, Exit::Doorbell, "{answers:x?}");
        assert!(lines[0].starts_with("error: "));
    }
    let unknown = State {
        status: 99.into(),
        reason: 99.into(),
        ..State::default()
    };
    let unknown = answer(Kind::State, unknown.as_bytes());
    let (exit, _, _) = at("status --follow", &[devices([MAY, 0]), unknown]);
    assert_eq!(exit, Exit::Doorbell, "it is not waited for");
}

#[test]
fn another_version_is_said() {
    let body = Welcome {
        magic: port::MAGIC.into(),
        version: 2.into(),
        longest_bundle: 0.into(),
    };
    let mut script = Script {
        answers: [answer(Kind::Hello, body.as_bytes())].into(),
        ..Script::default()
    };
    let trouble = Session::begin(&mut script).err();
    assert_eq!(trouble, Some(Trouble::Version(2)));
}
