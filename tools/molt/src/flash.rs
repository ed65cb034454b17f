// SPDX-License-Identifier: BSD-2-Clause
//! Files with the content of the machine's flash bank.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use molt_board::Board;
use molt_sdf::System;
use molt_sdf::model::Role;
use molt_system::LOG_SIZE;

use crate::scenario::FlashDamage;

/// The file's name in a run's folder.
pub const FILE: &str = "flash.bin";

/// Makes an erased bank, if the system has one.
pub fn make(board: &Board, system: &System, file: &Path) -> Result<Option<PathBuf>> {
    let Some(size) = size(board, system)? else {
        return Ok(None);
    };
    File::create(file)
        .and_then(|bank| bank.set_len(size))
        .with_context(|| format!("{}", file.display()))?;
    erase(file)?;
    Ok(Some(file.to_owned()))
}

/// Erases a bank.
pub fn erase(file: &Path) -> Result<()> {
    let said = || format!("{}", file.display());
    let size = fs::metadata(file).with_context(said)?.len();
    let content = vec![0xff; usize::try_from(size)?];
    fs::write(file, content).with_context(said)
}

/// The bank in a file, which is made if it does not exist.
pub fn keep(board: &Board, system: &System, file: &Path) -> Result<Option<PathBuf>> {
    let Some(size) = size(board, system)? else {
        bail!("--flash: the system has no protection domain with role=\"flash\"");
    };
    if !file.exists() {
        make(board, system, file)?;
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
    let absolute = fs::canonicalize(file).with_context(|| format!("{}", file.display()))?;
    Ok(Some(absolute))
}

/// Copies the bank of an earlier run, and damages the copy.
pub fn take_over(before: &Path, file: &Path, damage: FlashDamage) -> Result<()> {
    let said = || format!("{}", file.display());
    fs::copy(before, file).with_context(said)?;
    match damage {
        FlashDamage::None => Ok(()),
        FlashDamage::Log => flip(file, 40, 1),
        FlashDamage::Bundle => flip(file, LOG_SIZE + 1000, 1),
        FlashDamage::Foreign => flip(file, 0, 64),
    }
    .with_context(said)
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

/// Bytes of the system's bank, if it has one.
fn size(board: &Board, system: &System) -> Result<Option<u64>> {
    if system.role(Role::Flash).is_none() {
        return Ok(None);
    }
    match &board.qemu.flash {
        Some(flash) => Ok(Some(flash.size)),
        None => bail!("board '{}' has no flash bank in QEMU", board.name),
    }
}
