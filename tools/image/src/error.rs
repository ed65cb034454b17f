// SPDX-License-Identifier: BSD-2-Clause
//! Why no image was made.

use molt_sdk::Arch;
use std::path::PathBuf;

/// Why no image was made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The description breaks a rule.
    #[error(transparent)]
    Description(#[from] molt_sdf::Error),
    /// A file could not be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A program that the description does not name (kernel, loader, `monitor`) was not found.
    #[error("'{0}' was not found in {1}")]
    Missing(&'static str, String),
    /// A program that the description does not name (loader, `monitor`) is invalid.
    #[error("{}: {reason}", path.display())]
    Program {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: ElfError,
    },
    /// The SDK is invalid.
    #[error(transparent)]
    Sdk(#[from] molt_sdk::Error),
    /// The kernel's tables have no size of this kind of object.
    #[error("the kernel's table of object sizes has no '{0}'")]
    NoSize(&'static str),
    /// The board has no memory at the image's address.
    #[error("the board has no RAM at {0:#x}, where images are loaded")]
    NoRam(u64),
    /// There is no replaceable protection domain of this name.
    #[error("there is no replaceable protection domain '{0}'")]
    NoComponent(String),
    /// Two components of one bundle have the same class, by which it tells them apart.
    #[error("'{0}': another component in the same bundle has this class too; make two bundles")]
    SameClass(String),
    /// All objects together are larger than the board's memory.
    #[error("the system takes {needed:#x} bytes of memory, of which the board has {there:#x}")]
    Memory {
        /// Bytes that the objects take.
        needed: u64,
        /// Bytes that the kernel hands out and keeps.
        there: u64,
    },
    /// Something that is no memory region has no place.
    #[error(
        "there is no memory for {} of {bytes:#x} bytes: {free:#x} are left, {largest:#x} of them side by side",
        kind.map_or("objects".to_owned(), |kind| format!("{kind:?} objects"))
    )]
    NoRoom {
        /// What.
        kind: Option<molt_system::boot::Kind>,
        /// Their bytes.
        bytes: u64,
        /// Bytes that are left.
        free: u64,
        /// Of these, side by side.
        largest: u64,
    },
    /// The root task's CNode is too small, and no region is to blame.
    #[error(
        "the system needs {needed} of the capability slots of the root task, which has {there}"
    )]
    Slots {
        /// Slots that it takes.
        needed: u64,
        /// Slots that there are.
        there: u64,
    },
    /// The tables were packed wrongly.
    #[error("the packed tables are damaged: {0:?}")]
    Tables(molt_system::boot::BootError),
    /// A row of them was.
    #[error("the packed tables are damaged: {0:?}, row {1}")]
    Row(molt_monitor::Step, usize),
    /// The loader would refuse the image.
    #[error("the image does not fit: {0}")]
    Payload(#[from] molt_payload::CheckError),
    /// A finished image is not for this kernel and board.
    #[error(transparent)]
    Fault(#[from] crate::Fault),
    /// The loader's program is larger than its place in the image.
    #[error("the loader's program does not fit below {0:#x}")]
    LoaderSize(u64),
}

/// Why a program image was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// No ELF, or a damaged one.
    #[error("not a program image: {0}")]
    Format(String),
    /// Another machine's or a shared object.
    #[error("not a static program for {0}")]
    Machine(Arch),
    /// The PD that a bundle is for is not replaceable.
    #[error("its PD is not replaceable")]
    NotReplaceable,
    /// Built for another kernel configuration.
    #[error("it was built for {built_for}; this image's kernel is {kernel}")]
    Configuration {
        /// What it was built for.
        built_for: String,
        /// What the image's kernel is.
        kernel: String,
    },
    /// Segments of different rights in one page.
    #[error("the segments at {0:#x} and {1:#x} share a page")]
    SharedPage(u64, u64),
    /// A segment is where something else has its place.
    #[error("the segment at {0:#x} reaches over {1}")]
    Place(u64, &'static str),
    /// A symbol that is needed is missing.
    #[error("no symbol '{0}'")]
    NoSymbol(String),
    /// A symbol has another size.
    #[error("the symbol '{0}' has {1} bytes, not {2}")]
    SymbolSize(String, u64, u64),
    /// A symbol is outside of the loaded segments, or (in a bundle) has no bytes in the file.
    #[error("the symbol '{0}' is in no loaded segment")]
    SymbolPlace(String),
}
