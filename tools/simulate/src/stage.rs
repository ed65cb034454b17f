// SPDX-License-Identifier: BSD-2-Clause
//! `stage`: copies, verifies and builds. Where the script says so, it answers late, twice, falsely or never.

use std::sync::atomic::Ordering;

use molt_control::stage::{Command, Refused, Results, Worker};
use molt_doorbell::Reason;
use molt_system::cspace::{
    WORKSHOP_GENERATION_CNODE, WORKSHOP_REST, WORKSHOP_TCB, WORKSHOP_VSPACE,
};

use crate::calls::object;
use crate::driver::Kind;
use crate::mutant::Mutant;
use crate::plan::{self, ARENAS, FIRMWARE_PAGES, UNTYPEDS, WORKSHOP, driver_at};
use crate::shape::COMPONENTS;
use crate::world::{Actor, World};

/// A bundle, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Which one it is of all that were offered; 0: the factory's.
    pub number: u64,
    /// The image for each component that it has one for.
    pub kinds: [Option<Kind>; COMPONENTS],
    pub sequence: u64,
    /// By component: the list of keys that names the key that signed it; 0: it is a key of the image. Each list has other keys.
    pub keys: [u64; COMPONENTS],
}

impl Bundle {
    /// What the system starts with.
    pub const FACTORY: Self = Self {
        number: 0,
        kinds: [Some(Kind::Good); COMPONENTS],
        sequence: 1,
        keys: [0; COMPONENTS],
    };

    /// The components that it has images for, one bit each.
    pub fn components(&self) -> u8 {
        let there = |n: &usize| self.kinds[*n].is_some();
        (0..COMPONENTS).filter(there).fold(0, |all, n| all | 1 << n)
    }

    /// Whether it is for several components, and a client has offered it.
    pub fn is_joined(&self) -> bool {
        self.number > 0 && self.components().count_ones() > 1
    }

    fn digest(&self, component: usize) -> [u64; 4] {
        let kind = self.kinds[component].map_or(0, |kind| kind as u64 + 1);
        [kind, self.sequence, 0, 0]
    }
}

/// What a client offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staged {
    Bundle(Bundle),
    /// The list of keys with this sequence number.
    Keys(u64),
}

/// The fault of its next answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    Fails,
    Never,
    Twice,
    Lies,
    HalfBuilt,
}

impl Flaw {
    pub const ALL: [Self; 5] = [
        Self::Fails,
        Self::Never,
        Self::Twice,
        Self::Lies,
        Self::HalfBuilt,
    ];
}

/// The PD.
pub struct Stage {
    worker: Worker<'static>,
    pub flaw: Option<Flaw>,
    /// It has crashed or hangs.
    pub gone: bool,
    /// Each component's bundle slots.
    slots: [[Option<Bundle>; 3]; COMPONENTS],
    /// The bundle that each component's arenas are built from.
    pub built: [[Option<Bundle>; ARENAS]; COMPONENTS],
    /// An answer to be given again.
    again: Option<Results>,
}

impl Stage {
    pub fn new(world: &World) -> Self {
        let page = |at| world.ram.words(at, 4096);
        Self {
            worker: Worker::new(page(plan::COMMANDS), page(plan::RESULTS)),
            flaw: None,
            gone: false,
            slots: [[Some(Bundle::FACTORY), None, None]; COMPONENTS],
            built: [[None; ARENAS]; COMPONENTS],
            again: None,
        }
    }

    /// The bundle in a component's slot.
    pub fn bundle(&self, component: usize, slot: u8) -> Option<Bundle> {
        *self.slots.get(component)?.get(usize::from(slot))?
    }

    /// Executes its command. `staged`: what clients offer. Returns the component that a bundle was copied for, and whose it is.
    pub fn turn(&mut self, world: &mut World, staged: &[Staged]) -> Option<(usize, usize)> {
        if self.gone {
            return None;
        }
        if let Some(results) = self.again.take() {
            self.worker.done(results);
            world.signal(Actor::Update);
        }
        let command = self.worker.take()?;
        let flaw = self.flaw.take();
        if flaw == Some(Flaw::Never) {
            self.gone = true;
            return None;
        }
        let mut copied = None;
        let answer = match command {
            Command::Verify {
                component,
                slot,
                client,
                committed,
                keys,
                ..
            } => {
                copied = Some((component, client));
                let lies = flaw == Some(Flaw::Lies);
                match staged.get(client) {
                    Some(Staged::Bundle(bundle)) => {
                        let mutant = world.mutant;
                        let verified =
                            self.verify((component, slot), *bundle, (committed, keys), lies);
                        verified.map(|results| spoilt(results, component, mutant))
                    }
                    Some(Staged::Keys(list)) if *list > keys || lies => Ok(Results {
                        keys: true,
                        sequence: *list,
                        ..Results::default()
                    }),
                    Some(Staged::Keys(_)) => Err(Reason::OldKeys),
                    None => Err(Reason::Internal),
                }
            }
            Command::Build {
                component,
                slot,
                arena,
                ..
            } => self.build(world, (component, slot), arena, flaw),
        };
        match answer {
            _ if flaw == Some(Flaw::Fails) => self
                .worker
                .failed(Reason::BuildFailed as u32, Refused::default()),
            Err(reason) => self.worker.failed(reason as u32, Refused::default()),
            Ok(results) => {
                self.worker.done(results);
                if flaw == Some(Flaw::Twice) {
                    self.again = Some(results);
                    world.signal(Actor::Stage);
                }
            }
        }
        world.signal(Actor::Update);
        copied
    }

    fn verify(
        &mut self,
        (component, slot): (usize, usize),
        bundle: Bundle,
        (committed, keys): (u64, u64),
        lies: bool,
    ) -> Result<Results, Reason> {
        let slots = self.slots.get_mut(component).ok_or(Reason::Internal)?;
        *slots.get_mut(slot).ok_or(Reason::Internal)? = Some(bundle);
        if bundle.kinds[component].is_none() {
            return Err(Reason::WrongComponent);
        }
        if bundle.keys[component] != keys && !lies {
            return Err(Reason::RevokedKey);
        }
        if bundle.sequence <= committed && !lies {
            return Err(Reason::OldSequence);
        }
        Ok(Results {
            sequence: bundle.sequence,
            components: bundle.components(),
            digest: bundle.digest(component),
            manifest: [bundle.number; 4],
            length: 0x100,
            ..Results::default()
        })
    }

    fn build(
        &mut self,
        world: &mut World,
        (component, slot): (usize, usize),
        arena: usize,
        flaw: Option<Flaw>,
    ) -> Result<Results, Reason> {
        let slots = self.slots.get(component).ok_or(Reason::Internal)?;
        let bundle = slots.get(slot).copied().flatten();
        let built = &mut self.built[component];
        *built.get_mut(arena).ok_or(Reason::Internal)? = bundle;
        let half = flaw == Some(Flaw::HalfBuilt);
        let made = make(world, half);
        let firmware = match (bundle, world.devices[component].firmware) {
            (Some(bundle), Some(_)) if made.is_ok() && !half => load(world, bundle),
            _ => Ok(None),
        };
        if half {
            self.gone = true;
            return Err(Reason::BuildFailed);
        }
        made.map_err(|_| Reason::BuildFailed)?;
        let firmware = firmware.map_err(|_| Reason::BuildFailed)?;
        let slots = match flaw {
            Some(Flaw::Lies) => 5000,
            _ => u64::from(WORKSHOP_REST) + 2 + u64::from(firmware.map_or(0, |_| FIRMWARE_PAGES)),
        };
        Ok(Results {
            firmware_slot: u64::from(WORKSHOP_REST) + 2,
            firmware_length: firmware.map_or(0, |_| u64::from(FIRMWARE_PAGES) * 4096 - 1),
            firmware_digest: bundle.map_or([0; 4], |bundle| bundle.digest(component)),
            slots,
            ..Results::default()
        })
    }
}

/// What a mutant makes of it.
fn spoilt(results: Results, component: usize, mutant: Option<Mutant>) -> Results {
    match mutant {
        Some(Mutant::AnyCopy) => Results {
            manifest: [0; 4],
            ..results
        },
        Some(Mutant::OneOfTwo) => Results {
            components: 1 << component,
            ..results
        },
        _ => results,
    }
}

/// The firmware's frames, which hold the bundle's sequence number, mapped into the generation in the workshop.
fn load(world: &mut World, bundle: Bundle) -> Result<Option<()>, u64> {
    let at = |n: u32| WORKSHOP + u64::from(WORKSHOP_REST + 2 + n);
    let calls = &mut world.calls;
    let count = FIRMWARE_PAGES.into();
    calls.retype(WORKSHOP + 2, object::PAGE, 0, at(0), count)?;
    for n in 0..FIRMWARE_PAGES {
        let vaddr = driver_at::FIRMWARE + 4096 * u64::from(n);
        let paddr = world.calls.paddr(at(n));
        let vspace = WORKSHOP + u64::from(WORKSHOP_VSPACE);
        world.calls.map(at(n), vspace, vaddr, 2, 3 | 4)?;
        let word = world.ram.word(paddr);
        word.store(bundle.sequence, Ordering::Relaxed);
    }
    Ok(Some(()))
}

/// The objects of a generation, in the workshop.
fn make(world: &mut World, half: bool) -> Result<(), u64> {
    let calls = &mut world.calls;
    let at = |slot: u32| WORKSHOP + u64::from(slot);
    let untyped = |n: u32| at(n);
    const _: () = assert!(UNTYPEDS == 3);
    calls.retype(
        untyped(0),
        object::CNODE,
        9,
        at(WORKSHOP_GENERATION_CNODE),
        1,
    )?;
    if half {
        return Ok(());
    }
    calls.retype(untyped(1), object::VSPACE, 0, at(WORKSHOP_VSPACE), 1)?;
    calls.retype(untyped(1), object::PAGE_TABLE, 0, at(WORKSHOP_REST), 2)?;
    calls.retype(untyped(2), object::TCB, 0, at(WORKSHOP_TCB), 1)?;
    calls.assign_asid(at(WORKSHOP_VSPACE))?;
    for table in [WORKSHOP_REST, WORKSHOP_REST + 1] {
        calls.map_table(at(table), at(WORKSHOP_VSPACE), driver_at::ORDERS)?;
    }
    Ok(())
}
