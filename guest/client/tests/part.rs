// SPDX-License-Identifier: BSD-2-Clause
//! The guest's own part of an update: what is there after every way in which an update can end.

mod script;

use std::collections::{BTreeMap, VecDeque};

use molt_doorbell::port::{Device, Kind};
use molt_doorbell::{Reason, Status};
use molt_guest_client::{Command, Exit, OLD, Obstacle, Place, Session, Value, run};
use molt_guest_part::{PAYLOAD, Policy, Step, encode};
use molt_suit::encode as envelope;
use script::{Lines, Script, devices, state, welcome};

const POLICY: &str = "
    file /etc/molt/
    parameter blk depth
    command reload /sbin/reload --now
    command fails /sbin/fails
";

/// A guest's system: files, one parameter, and what `reload` has found when it was executed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Guest {
    files: BTreeMap<String, Vec<u8>>,
    depth: String,
    reloaded: Vec<Option<Vec<u8>>>,
}

impl Guest {
    fn new() -> Self {
        Self {
            files: [("/etc/molt/front".to_owned(), b"old".to_vec())].into(),
            depth: "8".to_owned(),
            reloaded: Vec::new(),
        }
    }
}

impl Place for Guest {
    fn policy(&self) -> Policy<'static> {
        Policy(POLICY)
    }

    fn put(&mut self, path: &str, _: u32, contents: &[u8]) -> Result<(), Obstacle> {
        let old = format!("{path}{OLD}");
        if self.files.contains_key(&old) {
            return Err(Obstacle::Left);
        }
        if let Some(before) = self.files.insert(path.to_owned(), contents.to_vec()) {
            self.files.insert(old, before);
        }
        Ok(())
    }

    fn put_back(&mut self, path: &str) -> Result<(), Obstacle> {
        self.files.remove(path);
        if let Some(before) = self.files.remove(&format!("{path}{OLD}")) {
            self.files.insert(path.to_owned(), before);
        }
        Ok(())
    }

    fn forget(&mut self, path: &str) -> Result<(), Obstacle> {
        self.files.remove(&format!("{path}{OLD}"));
        Ok(())
    }

    fn parameter(&mut self, _: &str, _: &str) -> Result<Value, Obstacle> {
        Value::try_from(self.depth.as_str()).map_err(|_| Obstacle::Text)
    }

    fn set_parameter(&mut self, _: &str, _: &str, value: &str) -> Result<(), Obstacle> {
        self.depth = value.to_owned();
        Ok(())
    }

    fn execute<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> Result<(), Obstacle> {
        let words: Vec<_> = words.collect();
        if words == ["/sbin/fails"] {
            return Err(Obstacle::Code(3));
        }
        assert_eq!(words, ["/sbin/reload", "--now"]);
        self.reloaded
            .push(self.files.get("/etc/molt/front").cloned());
        Ok(())
    }
}

const FRONT: Step<'static> = Step::File {
    path: "/etc/molt/front",
    mode: 0o644,
    contents: b"new",
};
const MORE: Step<'static> = Step::File {
    path: "/etc/molt/more",
    mode: 0o600,
    contents: b"more",
};
const DEPTH: Step<'static> = Step::Parameter {
    module: "blk",
    name: "depth",
    value: "16",
};
const RELOAD: Step<'static> = Step::Command { name: "reload" };
const FAILS: Step<'static> = Step::Command { name: "fails" };
const ALL: [Step<'static>; 4] = [FRONT, MORE, DEPTH, RELOAD];

/// A bundle with nothing but a guest's part: who reads more of it is elsewhere.
fn bundle(steps: &[Step<'_>]) -> Vec<u8> {
    let mut part = Vec::new();
    encode(steps, &mut part).unwrap();
    let manifest = [0xa0];
    let digest = envelope::digest(&manifest).unwrap();
    let mut out = envelope::begin(3, &digest, &[], true).unwrap().to_vec();
    out.extend(envelope::member(3, manifest.len()).unwrap());
    out.extend(manifest);
    out.extend(envelope::payload(PAYLOAD, part.len()).unwrap());
    out.extend(part);
    out
}

/// Offers a bundle with this part at a doorbell that then answers with these states. Returns the exit code, the guest's system, the
/// kinds of the commands that came behind the list of devices, and what was printed.
fn offer(
    steps: &[Step<'_>],
    answers: &[(Kind, Status, Reason)],
    options: &str,
) -> (Exit, Guest, Vec<u32>, Vec<String>) {
    let mut all = VecDeque::from([welcome(), devices([Device::MAY_UPDATE, 0])]);
    all.extend(
        answers
            .iter()
            .map(|(kind, status, reason)| state(*kind, *status, *reason)),
    );
    let mut script = Script {
        answers: all,
        ..Script::default()
    };
    let line = format!("offer file {options}");
    let (command, options) = Command::parse(line.split_whitespace()).unwrap();
    let (mut guest, mut lines) = (Guest::new(), Lines::default());
    let mut session = Session::begin(&mut script).unwrap();
    let bundle = bundle(steps);
    let exit = run(
        &mut session,
        command,
        &options,
        &bundle,
        &mut guest,
        &mut lines,
    );
    let sent = script
        .commands
        .iter()
        .skip(2)
        .map(|(kind, _)| *kind)
        .collect();
    (exit, guest, sent, lines.0)
}

const OFFERED: (Kind, Status, Reason) = (Kind::Offer, Status::Offered, Reason::None);
const CONFIRMED: (Kind, Status, Reason) = (Kind::Confirm, Status::Confirmed, Reason::None);
const CANCELLED: (Kind, Status, Reason) = (Kind::Cancel, Status::Refused, Reason::Cancelled);

#[test]
fn a_committed_update_leaves_the_new_part_and_nothing_of_the_old() {
    let committed = (Kind::Next, Status::Committed, Reason::None);
    let (exit, guest, sent, _) = offer(&ALL, &[OFFERED, CONFIRMED, committed], "");
    assert_eq!(exit, Exit::Done);
    assert_eq!(
        sent,
        [Kind::Offer, Kind::Confirm, Kind::Next].map(|kind| kind as u32)
    );
    let files = [("/etc/molt/front", "new"), ("/etc/molt/more", "more")];
    let files = files.map(|(path, text)| (path.to_owned(), text.into()));
    assert_eq!(guest.files, files.into());
    assert_eq!(guest.depth, "16");
    assert_eq!(guest.reloaded, [Some(b"new".to_vec())]);
}

#[test]
fn an_update_that_does_not_end_well_leaves_the_old_part() {
    for (status, reason, code) in [
        (Status::Refused, Reason::BadSignature, Exit::Refused),
        (Status::RolledBack, Reason::None, Exit::RolledBack),
        (Status::OutOfService, Reason::None, Exit::OutOfService),
    ] {
        let (exit, guest, ..) = offer(
            &ALL,
            &[OFFERED, CONFIRMED, (Kind::Next, status, reason)],
            "",
        );
        assert_eq!(exit, code);
        // The command is executed once more, and finds the old file.
        let reloaded = vec![Some(b"new".to_vec()), Some(b"old".to_vec())];
        assert_eq!(
            guest,
            Guest {
                reloaded,
                ..Guest::new()
            }
        );
    }
}

#[test]
fn a_part_that_cannot_be_stored_ends_the_update_before_its_confirm() {
    let steps = [FRONT, DEPTH, RELOAD, FAILS, MORE];
    let (exit, guest, sent, lines) = offer(&steps, &[OFFERED, CANCELLED], "");
    assert_eq!(exit, Exit::Part);
    assert_eq!(sent, [Kind::Offer, Kind::Cancel].map(|kind| kind as u32));
    let reloaded = vec![Some(b"new".to_vec()), Some(b"old".to_vec())];
    assert_eq!(
        guest,
        Guest {
            reloaded,
            ..Guest::new()
        }
    );
    assert_eq!(lines.last().unwrap(), "error: command fails: exit code 3");
}

#[test]
fn what_the_owner_does_not_allow_is_not_even_offered() {
    let elsewhere = Step::File {
        path: "/etc/passwd",
        mode: 0o644,
        contents: b"",
    };
    let (exit, guest, sent, lines) = offer(&[FRONT, elsewhere], &[], "");
    assert_eq!((exit, guest, sent), (Exit::Part, Guest::new(), vec![]));
    assert_eq!(
        lines,
        ["error: this guest's owner does not allow: file /etc/passwd (0 bytes, mode 644)"]
    );
    let (_, _, _, lines) = offer(&[elsewhere], &[], "--json");
    assert_eq!(lines, [r#"{"error":"part-not-allowed"}"#]);
}

#[test]
fn the_end_has_to_be_seen() {
    for option in ["--no-wait", "--no-confirm"] {
        let (exit, guest, sent, _) = offer(&ALL, &[], option);
        assert_eq!((exit, guest, sent), (Exit::Usage, Guest::new(), vec![]));
    }
}

#[test]
fn the_old_file_of_an_update_that_was_cut_off_is_not_lost() {
    let twice = [FRONT, FRONT];
    let (exit, guest, _, lines) = offer(&twice, &[OFFERED, CANCELLED], "");
    assert_eq!((exit, guest), (Exit::Part, Guest::new()));
    assert!(lines.last().unwrap().contains("was cut off"), "{lines:?}");
}

#[test]
fn an_offer_that_is_refused_stores_nothing() {
    let refused = (Kind::Offer, Status::Refused, Reason::NotAllowed);
    let (exit, guest, ..) = offer(&ALL, &[refused], "");
    assert_eq!((exit, guest), (Exit::Refused, Guest::new()));
}
