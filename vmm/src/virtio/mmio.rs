// SPDX-License-Identifier: BSD-2-Clause
//! virtio over MMIO, version 2 (virtio 1.2, 4.2.2), for a device with any number of queues.
//!
//! No register has a side effect when it is read. So the registers' contents can be kept in a page that the guest maps
//! read-only: then its reads cause no exits, and only its writes do.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::ram::Ram;
use crate::syndrome::Width;
use crate::virtio::queue::{Layout, Queue, SIZE_MAX};

/// Size of the register frame.
pub const SIZE: u64 = 0x1000;
/// Bytes of the configuration space, at most.
pub const CONFIGURATION: usize = 64;

/// VIRTIO_F_INDIRECT_DESC.
pub const INDIRECT: u64 = 1 << 28;
/// VIRTIO_F_EVENT_IDX.
pub const EVENT_INDEX: u64 = 1 << 29;
/// VIRTIO_F_VERSION_1.
pub const VERSION_1: u64 = 1 << 32;

const QUEUE_NOTIFY: u64 = 0x050;
const INTERRUPT_STATUS: u64 = 0x060;
const INTERRUPT_ACK: u64 = 0x064;
/// Doublewords of registers and configuration.
const REGISTERS: usize = (0x100 + CONFIGURATION) / 8;

const FEATURES_OK: u32 = 8;
const DRIVER_OK: u32 = 4;
const NEEDS_RESET: u32 = 64;
const USED_BUFFER: u32 = 1;
const CONFIGURATION_CHANGE: u32 = 2;
const VENDOR: u32 = 0x544c_4f4d;

/// What a write asks the device to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing beyond the registers.
    Nothing,
    /// The driver has made chains available, in any of the queues.
    Notify,
    /// The device has been reset. Requests that are in flight belong to the life before.
    Reset,
}

/// Where a queue is, and the queue while it is ready.
#[derive(Clone, Debug)]
struct Place {
    layout: Layout,
    queue: Option<Queue>,
}

impl Place {
    const EMPTY: Self = Self {
        layout: Layout {
            size: SIZE_MAX,
            descriptors: 0,
            available: 0,
            used: 0,
            indirect: false,
            event_index: false,
        },
        queue: None,
    };
}

/// The transport's registers.
pub struct Transport<'a, const QUEUES: usize> {
    device: u32,
    offered: u64,
    configuration: [u8; CONFIGURATION],
    status: u32,
    driver_features: u64,
    device_select: u32,
    driver_select: u32,
    queue_select: u32,
    interrupt_status: u32,
    /// How often the configuration has changed.
    generation: u32,
    queues: [Place; QUEUES],
    page: &'a [AtomicU64],
    /// The largest size of a queue that is offered.
    queue_size: u16,
}

/// The largest size of a queue that a device offers if it does not say otherwise.
const QUEUE_SIZE: u16 = 128;

impl<'a, const QUEUES: usize> Transport<'a, QUEUES> {
    /// A device of type `device` that offers nothing yet. `page` is where the guest reads the registers without an exit; empty
    /// where it does not.
    #[must_use]
    pub fn new(device: u32, page: &'a [AtomicU64]) -> Self {
        let transport = Self {
            device,
            offered: VERSION_1 | INDIRECT | EVENT_INDEX,
            configuration: [0; CONFIGURATION],
            status: 0,
            driver_features: 0,
            device_select: 0,
            driver_select: 0,
            queue_select: 0,
            interrupt_status: 0,
            generation: 0,
            queues: [Place::EMPTY; QUEUES],
            page,
            queue_size: QUEUE_SIZE,
        };
        transport.publish();
        transport
    }

    /// Offers queues of up to `size` descriptors, a power of two that is at most [`SIZE_MAX`].
    #[must_use]
    pub fn with_queue_size(mut self, size: u16) -> Self {
        self.queue_size = size.min(SIZE_MAX);
        self.publish();
        self
    }

    /// Offers `features` beside those of the transport, and resets.
    pub fn offer(&mut self, features: u64, configuration: [u8; CONFIGURATION]) {
        self.offered = features | VERSION_1 | INDIRECT | EVENT_INDEX;
        self.configuration = configuration;
        self.reset();
    }

    /// Changes the configuration. The driver is told, once it has started the device (2.5, 4.2.2: ConfigGeneration).
    pub fn configure(&mut self, configuration: [u8; CONFIGURATION]) {
        if self.configuration == configuration {
            return;
        }
        self.configuration = configuration;
        self.generation = self.generation.wrapping_add(1);
        if self.status & DRIVER_OK != 0 {
            self.interrupt_status |= CONFIGURATION_CHANGE;
        }
        self.publish();
    }

    /// What the driver has agreed to.
    #[must_use]
    pub const fn features(&self) -> u64 {
        self.driver_features
    }

    /// Forgets everything that the driver has set.
    pub fn reset(&mut self) {
        self.status = 0;
        self.driver_features = 0;
        (self.device_select, self.driver_select) = (0, 0);
        self.queue_select = 0;
        self.interrupt_status = 0;
        self.queues = [Place::EMPTY; QUEUES];
        self.publish();
    }

    /// Queue `n`, while the driver is ready and has broken nothing.
    pub fn queue(&mut self, n: usize) -> Option<&mut Queue> {
        if self.is_live() {
            self.queues.get_mut(n)?.queue.as_mut()
        } else {
            None
        }
    }

    /// Whether the driver uses the device, and has broken nothing.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.status & (DRIVER_OK | NEEDS_RESET) == DRIVER_OK
    }

    /// Level of the interrupt.
    #[must_use]
    pub fn interrupt(&self) -> bool {
        self.interrupt_status != 0
    }

    /// Raises the interrupt because buffers were used.
    pub fn signal(&mut self) {
        self.interrupt_status |= USED_BUFFER;
        self.publish_interrupt();
    }

    /// The driver broke the rules: the device does nothing any more until it is reset (2.1.2).
    pub fn needs_reset(&mut self) {
        self.status |= NEEDS_RESET;
        if self.status & DRIVER_OK != 0 {
            self.interrupt_status |= CONFIGURATION_CHANGE;
        }
        self.publish();
    }

    /// Whether [`Self::needs_reset`] was called since the last reset.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.status & NEEDS_RESET != 0
    }

    /// Reads a register. The transport's have 32 bits; the configuration is read in any width.
    #[must_use]
    pub fn read(&self, offset: u64, width: Width) -> u64 {
        if let Some(offset) = offset.checked_sub(0x100) {
            let field = self
                .configuration
                .iter()
                .skip(offset as usize)
                .take(width as usize);
            return field
                .rev()
                .fold(0, |value, byte| value << 8 | u64::from(*byte));
        }
        if width != Width::Word {
            return 0;
        }
        let queue = self.selected();
        u64::from(match offset {
            0x000 => 0x7472_6976,
            0x004 => 2,
            0x008 => self.device,
            0x00c => VENDOR,
            0x010 => half(self.offered, self.device_select),
            0x034 if queue.is_some() => self.queue_size.into(),
            0x044 => queue.is_some_and(|place| place.queue.is_some()).into(),
            INTERRUPT_STATUS => self.interrupt_status,
            0x070 => self.status,
            0x0fc => self.generation,
            // No shared memory regions: length and address all ones (4.2.2.1).
            0x0b0 | 0x0b4 | 0x0b8 | 0x0bc => u32::MAX,
            _ => 0,
        })
    }

    /// Whether a write there has its effect whatever value is written: a notification, after which all queues are looked at, and an
    /// acknowledgement of the only cause of an interrupt.
    #[must_use]
    pub fn ignores_value(&self, offset: u64) -> bool {
        match offset {
            QUEUE_NOTIFY => true,
            INTERRUPT_ACK => self.interrupt_status.count_ones() <= 1,
            _ => false,
        }
    }

    /// Writes a register.
    pub fn write(&mut self, offset: u64, width: Width, value: u64, ram: &Ram) -> Effect {
        if width != Width::Word || offset >= 0x100 {
            return Effect::Nothing;
        }
        let value = value as u32;
        match offset {
            0x014 => self.device_select = value,
            0x020 if self.status & FEATURES_OK == 0 => {
                set_half(&mut self.driver_features, self.driver_select, value);
            }
            0x024 => self.driver_select = value,
            0x030 => self.queue_select = value,
            QUEUE_NOTIFY => return Effect::Notify,
            INTERRUPT_ACK => {
                self.interrupt_status &= !value;
                self.publish_interrupt();
                return Effect::Nothing;
            }
            0x070 => return self.set_status(value),
            0x038..0x0b0 => self.set_up_queue(offset, value, ram),
            _ => {}
        }
        self.publish();
        Effect::Nothing
    }

    fn set_status(&mut self, value: u32) -> Effect {
        if value == 0 {
            self.reset();
            return Effect::Reset;
        }
        let mut new = value & !NEEDS_RESET | self.status & NEEDS_RESET;
        let acceptable =
            self.driver_features & !self.offered == 0 && self.driver_features & VERSION_1 != 0;
        if !acceptable {
            new &= !FEATURES_OK;
        }
        // Without negotiated features there is no driver to serve (3.1.1).
        if new & FEATURES_OK == 0 {
            new &= !DRIVER_OK;
        }
        self.status = new;
        self.publish();
        if new & DRIVER_OK != 0 {
            Effect::Notify
        } else {
            Effect::Nothing
        }
    }

    fn selected(&self) -> Option<&Place> {
        self.queues.get(self.queue_select as usize)
    }

    fn set_up_queue(&mut self, offset: u64, value: u32, ram: &Ram) {
        if offset == 0x044 {
            self.enable_queue(value, ram);
            return;
        }
        let Some(place) = self.queues.get_mut(self.queue_select as usize) else {
            return;
        };
        // The driver must not touch these while the queue is ready (4.2.2.2).
        if place.queue.is_some() {
            return;
        }
        let layout = &mut place.layout;
        match offset {
            0x038 => layout.size = u16::try_from(value).unwrap_or(0),
            0x080 => set_half(&mut layout.descriptors, 0, value),
            0x084 => set_half(&mut layout.descriptors, 1, value),
            0x090 => set_half(&mut layout.available, 0, value),
            0x094 => set_half(&mut layout.available, 1, value),
            0x0a0 => set_half(&mut layout.used, 0, value),
            0x0a4 => set_half(&mut layout.used, 1, value),
            _ => {}
        }
    }

    fn enable_queue(&mut self, value: u32, ram: &Ram) {
        let features = self.driver_features;
        let Some(place) = self.queues.get_mut(self.queue_select as usize) else {
            return;
        };
        match (value, place.queue.is_some()) {
            (0, _) => place.queue = None,
            (1, false) => {
                place.layout.indirect = features & INDIRECT != 0;
                place.layout.event_index = features & EVENT_INDEX != 0;
                match Queue::new(place.layout, ram) {
                    Ok(queue) => place.queue = Some(queue),
                    Err(_) => self.needs_reset(),
                }
            }
            _ => {}
        }
    }

    /// Writes all registers into the page.
    fn publish(&self) {
        for (n, word) in self.page.iter().enumerate().take(REGISTERS) {
            let at = 8 * n as u64;
            let low = self.read(at, Width::Word);
            let high = self.read(at + 4, Width::Word);
            word.store((high << 32 | low).to_le(), Ordering::Relaxed);
        }
    }

    /// Writes the interrupt status into the page, before the interrupt is raised.
    fn publish_interrupt(&self) {
        if let Some(word) = self.page.get(INTERRUPT_STATUS as usize / 8) {
            // The other half is InterruptACK, which is not read.
            word.store(u64::from(self.interrupt_status).to_le(), Ordering::Release);
        }
    }
}

fn half(value: u64, select: u32) -> u32 {
    match select {
        0 => value as u32,
        1 => (value >> 32) as u32,
        _ => 0,
    }
}

fn set_half(value: &mut u64, select: u32, half: u32) {
    match select {
        0 => *value = *value & !0xffff_ffff | u64::from(half),
        1 => *value = *value & 0xffff_ffff | u64::from(half) << 32,
        _ => {}
    }
}
