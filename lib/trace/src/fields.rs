// SPDX-License-Identifier: BSD-2-Clause
//! A macro that makes the type of the events, its text form and its parser from the list of events.

use core::fmt;
use core::str::FromStr;

/// Defines `Event` with one struct-like variant per entry. `W` is the type of its words.
macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident $name:literal { $($field:ident: $type:ty),* })*) => {
        /// What happened. The text form is the event's name and its fields, `key=value`, in order. `W` is the type of its
        /// words: [`crate::Word`] where events are read, [`crate::WordRef`] where they are noted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the fields' names say it, the variant's text the rest")]
        pub enum Event<W = $crate::Word> {
            $($(#[$doc])* $variant { $($field: $type),* },)*
        }

        impl<W> Event<W> {
            /// The event's name in a line.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)*
                }
            }
        }

        impl Event {
            /// The event of that name with the fields in `text`. Fields may be in any order, and
            /// unknown ones are ignored.
            pub fn parse(name: &str, text: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant {
                        $($field: $crate::fields::field(text, stringify!($field))?),*
                    }),)*
                    _ => None,
                }
            }
        }

        impl<W: core::fmt::Display> core::fmt::Display for Event<W> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.name())?;
                match self {
                    $(Self::$variant { $($field),* } => {
                        $($crate::fields::write(f, stringify!($field), $field)?;)*
                    })*
                }
                Ok(())
            }
        }
    };
}
pub(crate) use events;

/// Writes ` key=value`.
pub(crate) fn write(
    f: &mut fmt::Formatter<'_>,
    key: &str,
    value: &impl fmt::Display,
) -> fmt::Result {
    write!(f, " {key}={value}")
}

/// The value of `key` in `text`.
pub(crate) fn field<T: FromStr>(text: &str, key: &str) -> Option<T> {
    text.split_ascii_whitespace()
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| *name == key)
        .and_then(|(_, value)| value.parse().ok())
}
