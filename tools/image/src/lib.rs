// SPDX-License-Identifier: BSD-2-Clause
//! From checked description and program images to the bytes that the loader boots.
#![forbid(unsafe_code)]
