// SPDX-License-Identifier: BSD-2-Clause
//! A program in a Linux guest that breaks the protocol of the doorbell's port. After each thing that it does, a program that keeps
//! to the protocol must be served: it prints an error if it is not.
#![no_std]
#![no_main]

mod tricks;

use molt_doorbell::port;
use molt_guest_client::{Session, Stream};
use molt_linux_system::{self as system, File, open_port, say};

#[unsafe(no_mangle)]
extern "C" fn program_start(_stack: *const usize) -> ! {
    let mut done = 0;
    for (name, trick) in tricks::ALL {
        // The port is closed at the end of the trick, in whatever state it is.
        let result = open_port(port::NAME).map(|file| trick(&mut Port(file)));
        match (result, is_served()) {
            (Ok(true), true) => done += 1,
            (result, served) => say!("error: silly: {name}: {result:?}, served {served}"),
        }
    }
    say!("silly tricks={done}");
    system::exit(0)
}

/// Whether a program that keeps to the protocol gets its answers.
fn is_served() -> bool {
    let Ok(file) = open_port(port::NAME) else {
        return false;
    };
    let session = Session::begin(Port(file));
    session.is_ok_and(|mut session| session.devices().is_ok_and(|devices| !devices.is_empty()))
}

/// The open port.
struct Port(File);

impl Stream for Port {
    fn read(&mut self, to: &mut [u8]) -> Result<usize, usize> {
        self.0.read(to).map_err(|error| error.0)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, usize> {
        self.0.write(bytes).map_err(|error| error.0)
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    say!("error: {info}");
    system::exit(1)
}
