// SPDX-License-Identifier: BSD-2-Clause
//! A scenario's file: the system, the disk, the bundles, and the expected results.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use molt_report::Expectation;
use serde::Deserialize;
use toml::{Table, Value};

use crate::controller::Firmware;
use crate::guest_part::Description;
use crate::kernel::EMBEDDED_BOARD;
use crate::line;

/// A scenario's file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// One line that says what the scenario shows.
    pub about: String,
    /// The system description, beside this file.
    pub system: PathBuf,
    /// The board that the system is for.
    #[serde(default = "virt")]
    pub board: String,
    /// Changes to the description's text.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// Files that the description names, with the text that is in each.
    #[serde(default)]
    pub files: std::collections::BTreeMap<String, String>,
    /// Features of the packages that the system's own images are built with, by package.
    #[serde(default)]
    pub features: std::collections::BTreeMap<String, Vec<String>>,
    /// The disk, where the system has one.
    pub disk: Option<DiskKind>,
    /// The content of the flash bank, in a system that has one; it is erased otherwise.
    #[serde(default)]
    pub flash: Flash,
    /// The controller, in a system whose machine has a line to one.
    pub controller: Option<line::Source>,
    /// Arguments of QEMU's for this scenario, behind all others: properties of devices.
    #[serde(default)]
    pub qemu: Vec<String>,
    /// A folder of Debian packages (a kernel, its modules, busybox) for the Linux guests in place of those that are fetched.
    pub linux: Option<PathBuf>,
    /// The bundles that the guests offer; each guest offers its own in this order.
    #[serde(default, rename = "bundle")]
    pub bundles: Vec<BundleSource>,
    /// What is typed, in this order.
    #[serde(default, rename = "operator")]
    pub typed: Vec<Typed>,
    /// The expected results.
    pub expect: Expectation,
    /// The native client that makes its own bundles from those that it is given. It gets the first key for them.
    pub signer: Option<String>,
    /// It runs by the host's clock: what it shows takes minutes of the guest's time, which would be hours of counted instructions.
    #[serde(default)]
    pub host_clock: bool,
    /// It takes so long that `molt test` runs it only with `--long`.
    #[serde(default)]
    pub long: bool,
    /// Seconds of the host's time after which a run is ended, without the time in which it waited for a processor. It has to be enough for a
    /// slow machine.
    #[serde(default = "two_minutes")]
    pub limit: u64,
}

/// What is typed at the console: a line for the operator's commands, or anything.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Typed {
    /// It is typed after the first line of the console that contains this text, looked for behind the line that the one before
    /// it was typed after.
    pub after: String,
    /// The line. `{KEY}` stands for the last value of KEY in an answer to the operator; of `SEQUENCE:DIGEST`, for the digest.
    pub line: Option<String>,
    /// In place of `line`: this text as it is, for a guest's console, or for `serial`. An empty one only waits for `after`. What is
    /// looked for may be in a line that has not ended: a prompt.
    pub text: Option<String>,
    /// How often the text is typed.
    #[serde(default = "once")]
    pub times: usize,
}

fn once() -> usize {
    1
}

fn virt() -> String {
    EMBEDDED_BOARD.to_owned()
}

fn two_minutes() -> u64 {
    120
}

/// One text of the description in place of another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The text to replace, wherever it occurs.
    pub from: String,
    /// The replacement.
    pub to: String,
}

/// The content of the flash bank when the machine is started.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flash {
    /// A scenario, beside this one, that is run before: the machine is killed at its end, and its flash is taken over.
    pub after: Option<PathBuf>,
    /// How it is damaged before the start.
    #[serde(default)]
    pub damage: FlashDamage,
}

/// How the content of the flash bank is damaged.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum FlashDamage {
    /// Not at all.
    #[default]
    None,
    /// A byte of the first record is another.
    Log,
    /// A byte of the bundle in the first slot is another.
    Bundle,
    /// There is something else at its beginning.
    Foreign,
}

/// What kind of disk.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "lowercase")]
pub enum DiskKind {
    /// A file.
    File,
    /// A file, with a limited number of requests a second.
    Throttled {
        /// Both directions together.
        iops: u32,
    },
    /// Answers at once and forgets.
    Null,
}

/// How a bundle is made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleSource {
    /// The virtual machine or native client that offers it.
    pub guest: String,
    /// The PD that it replaces.
    pub component: String,
    /// The package of the driver, from which the bundle is made.
    pub package: Option<String>,
    /// In place of `package`: the file of a bundle, beside the scenario's. It is offered as it is.
    pub file: Option<PathBuf>,
    /// In place of `package`: the content of a list of keys. Its `key` is by default the first one that may sign lists.
    pub keys: Option<KeySource>,
    /// Features that the package is built with.
    #[serde(default)]
    pub features: Vec<String>,
    /// The firmware of the component's device, if it runs any; by default the first version.
    pub firmware: Option<Firmware>,
    /// What it brings for other components, which are updated together with this one.
    #[serde(default)]
    pub with: Vec<OtherSource>,
    /// What the guest has to store.
    pub part: Option<Description>,
    /// Sequence number of the list, or of the first bundle that is made of the package.
    #[serde(default)]
    pub sequence: u64,
    /// How many bundles are made, with rising sequence numbers.
    #[serde(default = "one")]
    pub repeat: u64,
    /// The difference between their sequence numbers.
    #[serde(default = "one")]
    pub stride: u64,
    /// How it is damaged.
    #[serde(default)]
    pub damage: Damage,
    /// The key that signs it, by the name of its public key in the description; by default the first one that may sign a driver. A
    /// key that the description does not name is made too, and is not trusted.
    pub key: Option<String>,
}

/// What a bundle brings for a component beside the first one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherSource {
    /// The PD that it replaces.
    pub component: String,
    /// The package of the driver.
    pub package: String,
    /// Features that the package is built with.
    #[serde(default)]
    pub features: Vec<String>,
    /// The firmware of the component's device, if it runs any; by default the first version.
    pub firmware: Option<Firmware>,
}

/// The content of a list of keys. Keys have the names that public keys have in the description; those that it does not name are made too.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct KeySource {
    /// The keys that may sign drivers.
    pub driver: Vec<String>,
    /// The keys that are revoked.
    pub revoke: Vec<String>,
    /// No bundle is accepted until the next list.
    pub frozen: bool,
}

/// The origin of a bundle, or of a list of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// It is made of a package of the checkout.
    Package(&'a str),
    /// It is in a file.
    File(&'a Path),
    /// It is a list of keys with this content.
    Keys(&'a KeySource),
}

impl BundleSource {
    /// The bundle's origin.
    ///
    /// # Errors
    /// Several are given, or none, or a package or list without a sequence number.
    pub fn origin(&self) -> Result<Origin<'_>> {
        match (&self.package, &self.file, &self.keys) {
            (Some(package), None, None) if self.sequence > 0 => Ok(Origin::Package(package)),
            (None, Some(file), None) => Ok(Origin::File(file)),
            (None, None, Some(keys)) if self.sequence > 0 => Ok(Origin::Keys(keys)),
            _ => bail!(
                "[[bundle]] for '{}': give either a 'package' to make it of or the 'keys' of a list, with a 'sequence' above 0, or a 'file'",
                self.component
            ),
        }
    }
}

fn one() -> u64 {
    1
}

/// How a bundle is damaged.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// Nothing.
    #[default]
    None,
    /// Its second half is missing.
    Truncated,
    /// A byte of the payload is another.
    Flipped,
    /// The payload is text.
    NotAnElf,
    /// Built for another configuration of the kernel.
    OtherConfiguration,
    /// Made for another device.
    OtherDevice,
    /// More than a bundle slot holds.
    TooLarge,
    /// Nobody signed it.
    Unsigned,
}

/// The key that names the scenario that another one is like.
const LIKE: &str = "like";

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .with_context(|| format!("{}: the scenario cannot be read", path.display()))
}

/// The content of the file at `path`, together with what it has of the file that it is like.
fn alike(path: &Path, mut own: Table) -> Result<Table> {
    let here = path.display();
    let name = own.remove(LIKE);
    let name = name.as_ref().and_then(Value::as_str).map(Path::new);
    let Some(name) = name.filter(|name| name.parent() == Some(Path::new(""))) else {
        bail!("{here}: '{LIKE}' is the name of a scenario's file in the same folder");
    };
    let other = path.with_file_name(name);
    let mut table: Table = toml::from_str(&read(&other)?)
        .with_context(|| format!("{}: not a scenario", other.display()))?;
    if table.contains_key(LIKE) {
        bail!(
            "{here}: is like {}, which is itself like another: name that one",
            other.display()
        );
    }
    table.extend(own);
    Ok(table)
}

impl Scenario {
    /// Reads one.
    ///
    /// `like = "OTHER.toml"`, a file in the same folder: what this file does not say is as that one says it.
    pub fn load(path: &Path) -> Result<Self> {
        let text = read(path)?;
        let wrong = || format!("{}: not a scenario", path.display());
        let table: Table = toml::from_str(&text).with_context(wrong)?;
        let mut scenario: Self = match table.contains_key(LIKE) {
            false => toml::from_str(&text).with_context(wrong)?,
            true => alike(path, table)?.try_into().with_context(wrong)?,
        };
        let beside = path.parent().unwrap_or(Path::new(""));
        scenario.system = beside.join(&scenario.system);
        let after = scenario.flash.after.take();
        scenario.flash.after = after.map(|file| beside.join(file));
        scenario.linux = scenario.linux.map(|folder| beside.join(folder));
        for bundle in &mut scenario.bundles {
            bundle.file = bundle.file.take().map(|file| beside.join(file));
        }
        Ok(scenario)
    }

    /// Writes the edited description to the folder and takes it from there.
    pub fn edit(&mut self, folder: &Path) -> Result<()> {
        if self.edits.is_empty() {
            return Ok(());
        }
        let system = &self.system;
        let mut text = fs::read_to_string(system)
            .with_context(|| format!("{}: cannot be read", system.display()))?;
        for Edit { from, to } in &self.edits {
            if !text.contains(from) {
                bail!("{}: has no '{from}' to edit", system.display());
            }
            text = text.replace(from, to);
        }
        self.system = folder.join("system.xml");
        fs::write(&self.system, text)
            .with_context(|| format!("{}: cannot be written", self.system.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(what: &str) -> BundleSource {
        let text = format!("guest = 'first'\ncomponent = 'disk'\n{what}");
        toml::from_str(&text).expect("a bundle")
    }

    #[test]
    fn a_scenario_like_another_has_what_it_does_not_say_from_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("written");
            path
        };
        write(
            "a.toml",
            "about = 'a'\nsystem = 'a.xml'\nlimit = 7\n[expect]\noutcomes = ['committed']",
        );
        let b = write(
            "b.toml",
            "like = 'a.toml'\nabout = 'b'\nboard = 'pc'\nsystem = 'b.xml'",
        );
        let scenario = Scenario::load(&b).expect("a scenario");
        assert_eq!((scenario.about.as_str(), scenario.limit), ("b", 7));
        assert_eq!(scenario.board, "pc");
        assert_eq!(scenario.system, folder.path().join("b.xml"));
        assert_eq!(scenario.expect.outcomes, ["committed"]);
        for (name, text) in [
            ("c.toml", "like = 'b.toml'"),
            ("d.toml", "like = '../a.toml'"),
            ("e.toml", "like = 1"),
            ("f.toml", "like = 'a.toml'\nnothing = 1"),
        ] {
            assert!(Scenario::load(&write(name, text)).is_err(), "{name}");
        }
    }

    #[test]
    fn a_bundle_comes_from_a_package_or_from_a_file_or_is_a_list_of_keys() {
        let made = bundle("package = 'p'\nsequence = 1");
        assert_eq!(made.origin().expect("good"), Origin::Package("p"));
        let ready = bundle("file = 'my.suit'");
        let file = Origin::File(Path::new("my.suit"));
        assert_eq!(ready.origin().expect("good"), file);
        let list = bundle("keys = { driver = ['a.pem'], frozen = true }\nsequence = 1");
        let keys = KeySource {
            driver: vec!["a.pem".to_owned()],
            frozen: true,
            ..KeySource::default()
        };
        assert_eq!(list.origin().expect("good"), Origin::Keys(&keys));
        for wrong in [
            "sequence = 1",
            "keys = {}",
            "keys = {}\nsequence = 1\nfile = 'my.suit'",
            "package = 'p'",
            "package = 'p'\nfile = 'my.suit'",
        ] {
            assert!(bundle(wrong).origin().is_err(), "{wrong}");
        }
    }
}
