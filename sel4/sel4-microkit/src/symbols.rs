// SPDX-License-Identifier: BSD-2-Clause
//! Symbols that the host tool writes values into.

use core::{cell::UnsafeCell, hint::black_box, str};

/// A value that is not written while the program runs, but may differ from the compiler's.
#[repr(transparent)]
#[derive(Debug)]
pub struct ImmutableCell<T>(UnsafeCell<T>);

// SAFETY: nobody writes it while the program runs.
unsafe impl<T: Sync> Sync for ImmutableCell<T> {}

impl<T> ImmutableCell<T> {
    /// The value before the tool changes it.
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// The value.
    pub fn get(&self) -> &T {
        // SAFETY: nobody writes it while the program runs. `black_box` keeps the compiler from assuming
        // the initial value; the tool writes only valid values.
        unsafe { &*black_box(self.0.get()) }
    }
}

/// Declares the symbol of a variable that the tool sets (`setvar`), and gives its value.
///
/// It is in `.data`, so that it has bytes in the file.
///
/// ```ignore
/// let size = *var!(region_size: usize = 0);
/// ```
#[macro_export]
macro_rules! var {
    ($(#[$attrs:meta])* $symbol:ident: $ty:ty = $default:expr) => {{
        $(#[$attrs])*
        #[allow(non_upper_case_globals)]
        // SAFETY: the tool needs the name, and two symbols of one name do not link; `.data` is where
        // variables are, and the tool writes there before the program runs.
        #[unsafe(no_mangle)]
        #[unsafe(link_section = ".data")]
        static $symbol: $crate::_private::ImmutableCell<$ty> =
            $crate::_private::ImmutableCell::new($default);

        $symbol.get()
    }};
}

/// Declares the symbol of a memory region (`setvar_vaddr`), and gives a `NonNull` to it.
///
/// Forms: `name: *mut T`, `name: *mut [T], n = COUNT`, and either with `bytes = SIZE`, which must
/// be the size of what is pointed to.
///
/// # Panics
/// If the tool has set no address.
#[macro_export]
macro_rules! memory_region_symbol {
    ($(#[$attrs:meta])* $symbol:ident: *mut [$ty:ty], n = $n:expr, bytes = $bytes:expr $(,)?) => {{
        assert!($bytes == $n * size_of::<$ty>());
        $crate::memory_region_symbol!($(#[$attrs])* $symbol: *mut [$ty], n = $n)
    }};
    ($(#[$attrs:meta])* $symbol:ident: *mut $ty:ty, bytes = $bytes:expr $(,)?) => {{
        assert!($bytes == size_of::<$ty>());
        $crate::memory_region_symbol!($(#[$attrs])* $symbol: *mut $ty)
    }};
    ($(#[$attrs:meta])* $symbol:ident: *mut [$ty:ty], n = $n:expr $(,)?) => {
        core::ptr::NonNull::slice_from_raw_parts(
            $crate::memory_region_symbol!($(#[$attrs])* $symbol: *mut $ty),
            $n,
        )
    };
    ($(#[$attrs:meta])* $symbol:ident: *mut $ty:ty $(,)?) => {
        match core::ptr::NonNull::new(core::ptr::with_exposed_provenance_mut::<$ty>(
            *$crate::var!($(#[$attrs])* $symbol: usize = 0),
        )) {
            Some(region) => region,
            None => panic!("{} is null", stringify!($symbol)),
        }
    };
}

/// Whether this protection domain is a passive server.
pub fn pd_is_passive() -> bool {
    *var!(microkit_passive: u8 = 0) != 0
}

/// Bit i: there is an interrupt with id i.
pub(crate) fn pd_irqs() -> usize {
    *var!(microkit_irqs: usize = 0)
}

/// Bit i: channel i can be notified.
pub(crate) fn pd_notifications() -> usize {
    *var!(microkit_notifications: usize = 0)
}

/// Bit i: channel i can be called.
pub(crate) fn pd_pps() -> usize {
    *var!(microkit_pps: usize = 0)
}

/// Bit i: there is an I/O port with id i. (Never on Arm; the tool wants the symbol.)
pub(crate) fn pd_ioports() -> usize {
    *var!(microkit_ioports: usize = 0)
}

/// The longest name, with the NUL that ends it.
const PD_NAME_LENGTH: usize = 64;

/// This protection domain's name, as bytes.
pub(crate) fn pd_name_bytes() -> &'static [u8] {
    let bytes = var!(microkit_name: [u8; PD_NAME_LENGTH] = [0; PD_NAME_LENGTH]);
    match bytes.iter().position(|b| *b == 0) {
        Some(end) => &bytes[..end],
        None => bytes,
    }
}

/// This protection domain's name.
pub fn pd_name() -> Result<&'static str, str::Utf8Error> {
    str::from_utf8(pd_name_bytes())
}
