// SPDX-License-Identifier: BSD-2-Clause
//! The root task: makes every static PD from the packed system, then receives the faults of those PDs.
#![no_std]
#![no_main]

#[cfg(target_os = "none")]
mod arch;
#[cfg(target_os = "none")]
mod console;
#[cfg(target_os = "none")]
mod faults;
#[cfg(target_os = "none")]
mod invocations;
#[cfg(target_os = "none")]
mod window;

#[cfg(target_os = "none")]
mod program {
    use crate::console::line;
    use crate::invocations::Invocations;
    use crate::{console, faults, window};
    use molt_monitor::{Memory, walk};
    use molt_system::NONE;
    use molt_system::boot::{BootError, PD, System, Thread};
    use sel4::{BootInfoPtr, init_thread};

    // There is room for everything that BootInfo lists.
    const _: () =
        assert!(sel4::sel4_cfg_usize!(MAX_NUM_BOOTINFO_UNTYPED_CAPS) <= molt_monitor::MOST);

    sel4_extra::root_task!(main = main, stack_size = 65536);

    fn main(boot_info: &BootInfoPtr) -> ! {
        match make(boot_info) {
            Ok((system, threads, first)) => faults::serve(system.header(), threads, first),
            Err(error) => {
                line(format_args!("the packed system is damaged: {error:?}"));
                init_thread::suspend_self()
            }
        }
    }

    type Made = (System<'static>, &'static [Thread], u64);

    fn make(boot_info: &BootInfoPtr) -> Result<Made, BootError> {
        let system = System::new(window::packed_system())?;
        let mut memory = Memory::default();
        for untyped in boot_info.untyped_list() {
            memory.add(
                untyped.paddr() as u64,
                untyped.size_bits() as u32,
                untyped.is_device(),
            );
        }
        let first = boot_info.empty().start() as u64;
        let (kind, port) = (system.header().uart_kind, system.header().uart_port);
        let uart = system.header().uart;
        let uart = (uart != NONE).then_some(first + u64::from(uart));
        let mut kernel = Invocations::new(boot_info);
        let made = walk(
            &mut kernel,
            &mut memory,
            &system,
            first,
            |kernel, memory, next| {
                match kernel.open_window(memory, next, uart) {
                    Ok(()) if uart.is_some() => console::enable(kind, port),
                    // Without the window, filling the first frame fails, and this is reported.
                    _ => {}
                }
            },
        );
        if let Err(failure) = made {
            line(format_args!("the system could not be made: {failure}"));
            init_thread::suspend_self()
        }
        let threads: &[Thread] = system.rows(system.header().threads)?;
        let domains = threads
            .iter()
            .filter(|thread| thread.flags & PD != 0)
            .count();
        line(format_args!(
            "{domains} protection domains are made, and start"
        ));
        Ok((system, threads, first))
    }

    #[panic_handler]
    fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
        line(format_args!("{info}"));
        init_thread::suspend_self()
    }
}
