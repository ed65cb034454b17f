// SPDX-License-Identifier: BSD-2-Clause
//! The counts between the marks. QEMU runs one processor on one thread: nothing here waits for another.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::block::Block;

/// Between the marks.
static COUNTING: AtomicBool = AtomicBool::new(false);
/// The block that ran last.
static LAST: AtomicPtr<Block> = AtomicPtr::new(ptr::null_mut());
/// How many pairs of marks there were.
static PAIRS: AtomicU64 = AtomicU64::new(0);
static BLOCKS: Mutex<Vec<&'static Block>> = Mutex::new(Vec::new());
/// Entries of the kernel: the place, and the block (by its address in this process) that ran before.
static ENTRIES: Mutex<BTreeMap<(u64, usize), u64>> = Mutex::new(BTreeMap::new());

/// Keeps a block without ever freeing it, because QEMU may run it at any time.
pub fn add(block: Block) -> &'static Block {
    let block: &'static Block = Box::leak(Box::new(block));
    BLOCKS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(block);
    block
}

/// It runs.
pub fn executed(block: &'static Block) {
    if !COUNTING.load(Ordering::Relaxed) {
        return;
    }
    block.runs.fetch_add(1, Ordering::Relaxed);
    let last = LAST.swap(ptr::from_ref(block).cast_mut(), Ordering::Relaxed);
    // SAFETY: a block is never freed.
    let before = unsafe { last.as_ref() };
    if let Some(place) = block.entry
        && !before.is_some_and(|before| before.is_kernel)
    {
        let mut entries = ENTRIES.lock().unwrap_or_else(PoisonError::into_inner);
        *entries.entry((place, last as usize)).or_default() += 1;
    }
}

/// The first mark: resets the counts.
pub fn begin() {
    for block in (BLOCKS.lock().unwrap_or_else(PoisonError::into_inner)).iter() {
        block.runs.store(0, Ordering::Relaxed);
    }
    ENTRIES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clear();
    COUNTING.store(true, Ordering::Relaxed);
}

/// The second mark; nothing without the first. Writes to a file whose name ends in the pair's number, from 0 on, lines
/// `block ADDRESS HOST RUNS INSTRUCTION…` and `entry PLACE FROM COUNT`: numbers in hexadecimal but for counts; an instruction is its
/// bytes in the order of memory; FROM is the number of a `block` line, or `-`.
pub fn end(file: &Path) -> io::Result<()> {
    if !COUNTING.swap(false, Ordering::Relaxed) {
        return Ok(());
    }
    let pair = PAIRS.fetch_add(1, Ordering::Relaxed);
    let blocks = BLOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{pair}"));
    let mut out = BufWriter::new(File::create(name)?);
    let mut numbers = BTreeMap::new();
    let ran = blocks.iter().filter(|b| b.runs.load(Ordering::Relaxed) > 0);
    for (number, block) in ran.enumerate() {
        numbers.insert(ptr::from_ref(*block) as usize, number);
        let runs = block.runs.load(Ordering::Relaxed);
        write!(out, "block {:x} {:x} {runs}", block.address, block.host)?;
        for instruction in &block.instructions {
            write!(out, " ")?;
            for byte in instruction {
                write!(out, "{byte:02x}")?;
            }
        }
        writeln!(out)?;
    }
    let entries = ENTRIES.lock().unwrap_or_else(PoisonError::into_inner);
    for ((place, from), count) in entries.iter() {
        match numbers.get(from) {
            Some(number) => writeln!(out, "entry {place:x} {number} {count}")?,
            None => writeln!(out, "entry {place:x} - {count}")?,
        }
    }
    writeln!(out, "end")?;
    out.flush()
}
