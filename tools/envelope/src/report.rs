// SPDX-License-Identifier: BSD-2-Clause
//! SUIT_Report (draft-ietf-suit-report): what became of a manifest, in the form in which a fleet's server gets it.
//!
//! ```text
//! { 99: [ "", [-16, digest of the manifest] ], 3: [], 4: true / { 5: code, 6: record, 7: reason } }
//! record = [ [], section, 0, 0, {} ]
//! ```
//!
//! The reference has no URI, since bundles are not fetched from one. The records of single commands are empty, and the offset
//! in the section is 0: the log, from which reports are made, does not have them.

use minicbor::Encoder;

/// SHA-256 in the registry of COSE algorithms.
const SHA_256: i8 = -16;

/// Why a manifest was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A number of the reporter's own: `molt-doorbell`'s of the reason.
    pub code: u32,
    /// The section of the manifest in which it failed.
    pub section: Section,
    /// The reason.
    pub reason: ReportReason,
}

/// Sections of a manifest, by their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Section {
    /// suit-common.
    Common = 3,
    /// suit-validate.
    Validate = 7,
    /// suit-invoke.
    Invoke = 9,
    /// suit-install.
    Install = 20,
}

/// SUIT_Report_Reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ReportReason {
    /// It is no well-formed envelope.
    CborParse = 1,
    /// An algorithm is not supported.
    AlgorithmUnsupported = 3,
    /// Nobody who is trusted for it signed it.
    Unauthorized = 4,
    /// A command is not supported.
    CommandUnsupported = 5,
    /// There is no such component.
    ComponentUnsupported = 6,
    /// A parameter is not supported.
    ParameterUnsupported = 8,
    /// A condition is not met.
    ConditionFailed = 10,
    /// An operation failed.
    OperationFailed = 11,
}

/// The report about a manifest with this SHA-256 digest.
#[must_use]
pub fn report(manifest: &[u8; 32], failure: Option<Failure>) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to a vector does not fail.
    let _ = write(&mut Encoder::new(&mut out), manifest, failure);
    out
}

fn write(
    e: &mut Encoder<&mut Vec<u8>>,
    manifest: &[u8; 32],
    failure: Option<Failure>,
) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
    // In the order of the keys (RFC 8949, 4.2.1).
    e.map(3)?.u8(3)?.array(0)?.u8(4)?;
    match failure {
        None => {
            e.bool(true)?;
        }
        Some(failure) => {
            e.map(3)?.u8(5)?.u32(failure.code)?;
            e.u8(6)?.array(5)?.array(0)?.u8(failure.section as u8)?;
            e.u8(0)?.u8(0)?.map(0)?;
            e.u8(7)?.u8(failure.reason as u8)?;
        }
    }
    e.u8(99)?.array(2)?.str("")?;
    e.array(2)?.i8(SHA_256)?.bytes(manifest)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_what_the_draft_says() {
        let done = report(&[7; 32], None);
        let mut expected = vec![
            0xa3, 3, 0x80, 4, 0xf5, 0x18, 99, 0x82, 0x60, 0x82, 0x2f, 0x58, 32,
        ];
        expected.extend([7; 32]);
        assert_eq!(done, expected);
        let failure = Failure {
            code: 31,
            section: Section::Validate,
            reason: ReportReason::Unauthorized,
        };
        let failed = report(&[7; 32], Some(failure));
        let result = [4, 0xa3, 5, 0x18, 31, 6, 0x85, 0x80, 7, 0, 0, 0xa0, 7, 4];
        assert_eq!(failed.get(3..3 + result.len()), Some(result.as_slice()));
    }
}
