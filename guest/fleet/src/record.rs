// SPDX-License-Identifier: BSD-2-Clause
//! What is known of the last action. It is kept at each step that must not be taken twice, or forgotten.

use core::fmt::{self, Write};

use heapless::String;

use crate::ddi::Action;

/// Most bytes of a record.
pub const MAX_RECORD: usize = 1024;
/// The first line.
const HEAD: &str = "molt-guest fleet 1";

/// What came of it, in words.
pub type Words = String<400>;

/// The last action.
#[allow(
    clippy::large_enum_variant,
    reason = "there is one at a time, and no heap to put it on"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// There is none.
    None,
    /// Its bundle is being fetched or offered: nothing is confirmed, so all can begin anew.
    Taken {
        /// Which.
        action: Action,
        /// Offers that had to be put off.
        attempts: u32,
        /// One of them was confirmed, and nobody knows any more what has come of it.
        unsure: bool,
    },
    /// The offer is confirmed, or about to be: what comes of it is known by the doorbell.
    Confirmed {
        /// Which.
        action: Action,
        /// See [`Record::Taken`].
        attempts: u32,
        /// The offer's component.
        component: u32,
        /// Its handle.
        handle: u64,
        /// The sequence number that was committed before it.
        from: u64,
        /// The bundle's sequence number.
        to: u64,
    },
    /// It has ended.
    Ended {
        /// Which.
        action: Action,
        /// How.
        success: bool,
        /// Whether the server knows.
        told: bool,
        /// What came of it.
        words: Words,
    },
}

impl Record {
    /// Its action.
    #[must_use]
    pub const fn action(&self) -> Option<&Action> {
        match self {
            Self::None => None,
            Self::Taken { action, .. }
            | Self::Confirmed { action, .. }
            | Self::Ended { action, .. } => Some(action),
        }
    }

    /// Reads one; no bytes: there is none.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::None);
        }
        let mut lines = core::str::from_utf8(bytes).ok()?.lines();
        if lines.next()? != HEAD {
            return None;
        }
        let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let state = value("state")?;
        if state == "none" {
            return Some(Self::None);
        }
        let action = Action::new(value("action")?).ok()?;
        Some(match state {
            "taken" => Self::Taken {
                action,
                attempts: value("attempts")?.parse().ok()?,
                unsure: value("unsure")?.parse().ok()?,
            },
            "confirmed" => Self::Confirmed {
                action,
                attempts: value("attempts")?.parse().ok()?,
                component: value("component")?.parse().ok()?,
                handle: value("handle")?.parse().ok()?,
                from: value("from")?.parse().ok()?,
                to: value("to")?.parse().ok()?,
            },
            "ended" => Self::Ended {
                action,
                success: value("success")?.parse().ok()?,
                told: value("told")?.parse().ok()?,
                words: Words::try_from(value("words")?).ok()?,
            },
            _ => return None,
        })
    }

    /// Writes it.
    #[must_use]
    pub fn text(&self) -> String<MAX_RECORD> {
        let mut text = String::new();
        // There is room for the longest.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, to: &mut impl Write) -> fmt::Result {
        let state = match self {
            Self::None => return write!(to, "{HEAD}\nstate none\n"),
            Self::Taken { .. } => "taken",
            Self::Confirmed { .. } => "confirmed",
            Self::Ended { .. } => "ended",
        };
        let action = self.action().map_or("", Action::as_str);
        write!(to, "{HEAD}\nstate {state}\naction {action}\n")?;
        match self {
            Self::None => Ok(()),
            Self::Taken {
                attempts, unsure, ..
            } => write!(to, "attempts {attempts}\nunsure {unsure}\n"),
            Self::Confirmed {
                attempts,
                component,
                handle,
                from,
                to: number,
                ..
            } => write!(
                to,
                "attempts {attempts}\ncomponent {component}\nhandle {handle}\nfrom {from}\nto {number}\n"
            ),
            Self::Ended {
                success,
                told,
                words,
                ..
            } => write!(to, "success {success}\ntold {told}\nwords {words}\n"),
        }
    }
}

/// Words for people; what is too long is cut, and a line is one line.
#[must_use]
pub fn words(text: fmt::Arguments<'_>) -> Words {
    struct Cut(Words);
    impl Write for Cut {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let mut plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
            plain
                .try_for_each(|c| self.0.push(c))
                .map_err(|_| fmt::Error)
        }
    }
    let mut cut = Cut(Words::new());
    let _ = cut.write_fmt(text);
    cut.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let action = Action::new("17").unwrap();
        let all = [
            Record::None,
            Record::Taken {
                action: action.clone(),
                attempts: 3,
                unsure: true,
            },
            Record::Confirmed {
                action: action.clone(),
                attempts: 0,
                component: 1,
                handle: u64::MAX,
                from: 4,
                to: 5,
            },
            Record::Ended {
                action,
                success: true,
                told: false,
                words: words(format_args!("disk: committed\n{}", "x".repeat(600))),
            },
        ];
        for record in all {
            let text = record.text();
            assert_eq!(Record::read(text.as_bytes()), Some(record.clone()));
            // Without its last line it is none.
            let short = text.trim_end().rsplit_once('\n').unwrap().0;
            assert_eq!(Record::read(short.as_bytes()), None, "{text}");
        }
        assert_eq!(Record::read(b""), Some(Record::None));
        assert_eq!(Record::read(b"\xff"), None);
    }
}
