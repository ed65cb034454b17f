// SPDX-License-Identifier: BSD-2-Clause
//! `molt-guest` in a Linux guest: finds the doorbell's port in sysfs and carries a command out. `molt-guest help` lists them
//! (`molt_guest_client::HELP`).
#![no_std]
#![no_main]

mod disk;
mod find;
mod fleet;
mod folder;
mod place;
mod tcp;

use core::fmt;

use find::Port;
use molt_guest_client::print::{Output, Quoted};
use molt_guest_client::{Command, Exit, HELP, Options, Session, run};
use molt_linux_system::{self as system, Arguments, File, O_RDONLY, print, say};
use place::Linux;

/// Most arguments.
const ARGUMENTS: usize = 40;
/// ENAMETOOLONG
const NAME_TOO_LONG: usize = 36;

#[unsafe(no_mangle)]
extern "C" fn program_start(stack: *const usize) -> ! {
    // SAFETY: this is what the entry passes.
    let arguments = unsafe { Arguments::new(stack) };
    // An argument that is no UTF-8 is no word of ours; more than any command has are cut off.
    let words = arguments.skip(1).map(|word| word.to_str().unwrap_or("?"));
    let words: heapless::Vec<&str, ARGUMENTS> = words.take(ARGUMENTS).collect();
    system::exit(main(&words) as usize)
}

fn main(words: &[&'static str]) -> Exit {
    let (command, options) = match Command::parse(words.iter().copied()) {
        Ok(parsed) => parsed,
        Err(usage) => {
            say!("error: {usage}; 'molt-guest help' lists the commands");
            return Exit::Usage;
        }
    };
    if command == Command::Help {
        print(HELP);
        print("\n");
        return Exit::Done;
    }
    if let Command::Poll(server) = command {
        return fleet::poll(server, &options);
    }
    match command {
        Command::Unplug(disk) => return unplug(disk, &options),
        Command::Plug => return plug(&options),
        _ => {}
    }
    let mut bundle: &[u8] = &[];
    if let Command::Offer(file) = command {
        match contents(file) {
            Ok(bytes) => bundle = bytes,
            Err(number) => {
                return fail(
                    &options,
                    Exit::Usage,
                    "file",
                    format_args!("{file} cannot be read: error number {number}"),
                );
            }
        }
    }
    let port = match Port::open() {
        Ok(port) => port,
        Err(missing) => {
            return fail(
                &options,
                Exit::Doorbell,
                missing.word(),
                format_args!("{missing}"),
            );
        }
    };
    match Session::begin(port) {
        Ok(mut session) => run(
            &mut session,
            command,
            &options,
            bundle,
            &mut Linux::new(),
            &mut Lines,
        ),
        Err(trouble) => fail(
            &options,
            Exit::Doorbell,
            "doorbell",
            format_args!("{trouble}"),
        ),
    }
}

fn unplug(disk: &str, options: &Options<'_>) -> Exit {
    match disk::unplug(disk) {
        Ok(device) => {
            match options.json {
                true => say!("{{\"unplugged\":{}}}", Quoted(&device)),
                false => say!("{disk}: unplugged, {device} is without a driver"),
            }
            Exit::Done
        }
        Err(obstacle) => fail_by(options, &obstacle),
    }
}

fn plug(options: &Options<'_>) -> Exit {
    let plugged = disk::plug(|device| match options.json {
        true => say!("{{\"plugged\":{}}}", Quoted(device)),
        false => say!("{device}: plugged"),
    });
    match plugged {
        Ok(0) => fail(
            options,
            Exit::Refused,
            "nothing-unplugged",
            format_args!("no virtio disk is without a driver"),
        ),
        Ok(_) => Exit::Done,
        Err(obstacle) => fail_by(options, &obstacle),
    }
}

fn fail_by(options: &Options<'_>, obstacle: &disk::Obstacle) -> Exit {
    let text = &obstacle.text;
    fail(
        options,
        obstacle.exit,
        obstacle.word,
        format_args!("{text}"),
    )
}

/// A file's bytes.
fn contents(path: &str) -> Result<&'static [u8], usize> {
    let path = system::terminated::<512>(format_args!("{path}")).ok_or(NAME_TOO_LONG)?;
    let file = File::open(system::as_path(&path), O_RDONLY).map_err(|error| error.0)?;
    file.contents().map_err(|error| error.0)
}

fn fail(options: &Options<'_>, exit: Exit, word: &str, text: fmt::Arguments<'_>) -> Exit {
    match options.json {
        true => say!("{{\"error\":{}}}", Quoted(word)),
        false => say!("error: {text}"),
    }
    exit
}

/// The standard output.
struct Lines;

impl Output for Lines {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        say!("{line}");
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    say!("error: {info}");
    system::exit(Exit::Doorbell as usize)
}
