// SPDX-License-Identifier: BSD-2-Clause
//! What happened: timeline, JSON, verdict.
#![forbid(unsafe_code)]
