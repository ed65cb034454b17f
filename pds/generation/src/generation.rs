// SPDX-License-Identifier: BSD-2-Clause
//! The life of a generation: it starts, serves and quiesces, and reports to `update`.

use molt_control::{Order, Orders, Report, Transfer};
use molt_service::{Code, Progress, Service};
use molt_system::{DriverBrief, NONE};
use sel4_microkit::{Channel, ChannelSet, DeferredAction, DeferredActionSlot, Handler, Infallible};

use crate::{Fault, brief};

/// One generation: a driver, the orders that it follows, and its report.
pub struct Generation<S, F> {
    brief: &'static DriverBrief,
    /// `None` after an error of the device: then only the report is served.
    driver: Option<S>,
    fault: F,
    orders: Orders<'static>,
    report: Report<'static>,
    irq: Option<Channel>,
    update: Option<Channel>,
    /// It was reported that the device has started.
    ready: bool,
    /// Serial number of the quiesce order that was answered, until the next order to run.
    at_rest: Option<u64>,
    beat: u64,
    /// Serial number of the newest transfer, and what was reported of it.
    transfer: (u32, Transfer),
    /// The driver was told that its image has been committed.
    committed: bool,
    /// The last notification of a client: sent by the call that waits for the next event.
    last: DeferredActionSlot,
    /// The client that is notified last, the next time; at most 31.
    preferred: u32,
}

impl<S: Service, F: Fault> Generation<S, F> {
    /// Starts the generation. `version` is reported to `update`, until the driver knows that of its device's firmware. `open` starts the device from reset and attaches the brief's
    /// clients, for the generation of this number. A warm start is made like a cold one: no capsule is exported.
    pub fn start(
        brief: &'static DriverBrief,
        version: u64,
        fault: F,
        open: impl FnOnce(&'static DriverBrief, u64) -> Result<S, S::Error>,
    ) -> Self {
        let (orders, report) = brief::control(brief);
        let orders = Orders::new(orders);
        let generation = orders.generation();
        let report = Report::new(report, generation);
        report.version(version);
        let mut this = Self {
            brief,
            driver: None,
            fault,
            orders,
            report,
            irq: channel(brief.irq),
            update: channel(brief.update_channel),
            ready: false,
            at_rest: None,
            beat: 0,
            transfer: (0, Transfer::Done),
            committed: false,
            last: DeferredActionSlot::new(),
            preferred: 0,
        };
        let started = open(brief, generation).and_then(|driver| {
            this.driver = Some(driver);
            this.say_ready()
        });
        if let Err(error) = started {
            this.failed(&error);
        }
        this
    }

    /// Reports once that the device has started.
    fn say_ready(&mut self) -> Result<(), S::Error> {
        if let Some(driver) = &mut self.driver
            && !self.ready
            && driver.ready()?
            && self.fault.says_ready()
        {
            self.fault.before_ready();
            self.ready = true;
            if let Some(version) = driver.version() {
                self.report.version(version);
            }
            self.report.ready();
            self.tell_update();
        }
        Ok(())
    }

    /// Does all the work that there is. `interrupted`: the device's interrupt was delivered and has to be acknowledged. (An
    /// interrupt that the generation before had left unacknowledged was acknowledged at the start, after the reset.)
    fn serve(&mut self, interrupted: Option<Channel>) -> Result<(), S::Error> {
        if let Some(irq) = interrupted {
            self.interrupt()?;
            // It fails only without the capability, which `update` may have taken away; then there is nothing to acknowledge.
            let _ = irq.irq_ack();
            // This sees what came since the first look. From now on a rising edge is a new interrupt.
            self.interrupt()?;
        }
        loop {
            self.say_ready()?;
            self.follow_order();
            let Some(driver) = &mut self.driver else {
                break;
            };
            let progress = driver.pump()?;
            self.fault.pumped(&progress, brief::control(self.brief).0);
            self.account(progress);
            self.report_transfer();
            if !progress.more {
                break;
            }
            self.beat();
        }
        self.settle();
        Ok(())
    }

    fn interrupt(&mut self) -> Result<(), S::Error> {
        if let Some(driver) = &mut self.driver {
            let progress = driver.interrupt()?;
            self.account(progress);
        }
        Ok(())
    }

    /// Reports progress to `update` and notifies the clients.
    fn account(&mut self, progress: Progress) {
        if progress == Progress::default() {
            return;
        }
        let now = molt_clock::now().0;
        let errors = self.fault.errors(&progress);
        let mut first = progress.submitted > 0 && self.report.submitted(now);
        for n in 0..progress.completed {
            first |= self.report.completed(n < errors, now);
        }
        if progress.notify != 0 {
            self.notify(progress.notify);
        }
        if first {
            self.tell_update();
        }
    }

    /// Notifies the clients whose bits are set. A thread that a higher one wakes stands before the others of its priority, so whoever
    /// is notified last runs first. Of several, that is another one each time.
    fn notify(&mut self, clients: u32) {
        let up_to_preferred = u32::MAX >> (31 - self.preferred);
        let parts = [clients & !up_to_preferred, clients & up_to_preferred];
        if clients & (clients - 1) != 0 {
            let first = if parts[0] != 0 { parts[0] } else { clients };
            self.preferred = first.trailing_zeros();
        }
        for mut left in parts {
            while left != 0 {
                let n = left.trailing_zeros();
                left &= left - 1;
                self.notify_one(n as usize);
            }
        }
    }

    fn notify_one(&mut self, n: usize) {
        let Some(client) = self.brief.clients().get(n) else {
            return;
        };
        let generation = self.orders.generation();
        self.fault.completed(brief::queue(client), generation);
        if let Some(channel) = channel(client.channel) {
            // A notification cannot fail.
            let _ = self.last.defer_notify(channel);
        }
    }

    fn follow_order(&mut self) {
        let (order, _) = self.orders.order();
        if let Some(driver) = &mut self.driver
            && self.fault.obeys()
        {
            driver.set_taking(order == Order::Run);
            if self.brief.firmware.size == 0 {
                return;
            }
            if self.ready && !self.committed && self.orders.committed() {
                self.committed = true;
                driver.committed();
            }
            if let Some((serial, length)) = self.orders.transfer()
                && serial != self.transfer.0
            {
                self.transfer = (serial, Transfer::Working(0));
                driver.transfer(brief::next_firmware(self.brief, length));
            }
        }
    }

    /// Reports how far a transfer is that has not ended.
    fn report_transfer(&mut self) {
        let (serial, before) = self.transfer;
        if let (Transfer::Working(_), Some(driver)) = (before, &self.driver) {
            let now = driver.transferred();
            self.report.transfer(serial, now);
            self.transfer.1 = now;
            if !matches!(now, Transfer::Working(_)) {
                self.tell_update();
            }
        }
    }

    /// Answers a heartbeat, if `update` has asked for one.
    fn beat(&mut self) {
        let beat = self.orders.beat();
        if beat != self.beat {
            self.beat = beat;
            self.report.beat(beat);
            self.tell_update();
        }
    }

    /// Reports that the generation has quiesced, once nothing is with the device; or that it serves again.
    fn settle(&mut self) {
        let (order, serial) = self.orders.order();
        let idle = self
            .driver
            .as_ref()
            .is_none_or(|driver| driver.in_flight() == 0);
        match (order, self.at_rest) {
            (Order::Quiesce, answered)
                if idle && answered != Some(serial) && self.fault.obeys() =>
            {
                self.at_rest = Some(serial);
                self.report.quiesced(serial);
                self.tell_update();
            }
            // The order to quiesce was withdrawn.
            (Order::Run, Some(_)) if self.ready => {
                self.at_rest = None;
                self.report.ready();
                self.tell_update();
            }
            _ => {}
        }
    }

    /// Reports an error that the driver cannot handle; `update` ends the generation.
    fn failed(&mut self, error: &S::Error) {
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

impl<S: Service, F: Fault> Handler for Generation<S, F> {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        // The heartbeat comes first: an access to the device may take long, and `update` must not take that for a failure.
        self.beat();
        let interrupted = self.irq.filter(|irq| channels.contains(*irq));
        if let Err(error) = self.serve(interrupted) {
            self.failed(&error);
        }
        Ok(())
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.last.take()
    }
}

fn channel(id: u32) -> Option<Channel> {
    (id != NONE).then(|| Channel::new(id as usize))
}
