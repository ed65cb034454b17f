// SPDX-License-Identifier: BSD-2-Clause
//! However a thread runs and sleeps, it gets no more than its budget in any period.

use std::vec::Vec;

use proptest::prelude::*;

use crate::refill::{Limits, Refills};

const BUDGET: u64 = 200;
const PERIOD: u64 = 1000;
const LIMITS: Limits = Limits {
    slack: 0,
    min_budget: 2,
};

/// Run (up to) and sleep, in turn; when it ran: from, to.
fn runs(max: usize, steps: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut refills = Refills::new(max).unwrap();
    let mut now = 5;
    refills.configure(max, BUDGET, PERIOD, now);
    let mut runs = Vec::new();
    for (run, sleep) in steps {
        // As at every switch to a scheduling context that is not sporadic.
        refills.unblock(now, LIMITS);
        if refills.ready(now, LIMITS) && refills.sufficient(0, LIMITS) {
            let used = (*run).min(refills.left(0));
            refills.charge(used, LIMITS);
            runs.push((now, now + used));
            now += used;
        } else {
            now = now.max(refills.head().time);
        }
        assert!(refills.total() <= BUDGET);
        now += sleep;
    }
    runs
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_period_sees_more_than_the_budget(
        max in 2..6usize,
        steps in proptest::collection::vec((1..250u64, 0..400u64), 1..80),
    ) {
        let runs = runs(max, &steps);
        // The worst window begins where a run begins.
        for (start, _) in &runs {
            let end = start + PERIOD;
            let used: u64 = runs
                .iter()
                .map(|(a, b)| (*b).min(end).saturating_sub((*a).max(*start)))
                .sum();
            // A rest below the least budget joins the next refill, and moves it forward by itself.
            prop_assert!(used <= BUDGET + 2 * LIMITS.min_budget, "{used} from {start}: {runs:?}");
        }
    }

    /// And who always wants to run gets the whole budget of every period.
    #[test]
    fn nothing_of_the_budget_is_lost(max in 2..6usize, slice in 3..250u64) {
        let steps: Vec<_> = (0..500).map(|_| (slice, 0)).collect();
        let runs = runs(max, &steps);
        let last = runs.last().unwrap().1;
        let used: u64 = runs.iter().map(|(a, b)| b - a).sum();
        let periods = last / PERIOD;
        prop_assert!(used + 2 * BUDGET >= periods * BUDGET, "{used} in {periods}");
    }
}
