// SPDX-License-Identifier: BSD-2-Clause
//! The guest's own part of an update (`molt_guest_part`), as a person describes it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use molt_guest_part::{MAX_STEPS, Step, encode};
use serde::Deserialize;

/// A part: its files come first, then the parameters, then the commands.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Description {
    /// Files that belong in the guest.
    pub files: Vec<FileStep>,
    /// Parameters of modules of the guest's kernel.
    pub parameters: Vec<ParameterStep>,
    /// Commands of the list of the guest's owner, by name.
    pub commands: Vec<String>,
}

/// A file.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct FileStep {
    /// Where it belongs.
    pub path: String,
    /// Its permission bits.
    #[serde(default = "readable")]
    pub mode: u32,
    /// The file with its content, beside the description.
    pub from: Option<PathBuf>,
    /// In place of `from`: the content.
    pub text: Option<String>,
}

const fn readable() -> u32 {
    0o644
}

/// A parameter.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct ParameterStep {
    /// The module.
    pub module: String,
    /// The parameter.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The part that a file describes.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let text = fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    let description: Description =
        toml::from_str(&text).with_context(|| format!("{}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    (description.part(folder)).with_context(|| format!("{}", path.display()))
}

impl Description {
    /// The part, encoded. `folder`: where its files are.
    pub fn part(&self, folder: &Path) -> Result<Vec<u8>> {
        let contents: Result<Vec<Vec<u8>>> = self
            .files
            .iter()
            .map(|file| file.contents(folder))
            .collect();
        let contents = contents?;
        let files = self.files.iter().zip(&contents);
        let files = files.map(|(file, contents)| Step::File {
            path: &file.path,
            mode: file.mode,
            contents,
        });
        let parameters = self.parameters.iter().map(|parameter| Step::Parameter {
            module: &parameter.module,
            name: &parameter.name,
            value: &parameter.value,
        });
        let commands = self.commands.iter().map(|name| Step::Command { name });
        let steps: Vec<Step<'_>> = files.chain(parameters).chain(commands).collect();
        if steps.is_empty() || steps.len() > MAX_STEPS {
            bail!(
                "a guest's part has 1 to {MAX_STEPS} steps (files, parameters, commands), and this one has {}",
                steps.len()
            );
        }
        for (index, step) in steps.iter().enumerate() {
            if let Err(wrong) = step.check() {
                bail!("{step}: {wrong}");
            }
            if steps[..index].iter().any(|other| is_same(other, step)) {
                bail!("{step}: it stands there twice");
            }
        }
        let mut part = Vec::new();
        encode(&steps, &mut part)?;
        Ok(part)
    }
}

/// Whether two steps change the same.
fn is_same(one: &Step<'_>, other: &Step<'_>) -> bool {
    match (one, other) {
        (Step::File { path: a, .. }, Step::File { path: b, .. }) => a == b,
        (
            Step::Parameter {
                module: a, name: n, ..
            },
            Step::Parameter {
                module: b, name: m, ..
            },
        ) => (a, n) == (b, m),
        _ => false,
    }
}

impl FileStep {
    fn contents(&self, folder: &Path) -> Result<Vec<u8>> {
        match (&self.from, &self.text) {
            (Some(from), None) => {
                let path = folder.join(from);
                fs::read(&path).with_context(|| format!("{}", path.display()))
            }
            (None, Some(text)) => Ok(text.clone().into_bytes()),
            _ => bail!(
                "file {}: either 'from' or 'text' says what is in it",
                self.path
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str) -> Result<Vec<u8>> {
        let description: Description = toml::from_str(text)?;
        description.part(Path::new("."))
    }

    #[test]
    fn a_description_becomes_a_part() {
        let part = part(
            r#"
            files = [{ path = "/etc/front", mode = 0o600, text = "new" }]
            parameters = [{ module = "blk", name = "depth", value = "8" }]
            commands = ["reload"]
            "#,
        );
        let part = part.unwrap();
        let steps = molt_guest_part::Part::decode(&part).unwrap().steps;
        let file = Step::File {
            path: "/etc/front",
            mode: 0o600,
            contents: b"new",
        };
        assert_eq!(steps[0], file);
        assert_eq!(steps.len(), 3);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, says) in [
            ("", "1 to 16 steps"),
            (r#"commands = ["a b"]"#, "a name has"),
            (r#"files = [{ path = "etc/x", text = "" }]"#, "absolute"),
            (r#"files = [{ path = "/x" }]"#, "either 'from' or 'text'"),
            (
                r#"files = [{ path = "/x", text = "a" }, { path = "/x", text = "b" }]"#,
                "twice",
            ),
            (r#"files = [{ path = "/x", from = "no/such" }]"#, "no/such"),
            (r#"file = []"#, "unknown field"),
        ] {
            let error = format!("{:#}", part(text).unwrap_err());
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
