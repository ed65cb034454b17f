// SPDX-License-Identifier: BSD-2-Clause
//! Runs an image in QEMU and reads its console.
#![forbid(unsafe_code)]
