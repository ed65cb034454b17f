// SPDX-License-Identifier: BSD-2-Clause
//! What a class of device puts in the ring's slots.

use core::fmt::Debug;

/// Words of the region for what a driver says of its device.
pub const PROPERTIES_WORDS: usize = 5;

/// A request of one class of device, its answer, and what a driver of the class says of its device.
pub trait Payload: Default + Debug {
    /// Words of a slot that [`Self::words`] may name.
    const WORDS: usize;
    /// The answer of a request that nobody will serve.
    const FAILED: Self::Answer;
    /// How a request ended.
    type Answer: Copy + Debug + PartialEq + Eq;
    /// Why a request contradicts itself.
    type Malformed: Copy + Debug + PartialEq + Eq;
    /// What a driver says of its device.
    type Properties;

    /// Is it in itself consistent? Bounds of the device and of the memory are another's matter.
    ///
    /// # Errors
    /// The first contradiction found.
    fn check(&self) -> Result<(), Self::Malformed>;
    /// Becomes a copy of `other`; copies only what is in use.
    fn copy_from(&mut self, other: &Self);
    /// The words that stand for it, each with its place below [`Self::WORDS`].
    fn words(&self, word: impl FnMut(usize, u64));
    /// Becomes what the words say. `None` if they are no consistent request; its contents do not matter then.
    fn read(&mut self, word: impl Fn(usize) -> u64) -> Option<()>;

    /// An answer as a word.
    fn answer_to_word(answer: Self::Answer) -> u64;
    /// The answer that the word stands for, if it does for one.
    fn answer_from_word(word: u64) -> Option<Self::Answer>;

    /// The device's properties as words.
    fn properties_to_words(properties: &Self::Properties) -> [u64; PROPERTIES_WORDS];
    /// The properties that the words say; any words are some.
    fn properties_from_words(words: [u64; PROPERTIES_WORDS]) -> Self::Properties;
}
