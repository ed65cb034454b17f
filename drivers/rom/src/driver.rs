// SPDX-License-Identifier: BSD-2-Clause
//! One generation: its start, its service, and the transfer of the next one's content.

use molt_rom::{ERASED, LABEL, Label};
use molt_service::{Progress, Service, Transfer};
use molt_shared::Memory;
use molt_store::Flash;

use crate::halves::{PIECE, piece};
use crate::{Check, Failure, Half, Halves, State, Write, reason};

/// What it serves.
#[derive(Debug)]
enum Stage {
    /// Nothing was looked at yet.
    Looking,
    /// The content is being written, since no half holds it.
    Writing(Write),
    /// The memory has the content, which this half holds.
    Serving(Half),
}

/// A transfer that has not ended.
#[derive(Debug)]
struct Incoming {
    image: &'static [u8],
    /// `None`: nothing was looked at yet.
    write: Option<Write>,
}

/// One generation of the ROM.
#[derive(Debug)]
pub struct Driver<F> {
    halves: Halves<F>,
    image: &'static [u8],
    memory: Memory,
    generation: u64,
    stage: Stage,
    /// The content was committed, and its half is to be put in force when its digest is checked.
    confirming: Option<Check>,
    incoming: Option<Incoming>,
    transferred: Transfer,
    /// The place of the content that is read again next.
    again: usize,
}

impl<F: Flash> Driver<F> {
    /// A generation that has to serve `image`, by way of `memory`, in which the clients will read it. Neither is changed before
    /// [`Service::ready`].
    ///
    /// # Errors
    /// The image does not fit into the memory or a half, or the flash fails.
    pub fn new(
        flash: F,
        image: &'static [u8],
        memory: Memory,
        generation: u64,
    ) -> Result<Self, Failure> {
        let this = Self {
            halves: Halves::open(flash)?,
            image,
            memory,
            generation,
            stage: Stage::Looking,
            confirming: None,
            incoming: None,
            transferred: Transfer::Done,
            again: 0,
        };
        match this.fits(image) {
            true => Ok(this),
            false => Err(Failure::TooLarge),
        }
    }

    fn fits(&self, image: &[u8]) -> bool {
        let room = self.memory.size().saturating_sub(LABEL);
        !image.is_empty() && image.len() <= room.min(self.halves.capacity())
    }

    /// The half that holds the content; that in force, if both do.
    fn find(&mut self) -> Result<Option<Half>, Failure> {
        let first = self.halves.selected().unwrap_or(Half::First);
        for half in [first, first.other()] {
            if self.halves.holds(half, self.image)? {
                return Ok(Some(half));
            }
        }
        Ok(None)
    }

    /// Copies the content to the clients' memory. Nobody else has the memory now.
    fn show(&mut self, half: Half) -> Result<(), Failure> {
        let header = self.halves.header(half).ok_or(Failure::NotWritten)?;
        let label = Label {
            generation: self.generation,
            length: header.length.into(),
            digest: header.digest,
        };
        let end = self.memory.size().saturating_sub(LABEL);
        let copied = self.memory.write(0, self.image);
        let mut at = self.image.len();
        while at < end {
            let length = PIECE.min(end - at);
            let erased = [ERASED; PIECE];
            let erased = erased.get(..length).unwrap_or_default();
            self.memory.write(at, erased).ok_or(Failure::TooLarge)?;
            at += length;
        }
        let labelled = self.memory.write(end, &label.encode());
        copied.and(labelled).ok_or(Failure::TooLarge)?;
        self.stage = Stage::Serving(half);
        Ok(())
    }

    /// Goes on with a transfer, by one step. The next one waits until the driver is woken again: the guests, which run below it, have
    /// the time between.
    fn take_in(&mut self) -> Result<(), Failure> {
        let Some(incoming) = &mut self.incoming else {
            return Ok(());
        };
        let Stage::Serving(serving) = self.stage else {
            return Ok(());
        };
        let (spare, image) = (serving.other(), incoming.image);
        match &mut incoming.write {
            None if self.halves.holds(spare, image)? => {}
            None => {
                incoming.write = Some(Write::new(spare));
                return Ok(());
            }
            Some(write) => {
                let state = write.step(&mut self.halves, image)?;
                self.transferred = Transfer::Working(write.per_mille(image));
                if state != State::Done {
                    return Ok(());
                }
            }
        }
        (self.incoming, self.transferred) = (None, Transfer::Done);
        Ok(())
    }

    /// Goes on with putting the served half in force. Returns whether there is more to do at once.
    fn confirm(&mut self) -> Result<bool, Failure> {
        let (Some(check), Stage::Serving(half)) = (&mut self.confirming, &self.stage) else {
            return Ok(false);
        };
        match check.step(&mut self.halves)? {
            None => Ok(true),
            Some(false) => Err(Failure::Decayed),
            Some(true) => {
                let half = *half;
                self.confirming = None;
                self.halves.put_in_force(half)?;
                Ok(true)
            }
        }
    }

    /// Reads a piece of what it serves again.
    fn read_again(&mut self) -> Result<(), Failure> {
        let Stage::Serving(half) = self.stage else {
            return Ok(());
        };
        if !self.halves.piece_is(half, self.again, self.image)? {
            return Err(Failure::Decayed);
        }
        self.again += piece(self.image, self.again).len();
        if self.again >= self.image.len() {
            self.again = 0;
        }
        Ok(())
    }
}

impl<F: Flash> Service for Driver<F> {
    type Error = Failure;

    fn ready(&mut self) -> Result<bool, Failure> {
        loop {
            match &mut self.stage {
                Stage::Serving(_) => return Ok(true),
                Stage::Looking => match self.find()? {
                    Some(half) => self.show(half)?,
                    None => {
                        // A half in force that is damaged is written over, not the other one.
                        let in_force = self.halves.in_force()?;
                        let half = in_force.map_or(Half::First, Half::other);
                        self.stage = Stage::Writing(Write::new(half));
                    }
                },
                Stage::Writing(write) => match write.step(&mut self.halves, self.image)? {
                    State::Busy => return Ok(false),
                    State::Further => {}
                    State::Done => {
                        let half = write.half();
                        self.show(half)?;
                    }
                },
            }
        }
    }

    /// The first eight bytes of the content's digest, as the flash has it in the header of the half that is served.
    fn version(&self) -> Option<u64> {
        let Stage::Serving(half) = self.stage else {
            return None;
        };
        let header = self.halves.header(half)?;
        header.digest.first_chunk().copied().map(u64::from_be_bytes)
    }

    fn in_flight(&self) -> usize {
        0
    }

    fn set_taking(&mut self, _taking: bool) {}

    fn pump(&mut self) -> Result<Progress, Failure> {
        let mut more = false;
        if self.confirming.is_some() {
            more = self.confirm()?;
        } else if self.incoming.is_some() {
            if let Err(failure) = self.take_in() {
                self.incoming = None;
                self.transferred = Transfer::Failed(failure.reason());
            }
        } else {
            self.read_again()?;
        }
        Ok(Progress {
            more,
            ..Progress::default()
        })
    }

    fn interrupt(&mut self) -> Result<Progress, Failure> {
        Ok(Progress::default())
    }

    fn transfer(&mut self, image: &'static [u8]) {
        let (selected, confirming) = (self.halves.selected(), self.confirming.is_some());
        let committed =
            matches!(self.stage, Stage::Serving(half) if confirming || selected == Some(half));
        self.incoming = None;
        self.transferred = match () {
            () if !committed => Transfer::Failed(reason::ON_TRIAL),
            () if !self.fits(image) => Transfer::Failed(Failure::TooLarge.reason()),
            () => {
                self.incoming = Some(Incoming { image, write: None });
                Transfer::Working(0)
            }
        };
    }

    fn transferred(&self) -> Transfer {
        self.transferred
    }

    fn committed(&mut self) {
        if let Stage::Serving(half) = self.stage
            && self.halves.selected() != Some(half)
        {
            self.confirming = Check::new(&self.halves, half);
        }
    }
}
