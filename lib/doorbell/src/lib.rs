// SPDX-License-Identifier: BSD-2-Clause
//! The doorbell: its registers as a guest sees them, and the mailbox between VMM and update.
#![no_std]
#![forbid(unsafe_code)]
