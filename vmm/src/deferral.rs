// SPDX-License-Identifier: BSD-2-Clause
//! What the guest says about updates of its devices: "not now".
//!
//! It is a word in the gate pages that stands until the guest says something else (`molt_gate::Deferrals`), and no command to `update`,
//! which looks at it when an update is ready to take a device away. So the guest has its answer at once, and may say what it likes as
//! often as it likes.

use core::sync::atomic::AtomicU64;

use molt_doorbell::port::Fault;
use molt_gate::Deferrals;

/// The guest's deferrals, of all its devices.
#[derive(Clone)]
pub struct Deferral<'a> {
    words: Deferrals<'a>,
    /// How long an update of each component waits for this guest at the most, in us.
    most: heapless::Vec<(u32, u64), { molt_gate::COMPONENTS }>,
    nanoseconds: fn(u64) -> u64,
}

impl<'a> Deferral<'a> {
    /// Over the whole gate pages, `to_client` and `to_update`. `most`: by component, how long an update waits for this guest at the most, in us; 0: not at all.
    /// `nanoseconds` converts ticks of the counter.
    #[must_use]
    pub fn new(
        (to_client, to_update): (&'a [AtomicU64], &'a [AtomicU64]),
        most: impl IntoIterator<Item = (u32, u64)>,
        nanoseconds: fn(u64) -> u64,
    ) -> Self {
        let most = most.into_iter().take(molt_gate::COMPONENTS).collect();
        Self {
            words: Deferrals::new(to_client, to_update),
            most,
            nanoseconds,
        }
    }

    /// How long an update of a component waits for the guest at the most, in ms; 0: it may not defer it.
    #[must_use]
    pub fn most_ms(&self, component: u32) -> u32 {
        let most = self.most.iter().find(|(of, _)| *of == component);
        let ms = most.map_or(0, |(_, us)| us / 1000);
        u32::try_from(ms).unwrap_or(u32::MAX)
    }

    /// The guest defers updates of a component from `now`, in ticks, for so many ms; 0: not any more. Returns whether `update` is to be
    /// notified.
    ///
    /// # Errors
    /// It may not; or the device is not there just now, so that it is too late.
    pub fn defer(&self, component: u32, ms: u32, now: u64) -> Result<bool, Fault> {
        if self.most_ms(component) == 0 {
            return Err(Fault::NotAllowed);
        }
        let us = |ticks| (self.nanoseconds)(ticks) / 1000;
        let until = match ms {
            0 => 0,
            ms => us(now).saturating_add(u64::from(ms) * 1000),
        };
        let notify = self.words.defer(component as usize, until);
        // `update` has a higher priority: what it decides, it decides before this line or after it.
        if ms != 0 && !self.words.is_there(component as usize) {
            let _ = self.words.defer(component as usize, 0);
            return Err(Fault::TooLate);
        }
        // An update that waits for this guest need not know that it has to wait longer: it knows how long it may have to.
        Ok(notify)
    }

    /// Whether an update of a component waits for this guest.
    #[must_use]
    pub fn waits(&self, component: u32) -> bool {
        self.words.waits(component as usize)
    }

    /// The components of which an update waits for this guest, one bit each.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        let waits = self
            .most
            .iter()
            .filter(|(component, _)| self.waits(*component));
        waits.fold(0, |all, (component, _)| all | 1 << component)
    }

    /// The guest is reset, and says nothing any more. Returns whether `update` is to be notified.
    pub fn reset(&self) -> bool {
        let all = self.most.iter();
        all.fold(false, |notify, (component, _)| {
            notify | self.words.defer(*component as usize, 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use molt_gate::Warden;

    #[test]
    fn a_guest_defers_what_it_may_while_the_device_is_there() {
        let pages = [(); 2].map(|()| [const { AtomicU64::new(0) }; 512]);
        let [to_client, to_update] = &pages;
        let mut warden = Warden::new(to_client, to_update);
        let guest = Deferral::new((to_client, to_update), [(0, 30_000_000), (2, 0)], |ticks| {
            ticks * 1000
        });
        assert_eq!(
            (guest.most_ms(0), guest.most_ms(2), guest.most_ms(7)),
            (30_000, 0, 0)
        );
        for component in [2, 7, u32::MAX] {
            assert_eq!(guest.defer(component, 5, 0), Err(Fault::NotAllowed));
        }
        assert_eq!(guest.defer(0, 5, 100), Err(Fault::TooLate));
        assert_eq!(warden.deferral(0), 0, "what came too late does not stand");
        warden.open(0, 1);
        assert_eq!(guest.defer(0, 5, 100), Ok(false), "nobody waits for it");
        assert_eq!(warden.deferral(0), 5_100);
        assert_eq!(
            guest.defer(0, u32::MAX, 100),
            Ok(false),
            "no time is too long"
        );
        warden.wait_for(0, 9_000);
        assert!(guest.waits(0) && !guest.waits(2));
        warden.close(0);
        assert_eq!(
            guest.defer(0, 0, 200),
            Ok(true),
            "it may let it pass at any time"
        );
        assert_eq!(warden.deferral(0), 0);
        warden.open(0, 2);
        assert_eq!(guest.defer(0, 5, 100), Ok(true));
        assert!(guest.reset());
        assert_eq!(warden.deferral(0), 0, "a new life has said nothing");
    }
}
