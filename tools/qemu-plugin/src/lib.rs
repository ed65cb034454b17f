// SPDX-License-Identifier: BSD-2-Clause
//! A plugin for QEMU (7.2 and later, `-plugin`) that counts how often each translated block runs between two marks, and from
//! which blocks the kernel was entered; and that gives the disk the time to answer. `tools/profile` makes a profile of its output;
//! docs/performance.md describes it.
//!
//! Options: `out=FILE` for the counts, without which nothing is counted; `vectors=ADDRESS` of the kernel's exception vectors
//! (AArch64); `boot=on`: the first count begins with the power, not at a mark. One processor only: the counts are not ordered between several.

mod answer;
mod api;
mod arch;
mod block;
mod counts;

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::path::PathBuf;
use std::sync::OnceLock;

use arch::Arch;
use block::{Block, Watched};

struct Options {
    arch: Arch,
    out: PathBuf,
    vectors: u64,
    boot: bool,
}

static OPTIONS: OnceLock<Options> = OnceLock::new();

/// The version of the interface that this is for.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "QEMU looks for this name")]
pub static qemu_plugin_version: c_int = 1;

/// QEMU calls this when it has loaded the plugin; anything but 0 refuses the machine or the options.
///
/// # Safety
/// `info` is QEMU's description of itself, and `argv` are `argc` strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: u64,
    info: *const api::Info,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    let target = unsafe { CStr::from_ptr((*info).target_name) }.to_string_lossy();
    let Some(arch) = Arch::named(&target) else {
        eprintln!("molt-qemu-plugin: nothing is known of the architecture '{target}'");
        return 1;
    };
    let mut options = Options {
        arch,
        out: PathBuf::new(),
        vectors: 0,
        boot: false,
    };
    for index in 0..usize::try_from(argc).unwrap_or(0) {
        // SAFETY: the caller's promise.
        let text = unsafe { CStr::from_ptr(*argv.add(index)) }.to_string_lossy();
        match text.split_once('=') {
            Some(("out", file)) => options.out = file.into(),
            Some(("vectors", address)) => {
                let digits = address.trim_start_matches("0x");
                options.vectors = u64::from_str_radix(digits, 16).unwrap_or(0);
            }
            Some(("boot", "on")) => options.boot = true,
            _ => {
                eprintln!("molt-qemu-plugin: option '{text}' is not known");
                return 1;
            }
        }
    }
    if options.boot {
        counts::begin();
    }
    if OPTIONS.set(options).is_err() {
        return 1;
    }
    // SAFETY: `translated` is for this interface, and stays.
    unsafe { api::qemu_plugin_register_vcpu_tb_trans_cb(id, translated) };
    0
}

/// A block was translated: it is counted from now on.
extern "C" fn translated(_id: u64, translation: *mut api::Translation) {
    let Some(options) = OPTIONS.get() else {
        return;
    };
    let counting = !options.out.as_os_str().is_empty();
    // SAFETY: QEMU passes a block that is valid during this call.
    let (block, watched) = unsafe { Block::read(translation, options) };
    if counting {
        let data = std::ptr::from_ref(counts::add(block)).cast_mut().cast();
        // SAFETY: the block lives for ever; the callback only takes what it is given.
        unsafe { api::qemu_plugin_register_vcpu_tb_exec_cb(translation, executed, 0, data) };
    }
    for (instruction, what) in watched {
        let nothing = std::ptr::null_mut();
        // SAFETY: QEMU passes an instruction of the block; these callbacks take nothing.
        unsafe {
            match what {
                Watched::Begin | Watched::End if !counting => {}
                Watched::Begin => {
                    api::qemu_plugin_register_vcpu_insn_exec_cb(instruction, begin, 0, nothing);
                }
                Watched::End => {
                    api::qemu_plugin_register_vcpu_insn_exec_cb(instruction, end, 0, nothing);
                }
                Watched::Store => api::qemu_plugin_register_vcpu_mem_cb(
                    instruction,
                    stored,
                    0,
                    api::WRITES,
                    nothing,
                ),
            }
        };
    }
}

extern "C" fn stored(_cpu: c_uint, access: u32, address: u64, _data: *mut c_void) {
    let Some(Options { arch, .. }) = OPTIONS.get() else {
        return;
    };
    // SAFETY: this is the callback.
    unsafe { answer::stored(*arch, access, address) };
}

extern "C" fn executed(_cpu: c_uint, data: *mut c_void) {
    // SAFETY: registered with a block that lives for ever.
    counts::executed(unsafe { &*data.cast::<Block>() });
}

extern "C" fn begin(_cpu: c_uint, _data: *mut c_void) {
    counts::begin();
}

extern "C" fn end(_cpu: c_uint, _data: *mut c_void) {
    let Some(Options { out, .. }) = OPTIONS.get() else {
        return;
    };
    // The machine is stopped from outside, so the counts are written as soon as they are complete.
    if let Err(error) = counts::end(out) {
        eprintln!("molt-qemu-plugin: {}: {error}", out.display());
    }
}
