// SPDX-License-Identifier: BSD-2-Clause
//! Shared memory as words: the one place where a mapped address becomes a slice of atomics.
#![no_std]
