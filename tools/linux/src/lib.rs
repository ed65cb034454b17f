// SPDX-License-Identifier: BSD-2-Clause
//! Makes the Linux guest from distribution packages: kernel, initramfs, disk.
#![forbid(unsafe_code)]
