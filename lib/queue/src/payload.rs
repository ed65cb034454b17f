// SPDX-License-Identifier: BSD-2-Clause
//! The content of the queue's slots, defined by each class of device.

use core::fmt::Debug;

/// Words of the region for the device's properties.
pub const PROPERTIES_WORDS: usize = 5;

/// A request of one class of device, its answer, and the properties that a driver of the class publishes.
pub trait Payload: Default + Debug {
    /// Words of a slot that [`Self::words`] may name.
    const WORDS: usize;
    /// The answer to a request that nobody will serve.
    const FAILED: Self::Answer;
    /// How a request ended.
    type Answer: Copy + Debug + PartialEq + Eq;
    /// Why a request is inconsistent.
    type Malformed: Copy + Debug + PartialEq + Eq;
    /// What a driver publishes about its device.
    type Properties;

    /// Checks that the request is consistent in itself. Bounds of the device and of the memory are not checked here.
    ///
    /// # Errors
    /// The first contradiction found.
    fn check(&self) -> Result<(), Self::Malformed>;
    /// Makes `self` a copy of `other`; only the part that is in use is copied.
    fn copy_from(&mut self, other: &Self);
    /// Calls `word` with the index (below [`Self::WORDS`]) and the value of each word that encodes the request.
    fn words(&self, word: impl FnMut(usize, u64));
    /// Decodes the words into `self`. `None` if they are no consistent request; the contents of `self` are undefined then.
    fn read(&mut self, word: impl Fn(usize) -> u64) -> Option<()>;

    /// Can this be the answer of a driver that has carried the request out? Where it cannot, the client sees a violation
    /// ([`crate::Violation::Status`]).
    fn may_end_with(&self, _answer: Self::Answer) -> bool {
        true
    }

    /// An answer as a word.
    fn answer_to_word(answer: Self::Answer) -> u64;
    /// The answer that the word encodes, if it is valid.
    fn answer_from_word(word: u64) -> Option<Self::Answer>;

    /// The device's properties as words.
    fn properties_to_words(properties: &Self::Properties) -> [u64; PROPERTIES_WORDS];
    /// The properties that the words encode. All words are valid.
    fn properties_from_words(words: [u64; PROPERTIES_WORDS]) -> Self::Properties;
}
