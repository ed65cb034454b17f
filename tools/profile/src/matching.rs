// SPDX-License-Identifier: BSD-2-Clause
//! Which program a block belongs to.

use std::collections::BTreeMap;

use crate::counts::Block;
use crate::program::Program;

const PAGE: u64 = 4096;

/// For each block the number of its program, or none where no program has its instructions.
///
/// Programs may have the same instructions at the same address; of the blocks of one page in memory, which is one
/// program's, nearly all are in that program's file.
pub fn programs_of(blocks: &[Block], programs: &[Program]) -> Vec<Option<usize>> {
    let mut pages: BTreeMap<(u64, u64), Vec<usize>> = BTreeMap::new();
    let bytes: Vec<Vec<u8>> = blocks.iter().map(Block::bytes).collect();
    for (number, block) in blocks.iter().enumerate() {
        let page = (block.host / PAGE, block.address / PAGE);
        pages.entry(page).or_default().push(number);
    }
    let mut found = vec![None; blocks.len()];
    for numbers in pages.values() {
        let score = |program: &Program| {
            let there = |number: &&usize| program.has(blocks[**number].address, &bytes[**number]);
            numbers.iter().filter(there).count()
        };
        let scores = programs.iter().map(score).enumerate();
        // Of equal ones the first: the last maximum would be taken otherwise.
        let best = scores.rev().max_by_key(|(_, score)| *score);
        if let Some((program, score)) = best
            && score * 2 > numbers.len()
        {
            numbers
                .iter()
                .for_each(|number| found[*number] = Some(program));
        }
    }
    found
}
