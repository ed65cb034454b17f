// SPDX-License-Identifier: BSD-2-Clause
//! The cache operations and barriers that are needed when memory gets another reader.
//!
//! QEMU has no caches and does not show a missing operation. So the sequences are data, each with
//! its reason in the Arm Architecture Reference Manual for A-profile (DDI 0487), and tests on the host
//! check them. Whoever carries them out implements [`Maintenance`]: a PD with invocations on the VSpace or
//! the frame, because `DC` and `IC` may be forbidden at EL0; the loader with instructions.

/// One step of a hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `DC CVAC` over the range: data written so far becomes visible to readers that bypass the caches
    /// (clean to the point of coherency, D7.5.9).
    CleanToCoherency,
    /// `DC CVAU` over the range: visible to instruction fetches of this core's cluster (point of
    /// unification, D7.5.9).
    CleanToUnification,
    /// `DC IVAC` over the range: copies in caches are dropped, so that the next read sees memory.
    InvalidateToCoherency,
    /// `DC CIVAC` over the range: both.
    CleanInvalidateToCoherency,
    /// `IC IVAU` over the range: instructions are fetched anew.
    InvalidateInstructions,
    /// `DMB`: accesses before it are seen before accesses after it (B2.3.12).
    DataMemoryBarrier,
    /// `DSB`: nothing after it runs before all before it, cache maintenance included, is complete (B2.3.12).
    DataSynchronizationBarrier,
    /// `ISB`: instructions after it are fetched anew (B2.3.12).
    InstructionSynchronizationBarrier,
}

/// Who wrote, and who reads next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handover {
    /// Another domain on coherent cores, with the same cacheable attributes: capsule, queue, control pages.
    /// Only ordering is needed (B2.3.12); a release store and an acquire load have the same effect.
    ToDomain,
    /// Code was written as data and will be fetched: ELF load. B2.4.4 (instruction caches are not
    /// coherent with data writes): clean to unification, wait, invalidate instructions, wait,
    /// synchronise.
    ToInstructions,
    /// A reader whose accesses are not cached: a guest that starts with its MMU off (D8.2.12: then
    /// data accesses are Device-nGnRnE or, under stage 2, non-cacheable), its boot image and device tree.
    ToUncached,
    /// Back from an uncached writer (a guest before it enabled its MMU): stale clean lines must be
    /// invalidated first (B2.7.1, mismatched attributes).
    FromUncached,
    /// A device with coherent DMA (`dma-coherent`; QEMU's virt): descriptors before the index or the
    /// notify register. The barrier is outer-shareable, since a device is not an inner-shareable observer
    /// (B2.3.12).
    ToDevice,
    /// Back from a coherent device: its index or interrupt status is read before the data that it announces.
    FromDevice,
    /// A device without coherent DMA: clean, then the barrier.
    ToIncoherentDevice,
    /// Back from one: lines that the core may have prefetched meanwhile are invalidated (D7.5.9) before the data is read.
    FromIncoherentDevice,
}

/// Carries out the steps.
pub trait Maintenance {
    /// Why a step failed (a kernel's error).
    type Error;

    /// One step over the `size` bytes at virtual address `start`; barriers ignore the range.
    fn step(&mut self, step: Step, start: usize, size: usize) -> Result<(), Self::Error>;
}

impl Handover {
    /// The steps, in order.
    pub const fn steps(self) -> &'static [Step] {
        use Step::*;
        match self {
            Self::ToDomain | Self::ToDevice | Self::FromDevice => &[DataMemoryBarrier],
            Self::ToInstructions => &[
                CleanToUnification,
                DataSynchronizationBarrier,
                InvalidateInstructions,
                DataSynchronizationBarrier,
                InstructionSynchronizationBarrier,
            ],
            Self::ToUncached | Self::ToIncoherentDevice => {
                &[CleanToCoherency, DataSynchronizationBarrier]
            }
            Self::FromUncached => &[CleanInvalidateToCoherency, DataSynchronizationBarrier],
            Self::FromIncoherentDevice => &[InvalidateToCoherency, DataSynchronizationBarrier],
        }
    }

    /// Carries out the steps for the `size` bytes at virtual address `start`.
    ///
    /// # Errors
    /// The first step that fails ends it.
    pub fn perform<M: Maintenance>(
        self,
        with: &mut M,
        start: usize,
        size: usize,
    ) -> Result<(), M::Error> {
        self.steps()
            .iter()
            .try_for_each(|step| with.step(*step, start, size))
    }

    /// The barrier of a hand-over that needs only a barrier: [`Self::ToDomain`],
    /// [`Self::ToDevice`], [`Self::FromDevice`]. For the others it is not enough.
    pub fn barrier(self) {
        // On the host (tests) the fake device is in the same thread.
        core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
        #[cfg(all(target_arch = "aarch64", target_os = "none"))]
        // SAFETY: a barrier has no effect but ordering.
        unsafe {
            match self {
                Self::ToDomain => (),
                _ => core::arch::asm!("dmb osh", options(nostack, preserves_flags)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Step::*;

    struct Recorder(Vec<(Step, usize, usize)>, Option<Step>);

    impl Maintenance for Recorder {
        type Error = Step;
        fn step(&mut self, step: Step, start: usize, size: usize) -> Result<(), Step> {
            self.0.push((step, start, size));
            if self.1 == Some(step) {
                Err(step)
            } else {
                Ok(())
            }
        }
    }

    #[test]
    fn every_maintenance_is_completed_by_a_dsb() {
        for handover in [
            Handover::ToDomain,
            Handover::ToInstructions,
            Handover::ToUncached,
            Handover::FromUncached,
            Handover::ToDevice,
            Handover::FromDevice,
            Handover::ToIncoherentDevice,
            Handover::FromIncoherentDevice,
        ] {
            let steps = handover.steps();
            let barrier = |step: &Step| {
                matches!(
                    step,
                    DataMemoryBarrier
                        | DataSynchronizationBarrier
                        | InstructionSynchronizationBarrier
                )
            };
            for (at, step) in steps.iter().enumerate() {
                if !barrier(step) {
                    assert_eq!(
                        steps.get(at + 1),
                        Some(&DataSynchronizationBarrier),
                        "{handover:?}"
                    );
                }
            }
            assert!(steps.last().is_some_and(barrier), "{handover:?}");
        }
    }

    #[test]
    fn code_is_cleaned_before_instructions_are_invalidated() {
        let mut recorder = Recorder(vec![], None);
        Handover::ToInstructions
            .perform(&mut recorder, 0x1000, 0x200)
            .unwrap();
        let steps: Vec<Step> = recorder.0.iter().map(|step| step.0).collect();
        assert_eq!(
            steps,
            [
                CleanToUnification,
                DataSynchronizationBarrier,
                InvalidateInstructions,
                DataSynchronizationBarrier,
                InstructionSynchronizationBarrier
            ]
        );
        assert!(
            recorder
                .0
                .iter()
                .all(|step| (step.1, step.2) == (0x1000, 0x200))
        );
    }

    #[test]
    fn a_failed_step_ends_it() {
        let mut recorder = Recorder(vec![], Some(DataSynchronizationBarrier));
        let result = Handover::ToInstructions.perform(&mut recorder, 0, 64);
        assert_eq!(result, Err(DataSynchronizationBarrier));
        assert_eq!(recorder.0.len(), 2);
    }
}
