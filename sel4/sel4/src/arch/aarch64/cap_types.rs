// SPDX-License-Identifier: BSD-2-Clause
//! The types of capabilities that AArch64 has.

/// Gives the macro `$define` the smallest page's type, and all types: those of every architecture and those of this one.
macro_rules! with_arch_cap_types {
    ($define:ident; $($common:tt)*) => {
        $define! {
            granule = SmallPage;
            $($common)*
            /// A virtual processor.
            VCpu;
            /// A page of 4 KiB.
            SmallPage;
            /// A page of 2 MiB.
            LargePage;
            /// A page of 1 GiB.
            HugePage;
            /// An address space.
            VSpace;
            /// A translation table below the first.
            PT;
        }
    };
}
pub(crate) use with_arch_cap_types;
