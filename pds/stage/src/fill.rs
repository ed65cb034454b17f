// SPDX-License-Identifier: BSD-2-Clause
//! Makes frames, fills them, and maps them into the generation.

use molt_bundle::Reason;
use molt_shared::Handover;
use molt_shared::handover::{Maintenance, Step};
use sel4::{CapRights, FrameObjectType, cap};
use sel4_extra::{FrameExt, normal};

use crate::brief;
use crate::make::Arena;
use crate::tables::Tables;

pub const PAGE: u64 = 4096;

/// How a page is mapped in the generation.
#[derive(Clone, Copy)]
pub struct Access {
    pub write: bool,
    pub execute: bool,
}

/// Where frames are filled, and for which address space.
pub struct Filler<'a> {
    pub window: u64,
    pub own: cap::VSpace,
    pub vspace: cap::VSpace,
    pub arena: &'a mut Arena,
    pub tables: Tables,
}

impl Filler<'_> {
    /// Makes the page at `vaddr` (a multiple of the page size) with `content` from `offset` on, zero elsewhere.
    pub fn page(
        &mut self,
        vaddr: u64,
        access: Access,
        offset: usize,
        content: &[u8],
    ) -> Result<cap::Granule, Reason> {
        self.tables.cover(self.arena, vaddr, PAGE, 12)?;
        let frame: cap::Granule = self.arena.make(FrameObjectType::GRANULE.blueprint())?;
        // A new frame is zero.
        if !content.is_empty() {
            self.fill(frame, access.execute, offset, content)?;
        }
        let rights = if access.write {
            CapRights::read_write()
        } else {
            CapRights::read_only()
        };
        frame
            .frame_map(self.vspace, vaddr as usize, rights, normal(access.execute))
            .map_err(|_| Reason::BuildFailed)?;
        Ok(frame)
    }

    /// Makes pages for `size` bytes (whole pages) that begin with `content`.
    pub fn pages(
        &mut self,
        vaddr: u64,
        size: u64,
        access: Access,
        content: &[u8],
    ) -> Result<(), Reason> {
        for index in 0..size / PAGE {
            let from = content.len().min((index * PAGE) as usize);
            let to = content.len().min(((index + 1) * PAGE) as usize);
            let part = content.get(from..to).unwrap_or(&[]);
            self.page(vaddr + index * PAGE, access, 0, part)?;
        }
        Ok(())
    }

    fn fill(
        &self,
        frame: cap::Granule,
        code: bool,
        offset: usize,
        content: &[u8],
    ) -> Result<(), Reason> {
        let failed = |_| Reason::BuildFailed;
        frame
            .frame_map(
                self.own,
                self.window as usize,
                CapRights::read_write(),
                normal(false),
            )
            .map_err(failed)?;
        // SAFETY: the frame was made just now and is mapped nowhere else; it is unmapped below.
        let page = unsafe { brief::window_page(self.window as usize) };
        let end = offset.saturating_add(content.len());
        page.get_mut(offset..end)
            .ok_or(Reason::BuildFailed)?
            .copy_from_slice(content);
        if code {
            Handover::ToInstructions
                .perform(&mut Caches(frame), 0, PAGE as usize)
                .map_err(failed)?;
        }
        frame.frame_unmap().map_err(failed)
    }
}

/// Cache maintenance by invocations on the mapped frame, whose barriers are the kernel's.
struct Caches(cap::Granule);

impl Maintenance for Caches {
    type Error = sel4::Error;

    fn step(&mut self, step: Step, start: usize, size: usize) -> Result<(), sel4::Error> {
        match step {
            Step::CleanToUnification | Step::CleanToCoherency => {
                self.0.frame_clean_data(start, start + size)
            }
            Step::InvalidateToCoherency => self.0.frame_invalidate_data(start, start + size),
            Step::CleanInvalidateToCoherency => {
                self.0.frame_clean_invalidate_data(start, start + size)
            }
            Step::InvalidateInstructions => self.0.frame_unify_instruction(start, start + size),
            Step::DataMemoryBarrier
            | Step::DataSynchronizationBarrier
            | Step::InstructionSynchronizationBarrier => Ok(()),
        }
    }
}
