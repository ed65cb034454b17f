// SPDX-License-Identifier: BSD-2-Clause
//! Handles what clients write: acknowledgements of gates, statistics, and the doorbell's requests.

use molt_doorbell::{Command, Reason, Request};
use molt_store::Kind;
use molt_trace::{Event as Trace, WordRef};
use molt_update::{Event, Phase};

use crate::limit::Offers;
use crate::{Kernel, Standing, Supervisor};

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    pub(crate) fn look_at_client(&mut self, index: usize) {
        let now = self.us();
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        let (mut closed, mut violated) = (0u8, 0u8);
        for component in 0..self.units.len() {
            let bit = 1u8 << component;
            if client.accuses(component) {
                violated |= bit;
            }
            if client.closing & bit != 0 && client.warden.acknowledged(component) {
                client.closing &= !bit;
                client.record.closed(true);
                closed |= bit;
            }
        }
        let request = client.request(now);
        for component in 0..self.units.len() {
            if closed & 1 << component != 0 {
                self.trace(Trace::Closed {
                    component: self.name(component),
                    client: self.client_name(index),
                });
                self.give(component, Event::GateClosed(index as u8));
            }
            if violated & 1 << component != 0
                && self.clients.get(index).is_some_and(|c| c.serves(component))
            {
                self.violated(component, index);
            }
        }
        if let Some(request) = request {
            self.requested(index, request);
        }
    }

    fn requested(&mut self, index: usize, request: Request) {
        let component = request.component as usize;
        let command = match request.command {
            Command::Offer => "offer",
            Command::Confirm => "confirm",
            Command::Cancel => "cancel",
            Command::Forgive => "forgive",
        };
        let limited = match request.command {
            Command::Offer => self.limits(index, component, request.length.into()),
            _ => Reason::None,
        };
        if limited == Reason::TooManyOffers && !self.first_of_many(index, component) {
            if let Some(store) = &mut self.store {
                store.leave_out();
            }
            let client = index as u8;
            return self.refuse(component, client, limited);
        }
        self.trace(Trace::Rung {
            client: self.client_name(index),
            component: self.name(component),
            command: WordRef(command),
            bytes: request.length.into(),
        });
        let new_handle = self.new_handle();
        let store = self.store_refuses(component);
        let others = self.waits_for_others(component);
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        let Some(unit) = self.units.get_mut(component) else {
            return client.refuse(Reason::NotAllowed);
        };
        if client.standing != Standing::Believed {
            return client.refuse(Reason::Fenced);
        }
        let (client_index, handle) = (index as u8, request.handle);
        let event = match request.command {
            Command::Offer => {
                let length = u64::from(request.length);
                let allowed = client.may_update(component);
                for refused in [limited, store, others] {
                    if allowed && refused != Reason::None {
                        return self.rejected(component, client_index, refused);
                    }
                }
                if unit.machine.phase() == Phase::Idle {
                    unit.offer.made(new_handle, length);
                }
                Event::Offer {
                    client: client_index,
                    allowed,
                    handle: new_handle,
                }
            }
            Command::Confirm => Event::Confirm {
                client: client_index,
                handle,
            },
            Command::Cancel => Event::Cancel {
                client: client_index,
                handle,
            },
            Command::Forgive if client.may_update(component) => {
                self.readmit(component);
                self.give(component, Event::Forgive);
                let about = self.about(component, Some(client_index));
                self.record(Kind::Forgiven, about);
                return self.answer(component, index);
            }
            Command::Forgive => return client.refuse(Reason::NotAllowed),
        };
        self.give(component, event);
    }

    /// Whether a client's offer is within its limits; the reason if not.
    pub(crate) fn limits(&mut self, index: usize, component: usize, length: u64) -> Reason {
        let now = self.us();
        let client = self.clients.get_mut(index);
        let client = client
            .filter(|client| client.standing == Standing::Believed && client.may_update(component));
        client.map_or(Reason::None, |client| client.offers(now, component, length))
    }

    /// Whether an offer beyond a client's limit is the first one since an offer that was not.
    fn first_of_many(&mut self, index: usize, component: usize) -> bool {
        let client = self.clients.get_mut(index);
        let offers = client.and_then(|client| client.offers.get_mut(component));
        offers.is_some_and(Offers::refuse)
    }

    /// A number that a guest cannot easily guess: the counter's low bits at several moments, mixed. It guards against mistakes
    /// and stale confirms of the same guest. No authority depends on it: only the client that offered can confirm.
    fn new_handle(&mut self) -> u64 {
        let mut x = self.entropy.wrapping_add(self.kernel.now().0) | 1;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.entropy = x ^ (x >> 31);
        self.entropy
    }
}
