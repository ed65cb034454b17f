// SPDX-License-Identifier: BSD-2-Clause
//! Prepares the system, from the start of the first program to a disk that answers.

use core::ffi::CStr;
use core::fmt::Write;

use molt_linux_system::{
    File, Names, O_RDONLY, credit_entropy, insert_module, mount, now, say, sleep_ms,
};

/// The most modules that an initramfs of ours has.
const MODULES: usize = 32;

/// Loads all modules in the order of their names, which is such that each comes after those that it depends on.
pub fn modules() {
    let Ok(all) = Names::of(c"/modules") else {
        say!("error: /modules cannot be read");
        return;
    };
    let mut names: heapless::Vec<&str, MODULES> = heapless::Vec::new();
    for name in all.iter() {
        if names.push(name).is_err() {
            say!("error: there are more than {MODULES} modules");
        }
    }
    names.sort_unstable();
    for name in names {
        let mut path = heapless::String::<128>::new();
        // A longer one is not found, below.
        let _ = write!(path, "/modules/{name}\0");
        let path = CStr::from_bytes_until_nul(path.as_bytes()).unwrap_or(c"");
        let loaded = File::open(path, O_RDONLY).and_then(|file| insert_module(&file));
        if let Err(error) = loaded {
            say!("error: {path:?} cannot be loaded: {error:?}");
        }
    }
}

/// Waits until the device is there, for up to two seconds.
pub fn device(path: &'static CStr) -> Option<&'static CStr> {
    if let Err(error) = mount(c"devtmpfs", c"/dev") {
        say!("error: /dev cannot be mounted: {error:?}");
    }
    for _ in 0..100 {
        if File::open(path, O_RDONLY).is_ok() {
            return Some(path);
        }
        sleep_ms(20);
    }
    None
}

/// Makes system calls cost the same whether or not the machine has given its kernel a seed for random numbers.
pub fn random() {
    if let Err(error) = credit_entropy() {
        say!("error: /dev/random takes no seed: {error:?}");
    }
}

/// Lets some time pass, another for each seed: the rows then begin at other moments of the kernels' timer periods, so that
/// what several runs differ in shows how much that matters.
pub fn phase(seed: u64) {
    let end = now() + seed % 64 * 137_000;
    while now() < end {}
}
