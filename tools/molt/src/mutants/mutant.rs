// SPDX-License-Identifier: BSD-2-Clause
//! What a mutant is: `tests/mutants/*.toml`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// Where the descriptions are.
const FOLDER: &str = "tests/mutants";

/// A file of them: those of one part of the system.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mutant: Vec<Mutant>,
}

/// One check that is left out, and the test that notices it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// Its name, unique among all.
    pub name: String,
    /// The check that is left out, in words.
    pub without: String,
    /// The texts that are replaced, in this order.
    pub edit: Vec<Edit>,
    /// The test or scenario that has to fail.
    pub noticed_by: NoticedBy,
}

/// One text of the sources in place of another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The file, from the checkout's root.
    pub file: PathBuf,
    /// The text to replace; it must be in the file exactly once.
    pub from: String,
    /// What takes its place.
    pub to: String,
}

/// The test that notices a mutant.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, untagged)]
pub enum NoticedBy {
    /// A test on the host.
    Host {
        /// The package that it belongs to.
        package: String,
        /// Its name, without its modules.
        test: String,
        /// A part of what it prints then, if it can fail for several reasons.
        #[serde(default)]
        says: Option<String>,
    },
    /// A scenario, one of whose failures contains this text.
    Scenario {
        /// The file's name in `tests/scenarios`, without its ending.
        scenario: String,
        /// A part of the failure. A run that fails for another reason shows nothing about the mutant.
        says: String,
    },
}

impl Mutant {
    /// All of a checkout, in the order of files and lines.
    ///
    /// # Errors
    /// A file that cannot be read, and a mutant that cannot be made of the sources as they are.
    pub fn all(root: &Path) -> Result<Vec<Self>> {
        let folder = root.join(FOLDER);
        let mut files: Vec<PathBuf> = fs::read_dir(&folder)
            .with_context(|| format!("{}", folder.display()))?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
            .collect();
        files.sort();
        let mut all = Vec::<Self>::new();
        for path in files {
            let text = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
            let file: File = toml::from_str(&text)
                .with_context(|| format!("{}: not a list of mutants", path.display()))?;
            for mutant in file.mutant {
                let place = || format!("{}: mutant '{}'", path.display(), mutant.name);
                if all.iter().any(|other| other.name == mutant.name) {
                    bail!("{}: there is another one of this name", place());
                }
                mutant.edited(root).with_context(place)?;
                mutant.noticed_by.check(root).with_context(place)?;
                all.push(mutant);
            }
        }
        Ok(all)
    }

    /// The files that it changes, with their changed contents.
    ///
    /// # Errors
    /// When a text that is to be replaced is not there exactly once: the sources have changed since the mutant was described.
    pub fn edited(&self, root: &Path) -> Result<Vec<(&Path, String)>> {
        let mut files = Vec::<(&Path, String)>::new();
        for Edit { file, from, to } in &self.edit {
            let index = match files.iter().position(|(path, _)| path == file) {
                Some(index) => index,
                None => {
                    let path = root.join(file);
                    let text =
                        fs::read_to_string(&path).with_context(|| format!("{}", file.display()))?;
                    files.push((file, text));
                    files.len() - 1
                }
            };
            let text = &mut files[index].1;
            let count = text.matches(from).count();
            if count != 1 {
                bail!(
                    "{}: the text to replace is there {count} times, expected once: describe the mutant anew after the change of this file\n{from}",
                    file.display()
                );
            }
            *text = text.replacen(from, to, 1);
        }
        Ok(files)
    }
}

impl NoticedBy {
    /// Checks that everything that the mutant names exists. (Tests are looked for when they run.)
    fn check(&self, root: &Path) -> Result<()> {
        if let Self::Scenario { scenario, .. } = self {
            let file = scenario_file(root, scenario);
            if !file.is_file() {
                bail!("there is no scenario {}", file.display());
            }
        }
        Ok(())
    }
}

/// The file of a scenario.
pub fn scenario_file(root: &Path, name: &str) -> PathBuf {
    root.join("tests/scenarios").join(format!("{name}.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a line that a mutant replaces has changed: then the mutant's description has to be adapted.
    #[test]
    fn every_mutant_can_be_made_of_the_sources() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let all = Mutant::all(&root).unwrap_or_else(|error| panic!("{error:#}"));
        assert!(!all.is_empty());
    }

    fn mutant(from: &str) -> Mutant {
        Mutant {
            name: "m".into(),
            without: "w".into(),
            edit: vec![Edit {
                file: "Cargo.toml".into(),
                from: from.into(),
                to: "replaced".into(),
            }],
            noticed_by: NoticedBy::Host {
                package: "p".into(),
                test: "t".into(),
                says: None,
            },
        }
    }

    #[test]
    fn a_text_that_is_not_there_once_is_refused() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let made = mutant("name = \"molt\"");
        let files = made.edited(root).expect("there once");
        assert!(files[0].1.contains("replaced") && !files[0].1.contains("name = \"molt\""));
        for from in ["not in the file", "workspace"] {
            let error = mutant(from).edited(root).expect_err("not there once");
            assert!(error.to_string().contains("expected once"), "{error}");
        }
    }
}
