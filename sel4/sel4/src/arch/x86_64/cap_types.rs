// SPDX-License-Identifier: BSD-2-Clause
//! The types of capabilities that x86_64 has.

/// Gives the macro `$define` the smallest page's type, and all types: those of every architecture and those of this one.
macro_rules! with_arch_cap_types {
    ($define:ident; $($common:tt)*) => {
        $define! {
            granule = _4k, vspace = PML4;
            $($common)*
            /// The authority to give out I/O ports.
            IOPortControl;
            /// A range of I/O ports.
            IOPort;
            /// The address space of a device's DMA.
            IOSpace;
            /// A translation table of I/O.
            IOPageTable;
            /// A page of 4 KiB.
            _4k;
            /// A page of 2 MiB.
            LargePage;
            /// A page of 1 GiB.
            HugePage;
            /// An address space: its first table.
            PML4;
            /// A translation table of the second level.
            PDPT;
            /// A translation table of the third level.
            PageDirectory;
            /// A translation table of the last level.
            PageTable;
        }
    };
}
pub(crate) use with_arch_cap_types;
