// SPDX-License-Identifier: BSD-2-Clause
//! The generation's life: start, serve, quiesce; and its reports.

use molt_block::{Client, Device, Driver, Error, Progress, Ring};
use molt_block_queue::Server;
use molt_control::{Order, Orders, Report};
use molt_shared::Registers;
use molt_system::{DriverBrief, NONE};
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible};

use crate::{Image, brief, fault};

/// The driver and whom it answers to.
pub struct Generation<D> {
    brief: &'static DriverBrief,
    /// `None` after an error of the device: only the report is left.
    driver: Option<Driver<'static, D>>,
    orders: Orders<'static>,
    report: Report<'static>,
    irq: Option<Channel>,
    update: Option<Channel>,
    /// It was reported that the device has started.
    ready: bool,
    /// Serial number of the quiesce order that was answered, until the next order to run.
    at_rest: Option<u64>,
    beat: u64,
}

impl<D: Device> Generation<D> {
    /// Starts the device anew. Cold and warm are the same here: these drivers export no capsule.
    pub(crate) fn start(
        brief: &'static DriverBrief,
        image: Image,
        open: impl FnOnce(Registers, Ring<'static>) -> Result<D, D::Error>,
    ) -> Self {
        let (orders, report) = brief::control(brief);
        let orders = Orders::new(orders);
        let generation = orders.generation();
        let report = Report::new(report, generation);
        report.version(image.version);
        let mut this = Self {
            brief,
            driver: None,
            orders,
            report,
            irq: channel(brief.irq),
            update: channel(brief.update_channel),
            ready: false,
            at_rest: None,
            beat: 0,
        };
        let device = open(brief::registers(brief), brief::ring(brief));
        let started = device.map_err(Error::Device).and_then(|device| {
            this.driver = Some(with_clients(device, brief, image, generation)?);
            this.say_ready()
        });
        if let Err(error) = started {
            this.failed(&error);
        }
        this
    }

    /// Reports once that the device has started.
    fn say_ready(&mut self) -> Result<(), Error<D::Error>> {
        if let Some(driver) = &mut self.driver
            && !self.ready
            && driver.ready()?
            && fault::says_ready()
        {
            fault::before_ready();
            self.ready = true;
            self.report.ready();
            self.tell_update();
        }
        Ok(())
    }

    /// Everything that there may be to do. `interrupted`: the device's interrupt was delivered, and waits to be
    /// acknowledged. (One that a predecessor left so was acknowledged at the start, after the reset.)
    fn serve(&mut self, interrupted: Option<Channel>) -> Result<(), Error<D::Error>> {
        if let Some(irq) = interrupted {
            self.interrupt()?;
            // Without the capability, which `update` gives and takes, there is nothing to acknowledge.
            let _ = irq.irq_ack();
            // What came since the first look is seen here; from now on a rising edge is a new interrupt.
            self.interrupt()?;
            self.say_ready()?;
        }
        self.follow_order();
        if let Some(driver) = &mut self.driver {
            let progress = driver.pump();
            fault::pumped(&progress, brief::control(self.brief).0);
            self.account(progress);
        }
        self.settle();
        Ok(())
    }

    fn interrupt(&mut self) -> Result<(), Error<D::Error>> {
        if let Some(driver) = &mut self.driver {
            let progress = driver.interrupt()?;
            self.account(progress);
        }
        Ok(())
    }

    /// Reports progress to `update` and tells the clients.
    fn account(&mut self, progress: Progress) {
        if progress == Progress::default() {
            return;
        }
        let now = molt_clock::now().0;
        let mut first = progress.submitted > 0 && self.report.submitted(now);
        for n in 0..progress.completed {
            first |= self.report.completed(n < fault::errors(&progress), now);
        }
        for (n, client) in self.brief.clients().iter().enumerate() {
            if progress.notify & 1 << n != 0 {
                fault::completed(brief::queue(client), self.orders.generation());
                if let Some(channel) = channel(client.channel) {
                    channel.notify();
                }
            }
        }
        if first {
            self.tell_update();
        }
    }

    fn follow_order(&mut self) {
        let (order, _) = self.orders.order();
        if let Some(driver) = &mut self.driver
            && fault::obeys()
        {
            driver.set_taking(order == Order::Run);
        }
    }

    /// Gives a sign of life, if one is asked for.
    fn beat(&mut self) {
        let beat = self.orders.beat();
        if beat != self.beat {
            self.beat = beat;
            self.report.beat(beat);
            self.tell_update();
        }
    }

    /// Says that it is at rest, once nothing is with the device, or no more.
    fn settle(&mut self) {
        let (order, serial) = self.orders.order();
        let idle = self
            .driver
            .as_ref()
            .is_none_or(|driver| driver.in_flight() == 0);
        match (order, self.at_rest) {
            (Order::Quiesce, answered) if idle && answered != Some(serial) && fault::obeys() => {
                self.at_rest = Some(serial);
                self.report.quiesced(serial);
                self.tell_update();
            }
            // Called off.
            (Order::Run, Some(_)) if self.ready => {
                self.at_rest = None;
                self.report.ready();
                self.tell_update();
            }
            _ => {}
        }
    }

    /// The device is beyond help: only `update` can end this.
    fn failed(&mut self, error: &Error<D::Error>) {
        self.driver = None;
        self.report.failed(error.code());
        self.tell_update();
    }

    fn tell_update(&self) {
        if let Some(update) = self.update {
            update.notify();
        }
    }
}

impl<D: Device> Handler for Generation<D> {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        // First: an access to a device may take long, and that is not this domain's death.
        self.beat();
        let interrupted = self.irq.filter(|irq| channels.contains(*irq));
        if let Err(error) = self.serve(interrupted) {
            self.failed(&error);
        }
        Ok(())
    }
}

/// The driver of the device, with all clients.
fn with_clients<D: Device>(
    device: D,
    brief: &'static DriverBrief,
    image: Image,
    generation: u64,
) -> Result<Driver<'static, D>, Error<D::Error>> {
    let mut driver = Driver::new(device, image.batch);
    for client in brief.clients() {
        let queue = Server::new(brief::queue(client), generation);
        driver.attach(Client::new(queue, brief::share(client)))?;
    }
    Ok(driver)
}

fn channel(id: u32) -> Option<Channel> {
    (id != NONE).then(|| Channel::new(id as usize))
}
