// SPDX-License-Identifier: BSD-2-Clause
//! Copies bundles and lists of keys, verifies the copies, builds new generations in a free arena.
//!
//! It runs below everything except vCPUs, on a small budget, and executes `update`'s commands one after the other. It has no
//! authority over anything that runs: `update` puts the untypeds that it builds from into its workshop before, and moves
//! them and everything made from them out of it afterwards.
#![no_std]
#![no_main]

mod brief;
mod build;
mod check;
mod fill;
mod make;
mod slots;
mod tables;

use heapless::Vec;
use molt_bundle::Reason;
use molt_control::digest;
use molt_control::stage::{Command, Refused, Results, Worker};
use molt_suit::keylist::SignedList;
use molt_system::{MAX_COMPONENTS, STORE_CLIENT, StageBrief};
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, protection_domain};

use slots::Known;

struct Stage {
    brief: &'static StageBrief,
    known: Vec<Known, MAX_COMPONENTS>,
    worker: Worker<'static>,
    /// The bundle that is being verified.
    refused: Refused,
    update: Channel,
}

// The ELF reader is linked with an allocator, which it never calls.
#[protection_domain(stack_size = 0x3_0000, heap_size = 0x1000)]
fn init() -> impl Handler {
    let brief: &StageBrief = molt_brief::get();
    let (commands, answers) = brief::pages(&brief.update);
    Stage {
        brief,
        known: Known::all(brief),
        worker: Worker::new(commands, answers),
        refused: Refused::default(),
        update: Channel::new(brief.update.channel as usize),
    }
}

impl Stage {
    fn execute(&mut self, command: Command) -> Result<Results, Reason> {
        self.refused = Refused::default();
        match command {
            Command::Verify {
                component: index,
                slot,
                client,
                length,
                committed,
                keys,
            } => {
                let component = component_of(self.brief, index)?;
                let known = self.known.get_mut(index).ok_or(Reason::Internal)?;
                known.forget(slot);
                let bundle = check::copy(self.brief, component, client, slot, length, |done| {
                    self.worker.progress(done * 3 / 10);
                })?;
                let progress = |done| self.worker.progress(300 + done * 7 / 10);
                let manifest = check::manifest(bundle);
                let refused = |_: &Reason| {
                    let bundle = check::digest(bundle);
                    self.refused = Refused { manifest, bundle };
                };
                if SignedList::is_meant(bundle) {
                    return check::verify_keys(component, &mut known.keys, bundle, keys)
                        .inspect_err(refused);
                }
                let offered = client != STORE_CLIENT as usize;
                let ring = known.keys.ring(keys, offered);
                let verified = ring
                    .and_then(|ring| {
                        check::verify(self.brief, component, &ring, bundle, committed, progress)
                    })
                    .inspect_err(refused)?;
                known.learn(slot, &verified);
                Ok(Results {
                    manifest,
                    ..check::results(self.brief, component, index, &verified)
                })
            }
            Command::Build {
                component: index,
                slot,
                ..
            } => {
                let component = component_of(self.brief, index)?;
                let known = self.known.get_mut(index).ok_or(Reason::Internal)?;
                let image = known.image(self.brief, component, slot)?;
                let built = build::build(self.brief, component, &image, |done| {
                    self.worker.progress(done);
                })?;
                Ok(Results {
                    digest: digest::words(&image.digest),
                    slots: built.slots.into(),
                    firmware_slot: built.firmware.into(),
                    firmware_length: image.firmware.len() as u64,
                    firmware_digest: digest::words(&image.firmware_digest),
                    ..Results::default()
                })
            }
        }
    }
}

fn component_of(
    brief: &'static StageBrief,
    index: usize,
) -> Result<&'static molt_system::StageComponent, Reason> {
    brief.components().get(index).ok_or(Reason::Internal)
}

impl Handler for Stage {
    type Error = Infallible;

    fn notified(&mut self, _channels: ChannelSet) -> Result<(), Infallible> {
        if let Some(command) = self.worker.take() {
            match self.execute(command) {
                Ok(results) => self.worker.done(results),
                Err(reason) => {
                    let refused = core::mem::take(&mut self.refused);
                    self.worker.failed(reason as u32, refused);
                }
            }
            self.update.notify();
        }
        Ok(())
    }
}
