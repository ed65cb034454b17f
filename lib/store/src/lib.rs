// SPDX-License-Identifier: BSD-2-Clause
//! What outlives the power: the committed bundles, the lists of keys, and a log of every offer and its end, on NOR flash.
//!
//! ```text
//! | log: records of 256 bytes, only ever appended | bundles of component 0: slot 0, slot 1 | of component 1: … | … | lists of keys of
//! component 0: slot 0, slot 1 | of component 1: … | …
//! ```
//!
//! **The log is the state.** Which bundle is committed, the sequence number below which nothing is accepted, and which
//! images have failed are read from the records in their order ([`state`]). So a commit and its entry in the audit log are
//! one record, and cannot contradict each other. The log is never erased: a torn record is skipped, and a full log is refused
//! to everything but the ends of transactions under way ([`Store::room`]).
//!
//! **A commit** erases and writes the slot that does not boot, reads it back and compares digests, and appends the record
//! *committed* last. A cut before that record leaves the older bundle committed, which nothing has touched; a cut after
//! it, the newer one. [`Store::commit`] returns when the record is durable ([`Flash::flush`]).
//!
//! **Several components** of one bundle are committed by one record ([`Store::commit_together`]): each bundle is written to its slot, a
//! record *joined* tells of each but the last, and the record *committed* of the last one counts those before it. Without it they mean
//! nothing. What takes one of them back takes all back, so no cut leaves some of them new and some old.
//!
//! **A list of keys** is put in force in the same way ([`Store::exchange_keys`]): it has two slots of its own, and the record *keys
//! exchanged*.
//!
//! **A record** has a CRC over all of it and the SHA-256 of the record before it. A record that a cut has torn fails its CRC and
//! has no successor in the chain; any other damage leaves a gap in it, and the store then says that it is broken, and writes
//! nothing any more ([`log::Health`]). Nobody who can write to the flash is kept from forging the log: bundles are verified
//! with the trusted keys again after each start, but the sequence numbers are only as safe as the flash.
//!
//! The store knows the flash by the trait [`Flash`] only, and no names of reasons, clients or components but as numbers and
//! bytes.
#![no_std]
#![forbid(unsafe_code)]

mod flash;
pub mod log;
mod record;
pub mod state;
mod store;

pub use flash::{Flash, FlashError, Geometry};
pub use record::{Digest, Kind, Name, RECORD, Record};
pub use store::{Entry, Place, Refused, Slots, Store, Unreadable};
