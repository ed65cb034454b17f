// SPDX-License-Identifier: BSD-2-Clause
//! Makes the Linux guest from distribution packages: the kernel as it is, an initramfs, a disk.
//!
//! The kernel and busybox are Debian's for arm64. apt fetches them with package lists and state of their own, so that
//! those of the host are not changed.
#![forbid(unsafe_code)]

mod apt;
mod archive;
mod boot_image;
mod disk;
mod error;
mod initramfs;
mod modules;
mod packages;

pub use archive::Archive;
pub use boot_image::{BootImageError, boot_image};
pub use disk::{Filesystem, check, format};
pub use error::Error;
pub use initramfs::{PORTS, initramfs};
pub use modules::Modules;
pub use packages::Packages;
