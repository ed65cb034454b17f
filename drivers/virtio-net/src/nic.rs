// SPDX-License-Identifier: BSD-2-Clause
//! A virtio-net device that has been started.

use molt_net::Offload;
use molt_shared::Narrow;
use molt_virtio::{Error, QUEUE_BYTES, Queue, Region, Transport};

use crate::config::Config;
use crate::control::{self, Command, Control};
use crate::features::Features;
use crate::frame::Frame;
use crate::receive::{self, Receive};
use crate::transmit::{self, Transmit};

/// 5.1.1
const NETWORK_CARD: u32 = 1;
/// 5.1.2
const RECEIVE: u32 = 0;
const TRANSMIT: u32 = 1;

/// How much ring memory is needed, in bytes.
pub const RING_BYTES: usize = 3 * QUEUE_BYTES + transmit::BYTES + control::BYTES + receive::BYTES;

/// One virtio-net device with one pair of queues.
#[derive(Debug)]
pub struct Nic<'a, R> {
    transport: Transport<R>,
    features: Features,
    config: Config,
    receive: Receive<'a>,
    transmit: Transmit<'a>,
    control: Option<Control<'a>>,
}

impl<'a, R: Narrow> Nic<'a, R> {
    /// Starts the device from reset, with everything in `ring`, whose contents do not matter. It receives all frames,
    /// whatever their destination, because the switch behind it has several addresses. `configuration`: the configuration space
    /// of the PCI function that it is; without one it is on virtio-mmio.
    ///
    /// # Errors
    /// What is wrong with the device or the memory ([`Error`]).
    pub fn start(registers: R, configuration: Option<&R>, ring: Region<'a>) -> Result<Self, Error> {
        let all = Features::all().bits();
        // Which of them depend on others that the device does not offer is known only when it was asked.
        let mut transport =
            Transport::negotiate(registers, configuration, NETWORK_CARD, |offered| {
                Features::wanted(Features::from_bits_truncate(offered & all)).bits()
            })?;
        let features = Features::from_bits_truncate(transport.features());
        let event = features.contains(Features::EVENT_IDX);
        let mut rest = ring;
        let mut part = |bytes| {
            let (part, behind) = rest.split(bytes).ok_or(Error::Memory)?;
            rest = behind;
            Ok(part)
        };
        let queue = |n, memory, chain| Queue::new(memory, transport.queue_size(n)?, chain, event);
        let receive = Receive::new(
            queue(RECEIVE, part(QUEUE_BYTES)?, 1)?,
            part(receive::BYTES)?,
        );
        let transmit = Transmit::new(
            queue(TRANSMIT, part(QUEUE_BYTES)?, transmit::CHAIN)?,
            part(transmit::BYTES)?,
        );
        let control = match features.contains(Features::CTRL_VQ) {
            true => Some(Control::new(
                queue(control::QUEUE, part(QUEUE_BYTES)?, control::CHAIN)?,
                part(control::BYTES)?,
            )),
            false => None,
        };
        let mut enable =
            |n, queue: &Queue<'_>| transport.enable(n, queue.size(), queue.addresses());
        enable(RECEIVE, &receive.queue)?;
        enable(TRANSMIT, &transmit.queue)?;
        if let Some(control) = &control {
            enable(control::QUEUE, &control.queue)?;
        }
        transport.go()?;
        let config = read_config(&mut transport, features)?;
        let mut this = Self {
            transport,
            features,
            config,
            receive,
            transmit,
            control,
        };
        if features.contains(Features::CTRL_RX) {
            this.command(Command::PROMISCUOUS, &[1])?;
        }
        // Sent frames are collected only when there is something to send; received frames at once.
        this.transmit.queue.disarm();
        this.receive.queue.arm();
        this.tell();
        Ok(this)
    }

    /// The features that were negotiated.
    pub fn features(&self) -> Features {
        self.features
    }

    /// The device's configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Whether the device takes a frame on which this is left to be done.
    pub fn takes(&self, offload: &Offload) -> bool {
        let has = |feature| self.features.contains(feature);
        let checksum = offload.flags & Offload::NEEDS_CHECKSUM == 0 || has(Features::CSUM);
        let segments = match offload.gso_type & !Offload::ECN {
            Offload::TCP4 => has(Features::HOST_TSO4),
            Offload::TCP6 => has(Features::HOST_TSO6),
            _ => true,
        };
        let ecn = offload.gso_type & Offload::ECN == 0 || has(Features::HOST_ECN);
        checksum && segments && ecn
    }

    /// Puts a frame into the transmit ring, not yet visible to the device: its first bytes from virtio's header on, at most
    /// 160, and physical address and bytes of the rest. Returns the frame's number, below
    /// [`FRAMES`](crate::FRAMES), which is in use until [`Self::sent`] returns it; `None`: no room.
    pub fn send(&mut self, start: &[u8], rest: (u64, u32)) -> Option<usize> {
        self.transmit.add(start, rest)
    }

    /// Whether a frame can be sent.
    pub fn has_room(&self) -> bool {
        self.transmit.queue.next_free().is_some()
    }

    /// How many frames that are to be sent are with the device.
    pub fn in_flight(&self) -> usize {
        self.transmit.queue.with_device()
    }

    /// The next frame that the device is done with.
    ///
    /// # Errors
    /// The device needs a reset.
    pub fn sent(&mut self) -> Result<Option<usize>, Error> {
        self.transmit.done()
    }

    /// The next frame that was received.
    ///
    /// # Errors
    /// The device needs a reset.
    pub fn received(&mut self) -> Result<Option<Frame<'a>>, Error> {
        self.receive.take()
    }

    /// A frame was dealt with: its memory is the device's again.
    pub fn give_back(&mut self, frame: Frame<'a>) {
        self.receive.give_back(frame);
    }

    /// Notifies the device of what was put into its rings, if it asked for it.
    pub fn tell(&mut self) {
        for (n, queue) in [
            (RECEIVE, &mut self.receive.queue),
            (TRANSMIT, &mut self.transmit.queue),
        ] {
            if queue.publish() {
                self.transport.notify(n);
            }
        }
    }

    /// Asks for an interrupt when the next frame was sent or, if they are wanted, `received`. Returns whether there is one
    /// already. For use before waiting.
    pub fn arm(&mut self, received: bool) -> bool {
        let received = received && self.receive.queue.arm();
        let sent = self.in_flight() > 0 && self.transmit.queue.arm();
        received || sent
    }

    /// Reads and acknowledges the interrupt's causes. Returns whether the configuration is another one than before.
    ///
    /// # Errors
    /// The device needs a reset.
    pub fn interrupt(&mut self) -> Result<bool, Error> {
        if !self.transport.interrupt()? || !self.transport.config_changed() {
            return Ok(false);
        }
        let before = self.config;
        self.config = read_config(&mut self.transport, self.features)?;
        Ok(self.config != before)
    }

    /// Resets the device: it touches no memory any more.
    ///
    /// # Errors
    /// The device does not reset.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.transport.reset()
    }

    fn command(&mut self, command: Command, data: &[u8]) -> Result<(), Error> {
        let control = self.control.as_mut().ok_or(Error::Features)?;
        control.run(&self.transport, command, data)
    }
}

fn read_config<R: Narrow>(
    transport: &mut Transport<R>,
    features: Features,
) -> Result<Config, Error> {
    transport.config(|word| {
        Config::read(
            word,
            features.contains(Features::MAC),
            features.contains(Features::STATUS),
        )
    })
}
