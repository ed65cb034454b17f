// SPDX-License-Identifier: BSD-2-Clause
//! The guest's own part of an update (`molt_guest_part`): it is stored between the offer and its confirm, and put back if the update
//! does not end well. So the guest never runs with a part whose driver was refused or rolled back.

use core::fmt;

use molt_guest_part::{MAX_STEPS, MAX_VALUE, PAYLOAD, Part, Policy, Step};
use molt_suit::Envelope;

use crate::print::Output;

/// A parameter's value.
pub type Value = heapless::String<{ MAX_VALUE + 1 }>;

/// Why a step has not been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The system's error number.
    Number(usize),
    /// The command has ended with this exit code.
    Code(u32),
    /// The old file of an earlier update is still there, which was cut off.
    Left,
    /// A text is too long, or not UTF-8.
    Text,
    /// The old value was known only to a program that has ended.
    Lost,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "error number {number}"),
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Left => write!(
                f,
                "an earlier update was cut off: its old file is beside it, with '{OLD}' behind its name; move it back, or remove it"
            ),
            Self::Text => f.write_str("a text is too long, or not UTF-8"),
            Self::Lost => {
                f.write_str("the old value was known only to the program that was cut off")
            }
        }
    }
}

/// What stands behind the name of a file's old content.
pub const OLD: &str = ".molt-old";

/// Where a part is stored: the guest's system.
pub trait Place {
    /// What the guest's owner allows.
    fn policy(&self) -> Policy<'static>;

    /// Puts a file there, at once; the old content is kept beside it (see [`OLD`]).
    ///
    /// # Errors
    /// See [`Obstacle`]; the old file is there, unchanged.
    fn put(&mut self, path: &str, mode: u32, contents: &[u8]) -> Result<(), Obstacle>;

    /// Puts the old content back, or removes the file where there was none.
    ///
    /// # Errors
    /// See [`Obstacle`].
    fn put_back(&mut self, path: &str) -> Result<(), Obstacle>;

    /// Removes the old content, if there was any.
    ///
    /// # Errors
    /// See [`Obstacle`].
    fn forget(&mut self, path: &str) -> Result<(), Obstacle>;

    /// The value of a module's parameter.
    ///
    /// # Errors
    /// See [`Obstacle`].
    fn parameter(&mut self, module: &str, name: &str) -> Result<Value, Obstacle>;

    /// Sets it.
    ///
    /// # Errors
    /// See [`Obstacle`].
    fn set_parameter(&mut self, module: &str, name: &str, value: &str) -> Result<(), Obstacle>;

    /// Executes a program with its arguments, and waits for its end.
    ///
    /// # Errors
    /// See [`Obstacle`]; another exit code than 0 is one.
    fn execute<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> Result<(), Obstacle>;
}

/// The bytes of the part in a bundle, if it has one. What is no envelope has none: why it is refused is told by the offer's answer.
pub fn find(bundle: &[u8]) -> Option<&[u8]> {
    Envelope::parse(bundle).ok()?.payload(PAYLOAD)
}

/// A part that is being stored.
pub struct Front<'b> {
    part: Part<'b>,
    /// Steps that were carried out.
    done: usize,
    /// The old values of parameters, by step.
    old: heapless::Vec<Value, MAX_STEPS>,
}

impl<'b> Front<'b> {
    /// Nothing is stored yet.
    #[must_use]
    pub fn new(part: Part<'b>) -> Self {
        Self {
            part,
            done: 0,
            old: heapless::Vec::new(),
        }
    }

    /// A part that a program has stored which has ended since.
    #[must_use]
    pub fn stored(part: Part<'b>) -> Self {
        Self {
            done: part.steps.len(),
            part,
            old: heapless::Vec::new(),
        }
    }

    /// Carries the steps out. If one cannot be, those before it are taken back.
    ///
    /// # Errors
    /// The step, and why.
    pub fn store(
        &mut self,
        place: &mut impl Place,
        output: &mut impl Output,
    ) -> Result<(), (Step<'b>, Obstacle)> {
        while let Some(step) = self.part.steps.get(self.done).copied() {
            if let Err(obstacle) = self.carry_out(&step, place) {
                self.put_back(place, output);
                return Err((step, obstacle));
            }
            self.done += 1;
        }
        Ok(())
    }

    fn carry_out(&mut self, step: &Step<'_>, place: &mut impl Place) -> Result<(), Obstacle> {
        let mut old = Value::new();
        match *step {
            Step::File {
                path,
                mode,
                contents,
            } => place.put(path, mode, contents)?,
            Step::Parameter {
                module,
                name,
                value,
            } => {
                old = place.parameter(module, name)?;
                place.set_parameter(module, name, value)?;
            }
            Step::Command { name } => execute(name, place)?,
        }
        // There are no more than steps.
        let _ = self.old.push(old);
        Ok(())
    }

    /// Takes back what was stored: files and parameters in reverse, and then the commands once more, which find the old ones. What
    /// cannot be put back is told, and the rest is put back.
    pub fn put_back(&mut self, place: &mut impl Place, output: &mut impl Output) {
        let done = core::mem::take(&mut self.done);
        let steps = self.part.steps.clone();
        let steps = steps.get(..done).unwrap_or_default();
        for (index, step) in steps.iter().enumerate().rev() {
            let result = match *step {
                Step::File { path, .. } => place.put_back(path),
                Step::Parameter { module, name, .. } => {
                    let old = self.old.get(index).ok_or(Obstacle::Lost);
                    old.and_then(|old| place.set_parameter(module, name, old))
                }
                Step::Command { .. } => continue,
            };
            tell(step, result, output);
        }
        for step in steps {
            if let Step::Command { name } = *step {
                let result = execute(name, place);
                tell(step, result, output);
            }
        }
        self.old.clear();
    }

    /// The update is committed: the old files are not needed any more.
    pub fn keep(&self, place: &mut impl Place, output: &mut impl Output) {
        for step in &self.part.steps {
            if let Step::File { path, .. } = *step
                && let Err(obstacle) = place.forget(path)
            {
                output.line(format_args!(
                    "warning: the old content of {path} is not removed: {obstacle}"
                ));
            }
        }
    }
}

fn execute(name: &str, place: &mut impl Place) -> Result<(), Obstacle> {
    match place.policy().command(name) {
        Some(words) => place.execute(words),
        // The policy was asked before.
        None => Err(Obstacle::Text),
    }
}

fn tell(step: &Step<'_>, result: Result<(), Obstacle>, output: &mut impl Output) {
    if let Err(obstacle) = result {
        output.line(format_args!("error: not put back: {step}: {obstacle}"));
    }
}
