// SPDX-License-Identifier: BSD-2-Clause
//! A transfer into the bank that does not run. It is not kept over a start: it is begun again then.

use molt_firmware::{Digest, PREFIX, Refusal};

use crate::layout::{BANK, PAGE, SECTOR};
use crate::{Flash, Log, layout};

/// A transfer that is under way.
#[derive(Clone, Debug)]
pub struct Transfer {
    bank: u8,
    start: u32,
    length: u32,
    digest: Digest,
    /// Bytes that are in the bank.
    received: u32,
    /// Bytes of the bank that were erased.
    erased: u32,
}

/// Begins a transfer. Nothing is erased yet. `running` is the bank that runs; if none does, the bank is taken that is not the
/// confirmed one.
///
/// # Errors
/// The image does not fit; or a trial is under way or about to be made: then the other bank is what the controller goes back to.
pub fn begin(
    log: &Log,
    running: Option<u8>,
    length: u32,
    digest: Digest,
) -> Result<Transfer, Refusal> {
    let record = log.record();
    if record.trial.is_some() {
        return Err(Refusal::Trial);
    }
    if length > BANK {
        return Err(Refusal::TooLarge);
    }
    if length as usize <= PREFIX {
        return Err(Refusal::Length);
    }
    let bank = 1 - running.or(record.confirmed).unwrap_or(1).min(1);
    Ok(Transfer {
        bank,
        start: layout::bank(bank).ok_or(Refusal::Bank)?,
        length,
        digest,
        received: 0,
        erased: 0,
    })
}

impl Transfer {
    /// The bank that is written.
    #[must_use]
    pub fn bank(&self) -> u8 {
        self.bank
    }

    /// The digest that was announced.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether all bytes are there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.received == self.length
    }

    /// Takes the image's next bytes: erases what is needed for them, programs and compares them. Bytes that were received before
    /// are passed over. Returns the offset of the next ones.
    ///
    /// # Errors
    /// They leave a gap ([`Refusal::Offset`]), are too many ([`Refusal::Length`]), or the flash failed.
    pub fn data(
        &mut self,
        flash: &mut impl Flash,
        offset: u32,
        bytes: &[u8],
    ) -> Result<u32, Refusal> {
        let known = self.received.checked_sub(offset).ok_or(Refusal::Offset)?;
        let new = bytes.get(known as usize..).unwrap_or_default();
        if new.len() > (self.length - self.received) as usize {
            return Err(Refusal::Length);
        }
        let mut new = new;
        while !new.is_empty() {
            if self.received == self.erased {
                flash.erase(self.start + self.erased)?;
                self.erased += SECTOR;
            }
            // Sectors end where pages do.
            let room = PAGE - self.received % PAGE;
            let (page, rest) = new.split_at(new.len().min(room as usize));
            let at = self.start + self.received;
            flash.program(at, page)?;
            let mut back = [0; PAGE as usize];
            flash.read(at, &mut back[..page.len()])?;
            if back[..page.len()] != *page {
                return Err(Refusal::Flash);
            }
            self.received += page.len() as u32;
            new = rest;
        }
        Ok(self.received)
    }
}
