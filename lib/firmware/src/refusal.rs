// SPDX-License-Identifier: BSD-2-Clause
//! Why an image, or what is to be done with one, is refused.

/// A refusal. Its number is what the controller answers on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[repr(u8)]
pub enum Refusal {
    /// It does not begin with the magic number.
    #[error("this is no firmware image")]
    NoImage = 1,
    /// A later form of the header.
    #[error("the header is of a form that is not known here")]
    Form = 2,
    /// The payload's length is 0, or not that of what is there.
    #[error("the length in the header is not that of the image")]
    Length = 3,
    /// It is for another place in memory, or its entry is not in it.
    #[error("the image is for another place in the controller's memory")]
    Address = 4,
    /// The payload is another.
    #[error("the payload's digest is not the one in the header")]
    Payload = 5,
    /// Not signed with the controller's key.
    #[error("the signature is not by the controller's key")]
    Signature = 6,
    /// Its security counter is below that of a release that was confirmed.
    #[error("the image's security counter is below that of a firmware that was confirmed before")]
    Counter = 7,
    /// What was received, or what runs, is not what was named.
    #[error("the image is not the one that was named")]
    Announced = 8,
    /// It does not fit into a bank.
    #[error("the image is larger than a bank")]
    TooLarge = 9,
    /// Data or an end without a beginning.
    #[error("no transfer is under way")]
    NoTransfer = 10,
    /// Data that do not continue what was received.
    #[error("the data do not continue what was received")]
    Offset = 11,
    /// A trial is under way: the other bank is what the controller goes back to.
    #[error("a trial is under way: it has to be confirmed, or ended, first")]
    Trial = 12,
    /// There is no such bank, or no image in it that can be run.
    #[error("the bank has no image that can be run")]
    Bank = 13,
    /// The flash failed.
    #[error("the controller's flash failed")]
    Flash = 14,
    /// It is still busy with an earlier request.
    #[error("the controller is still busy with an earlier request")]
    Busy = 15,
    /// There is no such sensor.
    #[error("there is no such sensor")]
    Sensor = 16,
    /// No firmware runs: only the boot loader does.
    #[error("no firmware runs on the controller")]
    NoFirmware = 17,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::NoImage,
        Self::Form,
        Self::Length,
        Self::Address,
        Self::Payload,
        Self::Signature,
        Self::Counter,
        Self::Announced,
        Self::TooLarge,
        Self::NoTransfer,
        Self::Offset,
        Self::Trial,
        Self::Bank,
        Self::Flash,
        Self::Busy,
        Self::Sensor,
        Self::NoFirmware,
    ];

    /// Its number on the line.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The refusal with this number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code)
    }
}
