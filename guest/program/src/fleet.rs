// SPDX-License-Identifier: BSD-2-Clause
//! `molt-guest poll` in this Linux.

use molt_guest_client::print::Output;
use molt_guest_client::{Exit, Options, Server, Session};
use molt_guest_fleet::{Agent, Bell, mistake, token};

use crate::find::Port;
use crate::folder::Folder;
use crate::place::Linux;
use crate::tcp::Tcp;
use crate::{Lines, contents, fail};

/// The doorbell of this guest, whose port is open only while it is needed.
struct Doorbell;

impl Bell for Doorbell {
    type Port = Port;

    fn open(&mut self, output: &mut impl Output) -> Option<Session<Port>> {
        let port = Port::open()
            .inspect_err(|missing| output.line(format_args!("error: {missing}")))
            .ok()?;
        Session::begin(port)
            .inspect_err(|trouble| output.line(format_args!("error: {trouble}")))
            .ok()
    }
}

/// Polls, until `--once` ends it.
pub fn poll(server: Server<'_>, options: &Options<'_>) -> Exit {
    if let Some(mistake) = mistake(&server) {
        return fail(options, Exit::Usage, "usage", format_args!("{mistake}"));
    }
    let value = match server.token.map(|file| (file, contents(file))) {
        None => None,
        Some((file, Ok(bytes))) => match token(bytes) {
            Some(value) => Some(value),
            None => {
                let text = format_args!("{file} has no token: one line of visible characters");
                return fail(options, Exit::Usage, "token", text);
            }
        },
        Some((file, Err(number))) => {
            let text = format_args!("{file} cannot be read: error number {number}");
            return fail(options, Exit::Usage, "file", text);
        }
    };
    let store = match Folder::open(server.state) {
        Ok(folder) => folder,
        Err(number) => {
            let text = format_args!(
                "the folder {} cannot be made: error number {number}",
                server.state
            );
            return fail(options, Exit::Usage, "state", text);
        }
    };
    let mut agent = Agent {
        network: Tcp,
        store,
        bell: Doorbell,
        place: Linux::new(),
        output: Lines,
        server,
        device: options.device,
        token: value.as_deref(),
    };
    agent.run()
}
