// SPDX-License-Identifier: BSD-2-Clause
//! The steps of a part.

use core::fmt;

/// Most steps of a part.
pub const MAX_STEPS: usize = 16;
/// Most bytes of a path.
pub const MAX_PATH: usize = 255;
/// Most bytes of the name of a module, a parameter or a command.
pub const MAX_NAME: usize = 63;
/// Most bytes of a parameter's value.
pub const MAX_VALUE: usize = 255;
/// Permission bits of a file; no set-user-ID among them.
pub const MAX_MODE: u32 = 0o777;

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'b> {
    /// A file belongs at this path.
    File {
        /// Absolute.
        path: &'b str,
        /// Its permission bits.
        mode: u32,
        /// Its bytes.
        contents: &'b [u8],
    },
    /// A parameter of a module of the kernel gets a value.
    Parameter {
        /// The module, as in `/sys/module`.
        module: &'b str,
        /// The parameter.
        name: &'b str,
        /// Its new value.
        value: &'b str,
    },
    /// A command is executed that the guest's owner has given a name.
    Command {
        /// The name.
        name: &'b str,
    },
}

/// What is wrong with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The path is not absolute, has a part that is empty, `.` or `..`, or is too long.
    Path,
    /// A name is empty, too long, or has other characters than letters, digits, `_`, `-` and `.`; or begins with `.`.
    Name,
    /// The value is too long, or has a control character.
    Value,
    /// There are other bits than those of permission.
    Mode,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => write!(
                f,
                "a path has to be absolute, without '.', '..' and control characters, and no longer than {MAX_PATH} bytes"
            ),
            Self::Name => write!(
                f,
                "a name has 1 to {MAX_NAME} letters, digits, '_', '-' or '.', and does not begin with '.'"
            ),
            Self::Value => write!(
                f,
                "a value has no control characters and at most {MAX_VALUE} bytes"
            ),
            Self::Mode => write!(f, "a mode is at most 0o{MAX_MODE:o}"),
        }
    }
}

impl Step<'_> {
    /// Checks its texts.
    ///
    /// # Errors
    /// See [`Wrong`].
    pub fn check(&self) -> Result<(), Wrong> {
        match *self {
            Self::File { path, mode, .. } => {
                let rest = path.strip_prefix('/').ok_or(Wrong::Path)?;
                let odd = |part: &str| matches!(part, "" | "." | "..");
                if path.len() > MAX_PATH || rest.split('/').any(odd) || has_control(path) {
                    return Err(Wrong::Path);
                }
                if mode > MAX_MODE {
                    return Err(Wrong::Mode);
                }
                Ok(())
            }
            Self::Parameter {
                module,
                name,
                value,
            } => {
                check_name(module)?;
                check_name(name)?;
                if value.len() > MAX_VALUE || has_control(value) {
                    return Err(Wrong::Value);
                }
                Ok(())
            }
            Self::Command { name } => check_name(name),
        }
    }
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

fn check_name(name: &str) -> Result<(), Wrong> {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let fits = !name.is_empty() && name.len() <= MAX_NAME;
    match fits && !name.starts_with('.') && name.chars().all(known) {
        true => Ok(()),
        false => Err(Wrong::Name),
    }
}

/// As people read it.
impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File {
                path,
                mode,
                contents,
            } => write!(f, "file {path} ({} bytes, mode {mode:03o})", contents.len()),
            Self::Parameter {
                module,
                name,
                value,
            } => write!(f, "parameter {name} of module {module}: {value}"),
            Self::Command { name } => write!(f, "command {name}"),
        }
    }
}
