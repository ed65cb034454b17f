// SPDX-License-Identifier: BSD-2-Clause
//! The time budget of a scheduling context, a sporadic server: time that is used is replenished one period after
//! it became available.

use alloc::vec::Vec;

use crate::pool::HeapFull;

/// Refills of the smallest scheduling context.
pub(crate) const MIN_REFILLS: usize = 2;

/// An amount of time and when it may be used from. Ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Refill {
    pub time: u64,
    pub amount: u64,
}

/// The refills, ordered by time; the first is the one in use.
pub(crate) struct Refills {
    list: Vec<Refill>,
    /// Most refills at a time; 0: not configured.
    max: usize,
    /// Ticks; 0: round robin (budget = period).
    pub period: u64,
    /// Ticks.
    pub budget: u64,
}

/// The machine's times that the rules depend on, in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The kernel's own worst time, by which a refill may be used early.
    pub slack: u64,
    /// Less than this is not worth a switch.
    pub min_budget: u64,
}

impl Refills {
    /// Room for `capacity` refills.
    pub fn new(capacity: usize) -> Result<Self, HeapFull> {
        let mut list = Vec::new();
        list.try_reserve_exact(capacity).map_err(|_| HeapFull)?;
        Ok(Refills {
            list,
            max: 0,
            period: 0,
            budget: 0,
        })
    }

    /// Configured?
    pub fn active(&self) -> bool {
        self.max > 0
    }

    /// Budget equals period: no accounting over time, only slices.
    pub fn round_robin(&self) -> bool {
        self.period == 0
    }

    /// The refill in use.
    pub fn head(&self) -> Refill {
        self.list
            .first()
            .copied()
            .unwrap_or(Refill { time: 0, amount: 0 })
    }

    /// Give a full budget from `now`.
    pub fn configure(&mut self, max: usize, budget: u64, period: u64, now: u64) {
        self.set(max, budget, period);
        self.list.clear();
        self.push(Refill {
            time: now,
            amount: budget,
        });
    }

    /// Change the parameters of one that is in use: no more than the new budget, in any period.
    pub fn update(&mut self, max: usize, budget: u64, period: u64, now: u64, limits: Limits) {
        let mut head = self.head();
        self.set(max, budget, period);
        self.list.clear();
        if head.time <= now.saturating_add(limits.slack) {
            head.time = now;
        }
        if head.amount >= budget {
            head.amount = budget;
            self.push(head);
        } else {
            self.push(head);
            self.push(Refill {
                time: head.time.saturating_add(period),
                amount: budget - head.amount,
            });
        }
    }

    fn set(&mut self, max: usize, budget: u64, period: u64) {
        self.max = max;
        self.budget = budget;
        self.period = period;
    }

    fn push(&mut self, refill: Refill) {
        // Never more than were reserved: the surplus is given back later, with the last one.
        let full = self.list.len() >= self.max;
        match self.list.last_mut() {
            Some(last) if full => {
                last.amount += refill.amount;
                last.time = last
                    .time
                    .max(refill.time.saturating_sub(last.amount - refill.amount));
            }
            Some(last) if last.time.saturating_add(last.amount) >= refill.time => {
                last.amount += refill.amount;
            }
            _ => self.list.push(refill),
        }
    }

    /// May it be used now?
    pub fn ready(&self, now: u64, limits: Limits) -> bool {
        self.head().time <= now.saturating_add(limits.slack)
    }

    /// Is enough left, with `used` not yet charged?
    pub fn sufficient(&self, used: u64, limits: Limits) -> bool {
        self.head().amount.saturating_sub(used) >= limits.min_budget
    }

    /// The time that is left in the refill in use.
    pub fn left(&self, used: u64) -> u64 {
        self.head().amount.saturating_sub(used)
    }

    /// Charge time that was used.
    pub fn charge(&mut self, used: u64, limits: Limits) {
        if self.round_robin() {
            // The slice is over (or part of it is): a full one comes when the rest is too small.
            if let Some(head) = self.list.first_mut() {
                head.amount = head.amount.saturating_sub(used);
                if head.amount < limits.min_budget {
                    head.amount = self.budget;
                }
            }
            return;
        }
        let mut used = used;
        while let Some(head) = self.list.first().copied() {
            if head.amount > used {
                break;
            }
            used -= head.amount;
            let later = Refill {
                time: head.time.saturating_add(self.period),
                amount: head.amount,
            };
            if self.list.len() == 1 {
                self.list[0] = later;
                if later.time > MAX_RELEASE {
                    break;
                }
            } else {
                self.list.remove(0);
                self.push(later);
            }
        }
        if used > 0
            && let Some(head) = self.list.first_mut()
        {
            let later = Refill {
                time: head.time.saturating_add(self.period),
                amount: used,
            };
            head.amount -= used;
            head.time = head.time.saturating_add(used);
            self.push(later);
        }
        self.merge_small(limits);
    }

    /// A thread wakes on it: time that was not used while it slept is not saved up.
    pub fn unblock(&mut self, now: u64, limits: Limits) {
        if self.round_robin() || !self.ready(now, limits) {
            return;
        }
        if let Some(head) = self.list.first_mut() {
            head.time = now;
        }
        while let [first, second, ..] = self.list.as_mut_slice() {
            if second.time > first.time.saturating_add(first.amount) {
                break;
            }
            first.amount += second.amount;
            self.list.remove(1);
        }
    }

    /// A head too small to be worth a switch waits for the next refill.
    fn merge_small(&mut self, limits: Limits) {
        while let [first, second, ..] = self.list.as_mut_slice() {
            let overlaps = second.time <= first.time.saturating_add(first.amount);
            if first.amount >= limits.min_budget && !overlaps {
                break;
            }
            if overlaps {
                first.amount += second.amount;
            } else {
                // Usable for the sum, ending where the second would end.
                let amount = first.amount + second.amount;
                first.time = second.time.saturating_sub(first.amount);
                first.amount = amount;
            }
            self.list.remove(1);
        }
    }

    /// The sum of all refills; never above the budget.
    #[cfg(test)]
    pub fn total(&self) -> u64 {
        self.list.iter().map(|r| r.amount).sum()
    }
}

/// Far enough that nothing waits for it.
const MAX_RELEASE: u64 = u64::MAX / 2;
