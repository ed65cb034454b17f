// SPDX-License-Identifier: BSD-2-Clause
//! Writes a part.

use minicbor::Encoder;
use minicbor::encode::{Error, Write};

use crate::step::Step;

/// The first element.
pub(crate) const NAME: &str = "molt-guest-part";
/// The kinds of steps.
pub(crate) const FILE: u8 = 1;
pub(crate) const PARAMETER: u8 = 2;
pub(crate) const COMMAND: u8 = 3;

/// Appends the part with these steps.
///
/// # Errors
/// The place is too small.
pub fn encode<W: Write>(steps: &[Step<'_>], to: W) -> Result<(), Error<W::Error>> {
    let mut encoder = Encoder::new(to);
    encoder.array(2)?.str(NAME)?.array(steps.len() as u64)?;
    for step in steps {
        match *step {
            Step::File {
                path,
                mode,
                contents,
            } => {
                let encoder = encoder.array(4)?.u8(FILE)?.str(path)?;
                encoder.u32(mode)?.bytes(contents)?;
            }
            Step::Parameter {
                module,
                name,
                value,
            } => {
                let encoder = encoder.array(4)?.u8(PARAMETER)?.str(module)?;
                encoder.str(name)?.str(value)?;
            }
            Step::Command { name } => {
                encoder.array(2)?.u8(COMMAND)?.str(name)?;
            }
        }
    }
    Ok(())
}
