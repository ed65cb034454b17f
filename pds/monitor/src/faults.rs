// SPDX-License-Identifier: BSD-2-Clause
//! `monitor`'s work after the boot: it receives faults of static PDs, and makes PDs passive.

use crate::arch;
use crate::console::line;
use molt_system::boot::{Header, PD, Thread};
use sel4::{Cap, Fault, MessageInfo, cap, with_ipc_buffer};
use sel4_extra::SchedContextExt;

/// Words of a message that are printed: enough for a whole capability fault.
const SHOWN: usize = 7;

/// Receives faults; never returns.
pub fn serve(header: &Header, threads: &[Thread], first_slot: u64) -> ! {
    let endpoint: cap::Endpoint = Cap::from_bits(first_slot + u64::from(header.monitor_endpoint));
    let reply: cap::Reply = Cap::from_bits(first_slot + u64::from(header.monitor_reply));
    loop {
        let (info, badge) = endpoint.recv(reply);
        // Badges are indices + 1; vCPUs' faults never come here.
        let index = badge.checked_sub(1);
        let thread = threads
            .iter()
            .filter(|t| t.flags & PD != 0)
            .find(|t| index.is_some_and(|i| t.sc_badge == 0x100 + i));
        match thread {
            Some(thread) if info.label() == 0 => passive(thread, first_slot),
            // Not replied to: it stays stopped.
            Some(thread) => report(thread, &info),
            None => line(format_args!(
                "message with badge {badge:#x}, label {}",
                info.label()
            )),
        }
    }
}

/// Takes the scheduling context from a PD that has finished its initialisation and gives it to its notification.
fn passive(thread: &Thread, first_slot: u64) {
    let slot = |number: u32| first_slot + u64::from(number);
    let sc: cap::SchedContext = Cap::from_bits(slot(thread.sc));
    let tcb: cap::Unspecified = Cap::from_bits(slot(thread.tcb));
    let unbound = sc.unbind_object(tcb);
    let bound =
        unbound.and_then(|()| sc.bind_notification(Cap::from_bits(slot(thread.notification))));
    if let Err(error) = bound {
        line(format_args!(
            "'{}' cannot be made passive: {error:?}",
            thread.name
        ));
    }
}

fn report(thread: &Thread, info: &MessageInfo) {
    let fault = with_ipc_buffer(|buffer| sel4_extra::try_fault(buffer, info));
    let name = thread.name;
    match fault {
        Some(Fault::VmFault(fault)) => {
            let (ip, address, fsr) = (fault.ip(), fault.addr(), fault.fsr());
            line(format_args!(
                "'{name}' faulted at {ip:#x}: address {address:#x}, {} {fsr:#x}",
                arch::SYNDROME
            ));
        }
        Some(Fault::UserException(_)) => line(format_args!("'{name}' faulted: {:x?}", words(info))),
        Some(Fault::CapFault(_)) => line(format_args!(
            "'{name}' named a capability that it has not: {:x?}",
            words(info)
        )),
        Some(_) | None => line(format_args!(
            "'{name}' faulted: label {}, {:x?}",
            info.label(),
            words(info)
        )),
    }
}

/// The message's words.
fn words(info: &MessageInfo) -> heapless::Vec<u64, SHOWN> {
    with_ipc_buffer(|buffer| {
        let words = buffer.msg_regs().iter().take(info.length());
        words.take(SHOWN).copied().collect()
    })
}
