// SPDX-License-Identifier: BSD-2-Clause
//! Checks that everything in a manifest is supported, including sequences that would not be reached.
//!
//! The draft lets a processor stop at an unsupported command when it reaches it (6.1). Checking all of them first makes the
//! result independent of the choice of a try-each, and the refusal names what is not supported.

use minicbor::data::Type;
use molt_doorbell::Reason;

use crate::parameters::Parameters;
use crate::process::DEPTH;
use crate::reader::Reader;
use crate::{Detail, Envelope, Manifest, Refusal, Section, command as code};

/// What was seen on the way.
struct Scan<'a, 'b> {
    envelope: &'a Envelope<'b>,
    shared: bool,
    /// A URI was seen that a payload has; and one that no payload has.
    found: bool,
    missing: bool,
}

/// Checks that everything is supported, and that at least one of the payloads to be fetched is in the envelope.
///
/// # Errors
/// What is not supported, by name; [`Reason::NotInBundle`].
pub fn scan(envelope: &Envelope<'_>, manifest: &Manifest<'_>) -> Result<(), Refusal> {
    if let Some(refusal) = manifest.exchanged.or(manifest.unsupported) {
        return Err(refusal);
    }
    let mut scan = Scan {
        envelope,
        shared: true,
        found: false,
        missing: false,
    };
    if let Some(shared) = manifest.shared {
        scan.sequence(shared, 0)?;
    }
    scan.shared = false;
    for (member, section) in [
        (16, manifest.payload_fetch),
        (20, manifest.install),
        (7, manifest.validate),
        (8, manifest.load),
        (9, manifest.invoke),
    ] {
        match section {
            Section::Absent => {}
            Section::Here(commands) => scan.sequence(commands, 0)?,
            Section::Severed => {
                return Err(Refusal::of(Reason::NotInBundle, Detail::Manifest(member)));
            }
        }
    }
    if scan.missing && !scan.found {
        return Err(Refusal::text(
            Reason::NotInBundle,
            "directive-fetch (21) of a URI that is no integrated payload",
        ));
    }
    Ok(())
}

impl<'b> Scan<'_, 'b> {
    fn sequence(&mut self, commands: &'b [u8], depth: u32) -> Result<(), Refusal> {
        if depth > DEPTH {
            return Err(Refusal::malformed("sequences are nested too deep"));
        }
        let (mut reader, count) = Reader::array_of(commands)?;
        for _ in 0..count / 2 {
            let command = reader.integer()?;
            self.command(command, &mut reader, depth)?;
        }
        Ok(())
    }

    fn command(
        &mut self,
        command: i64,
        reader: &mut Reader<'b>,
        depth: u32,
    ) -> Result<(), Refusal> {
        let unsupported = |reason| Err(Refusal::of(reason, Detail::Command(command)));
        match command {
            code::OVERRIDE_PARAMETERS => {
                let mut parameters = Parameters::default();
                parameters.overridden(reader)?;
                if let Some(uri) = parameters.uri {
                    let there = self.envelope.payload(uri).is_some();
                    self.found |= there;
                    self.missing |= !there;
                }
                Ok(())
            }
            code::RUN_SEQUENCE => self.sequence(reader.bytes()?, depth + 1),
            code::TRY_EACH => {
                for _ in 0..reader.array()? {
                    match reader.kind()? {
                        Type::Null => reader.null()?,
                        _ => self.sequence(reader.bytes()?, depth + 1)?,
                    }
                }
                Ok(())
            }
            code::FETCH | code::WRITE | code::INVOKE if self.shared => {
                unsupported(Reason::UnsupportedCommand)
            }
            code::SET_COMPONENT_INDEX => reader.skip(),
            _ if code::REPORTING.contains(&command) => reader.skip(),
            _ if code::DEPENDENCIES.contains(&command) => unsupported(Reason::Dependencies),
            _ => unsupported(Reason::UnsupportedCommand),
        }
    }
}
