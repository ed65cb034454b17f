// SPDX-License-Identifier: BSD-2-Clause
//! Access to system registers by their architectural names.

/// Reads a system register. None of those that the kernel names has a side effect when read.
macro_rules! read_register {
    ($name:literal) => {{
        let value: u64;
        // SAFETY: reading changes nothing.
        unsafe { core::arch::asm!(concat!("mrs {}, ", $name), out(reg) value, options(nostack)) };
        value
    }};
}

/// Writes a system register. Unsafe to use: the caller says why the machine stays sound.
macro_rules! write_register {
    ($name:literal, $value:expr) => {{
        let value: u64 = $value;
        core::arch::asm!(concat!("msr ", $name, ", {}"), in(reg) value, options(nostack))
    }};
}

/// Instructions that only order, wait or invalidate: they cannot harm, at worst cost time.
macro_rules! instruction {
    ($($text:literal),+ $(; $value:expr)?) => {
        // SAFETY: a barrier, a hint, or the maintenance of a cache or TLB entry that keeps data.
        unsafe { core::arch::asm!($($text),+, $(in(reg) $value,)? options(nostack)) }
    };
}

pub(crate) use {instruction, read_register, write_register};
