// SPDX-License-Identifier: BSD-2-Clause
//! Another program, started by this one.

use core::ffi::{CStr, c_char};
use core::ptr;

use crate::{Errno, call, exit};

const CLONE: usize = 220;
const EXECVE: usize = 221;
const WAIT4: usize = 260;
/// The parent is told of the child's end in this way; it does not listen, and asks.
const SIGCHLD: usize = 17;
const WNOHANG: usize = 1;
/// Most arguments, the program's name among them.
const ARGUMENTS: usize = 8;
/// What a shell returns for a program that cannot be started.
const NOT_STARTED: usize = 127;

/// A program that has been started.
pub struct Child(usize);

impl Child {
    /// Starts a program with these arguments (the first seven), and no environment.
    ///
    /// # Errors
    /// The kernel's, for the new process; where the program itself cannot be started, the child ends with the code 127.
    pub fn start(program: &CStr, arguments: &[&CStr]) -> Result<Self, Errno> {
        let mut list: [*const c_char; ARGUMENTS + 1] = [ptr::null(); ARGUMENTS + 1];
        let all = [program].into_iter().chain(arguments.iter().copied());
        for (place, argument) in list.iter_mut().zip(all.take(ARGUMENTS)) {
            *place = argument.as_ptr();
        }
        // Without flags: a copy of this process, with a stack of its own at the same address.
        match call(CLONE, [SIGCHLD, 0, 0, 0, 0, 0])? {
            0 => {
                let environment: [*const c_char; 1] = [ptr::null()];
                let (list, environment) = (list.as_ptr() as usize, environment.as_ptr() as usize);
                let program = program.as_ptr() as usize;
                let _ = call(EXECVE, [program, list, environment, 0, 0, 0]);
                exit(NOT_STARTED)
            }
            process => Ok(Self(process)),
        }
    }

    /// Its exit code, once it has ended; 128 and more: by a signal. After that it must not be asked again.
    ///
    /// # Errors
    /// The kernel's.
    pub fn ended(&self) -> Result<Option<u32>, Errno> {
        let mut status = 0_u32;
        let place = &raw mut status as usize;
        let waited = call(WAIT4, [self.0, place, WNOHANG, 0, 0, 0])?;
        // `wait(2)`: bits 0 to 6 are the signal, 8 to 15 the code.
        Ok((waited != 0).then_some(match status & 0x7f {
            0 => status >> 8 & 0xff,
            signal => 128 + signal,
        }))
    }
}
