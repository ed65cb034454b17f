// SPDX-License-Identifier: BSD-2-Clause
//! Wake-up times for the PD that owns the timer: one for each of its `N` clients.

use crate::Ticks;

/// The times that are set, for at most 64 clients.
#[derive(Debug)]
pub struct Deadlines<const N: usize> {
    times: [Ticks; N],
    /// Bit n: client n has a time. Only these, which are few, are examined.
    set: u64,
}

impl<const N: usize> Deadlines<N> {
    /// No times are set.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        const { assert!(N <= 64) };
        Self {
            times: [Ticks(0); N],
            set: 0,
        }
    }

    /// Sets the client's time, in place of an earlier one; `None` cancels it. A client from `N` on has none.
    pub fn set(&mut self, client: usize, at: Option<Ticks>) {
        let Some(time) = self.times.get_mut(client) else {
            return;
        };
        self.set &= !(1 << client);
        if let Some(at) = at {
            *time = at;
            self.set |= 1 << client;
        }
    }

    /// Takes a client whose time has come, the earliest first.
    pub fn expired(&mut self, now: Ticks) -> Option<usize> {
        let (at, client) = self.earliest()?;
        if at > now {
            return None;
        }
        self.set(client, None);
        Some(client)
    }

    /// The next time.
    pub fn next(&self) -> Option<Ticks> {
        self.earliest().map(|(at, _)| at)
    }

    fn earliest(&self) -> Option<(Ticks, usize)> {
        let mut rest = self.set;
        let clients = core::iter::from_fn(|| {
            let client = rest.trailing_zeros() as usize;
            rest &= rest.wrapping_sub(1);
            let at = self.times.get(client)?;
            Some((*at, client))
        });
        clients.min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once_and_in_order() {
        let mut deadlines = Deadlines::<4>::new();
        deadlines.set(0, Some(Ticks(30)));
        deadlines.set(1, Some(Ticks(10)));
        deadlines.set(2, Some(Ticks(20)));
        deadlines.set(9, Some(Ticks(1)));
        assert_eq!(
            (deadlines.next(), deadlines.expired(Ticks(9))),
            (Some(Ticks(10)), None)
        );
        assert_eq!(deadlines.expired(Ticks(20)), Some(1));
        assert_eq!(deadlines.expired(Ticks(20)), Some(2));
        assert_eq!(deadlines.expired(Ticks(20)), None);
        deadlines.set(0, Some(Ticks(40)));
        assert_eq!(deadlines.expired(Ticks(39)), None, "replaced");
        deadlines.set(0, None);
        assert_eq!(
            (deadlines.next(), deadlines.expired(Ticks(u64::MAX))),
            (None, None)
        );
    }

    #[test]
    fn equal_times_are_all_told() {
        let mut deadlines = Deadlines::<62>::new();
        (0..62).for_each(|client| deadlines.set(client, Some(Ticks(5))));
        assert_eq!(
            core::iter::from_fn(|| deadlines.expired(Ticks(5))).count(),
            62
        );
    }
}
