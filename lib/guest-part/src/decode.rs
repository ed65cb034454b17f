// SPDX-License-Identifier: BSD-2-Clause
//! Reads a part.

use core::fmt;

use heapless::Vec;
use minicbor::Decoder;

use crate::encode::{COMMAND, FILE, NAME, PARAMETER};
use crate::step::{MAX_STEPS, Step, Wrong};

/// A part that was read: every step of it is well-formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'b> {
    /// Its steps, in the order in which they are carried out.
    pub steps: Vec<Step<'b>, MAX_STEPS>,
}

/// Why bytes are no part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// They do not begin as a part does: another tool's.
    NoPart,
    /// The encoding is wrong, or something stands behind its end.
    Encoding,
    /// There is no step, or there are too many.
    Steps,
    /// The step of this number, counted from 1.
    Step(usize, Wrong),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPart => f.write_str("it is no part that this program knows"),
            Self::Encoding => f.write_str("its encoding is wrong"),
            Self::Steps => write!(f, "it has to have 1 to {MAX_STEPS} steps"),
            Self::Step(number, wrong) => write!(f, "step {number}: {wrong}"),
        }
    }
}

impl<'b> Part<'b> {
    /// Reads the bytes.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn decode(bytes: &'b [u8]) -> Result<Self, Malformed> {
        let mut decoder = Decoder::new(bytes);
        let pair = decoder.array().ok().flatten() == Some(2);
        if !pair || decoder.str().ok() != Some(NAME) {
            return Err(Malformed::NoPart);
        }
        let part = steps(&mut decoder)?;
        match decoder.position() == bytes.len() {
            true => Ok(part),
            false => Err(Malformed::Encoding),
        }
    }
}

fn steps<'b>(decoder: &mut Decoder<'b>) -> Result<Part<'b>, Malformed> {
    let count = decoder.array().ok().flatten().ok_or(Malformed::Encoding)?;
    let mut steps = Vec::new();
    for _ in 0..count {
        let step = step(decoder).map_err(|_| Malformed::Encoding)?;
        steps.push(step).map_err(|_| Malformed::Steps)?;
        let number = steps.len();
        (step.check()).map_err(|wrong| Malformed::Step(number, wrong))?;
    }
    match steps.is_empty() {
        true => Err(Malformed::Steps),
        false => Ok(Part { steps }),
    }
}

fn step<'b>(decoder: &mut Decoder<'b>) -> Result<Step<'b>, minicbor::decode::Error> {
    let length = decoder.array()?;
    let kind = decoder.u8()?;
    match (length, kind) {
        (Some(4), FILE) => Ok(Step::File {
            path: decoder.str()?,
            mode: decoder.u32()?,
            contents: decoder.bytes()?,
        }),
        (Some(4), PARAMETER) => Ok(Step::Parameter {
            module: decoder.str()?,
            name: decoder.str()?,
            value: decoder.str()?,
        }),
        (Some(2), COMMAND) => Ok(Step::Command {
            name: decoder.str()?,
        }),
        _ => Err(minicbor::decode::Error::message("no step")),
    }
}

#[cfg(test)]
mod tests {
    extern crate alloc;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::encode;

    fn bytes(steps: &[Step<'_>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        assert!(encode(steps, &mut bytes).is_ok());
        bytes
    }

    const STEPS: [Step<'static>; 3] = [
        Step::File {
            path: "/etc/molt/front.conf",
            mode: 0o640,
            contents: b"depth=8",
        },
        Step::Parameter {
            module: "virtio_blk",
            name: "num_request_queues",
            value: "2",
        },
        Step::Command { name: "reload" },
    ];

    #[test]
    fn what_was_encoded_is_read() {
        let bytes = bytes(&STEPS);
        let part = Part::decode(&bytes);
        assert_eq!(part.map(|part| part.steps.to_vec()), Ok(STEPS.to_vec()));
    }

    #[test]
    fn every_truncation_and_what_stands_behind_the_end_is_refused() {
        let mut bytes = bytes(&STEPS);
        for length in 0..bytes.len() {
            let cut = bytes.get(..length).unwrap_or_default();
            assert!(Part::decode(cut).is_err(), "{length}");
        }
        bytes.push(0);
        assert_eq!(Part::decode(&bytes), Err(Malformed::Encoding));
    }

    #[test]
    fn too_many_steps_and_none_are_refused() {
        let many = [Step::Command { name: "again" }; MAX_STEPS + 1];
        assert_eq!(Part::decode(&bytes(&many)), Err(Malformed::Steps));
        assert_eq!(Part::decode(&bytes(&[])), Err(Malformed::Steps));
    }

    #[test]
    fn paths_and_names_that_lead_elsewhere_are_refused() {
        let file = |path| Step::File {
            path,
            mode: 0o644,
            contents: b"",
        };
        for path in [
            "etc/x",
            "/etc/../x",
            "/etc/./x",
            "/etc//x",
            "/etc/",
            "/",
            "",
            "/a\nb",
        ] {
            let refused = Err(Malformed::Step(1, Wrong::Path));
            assert_eq!(Part::decode(&bytes(&[file(path)])), refused, "{path}");
        }
        for module in ["", ".", "..", "a/b", "a b", "ä"] {
            let step = Step::Parameter {
                module,
                name: "x",
                value: "1",
            };
            let refused = Err(Malformed::Step(1, Wrong::Name));
            assert_eq!(Part::decode(&bytes(&[step])), refused, "{module}");
        }
        let set_user_id = Step::File {
            path: "/bin/x",
            mode: 0o4755,
            contents: b"",
        };
        let refused = Err(Malformed::Step(1, Wrong::Mode));
        assert_eq!(Part::decode(&bytes(&[set_user_id])), refused);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Part::decode(&bytes);
        }

        #[test]
        fn a_changed_byte_is_read_as_another_part_or_refused(at in 0..120_usize, to: u8) {
            let mut bytes = bytes(&STEPS);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = to;
            }
            if let Ok(part) = Part::decode(&bytes) {
                prop_assert!(part.steps.iter().all(|step| step.check().is_ok()));
            }
        }
    }
}
