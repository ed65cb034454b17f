// SPDX-License-Identifier: BSD-2-Clause
//! A bank of CFI parallel NOR flash with Intel's command set, without an operating system in it.
//!
//! Clauses with a C are of the Common Flash Interface specification (JESD68.01), those with an I of Intel's "Common Flash
//! Interface (CFI) and Command Sets" (AP-646). The bank is 32 bits wide: one chip, or two of 16 or four of 8 bits beside
//! each other (interleaved), each of which gets the same command and answers in its part of the word.
//!
//! A chip that was given a command answers with its status or its query table in place of its array, at every address. So a
//! [`Bank`] knows what its chips answer with, and reads its array only after it has put them back into *read array*. Nobody
//! else may read the bank, and nothing is executed from it.
//!
//! An erase or a program is under way when its call returns; the next call waits until it is done, and [`Bank::flush`] does
//! nothing else. Every wait has a deadline, from the times that the chips tell.
#![cfg_attr(not(any(test, feature = "model")), no_std)]
#![forbid(unsafe_code)]

mod bank;
mod error;
#[cfg(feature = "model")]
pub mod model;
mod query;

pub use bank::Bank;
pub use error::Error;
pub use query::{Lanes, Query};
