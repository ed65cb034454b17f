// SPDX-License-Identifier: BSD-2-Clause
//! The profile.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::counts::Counts;
use crate::entry::{self, Before};
use crate::matching::programs_of;
use crate::program::Program;

/// Addresses from here on are a Linux kernel's own (its documentation's "Memory Layout on AArch64 Linux").
const LINUX_KERNEL: u64 = 0xffff << 48;

/// Instructions of a function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionCount {
    /// The program.
    pub program: String,
    /// The innermost function, inlined or not.
    pub function: String,
    /// For each of what was counted.
    pub instructions: f64,
}

/// Entries of the kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryCount {
    /// What kind.
    pub kind: String,
    /// Who ran before.
    pub from: String,
    /// For each of what was counted.
    pub count: f64,
}

/// What ran between the marks, for each request (or whatever was counted).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Of how many.
    pub of: u64,
    /// All instructions.
    pub instructions: f64,
    /// By program, the most first.
    pub programs: Vec<(String, f64)>,
    /// By function, the most first.
    pub functions: Vec<FunctionCount>,
    /// The entries of the kernel, the most first.
    pub entries: Vec<EntryCount>,
    /// Stacks for a flame graph, the outermost function first, separated by semicolons, with all their instructions.
    #[serde(skip)]
    pub stacks: BTreeMap<String, u64>,
}

impl Profile {
    /// Makes the profile. `programs`: the kernel, then all others. `of`: how many requests (or the like) there were.
    pub fn new(counts: &Counts, programs: &[Program], of: u64) -> Self {
        let each = |count: u64| count as f64 / of.max(1) as f64;
        let owners = programs_of(&counts.blocks, programs);
        let name = |number: usize| match owners[number] {
            Some(program) => programs[program].name.as_str(),
            None if counts.blocks[number].address >= LINUX_KERNEL => "guest: kernel",
            None => "guest: program",
        };
        let mut by_program: BTreeMap<&str, u64> = BTreeMap::new();
        let mut by_function: BTreeMap<(&str, String), u64> = BTreeMap::new();
        let mut stacks: BTreeMap<String, u64> = BTreeMap::new();
        for (number, block) in counts.blocks.iter().enumerate() {
            let count = block.instructions.len() as u64;
            *by_program.entry(name(number)).or_default() += block.runs * count;
            for address in block.addresses() {
                let frames = match owners[number] {
                    Some(program) => programs[program].functions(address),
                    None => vec![],
                };
                let innermost = frames.last().cloned().unwrap_or_default();
                *by_function.entry((name(number), innermost)).or_default() += block.runs;
                let stack = [&[name(number).to_owned()], &*frames].concat().join(";");
                *stacks.entry(stack).or_default() += block.runs;
            }
        }
        let mut entries: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for entry in &counts.entries {
            let (kind, from) = match entry.from {
                Some(number) => {
                    let kind = match programs.first() {
                        Some(kernel) if kernel.is_x86 => entry::x86_64(&kernel.symbol(entry.place)),
                        _ => {
                            let last = counts.blocks[number].instructions.last();
                            let before = match name(number).starts_with("guest") {
                                true => Before::Guest,
                                false => Before::Domain,
                            };
                            entry::aarch64(entry.place, before, last.map_or(&[], Vec::as_slice))
                        }
                    };
                    (kind, name(number))
                }
                None => ("unknown", "unknown"),
            };
            *entries.entry((kind, from)).or_default() += entry.count;
        }
        let mut profile = Self {
            of,
            instructions: each(by_program.values().sum()),
            programs: by_program
                .iter()
                .map(|(name, count)| ((*name).to_owned(), each(*count)))
                .collect(),
            functions: by_function
                .into_iter()
                .map(|((program, function), count)| FunctionCount {
                    program: program.to_owned(),
                    function,
                    instructions: each(count),
                })
                .collect(),
            entries: entries
                .into_iter()
                .map(|((kind, from), count)| EntryCount {
                    kind: kind.to_owned(),
                    from: from.to_owned(),
                    count: each(count),
                })
                .collect(),
            stacks,
        };
        profile.programs.sort_by(|a, b| b.1.total_cmp(&a.1));
        (profile.functions).sort_by(|a, b| b.instructions.total_cmp(&a.instructions));
        profile.entries.sort_by(|a, b| b.count.total_cmp(&a.count));
        profile
    }

    /// Instructions in stacks (the program, then functions, the outermost first) of which one name is among these, for each of
    /// what was counted.
    pub fn within(&self, belongs: impl Fn(&str) -> bool) -> f64 {
        let stacks = self.stacks.iter();
        let within = stacks.filter(|(stack, _)| stack.split(';').any(&belongs));
        within.map(|(_, count)| *count as f64).sum::<f64>() / self.of.max(1) as f64
    }

    /// Entries of the kernel, of all kinds.
    pub fn kernel_entries(&self) -> f64 {
        self.entries.iter().map(|entry| entry.count).sum()
    }

    /// As text: programs, the `most` functions with the most instructions, entries.
    pub fn text(&self, most: usize) -> Vec<String> {
        let mut lines = vec![format!(
            "  {:.0} instructions and {:.2} kernel entries each, of {}",
            self.instructions,
            self.kernel_entries(),
            self.of
        )];
        lines.push("  instructions  program".into());
        for (name, count) in &self.programs {
            lines.push(format!("  {count:>12.1}  {name}"));
        }
        lines.push("  instructions  function".into());
        for function in self.functions.iter().take(most) {
            lines.push(format!(
                "  {:>12.1}  {}: {}",
                function.instructions, function.program, function.function
            ));
        }
        lines.push("  kernel entries  kind, from whom".into());
        for entry in self.entries.iter().filter(|e| e.count >= 0.005) {
            lines.push(format!(
                "  {:>14.2}  {}, {}",
                entry.count, entry.kind, entry.from
            ));
        }
        lines
    }
}
