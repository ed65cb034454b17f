// SPDX-License-Identifier: BSD-2-Clause
//! BootInfo: the information that the kernel passes to the root task.

use core::ops::{Deref, Range};

use crate::{FrameObjectType, IpcBuffer, cap_type, init_thread::SlotRegion, sys};

/// A [`BootInfo`] with what follows it in memory.
#[repr(transparent)]
#[derive(Debug)]
pub struct BootInfoPtr {
    ptr: *const BootInfo,
}

/// Where the extra information starts, in bytes from the boot information.
const EXTRA_OFFSET: usize = FrameObjectType::GRANULE.bytes();

impl BootInfoPtr {
    /// The boot information at `ptr`.
    ///
    /// # Safety
    /// `ptr` must be what the kernel passed to the root task, still mapped and never written.
    pub unsafe fn new(ptr: *const BootInfo) -> Self {
        assert!(ptr.addr().is_multiple_of(FrameObjectType::GRANULE.bytes()));
        Self { ptr }
    }

    /// The pointer.
    pub fn ptr(&self) -> *const BootInfo {
        self.ptr
    }

    /// Bytes from its start to the end of the extra information.
    pub fn footprint_size(&self) -> usize {
        EXTRA_OFFSET + self.extra_len()
    }

    /// The extra information, piece by piece.
    pub fn extra(&self) -> BootInfoExtraIter<'_> {
        let start = self.ptr.cast::<u8>().wrapping_add(EXTRA_OFFSET);
        // SAFETY: `new`'s contract: the kernel maps so many bytes from the page after on.
        let rest = unsafe { core::slice::from_raw_parts(start, self.extra_len()) };
        BootInfoExtraIter { rest }
    }
}

impl Deref for BootInfoPtr {
    type Target = BootInfo;

    fn deref(&self) -> &BootInfo {
        // SAFETY: `new`'s contract.
        unsafe { &*self.ptr }
    }
}

/// Boot information (`seL4_BootInfo`).
#[repr(transparent)]
#[derive(Debug)]
pub struct BootInfo(sys::seL4_BootInfo);

impl BootInfo {
    /// As the kernel lays it out.
    pub const fn inner(&self) -> &sys::seL4_BootInfo {
        &self.0
    }

    fn extra_len(&self) -> usize {
        self.0.extraLen as usize
    }

    /// The root task's IPC buffer.
    pub fn ipc_buffer(&self) -> *mut IpcBuffer {
        self.0.ipcBuffer.cast()
    }

    /// Free slots.
    pub fn empty(&self) -> SlotRegion<cap_type::Null> {
        SlotRegion::from_sys(self.0.empty)
    }

    /// The frames of the root task's image.
    pub fn user_image_frames(&self) -> SlotRegion<cap_type::Granule> {
        SlotRegion::from_sys(self.0.userImageFrames)
    }

    /// One for each processor.
    pub fn sched_control(&self) -> SlotRegion<cap_type::SchedControl> {
        SlotRegion::from_sys(self.0.schedcontrol)
    }

    /// Untypeds; [`untyped_list`](Self::untyped_list) says what each is.
    pub fn untyped(&self) -> SlotRegion<cap_type::Untyped> {
        SlotRegion::from_sys(self.0.untyped)
    }

    /// The descriptions of the untypeds, in the order of their slots.
    pub fn untyped_list(&self) -> &[UntypedDesc] {
        let list = &self.0.untypedList[..self.untyped().len()];
        // SAFETY: `UntypedDesc` is a transparent wrapper.
        unsafe { core::slice::from_raw_parts(list.as_ptr().cast(), list.len()) }
    }

    fn first_not_device(&self) -> usize {
        self.untyped_list().partition_point(UntypedDesc::is_device)
    }

    /// Those of device memory.
    pub fn device_untyped_range(&self) -> Range<usize> {
        0..self.first_not_device()
    }

    /// Those of memory that objects can be made of.
    pub fn kernel_untyped_range(&self) -> Range<usize> {
        self.first_not_device()..self.untyped_list().len()
    }
}

/// What an untyped is (`seL4_UntypedDesc`).
#[repr(transparent)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntypedDesc(sys::seL4_UntypedDesc);

impl UntypedDesc {
    /// Its physical address.
    pub fn paddr(&self) -> usize {
        self.0.paddr as usize
    }

    /// log2 of its size in bytes.
    pub fn size_bits(&self) -> usize {
        self.0.sizeBits.into()
    }

    /// Whether it is device memory: only frames can be made of it.
    pub fn is_device(&self) -> bool {
        self.0.isDevice != 0
    }
}

/// A piece of extra information.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootInfoExtra<'a> {
    /// What it is.
    pub id: BootInfoExtraId,
    /// Its bytes, the header of 16 bytes included.
    pub content_with_header: &'a [u8],
}

const HEADER: usize = 16;

impl BootInfoExtra<'_> {
    /// Its bytes, the header included.
    pub fn content_with_header(&self) -> &[u8] {
        self.content_with_header
    }

    /// Its bytes.
    pub fn content(&self) -> &[u8] {
        &self.content_with_header[HEADER..]
    }
}

/// Kinds of extra information (`seL4_BootInfoID`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BootInfoExtraId {
    Padding,
    X86Vbe,
    X86Mbmmap,
    X86AcpiRsdp,
    X86FrameBuffer,
    X86TscFreq,
    Fdt,
}

impl BootInfoExtraId {
    /// The kind with the kernel's number.
    pub fn from_sys(id: u64) -> Option<Self> {
        Some(match id {
            0 => Self::Padding,
            1 => Self::X86Vbe,
            2 => Self::X86Mbmmap,
            3 => Self::X86AcpiRsdp,
            4 => Self::X86FrameBuffer,
            5 => Self::X86TscFreq,
            6 => Self::Fdt,
            _ => return None,
        })
    }
}

/// Iterates over extra information.
pub struct BootInfoExtraIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for BootInfoExtraIter<'a> {
    type Item = BootInfoExtra<'a>;

    fn next(&mut self) -> Option<BootInfoExtra<'a>> {
        loop {
            let (id, more) = self.rest.split_first_chunk()?;
            let (len, _) = more.split_first_chunk()?;
            let len = usize::try_from(u64::from_ne_bytes(*len)).ok()?.max(HEADER);
            let (piece, rest) = self.rest.split_at_checked(len)?;
            self.rest = rest;
            if let Some(id) = BootInfoExtraId::from_sys(u64::from_ne_bytes(*id)) {
                return Some(BootInfoExtra {
                    id,
                    content_with_header: piece,
                });
            }
        }
    }
}
