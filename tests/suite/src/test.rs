// SPDX-License-Identifier: BSD-2-Clause
//! What a test is, and how it fails.

use core::{fmt, panic::Location};

use crate::env::Env;

/// One test.
#[derive(Clone, Copy)]
pub struct Test {
    /// Unique, without spaces.
    pub name: &'static str,
    /// Its body; whatever it makes is taken away after it.
    pub run: fn(&mut Env) -> Outcome,
}

/// How a test ended.
pub type Outcome = Result<(), Failure>;

/// Why a test failed, and where.
pub struct Failure {
    what: What,
    place: &'static Location<'static>,
}

enum What {
    Text(&'static str),
    Error(sel4::Error),
}

impl Failure {
    /// A failure for this reason.
    #[track_caller]
    pub fn new(text: &'static str) -> Self {
        Self {
            what: What::Text(text),
            place: Location::caller(),
        }
    }
}

impl From<sel4::Error> for Failure {
    #[track_caller]
    fn from(error: sel4::Error) -> Self {
        Self {
            what: What::Error(error),
            place: Location::caller(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Text(text) => f.write_str(text)?,
            What::Error(error) => write!(f, "{error:?}")?,
        }
        write!(f, " ({}:{})", self.place.file(), self.place.line())
    }
}

/// Fails the test unless the condition holds.
macro_rules! ensure {
    ($condition:expr) => {
        $crate::test::ensure!($condition, stringify!($condition))
    };
    ($condition:expr, $text:expr) => {
        if !$condition {
            return Err($crate::test::Failure::new($text));
        }
    };
}
pub(crate) use ensure;

/// A module's tests: each is a function of the module.
macro_rules! tests {
    ($($(#[$only:meta])* $name:ident)*) => {
        pub const TESTS: &[$crate::test::Test] = &[$($(#[$only])* $crate::test::Test {
            name: stringify!($name),
            run: $name,
        },)*];
    };
}
pub(crate) use tests;
