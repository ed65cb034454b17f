// SPDX-License-Identifier: BSD-2-Clause
//! The system description: parsed, checked, drawn.
#![forbid(unsafe_code)]
