// SPDX-License-Identifier: BSD-2-Clause
//! Decodes fault messages.

use molt_supervisor::{Access, Fault};
use sel4::{MessageInfo, with_ipc_buffer};

/// The fault in the IPC buffer.
pub fn read(message: &MessageInfo) -> Fault {
    let fault = with_ipc_buffer(|buffer| sel4_extra::try_fault(buffer, message));
    let (ip, access) = match fault {
        Some(sel4::Fault::VmFault(fault)) => {
            let access = Access {
                address: fault.addr(),
                fetch: fault.is_prefetch(),
                syndrome: fault.fsr(),
            };
            (fault.ip(), Some(access))
        }
        // Its message begins with the instruction's address (seL4 manual, "User Exceptions"), for which upstream's crate has no name.
        Some(sel4::Fault::UserException(_)) => {
            (with_ipc_buffer(|buffer| buffer.msg_regs()[0]), None)
        }
        _ => (0, None),
    };
    Fault {
        label: message.label(),
        ip,
        access,
    }
}
