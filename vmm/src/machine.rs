// SPDX-License-Identifier: BSD-2-Clause
//! The virtual machine's memory map: the same on every board. RAM and doorbell are placed by the system description.

/// Distributor of the interrupt controller (emulated).
pub const DISTRIBUTOR: u64 = 0x0800_0000;
/// CPU interface of the interrupt controller. Of a guest with one vCPU it is the hardware's GICV frame, mapped here by the system;
/// of a guest with several it is emulated.
pub const CPU_INTERFACE: u64 = 0x0801_0000;
/// Where the system maps the hardware's GICV frame for a guest with several vCPUs. The guest is not told.
pub const HARDWARE_INTERFACE: u64 = 0x0802_0000;
/// Size of the distributor's frame, and of the CPU interface's as the device tree states it.
pub const GIC_FRAME: u64 = 0x1000;
/// PL011 UART.
pub const UART: u64 = 0x0900_0000;
/// Interrupt (INTID) of the UART.
pub const UART_IRQ: u16 = 33;
/// First virtio device; the next one's frame is [`VIRTIO_FRAME`] further.
pub const VIRTIO: u64 = 0x0a00_0000;
/// Distance of two virtio devices' frames.
pub const VIRTIO_FRAME: u64 = 0x1000;
/// Interrupt (INTID) of the first virtio device; the next one's is one higher. Level-triggered.
pub const VIRTIO_IRQ: u16 = 64;
/// The frame of virtio device `n`.
#[must_use]
pub const fn virtio(n: usize) -> u64 {
    VIRTIO + VIRTIO_FRAME * n as u64
}

/// Its interrupt (INTID).
#[must_use]
pub const fn virtio_irq(n: usize) -> u16 {
    VIRTIO_IRQ + n as u16
}

/// Interrupts (PPI) of the architected timer: secure, non-secure, virtual, hypervisor.
pub const TIMER_IRQS: [u16; 4] = [29, 30, 27, 26];
