// SPDX-License-Identifier: BSD-2-Clause
//! Power cuts at every operation of the flash, in every way in which one can tear, and again at every operation of the start
//! after it.

mod common;

use common::{SHAPE, check_memory, in_force, pump, start};
use molt_cfi_flash::model::{Model, Tear};
use molt_rom_driver::{Failure, Service, Transfer};

/// One swap: the content of a version is transferred by the generation before, if there is one, and a generation of it starts.
#[derive(Clone, Copy, Debug)]
struct Swap {
    version: usize,
    committed: bool,
}

const fn swap(version: usize) -> Swap {
    Swap {
        version,
        committed: true,
    }
}

const fn failed(version: usize) -> Swap {
    Swap {
        version,
        committed: false,
    }
}

/// From an erased flash: two updates, one that is rolled back, and one back to the first version.
const LIFE: [Swap; 6] = [swap(0), swap(1), failed(2), swap(1), swap(3), swap(0)];

/// What whoever reads the flash may find, in the order in which it came into force; the last one was acknowledged, unless a commit
/// is under way.
#[derive(Clone, Debug)]
struct Truth {
    possible: Vec<Option<usize>>,
    /// The version whose generation `update` has to start with: the one that was committed last, or the one that is being committed.
    starts: Vec<usize>,
}

impl Default for Truth {
    fn default() -> Self {
        Self {
            possible: vec![None],
            starts: vec![0],
        }
    }
}

impl Truth {
    fn committing(&mut self, version: usize) {
        self.possible.push(Some(version));
        self.starts.push(version);
    }

    fn committed(&mut self, version: usize) {
        self.possible = vec![Some(version)];
        self.starts = vec![version];
    }

    /// Makes swaps until the power goes.
    fn live(&mut self, model: &Model, swaps: &[Swap]) -> Result<(), Failure> {
        let mut number = 0;
        let mut before = None;
        for swap in swaps {
            if let Some(mut driver) = before.take() {
                transfer(&mut driver, swap.version)?;
            }
            number += 1;
            let mut driver = start(model, swap.version, number)?;
            check_memory(swap.version, number);
            if swap.committed {
                self.committing(swap.version);
                driver.committed();
                pump(&mut driver, 1)?;
                if !model.is_off() {
                    self.committed(swap.version);
                }
                before = Some(driver);
            }
            model.cut();
            if model.is_off() {
                break;
            }
        }
        Ok(())
    }

    fn check(&self, model: &Model) {
        let found = in_force(model);
        let possible = &self.possible;
        assert!(
            possible.contains(&found),
            "{found:?} is in force, not one of {possible:?}"
        );
    }
}

fn transfer(driver: &mut impl Service<Error = Failure>, version: usize) -> Result<(), Failure> {
    driver.transfer(common::content(version));
    for _ in 0..10_000 {
        pump(driver, 1)?;
        match driver.transferred() {
            Transfer::Working(_) => {}
            Transfer::Done => return Ok(()),
            Transfer::Failed(_) => return Err(Failure::NotWritten),
        }
    }
    panic!("the transfer does not end");
}

/// Runs a life in which the power goes, and checks what is left. Returns the flash, if the power has gone.
fn cut(from: &Model, truth: &mut Truth, swaps: &[Swap], at: u64, tear: Tear) -> Option<Model> {
    from.cut_at(at, tear);
    let lived = truth.live(from, swaps);
    from.cut();
    if !from.is_off() {
        lived.expect("no failure but by the cut");
        return None;
    }
    let after = from.restarted(at);
    truth.check(&after);
    Some(after)
}

#[test]
fn a_life_without_a_cut_ends_with_its_last_version() {
    let model = Model::new(SHAPE);
    let mut truth = Truth::default();
    truth.live(&model, &LIFE).unwrap();
    assert_eq!(truth.possible, [Some(0)]);
    truth.check(&model);
}

#[test]
fn at_every_cut_one_version_is_whole_and_the_next_start_has_the_one_that_it_is_told() {
    let mut cuts = 0;
    for tear in Tear::ALL {
        for at in 1.. {
            let mut truth = Truth::default();
            let Some(model) = cut(&Model::new(SHAPE), &mut truth, &LIFE, at, tear) else {
                break;
            };
            cuts += 1;
            for version in truth.starts.clone() {
                // A generation of either may be what `update` starts with; the power goes again at each of its operations.
                for second in 1.. {
                    let again = model.restarted(second);
                    let mut truth = truth.clone();
                    let tear = Tear::ALL[(second as usize + at as usize) % Tear::ALL.len()];
                    let swaps = [swap(version)];
                    let Some(after) = cut(&again, &mut truth, &swaps, second, tear) else {
                        assert_eq!(in_force(&again), Some(version));
                        break;
                    };
                    let mut last = Truth::default();
                    last.live(&after, &swaps).expect("no failure");
                    assert_eq!(in_force(&after), Some(version));
                }
            }
        }
    }
    // Six blocks or more are erased and hundreds of words written.
    assert!(cuts > 500, "{cuts}");
}
