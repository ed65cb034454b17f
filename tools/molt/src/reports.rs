// SPDX-License-Identifier: BSD-2-Clause
//! `molt audit --reports`: a SUIT report for each transaction that has ended, made from the log.
//!
//! They are made here and not on the target: the log has all that a report says, it is chained and outlives the power, and the
//! target has no key to sign reports with. Whoever carries the log to a server vouches for it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use molt_doorbell::Reason;
use molt_envelope::{Failure, ReportReason, Section, report};
use molt_store::{Kind, Record};

/// Writes the reports into a folder, one file for each record that ends a transaction, named by the record's number. Returns how
/// many there are.
pub fn write(records: &[Record], folder: &Path) -> Result<usize> {
    fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    let mut count = 0;
    for record in records {
        let Some(report) = of(record) else {
            continue;
        };
        let file = folder.join(format!("{:06}.suit-report", record.number));
        fs::write(&file, report)
            .with_context(|| format!("{}: cannot be written", file.display()))?;
        count += 1;
    }
    Ok(count)
}

/// The report about a record: none if it ends no transaction, or the manifest is not known, as in a bundle that was refused before
/// it was copied.
fn of(record: &Record) -> Option<Vec<u8>> {
    if record.manifest == [0; 32] {
        return None;
    }
    let reason = Reason::from_u32(record.reason).unwrap_or(Reason::Internal);
    let failure = match record.kind()? {
        // The record *committed* reports for the whole bundle.
        Kind::Committed => None,
        Kind::Refused => Some(refused(reason)),
        Kind::RolledBack | Kind::TakenBack => {
            Some((Section::Invoke, ReportReason::OperationFailed))
        }
        _ => return None,
    };
    let failure = failure.map(|(section, why)| Failure {
        code: record.reason,
        section,
        reason: why,
    });
    Some(report(&record.manifest, failure))
}

/// The section in which a bundle was refused, and the draft's reason for it.
fn refused(reason: Reason) -> (Section, ReportReason) {
    use ReportReason as Why;
    match reason {
        Reason::NotABundle | Reason::Truncated => (Section::Common, Why::CborParse),
        Reason::UnsupportedAlgorithm => (Section::Common, Why::AlgorithmUnsupported),
        Reason::BadSignature
        | Reason::NotSigned
        | Reason::WrongRole
        | Reason::RevokedKey
        | Reason::ManifestDigest
        | Reason::NotApproved
        | Reason::Frozen => (Section::Common, Why::Unauthorized),
        Reason::UnsupportedCommand
        | Reason::UnsupportedMember
        | Reason::Dependencies
        | Reason::Encrypted => (Section::Common, Why::CommandUnsupported),
        Reason::UnsupportedParameter => (Section::Common, Why::ParameterUnsupported),
        Reason::WrongComponent => (Section::Common, Why::ComponentUnsupported),
        Reason::OldSequence
        | Reason::WrongVendor
        | Reason::WrongClass
        | Reason::WrongDevice
        | Reason::ConditionFailed
        | Reason::FailedBefore
        | Reason::Incomplete => (Section::Common, Why::ConditionFailed),
        Reason::PayloadDigest => (Section::Validate, Why::ConditionFailed),
        _ => (Section::Install, Why::OperationFailed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: Kind, reason: Reason) -> Record {
        let mut record = Record::new(kind);
        record.manifest = [5; 32];
        record.reason = reason as u32;
        record
    }

    #[test]
    fn each_end_of_a_transaction_has_a_report_and_nothing_else_has() {
        for kind in Kind::ALL {
            let ends = matches!(
                kind,
                Kind::Committed | Kind::Refused | Kind::RolledBack | Kind::TakenBack
            );
            let made = of(&record(kind, Reason::Fault));
            assert_eq!(made.is_some(), ends, "{kind:?}");
        }
        let mut unknown = record(Kind::Refused, Reason::NotABundle);
        unknown.manifest = [0; 32];
        assert_eq!(of(&unknown), None, "there is nothing to refer to");
    }

    #[test]
    fn a_commit_is_a_success_and_a_refusal_names_its_reason() {
        let committed = of(&record(Kind::Committed, Reason::None));
        assert_eq!(committed, Some(report(&[5; 32], None)));
        let refused = of(&record(Kind::Refused, Reason::RevokedKey));
        let failure = Failure {
            code: Reason::RevokedKey as u32,
            section: Section::Common,
            reason: ReportReason::Unauthorized,
        };
        assert_eq!(refused, Some(report(&[5; 32], Some(failure))));
    }
}
