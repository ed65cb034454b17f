// SPDX-License-Identifier: BSD-2-Clause
//! The host's side of SUIT envelopes: reads and writes keys (PEM and COSE keys), makes, signs and prints envelopes.
//!
//! `molt-suit` and `molt-bundle` parse an envelope and decide whether it may run, as on the target. Output is
//! deterministic: the same input gives the same bytes (ECDSA by RFC 6979).
#![forbid(unsafe_code)]

mod cose_key;
mod describe;
mod diag;
mod key;
mod keylist;
mod make;
mod report;

pub use describe::describe;
pub use diag::diagnostic;
pub use key::{KeyError, Kind, PrivateKey, fingerprint, read_public, write_public};
pub use keylist::sign_list;
pub use make::{Bundle, EnvelopeError, Member, sign};
pub use report::{Failure, ReportReason, Section, report};
