// SPDX-License-Identifier: BSD-2-Clause
//! The network's load in a Linux guest.
//!
//! `molt-linux-net PEER PROBE PACE STOP PINGS BYTES`: sends a stream over TCP to port 7 of PEER, which sends it back, and
//! compares every byte; sends back what others send to its own port 7; and sends a ping to PROBE every 10 ms. Of the stream
//! PACE bytes are sent every 40 ms, and as many as possible if PACE is 0. The program ends when the file STOP is there, or
//! when a peer has ended, but not before PINGS pings were sent and BYTES bytes have come back: it sends no more, waits for
//! the rest of what it has sent, and closes the connection.
//!
//! The line `result` has these figures: `net_bytes`, the bytes that came back as they were sent; `errors`; `probes`, `lost`,
//! `lost_in_a_row`: pings, those without an answer within ten seconds, and the most of these one after the other;
//! `longest_gap_ns`: the longest time without an answer; `ping_ns`: the mean time to the answer; `tcp_ns`: how long the
//! stream took.
#![no_std]
#![no_main]

mod echo;
mod probe;
mod stream;

use core::ffi::CStr;

use echo::Echo;
use molt_linux_system::{self as system, Address, Arguments, Errno, File, O_RDONLY, say, wait};
use probe::Probe;
use stream::Stream;

/// The port of the echo service (RFC 862).
const PORT: u16 = 7;

#[unsafe(no_mangle)]
extern "C" fn program_start(stack: *const usize) -> ! {
    // SAFETY: this is what the entry passes.
    let mut arguments = unsafe { Arguments::new(stack) }.skip(1);
    let mut text = || arguments.next().unwrap_or(c"");
    let (peer, probe, pace, stop) = (text(), text(), text(), text());
    let least = Least {
        pings: number(text()),
        bytes: number(text()),
    };
    match (address(peer), address(probe)) {
        (Some(peer), Some(probe)) => {
            if let Err(Errno(number)) = run(peer, probe, number(pace), stop, least) {
                say!("error: the network's load ends with error number {number}");
            }
        }
        _ => say!("error: {peer:?} or {probe:?} is no address of IPv4"),
    }
    system::exit(0)
}

/// How much is done in any case.
struct Least {
    pings: u64,
    bytes: u64,
}

fn run(peer: Address, probe: Address, pace: u64, stop: &CStr, least: Least) -> Result<(), Errno> {
    // Who offers an update has to confirm it in time.
    system::stand_back();
    // As on a machine that has run for a while: system calls are cheap then.
    system::credit_entropy()?;
    let mut echo = Echo::new(PORT)?;
    let mut stream = Stream::new(peer, PORT, pace);
    let mut probe = Probe::new(probe)?;
    let mut ending = false;
    while !(ending && stream.is_closed() && echo.is_closed() && probe.is_done()) {
        let now = system::now();
        // A peer that has closed its stream has ended.
        let over = echo.had_peer() && echo.is_closed();
        let enough = probe.sent() >= least.pings && stream.verified() >= least.bytes;
        if !ending && enough && (over || File::open(stop, O_RDONLY).is_ok()) {
            ending = true;
            stream.end();
            probe.end();
        }
        if stream.is_connected() {
            probe.step(system::now());
        }
        stream.pace(now);
        let sockets = (echo.sockets())
            .chain(stream.socket())
            .chain([probe.socket()]);
        wait(sockets, probe.until_next(now))?;
        // First: the time of its answer is measured.
        probe.receive();
        echo.step()?;
        stream.step();
    }
    say!(
        "result net_bytes={} errors={} probes={} lost={} lost_in_a_row={} longest_gap_ns={} ping_ns={} tcp_ns={}",
        stream.verified(),
        stream.errors() + echo.errors(),
        probe.sent(),
        probe.lost(),
        probe.lost_in_a_row(),
        probe.longest_gap(),
        probe.mean(),
        stream.duration(),
    );
    Ok(())
}

/// 0 if it is none.
fn number(text: &CStr) -> u64 {
    let number = text.to_str().ok().and_then(|text| text.parse().ok());
    number.unwrap_or(0)
}

fn address(text: &CStr) -> Option<Address> {
    let mut parts = text.to_str().ok()?.split('.').map(str::parse);
    let mut next = || parts.next()?.ok();
    Some([next()?, next()?, next()?, next()?])
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    say!("error: {info}");
    system::exit(1)
}
