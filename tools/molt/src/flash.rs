// SPDX-License-Identifier: BSD-2-Clause
//! Files with the contents of the machine's flash banks.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use molt_board::Board;
use molt_sdf::System;
use molt_sdf::model::Role;
use molt_system::LOG_SIZE;

use crate::scenario::FlashDamage;
use crate::workspace::{place, places};

/// The banks' files, by the banks' names in the board's file.
pub type Banks = BTreeMap<String, PathBuf>;

/// Makes the banks that the system has, erased, in a run's folder.
pub fn make(board: &Board, system: &System, folder: &Path) -> Result<Banks> {
    keep(board, system, folder, &[])
}

/// The banks that the system has. `given` names the files of some of them, as `--flash` does, which are made if they do not exist; the
/// others are made in the folder, erased.
pub fn keep(board: &Board, system: &System, folder: &Path, given: &[String]) -> Result<Banks> {
    let sizes: BTreeMap<&str, u64> = (board.flash(places(system)))
        .map(|(name, bank)| (name, bank.size))
        .collect();
    if system.role(Role::Flash).is_some() && sizes.is_empty() {
        bail!("board '{}' has no flash bank in QEMU", board.name);
    }
    let mut banks = Banks::new();
    for text in given {
        let (name, file) = named(text, &sizes)?;
        let size = sizes.get(name).copied().unwrap_or_default();
        if banks.insert(name.to_owned(), kept(file, size)?).is_some() {
            bail!("--flash: the bank '{name}' is given twice");
        }
    }
    for (name, size) in sizes {
        if !banks.contains_key(name) {
            let file = folder.join(format!("{name}.bin"));
            make_one(&file, size)?;
            banks.insert(name.to_owned(), file);
        }
    }
    Ok(banks)
}

/// The bank and the file that the text of a `--flash` means.
fn named<'a>(text: &'a str, sizes: &BTreeMap<&'a str, u64>) -> Result<(&'a str, &'a Path)> {
    let by_name = text.split_once('=');
    if let Some((name, file)) = by_name.filter(|(name, _)| sizes.contains_key(name)) {
        return Ok((name, Path::new(file)));
    }
    let names: Vec<&str> = sizes.keys().copied().collect();
    match names[..] {
        [] => bail!("--flash: the system has no region in a flash bank of the board"),
        [name] => Ok((name, Path::new(text))),
        _ => bail!(
            "--flash {text}: the system has several banks: NAME=FILE, with NAME one of {}",
            names.join(", ")
        ),
    }
}

fn make_one(file: &Path, size: u64) -> Result<()> {
    File::create(file)
        .and_then(|bank| bank.set_len(size))
        .with_context(|| format!("{}", file.display()))?;
    erase(file)
}

/// Erases a bank.
pub fn erase(file: &Path) -> Result<()> {
    let said = || format!("{}", file.display());
    let size = fs::metadata(file).with_context(said)?.len();
    let content = vec![0xff; usize::try_from(size)?];
    fs::write(file, content).with_context(said)
}

/// The bank in a file, which is made if it does not exist.
fn kept(file: &Path, size: u64) -> Result<PathBuf> {
    if !file.exists() {
        make_one(file, size)?;
    }
    let there = fs::metadata(file).with_context(|| format!("{}", file.display()))?;
    if there.len() != size {
        bail!(
            "{}: {} bytes, and the board's flash bank has {size}",
            file.display(),
            there.len()
        );
    }
    // QEMU takes the text before a colon in a relative path for a protocol.
    fs::canonicalize(file).with_context(|| format!("{}", file.display()))
}

/// Copies the banks of an earlier run.
pub fn take_over(before: &Banks, banks: &Banks) -> Result<()> {
    for (name, file) in banks {
        if let Some(before) = before.get(name) {
            fs::copy(before, file).with_context(|| format!("{}", file.display()))?;
        }
    }
    Ok(())
}

/// Damages the content of the bank that `flash` uses.
pub fn damage(board: &Board, system: &System, banks: &Banks, damage: FlashDamage) -> Result<()> {
    let flips = match damage {
        FlashDamage::None => return Ok(()),
        FlashDamage::Log => (40, 1),
        FlashDamage::Bundle => (LOG_SIZE + 1000, 1),
        FlashDamage::Foreign => (0, 64),
    };
    let (at, bytes) = flips;
    let file = store(board, system).and_then(|name| banks.get(name));
    let file = file.context("the system keeps nothing in flash that could be damaged")?;
    flip(file, at, bytes).with_context(|| format!("{}", file.display()))
}

/// The name of the bank that `flash` uses.
fn store<'b>(board: &'b Board, system: &System) -> Option<&'b str> {
    let domain = &system.domains[system.role(Role::Flash)?];
    let regions = domain.maps.iter().map(|map| &system.regions[map.region]);
    board
        .flash(regions.filter_map(place))
        .next()
        .map(|(name, _)| name)
}

fn flip(file: &Path, at: u64, bytes: usize) -> std::io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(file)?;
    let mut content = vec![0; bytes];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut content)?;
    for byte in &mut content {
        *byte = !*byte;
    }
    file.seek(SeekFrom::Start(at))?;
    file.write_all(&content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes<'a>(names: &[&'a str]) -> BTreeMap<&'a str, u64> {
        names.iter().map(|name| (*name, 1)).collect()
    }

    #[test]
    fn the_only_bank_needs_no_name() {
        let file = |text| named(text, &sizes(&["flash"])).unwrap();
        assert_eq!(file("bank.bin"), ("flash", Path::new("bank.bin")));
        assert_eq!(file("flash=bank.bin"), ("flash", Path::new("bank.bin")));
        assert_eq!(file("a=b.bin"), ("flash", Path::new("a=b.bin")));
    }

    #[test]
    fn one_of_several_banks_needs_its_name() {
        let sizes = sizes(&["first_flash", "flash"]);
        let file = named("first_flash=a=b.bin", &sizes).unwrap();
        assert_eq!(file, ("first_flash", Path::new("a=b.bin")));
        for text in ["bank.bin", "other=bank.bin"] {
            let error = named(text, &sizes).unwrap_err().to_string();
            assert!(error.contains("one of first_flash, flash"), "{error}");
        }
        assert!(named("bank.bin", &BTreeMap::new()).is_err());
    }
}
