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
use crate::plan::{self, FIRMWARE_PAGES, UNTYPEDS, WORKSHOP, driver_at};
use crate::world::{Actor, World};

/// A bundle, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bundle {
    pub kind: Kind,
    pub sequence: u64,
    /// The list of keys that names the key that signed it; 0: it is a key of the image. Each list has other keys.
    pub key: u64,
}

/// What a client offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staged {
    Bundle(Bundle),
    /// The list of keys with this sequence number.
    Keys(u64),
}

impl Bundle {
    fn digest(self) -> [u64; 4] {
        [self.kind as u64 + 1, self.sequence, 0, 0]
    }
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
    slots: [Option<Bundle>; 3],
    /// The image that is built in each arena.
    pub built: [Option<Bundle>; 2],
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
            slots: [
                Some(Bundle {
                    kind: Kind::Good,
                    sequence: 1,
                    key: 0,
                }),
                None,
                None,
            ],
            built: [None; 2],
            again: None,
        }
    }

    /// Executes its command. `staged`: what clients offer. Returns the client whose bundle was copied.
    pub fn turn(&mut self, world: &mut World, staged: &[Staged]) -> Option<usize> {
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
                slot,
                client,
                committed,
                keys,
                ..
            } => {
                copied = Some(client);
                let lies = flaw == Some(Flaw::Lies);
                match staged.get(client) {
                    Some(Staged::Bundle(bundle)) => {
                        self.verify(slot, *bundle, (committed, keys), lies)
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
            Command::Build { slot, arena, .. } => self.build(world, slot, arena, flaw),
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
        slot: usize,
        bundle: Bundle,
        (committed, keys): (u64, u64),
        lies: bool,
    ) -> Result<Results, Reason> {
        *self.slots.get_mut(slot).ok_or(Reason::Internal)? = Some(bundle);
        if bundle.key != keys && !lies {
            return Err(Reason::RevokedKey);
        }
        if bundle.sequence <= committed && !lies {
            return Err(Reason::OldSequence);
        }
        Ok(Results {
            sequence: bundle.sequence,
            components: 1,
            digest: bundle.digest(),
            length: 0x100,
            ..Results::default()
        })
    }

    fn build(
        &mut self,
        world: &mut World,
        slot: usize,
        arena: usize,
        flaw: Option<Flaw>,
    ) -> Result<Results, Reason> {
        let bundle = self.slots.get(slot).copied().flatten();
        *self.built.get_mut(arena).ok_or(Reason::Internal)? = bundle;
        let half = flaw == Some(Flaw::HalfBuilt);
        let made = make(world, half);
        let firmware = match (bundle, world.device.firmware) {
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
            firmware_digest: bundle.map_or([0; 4], Bundle::digest),
            slots,
            ..Results::default()
        })
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
