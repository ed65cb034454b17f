// SPDX-License-Identifier: BSD-2-Clause
//! The commands.

use core::fmt;

use crate::May;

/// A number that the operator gives a command; `None`: no tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tag(pub Option<u32>);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => write!(f, "#{number}"),
            None => f.write_str("-"),
        }
    }
}

/// The beginning of a SHA-256 digest: 8 to 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    bytes: [u8; 32],
    digits: usize,
}

impl Prefix {
    /// Fewest digits.
    pub const FEWEST: usize = 8;

    fn parse(text: &str) -> Option<Self> {
        if !(Self::FEWEST..=64).contains(&text.len()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (n, letter) in text.chars().enumerate() {
            let digit = letter.to_digit(16)? as u8;
            *bytes.get_mut(n / 2)? |= if n % 2 == 0 { digit << 4 } else { digit };
        }
        Some(Self {
            bytes,
            digits: text.len(),
        })
    }

    /// Whether the digest begins so.
    #[must_use]
    pub fn matches(&self, digest: &[u8; 32]) -> bool {
        let digit = |bytes: &[u8; 32], n: usize| {
            let byte = bytes.get(n / 2).copied().unwrap_or(0);
            if n.is_multiple_of(2) {
                byte >> 4
            } else {
                byte & 15
            }
        };
        (0..self.digits).all(|n| digit(&self.bytes, n) == digit(digest, n))
    }
}

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// `list`: every component and client.
    List,
    /// `log [COUNT]`: the newest records of the log, ten if no number is given.
    Log(u32),
    /// `approve COMPONENT DIGEST`: the image that waits for approval.
    Approve(&'a str, Prefix),
    /// `force COMPONENT DIGEST`: the update to this image does not wait for guests that defer it.
    Force(&'a str, Prefix),
    /// `refuse COMPONENT DIGEST`: the image that waits for approval.
    Refuse(&'a str, Prefix),
    /// `freeze COMPONENT`: no update is accepted.
    Freeze(&'a str),
    /// `thaw COMPONENT`: the end of `freeze`.
    Thaw(&'a str),
    /// `rollback COMPONENT`: back to the image that was committed before.
    Rollback(&'a str),
    /// `forgive COMPONENT DIGEST`: the image that failed may be offered again.
    Forgive(&'a str, Prefix),
    /// `restore COMPONENT`: a component that is out of service is started again.
    Restore(&'a str),
    /// `readmit CLIENT`: a fenced client is believed again, from its next grant on.
    Readmit(&'a str),
}

impl Command<'_> {
    /// What is needed for it.
    #[must_use]
    pub const fn needs(&self) -> May {
        match self {
            Self::List | Self::Log(_) => May::LOOK,
            Self::Approve(..) | Self::Force(..) | Self::Refuse(..) => May::DECIDE,
            Self::Freeze(_) | Self::Thaw(_) => May::FREEZE,
            Self::Rollback(_) => May::ROLLBACK,
            Self::Forgive(..) => May::FORGIVE,
            Self::Restore(_) => May::RESTORE,
            Self::Readmit(_) => May::READMIT,
        }
    }
}

/// Why a line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// There is no such command.
    UnknownCommand,
    /// It has too few words, too many, or wrong ones.
    Arguments,
    /// The tag is no number below 2^32.
    BadTag,
}

impl Wrong {
    /// One word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::UnknownCommand => "unknown-command",
            Self::Arguments => "wrong-arguments",
            Self::BadTag => "wrong-tag",
        }
    }
}

/// A command with its tag, as far as there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order<'a> {
    /// The tag, for the answers.
    pub tag: Tag,
    /// The command.
    pub command: Result<Command<'a>, Wrong>,
}

/// Reads a line.
#[must_use]
pub fn parse(line: &[u8]) -> Order<'_> {
    let mut tag = Tag(None);
    let command = read(line, &mut tag);
    Order { tag, command }
}

fn read<'a>(line: &'a [u8], tag: &mut Tag) -> Result<Command<'a>, Wrong> {
    let text = core::str::from_utf8(line).map_err(|_| Wrong::UnknownCommand)?;
    let mut words = text.split_ascii_whitespace().peekable();
    if let Some(number) = words.next_if(|word| word.starts_with('#')) {
        let number = number.trim_start_matches('#').parse();
        *tag = Tag(Some(number.map_err(|_| Wrong::BadTag)?));
    }
    let word = words.next().ok_or(Wrong::UnknownCommand)?;
    let (first, second, more) = (words.next(), words.next(), words.next());
    let one = || match (first, second) {
        (Some(name), None) => Ok(name),
        _ => Err(Wrong::Arguments),
    };
    let two = || match (first, second.and_then(Prefix::parse), more) {
        (Some(name), Some(prefix), None) => Ok((name, prefix)),
        _ => Err(Wrong::Arguments),
    };
    Ok(match word {
        "list" if first.is_none() => Command::List,
        "list" => return Err(Wrong::Arguments),
        "log" => Command::Log(match (first, second) {
            (None, _) => 10,
            (Some(count), None) => count.parse().map_err(|_| Wrong::Arguments)?,
            _ => return Err(Wrong::Arguments),
        }),
        "approve" => two().map(|(name, prefix)| Command::Approve(name, prefix))?,
        "force" => two().map(|(name, prefix)| Command::Force(name, prefix))?,
        "refuse" => two().map(|(name, prefix)| Command::Refuse(name, prefix))?,
        "forgive" => two().map(|(name, prefix)| Command::Forgive(name, prefix))?,
        "freeze" => Command::Freeze(one()?),
        "thaw" => Command::Thaw(one()?),
        "rollback" => Command::Rollback(one()?),
        "restore" => Command::Restore(one()?),
        "readmit" => Command::Readmit(one()?),
        _ => return Err(Wrong::UnknownCommand),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Result<Command<'_>, Wrong> {
        parse(line.as_bytes()).command
    }

    #[test]
    fn each_command() {
        let prefix = Prefix::parse("1f3a90C2").unwrap();
        for (line, expected) in [
            ("list", Command::List),
            ("  list  ", Command::List),
            ("log", Command::Log(10)),
            ("log 3", Command::Log(3)),
            ("approve disk 1f3a90c2", Command::Approve("disk", prefix)),
            ("force disk 1f3a90c2", Command::Force("disk", prefix)),
            ("refuse disk 1F3A90C2", Command::Refuse("disk", prefix)),
            ("forgive disk 1f3a90c2", Command::Forgive("disk", prefix)),
            ("freeze disk", Command::Freeze("disk")),
            ("thaw disk", Command::Thaw("disk")),
            ("rollback disk", Command::Rollback("disk")),
            ("restore disk", Command::Restore("disk")),
            ("readmit vmm_a", Command::Readmit("vmm_a")),
        ] {
            assert_eq!(command(line), Ok(expected), "{line}");
            let mut tagged = [0; 64];
            let line = std::format!("#7 {line}");
            tagged[..line.len()].copy_from_slice(line.as_bytes());
            let order = parse(&tagged[..line.len()]);
            assert_eq!((order.tag, order.command), (Tag(Some(7)), Ok(expected)));
        }
    }

    #[test]
    fn what_is_no_command_is_refused_by_name() {
        for (line, wrong) in [
            ("", Wrong::UnknownCommand),
            ("#", Wrong::BadTag),
            ("#4294967296 list", Wrong::BadTag),
            ("#7", Wrong::UnknownCommand),
            ("LIST", Wrong::UnknownCommand),
            ("list disk", Wrong::Arguments),
            ("log -1", Wrong::Arguments),
            ("log 1 2", Wrong::Arguments),
            ("freeze", Wrong::Arguments),
            ("freeze a b", Wrong::Arguments),
            ("approve disk", Wrong::Arguments),
            ("approve disk 1f3a90c", Wrong::Arguments),
            ("approve disk 1f3a90cg", Wrong::Arguments),
            ("approve disk 1f3a90c2 x", Wrong::Arguments),
        ] {
            assert_eq!(command(line), Err(wrong), "{line}");
        }
        assert_eq!(parse(b"\xff\xfe").command, Err(Wrong::UnknownCommand));
        let order = parse(b"#9 nonsense");
        assert_eq!(order.tag, Tag(Some(9)), "the answer has its tag");
    }

    #[test]
    fn a_prefix_is_the_beginning() {
        let mut digest = [0xab; 32];
        let prefix = Prefix::parse("ababababa").unwrap();
        assert!(prefix.matches(&digest));
        digest[4] = 0x1b;
        assert!(!prefix.matches(&digest));
        digest[4] = 0xa1;
        assert!(prefix.matches(&digest), "the last digit is half a byte");
    }

    extern crate std;
}
