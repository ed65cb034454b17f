// SPDX-License-Identifier: BSD-2-Clause
//! The guest's device tree, which describes the virtual machine. The host tool makes it and puts it into the guest's
//! memory.

use molt_doorbell::regs;
use molt_sensor_queue::window;
use vm_fdt::{Error, FdtWriter};

use crate::machine;
use crate::virtio::mmio;

const GIC: u32 = 1;
const CLOCK: u32 = 2;
const SPI: u32 = 0;
const PPI: u32 = 1;
/// Interrupt types of the GIC's binding.
const LEVEL_HIGH: u32 = 4;
const LEVEL_LOW: u32 = 8;
/// Interrupt identifiers below this are private to a CPU.
const FIRST_SPI: u32 = 32;
const FIRST_PPI: u32 = 16;

/// What differs from guest to guest.
#[derive(Clone, Debug, Default)]
pub struct Guest<'a> {
    /// Its vCPUs; 0 means 1.
    pub vcpus: u32,
    /// Guest-physical address and bytes of its memory.
    pub memory: (u64, u64),
    /// The kernel's command line.
    pub command_line: &'a str,
    /// Guest-physical start and end of the initial RAM disk.
    pub initrd: Option<(u64, u64)>,
    /// The devices of its shares, in the order in which the VMM places them.
    pub devices: &'a [Device<'a>],
    /// Its doorbell.
    pub doorbell: Option<Doorbell>,
}

/// What the guest sees of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device<'a> {
    /// A virtio device, which says itself what kind it is.
    Virtio,
    /// The window to a controller's sensors.
    Sensors,
    /// The device itself, which the guest drives.
    Passed {
        /// What it is compatible with.
        compatible: &'a str,
        /// Guest-physical address and bytes of its registers.
        registers: (u64, u64),
        /// Its interrupt (INTID of an SPI): level-triggered for the guest, whatever it is at the machine, since the VMM keeps it raised
        /// until its end.
        irq: u32,
    },
    /// The content of a ROM, as memory.
    Rom {
        /// Guest-physical address.
        address: u64,
        /// Bytes.
        size: u64,
    },
}

/// The doorbell device.
#[derive(Clone, Copy, Debug, Default)]
pub struct Doorbell {
    /// Guest-physical address of the registers.
    pub address: u64,
    /// Interrupt (INTID of an SPI).
    pub irq: u32,
    /// Guest-physical address and bytes of the staging region.
    pub staging: (u64, u64),
}

/// The flattened device tree, version 17.
///
/// # Errors
/// Only for strings that a device tree cannot hold (a NUL inside).
pub fn build(guest: &Guest<'_>) -> Result<Vec<u8>, Error> {
    let mut fdt = FdtWriter::new()?;
    let root = fdt.begin_node("")?;
    fdt.property_string("compatible", "linux,dummy-virt")?;
    fdt.property_string("model", "molt")?;
    fdt.property_u32("#address-cells", 2)?;
    fdt.property_u32("#size-cells", 2)?;
    fdt.property_u32("interrupt-parent", GIC)?;
    chosen(&mut fdt, guest)?;
    let (base, size) = guest.memory;
    node(&mut fdt, &format!("memory@{base:x}"), |fdt| {
        fdt.property_string("device_type", "memory")?;
        fdt.property_array_u64("reg", &[base, size])
    })?;
    processors(&mut fdt, guest.vcpus.max(1))?;
    interrupt_controller(&mut fdt)?;
    uart(&mut fdt)?;
    for (n, kind) in guest.devices.iter().enumerate() {
        device(&mut fdt, n, *kind)?;
    }
    if let Some(bell) = &guest.doorbell {
        doorbell(&mut fdt, bell)?;
    }
    fdt.end_node(root)?;
    fdt.finish()
}

fn node(
    fdt: &mut FdtWriter,
    name: &str,
    content: impl FnOnce(&mut FdtWriter) -> Result<(), Error>,
) -> Result<(), Error> {
    let node = fdt.begin_node(name)?;
    content(fdt)?;
    fdt.end_node(node)
}

fn chosen(fdt: &mut FdtWriter, guest: &Guest<'_>) -> Result<(), Error> {
    node(fdt, "chosen", |fdt| {
        fdt.property_string("bootargs", guest.command_line)?;
        fdt.property_string("stdout-path", &format!("/pl011@{:x}", machine::UART))?;
        if let Some((start, end)) = guest.initrd {
            fdt.property_u64("linux,initrd-start", start)?;
            fdt.property_u64("linux,initrd-end", end)?;
        }
        Ok(())
    })
}

fn processors(fdt: &mut FdtWriter, vcpus: u32) -> Result<(), Error> {
    node(fdt, "cpus", |fdt| {
        fdt.property_u32("#address-cells", 1)?;
        fdt.property_u32("#size-cells", 0)?;
        for n in 0..vcpus {
            node(fdt, &format!("cpu@{n}"), |fdt| {
                fdt.property_string("device_type", "cpu")?;
                fdt.property_string("compatible", "arm,armv8")?;
                fdt.property_string("enable-method", "psci")?;
                fdt.property_u32("reg", n)
            })?;
        }
        Ok(())
    })?;
    node(fdt, "psci", |fdt| {
        fdt.property_string_list(
            "compatible",
            ["arm,psci-1.0", "arm,psci-0.2"].map(String::from).to_vec(),
        )?;
        // On seL4 a guest's HVC is a system call.
        fdt.property_string("method", "smc")
    })?;
    node(fdt, "timer", |fdt| {
        fdt.property_string("compatible", "arm,armv8-timer")?;
        fdt.property_null("always-on")?;
        let all = (1 << vcpus) - 1;
        let interrupts =
            machine::TIMER_IRQS.map(|irq| [PPI, u32::from(irq) - FIRST_PPI, all << 8 | LEVEL_LOW]);
        fdt.property_array_u32("interrupts", interrupts.as_flattened())
    })
}

fn interrupt_controller(fdt: &mut FdtWriter) -> Result<(), Error> {
    node(fdt, &format!("intc@{:x}", machine::DISTRIBUTOR), |fdt| {
        fdt.property_string("compatible", "arm,cortex-a15-gic")?;
        fdt.property_null("interrupt-controller")?;
        fdt.property_u32("#interrupt-cells", 3)?;
        fdt.property_u32("#address-cells", 0)?;
        let (frame, cpu) = (machine::GIC_FRAME, machine::CPU_INTERFACE);
        fdt.property_array_u64("reg", &[machine::DISTRIBUTOR, frame, cpu, frame])?;
        fdt.property_phandle(GIC)
    })
}

fn uart(fdt: &mut FdtWriter) -> Result<(), Error> {
    node(fdt, "apb-pclk", |fdt| {
        fdt.property_string("compatible", "fixed-clock")?;
        fdt.property_u32("#clock-cells", 0)?;
        fdt.property_u32("clock-frequency", 24_000_000)?;
        fdt.property_phandle(CLOCK)
    })?;
    node(fdt, &format!("pl011@{:x}", machine::UART), |fdt| {
        fdt.property_string_list(
            "compatible",
            ["arm,pl011", "arm,primecell"].map(String::from).to_vec(),
        )?;
        fdt.property_array_u64("reg", &[machine::UART, crate::pl011::SIZE])?;
        interrupt(fdt, machine::UART_IRQ.into())?;
        fdt.property_array_u32("clocks", &[CLOCK, CLOCK])?;
        fdt.property_string_list(
            "clock-names",
            ["uartclk", "apb_pclk"].map(String::from).to_vec(),
        )
    })
}

fn device(fdt: &mut FdtWriter, n: usize, kind: Device<'_>) -> Result<(), Error> {
    let (name, compatible, (address, size), irq) = match kind {
        Device::Virtio => {
            let registers = (machine::virtio(n), mmio::SIZE);
            let irq = machine::virtio_irq(n).into();
            ("virtio_mmio", "virtio,mmio", registers, irq)
        }
        Device::Sensors => {
            let registers = (machine::virtio(n), window::SIZE);
            let irq = machine::virtio_irq(n).into();
            ("sensors", window::COMPATIBLE, registers, irq)
        }
        Device::Passed {
            compatible,
            registers,
            irq,
        } => ("device", compatible, registers, irq),
        Device::Rom { address, size } => return rom(fdt, address, size),
    };
    node(fdt, &format!("{name}@{address:x}"), |fdt| {
        fdt.property_string("compatible", compatible)?;
        fdt.property_array_u64("reg", &[address, size])?;
        interrupt(fdt, irq)?;
        fdt.property_null("dma-coherent")
    })
}

fn rom(fdt: &mut FdtWriter, address: u64, size: u64) -> Result<(), Error> {
    node(fdt, &format!("rom@{address:x}"), |fdt| {
        fdt.property_string("compatible", molt_rom::COMPATIBLE)?;
        fdt.property_array_u64("reg", &[address, size])
    })
}

fn doorbell(fdt: &mut FdtWriter, bell: &Doorbell) -> Result<(), Error> {
    node(fdt, &format!("doorbell@{:x}", bell.address), |fdt| {
        fdt.property_string("compatible", regs::COMPATIBLE)?;
        let (staging, size) = bell.staging;
        fdt.property_array_u64("reg", &[bell.address, regs::SIZE, staging, size])?;
        interrupt(fdt, bell.irq)
    })
}

fn interrupt(fdt: &mut FdtWriter, irq: u32) -> Result<(), Error> {
    fdt.property_array_u32(
        "interrupts",
        &[SPI, irq.saturating_sub(FIRST_SPI), LEVEL_HIGH],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use dtoolkit::fdt::Fdt;
    use dtoolkit::{Node, Property};

    #[test]
    fn another_library_reads_what_the_guest_is_told() {
        let guest = Guest {
            vcpus: 3,
            memory: (0x4000_0000, 0x1000_0000),
            command_line: "console=ttyAMA0",
            initrd: Some((0x4800_0000, 0x4810_0000)),
            devices: &[
                Device::Virtio,
                Device::Sensors,
                Device::Passed {
                    compatible: "virtio,mmio",
                    registers: (0x0b10_0e00, 0x200),
                    irq: 100,
                },
                Device::Rom {
                    address: 0x0c00_0000,
                    size: 0x2_0000,
                },
            ],
            doorbell: Some(Doorbell {
                address: 0x0b00_0000,
                irq: 80,
                staging: (0x6000_0000, 0x80_0000),
            }),
        };
        let blob = build(&guest).unwrap();
        let fdt = Fdt::new(&blob).unwrap();
        let property = |path: &str, name: &str| {
            fdt.find_node(path)
                .unwrap()
                .property(name)
                .unwrap()
                .value()
                .to_vec()
        };
        assert_eq!(property("/psci", "method"), b"smc\0");
        for n in 0..3 {
            let path = format!("/cpus/cpu@{n}");
            assert_eq!(property(&path, "reg"), u32::to_be_bytes(n));
            assert_eq!(property(&path, "enable-method"), b"psci\0");
        }
        assert!(fdt.find_node("/cpus/cpu@3").is_none());
        assert_eq!(property("/timer", "interrupts")[8..12], [0, 0, 7, 8]);
        assert_eq!(property("/chosen", "bootargs"), b"console=ttyAMA0\0");
        assert_eq!(
            property("/doorbell@b000000", "interrupts"),
            [0, 0, 0, 0, 0, 0, 0, 48, 0, 0, 0, 4]
        );
        let rom = property("/rom@c000000", "compatible");
        assert_eq!(rom, b"molt,rom\0");
        let reg = [0, 0, 0, 0, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0];
        assert_eq!(property("/rom@c000000", "reg"), reg);
        assert_eq!(
            property("/virtio_mmio@a000000", "reg")[..8],
            0xa00_0000_u64.to_be_bytes()
        );
        assert_eq!(
            property("/sensors@a001000", "compatible"),
            b"molt,sensors\0"
        );
        assert_eq!(
            property("/sensors@a001000", "interrupts"),
            [0, 0, 0, 0, 0, 0, 0, 33, 0, 0, 0, 4]
        );
        assert_eq!(property("/device@b100e00", "compatible"), b"virtio,mmio\0");
        assert_eq!(
            property("/device@b100e00", "interrupts"),
            [0, 0, 0, 0, 0, 0, 0, 68, 0, 0, 0, 4]
        );
        assert_eq!(
            property("/memory@40000000", "reg")[8..],
            0x1000_0000_u64.to_be_bytes()
        );
    }
}
