// SPDX-License-Identifier: BSD-2-Clause
//! The errors of system calls (`seL4_Error` and `seL4_LookupFailureType`).

use crate::pool::HeapFull;

/// Why a capability address did not resolve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LookupFailure {
    /// The root is no CNode.
    InvalidRoot,
    /// Nothing there; bits not yet resolved.
    MissingCapability {
        /// 0..=64.
        bits_left: u64,
    },
    /// The address ends inside a CNode.
    DepthMismatch {
        /// Bits not yet resolved.
        bits_left: u64,
        /// Bits that the CNode would resolve.
        bits_found: u64,
    },
    /// The address does not carry the CNode's guard.
    GuardMismatch {
        /// Bits not yet resolved.
        bits_left: u64,
        /// The CNode's guard.
        guard: u64,
        /// Its size in bits.
        guard_size: u64,
    },
}

impl LookupFailure {
    /// The message words that describe it: type, then what belongs to it.
    pub fn words(self) -> ([u64; 4], usize) {
        match self {
            LookupFailure::InvalidRoot => ([1, 0, 0, 0], 1),
            LookupFailure::MissingCapability { bits_left } => ([2, bits_left, 0, 0], 2),
            LookupFailure::DepthMismatch {
                bits_left,
                bits_found,
            } => ([3, bits_left, bits_found, 0], 3),
            LookupFailure::GuardMismatch {
                bits_left,
                guard,
                guard_size,
            } => ([4, bits_left, guard, guard_size], 4),
        }
    }
}

/// Why an invocation failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// 1: argument of this number.
    InvalidArgument(u64),
    /// 2: capability argument of this number (0: the invoked one).
    InvalidCapability(u64),
    /// 3.
    IllegalOperation,
    /// 4: allowed are minimum to maximum.
    Range(u64, u64),
    /// 5.
    Alignment,
    /// 6: `true` where a source was looked up.
    FailedLookup(bool, LookupFailure),
    /// 7.
    TruncatedMessage,
    /// 8.
    DeleteFirst,
    /// 9.
    RevokeFirst,
    /// 10: bytes that there are.
    NotEnoughMemory(u64),
    /// Not an error: an interrupt waits; the system call starts again after it.
    Preempted,
}

impl From<HeapFull> for Error {
    fn from(_: HeapFull) -> Self {
        Error::NotEnoughMemory(0)
    }
}

impl Error {
    /// Label, message words and their count, as the caller finds them.
    pub fn message(self) -> (u64, [u64; 6], usize) {
        let mut words = [0; 6];
        let (label, count) = match self {
            Error::InvalidArgument(n) => {
                words[0] = n;
                (1, 1)
            }
            Error::InvalidCapability(n) => {
                words[0] = n;
                (2, 1)
            }
            Error::IllegalOperation => (3, 0),
            Error::Range(min, max) => {
                words[0] = min;
                words[1] = max;
                (4, 2)
            }
            Error::Alignment => (5, 0),
            Error::FailedLookup(source, failure) => {
                let (detail, count) = failure.words();
                words[0] = u64::from(source);
                for (to, from) in words.iter_mut().skip(1).zip(detail) {
                    *to = from;
                }
                (6, 1 + count)
            }
            Error::TruncatedMessage => (7, 0),
            Error::DeleteFirst => (8, 0),
            Error::RevokeFirst => (9, 0),
            Error::NotEnoughMemory(bytes) => {
                words[0] = bytes;
                (10, 1)
            }
            Error::Preempted => (0, 0),
        };
        (label, words, count)
    }
}
