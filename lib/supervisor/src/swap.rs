// SPDX-License-Identifier: BSD-2-Clause
//! The swap from one holder of the device to the next: suspend, stop, deny, grant.

use molt_doorbell::Reason;
use molt_system::{STAND_IN, names_of_techniques};
use molt_trace::{Event as Trace, WordRef};
use molt_update::{Event, Phase};

use crate::holder::{Estate, Place, twice};
use crate::unit::pages;
use crate::{Error, Kernel, Result, Supervisor, Thread};

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// Done while the old generation still serves. An error ends nothing here: what is missing is done at the stop and the grant, and
    /// ports that were given in part make the grant fail, which rolls back.
    pub(crate) fn prepare(&mut self, index: usize, generation: u64, arena: u8) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let place = Place::at(self.books.arena(unit.arena_number(arena)));
        let (kernel, books, holder) = (&self.kernel, &mut self.books, &mut unit.holder);
        let control = pages(&mut unit.control, arena);
        let connected = holder.prepare(kernel, books, unit.plan, control, place, generation);
        let mapped = unit.stop.prepare(kernel, books, holder, unit.plan);
        if let Err(error) = connected.and(mapped) {
            self.failed("prepare", error);
        }
    }

    pub(crate) fn suspend(&mut self, index: usize) {
        // Without an order to quiesce the blackout begins here.
        self.measure_deny(index);
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        unit.watch.leaving(unit.report());
        unit.departed.owing = unit.watch.owing();
        unit.watch.end();
        if let Some(place) = unit.holder.place() {
            // It fails only if there is no thread.
            let _ = twice(|| self.kernel.suspend(Thread::Vault(place.tcb)));
        }
    }

    pub(crate) fn stop_device(&mut self, index: usize) {
        self.judge_gates(index);
        let now = self.us();
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let (kernel, books, holder) = (&self.kernel, &mut self.books, &mut unit.holder);
        match unit.stop.prepare(kernel, books, holder, unit.plan) {
            Ok(()) => unit.stop.begin(kernel, unit.plan, now),
            Err(error) => self.failed("stop", error),
        }
        if self.look_whether_stopped(index) {
            self.follow_up(index, Event::Stopped);
        }
    }

    /// Whether a device that had to stop has stopped since the last look.
    pub(crate) fn look_whether_stopped(&mut self, index: usize) -> bool {
        let now = self.us();
        let unit = self.units.get_mut(index);
        let stopped = unit.is_some_and(|unit| unit.stop.ended(&self.kernel, unit.plan, now));
        if stopped {
            #[cfg(feature = "probe-dma")]
            self.check_ring(index);
            self.trace(Trace::Stopped {
                component: self.name(index),
            });
        }
        stopped
    }

    pub(crate) fn deny(&mut self, index: usize) {
        self.measure_deny(index);
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let estate = unit.estate;
        let techniques = names_of_techniques(unit.plan.technique);
        let denied = unit.holder.deny(&self.kernel, &mut self.books, estate);
        unit.stop.denied();
        #[cfg(feature = "probe-denied")]
        if denied.is_some() {
            self.check_denied(index);
        }
        let Some((place, result)) = denied else {
            return;
        };
        match result {
            Ok(()) => self.tell_denied(index),
            Err(error) => self.failed("deny", error),
        }
        self.denied(index, place);
        for region in estate.regions {
            self.trace(Trace::Revoked {
                component: self.name(index),
                region: WordRef(region.name.as_str()),
            });
        }
        self.trace(Trace::Denied {
            component: self.name(index),
            technique: WordRef(techniques),
        });
    }

    /// What was asked of the old generation is not carried out any more. A stand-in is told, which may serve it.
    fn tell_denied(&mut self, index: usize) {
        let unit = self.units.get(index);
        if unit.is_none_or(|unit| unit.plan.technique & STAND_IN == 0) {
            return;
        }
        for client in self.clients.iter_mut().filter(|c| c.serves(index)) {
            client.warden.deny(index);
            client.changed();
        }
    }

    #[cfg(feature = "probe-old")]
    fn denied(&mut self, index: usize, place: Place) {
        if self.units.get(index).is_some_and(|u| u.departed.in_order) {
            self.try_old(index, place);
        }
    }

    #[cfg(not(feature = "probe-old"))]
    fn denied(&mut self, _index: usize, _place: Place) {}

    pub(crate) fn grant(&mut self, index: usize, generation: u64, arena: u8) {
        let gone = self.gone();
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let place = Place::at(self.books.arena(unit.arena_number(arena)));
        unit.departed.in_order = false;
        unit.departed.accuser = None;
        unit.measure.granted();
        unit.serving = arena;
        unit.runs = unit.built;
        let result = unit.holder.grant(
            &self.kernel,
            &mut self.books,
            Estate {
                gone,
                ..unit.estate
            },
            &unit.ports,
            place,
            generation,
            pages(&mut unit.control, arena),
        );
        self.trace(Trace::Granted {
            component: self.name(index),
            generation,
        });
        match result {
            Ok(()) => self.unpark(index),
            Err(error) => {
                self.failed("grant", error);
                let reason = Reason::GrantFailed;
                self.follow_up(index, Event::Failed { generation, reason });
            }
        }
    }

    /// The generation is ready: clients get the memory that it has filled, and the client that drives the device itself, if there is one,
    /// gets that.
    pub(crate) fn pass(&mut self, index: usize) -> Result {
        let unit = self.units.get_mut(index).ok_or(Error::INVALID_ARGUMENT)?;
        let (kernel, books, estate) = (&self.kernel, &mut self.books, unit.estate);
        unit.holder.pass(kernel, books, estate, &unit.ports)
    }

    /// Resumes the clients that are parked because of this component.
    fn unpark(&mut self, index: usize) {
        for client in self
            .clients
            .iter_mut()
            .filter(|c| c.serves(index) && c.parked == Some(index))
        {
            // It fails only if there is no such thread.
            let _ = twice(|| self.kernel.resume(client.thread()));
            client.parked = None;
        }
    }

    /// The component is out of service. Parked clients get their regions, so that they continue and find their gate closed for
    /// good.
    pub(crate) fn release(&mut self, index: usize) {
        for client in 0..self.clients.len() {
            let waits = self
                .clients
                .get(client)
                .is_some_and(|c| c.parked == Some(index));
            if waits && self.lend(index, client) {
                self.unpark(index);
            }
        }
    }

    /// The component comes back into service: nobody has its regions any more, and all gates are closed.
    pub(crate) fn reclaim(&mut self, index: usize) {
        for client in self.clients.iter_mut().filter(|c| c.serves(index)) {
            client.warden.close(index);
            client.changed();
        }
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let (kernel, books, estate) = (&self.kernel, &mut self.books, unit.estate);
        if let Err(error) = unit.holder.reclaim(kernel, books, estate) {
            self.failed("reclaim", error);
        }
    }

    /// Gives a client its regions of a component that is out of service. Returns whether it has them: not if the device
    /// did not stop, or if something could not be taken away.
    pub(crate) fn lend(&mut self, index: usize, client: usize) -> bool {
        let serves = self.clients.get(client).is_some_and(|c| c.serves(index));
        let Some(unit) = self.units.get_mut(index) else {
            return false;
        };
        if !serves || !matches!(unit.machine.phase(), Phase::OutOfService(_)) {
            return false;
        }
        let (kernel, books, estate) = (&self.kernel, &mut self.books, unit.estate);
        let lent = twice(|| unit.holder.lend(kernel, books, estate, client));
        if let Err(error) = lent {
            self.failed("lend", error);
        }
        lent.is_ok()
    }
}
