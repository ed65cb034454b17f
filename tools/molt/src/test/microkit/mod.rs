// SPDX-License-Identifier: BSD-2-Clause
//! Plain Microkit systems with C programs against the SDK's own library, alone or beside programs of this checkout: built
//! by this tool and by Microkit's, and both images have to do the same.
//!
//! Each folder of `tests/microkit` is a test: a description, C sources, and the lines that its programs print. A program
//! image without a C source there is a package of the checkout.

mod compiler;
mod console;
mod refusals;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use molt_qemu::Clock;
use molt_sdk::Configuration;

use super::count::Count;
use crate::description;
use crate::kernel::{EMBEDDED_BOARD, Kernel};
use crate::output::say;
use crate::toolchain::{Target, Toolchain};
use compiler::Compiler;

const FOLDER: &str = "tests/microkit";

/// Runs them.
pub fn run(toolchain: &Toolchain, kernel: &Kernel, filter: Option<&str>) -> Result<Count> {
    let mut count = Count::default();
    let tests = tests(&toolchain.root().join(FOLDER))?;
    let (configuration, compiler) = match ready(kernel) {
        Ok(ready) => ready,
        Err(reason) => {
            for (name, _) in wanted(&tests, filter) {
                say!("skip   microkit {name}: {reason}");
                count.skipped += 1;
            }
            return Ok(count);
        }
    };
    let out = toolchain.root().join("target/molt/microkit");
    for (name, folder) in wanted(&tests, filter) {
        let out = out.join(format!("{name}-{}", kernel.label()));
        let test = Test {
            toolchain,
            kernel,
            configuration,
            compiler: &compiler,
            folder,
            name,
            out: &out,
        };
        if let Some(reason) = test.misfit()? {
            say!("skip   microkit {name}: {reason}");
            count += Count::SKIPPED;
            continue;
        }
        count += verdict(name, test.ours());
        // A description with our elements is not one for Microkit's tool.
        if !refusals::is_ours(&fs::read_to_string(test.description())?) {
            count += verdict(&format!("{name} (Microkit's image)"), test.theirs());
        }
    }
    count += refusals::run(toolchain, configuration, filter)?;
    Ok(count)
}

/// Checks for what the tests need. The error says why they cannot run.
fn ready(kernel: &Kernel) -> Result<(&Configuration, Compiler), String> {
    let configuration = kernel.sdk().ok_or(
        "needs a Microkit SDK (--sdk DIR): its library is what the programs are made with",
    )?;
    if kernel.board() != EMBEDDED_BOARD {
        return Err(format!("its programs are for {EMBEDDED_BOARD}"));
    }
    let compiler = Compiler::find().ok_or(
        "there is no C compiler for AArch64 (package gcc-aarch64-linux-gnu, or Arm's aarch64-none-elf)",
    )?;
    Ok((configuration, compiler))
}

/// The tests by name, in its order.
fn tests(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut tests: Vec<_> = fs::read_dir(folder)
        .with_context(|| format!("{}", folder.display()))?
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                entry.path(),
            )
        })
        .collect();
    tests.sort();
    Ok(tests)
}

fn wanted<'a>(
    tests: &'a [(String, PathBuf)],
    filter: Option<&'a str>,
) -> impl Iterator<Item = (&'a str, &'a Path)> {
    let wanted = move |name: &str| filter.is_none_or(|filter| name.contains(filter));
    (tests.iter())
        .filter(move |(name, _)| wanted(name))
        .map(|(name, folder)| (name.as_str(), folder.as_path()))
}

fn verdict(name: &str, outcome: Result<()>) -> Count {
    match &outcome {
        Ok(()) => say!("ok     microkit {name}"),
        Err(error) => say!("FAILED microkit {name}: {error:#}"),
    }
    Count::of(outcome.is_ok())
}

/// One of them.
struct Test<'a> {
    toolchain: &'a Toolchain,
    kernel: &'a Kernel,
    configuration: &'a Configuration,
    compiler: &'a Compiler,
    folder: &'a Path,
    name: &'a str,
    /// Where its programs and images are made.
    out: &'a Path,
}

impl Test<'_> {
    fn description(&self) -> PathBuf {
        self.folder.join(format!("{}.system", self.name))
    }

    /// Why it is not for this kernel.
    fn misfit(&self) -> Result<Option<String>> {
        let system = molt_sdf::load(&self.description(), &[self.folder.to_owned()])?;
        let there = self.configuration.cores();
        Ok(match system.cores().map(|core| core.value + 1).max() {
            Some(needed) if needed > there => Some(format!(
                "needs a kernel for {needed} cores (configuration smp-…), this one is for {there}"
            )),
            _ if there > 1 && system.domain_schedule.is_some() => {
                Some("a kernel for several cores has no domain scheduler".into())
            }
            _ => None,
        })
    }

    /// Makes the programs and boots them in this tool's image.
    fn ours(&self) -> Result<()> {
        self.compiler
            .programs(self.folder, self.configuration, self.out)?;
        let search = [self.out.to_owned()];
        let built = description::build(
            self.toolchain,
            self.kernel,
            &self.description(),
            &search,
            None,
            true,
        )?;
        let own = self.out.join("molt.img");
        fs::copy(built.image, &own)?;
        self.boot(own)
    }

    /// Boots them in the image of Microkit's own tool, which has to print the expected lines too.
    fn theirs(&self) -> Result<()> {
        let image = self.out.join("microkit.img");
        // Not where the C programs are: this tool's own image is to find no ready program of the checkout.
        let packages = self.out.join("packages");
        self.packages(&packages)?;
        let search = [self.out, self.folder, &packages];
        let refusal = refusals::microkit(self.configuration, &self.description(), &search, &image)?;
        anyhow::ensure!(
            refusal.is_none(),
            "refused: {}",
            refusal.unwrap_or_default()
        );
        self.boot(image)
    }

    /// Makes the programs of the checkout, which Microkit's tool wants ready.
    fn packages(&self, out: &Path) -> Result<()> {
        fs::create_dir_all(out).with_context(|| format!("{}", out.display()))?;
        let system = molt_sdf::load(&self.description(), &[])?;
        for image in system.domains.iter().map(|domain| &domain.image.value) {
            let name = image.strip_suffix(".elf").unwrap_or(image);
            if self.folder.join(name).with_extension("c").is_file() {
                continue;
            }
            let configuration = self.kernel.programs_for()?;
            let built = (self.toolchain).build(&[name], Target::Domain, &[], configuration)?;
            fs::copy(built.join(name), out.join(image))?;
        }
        Ok(())
    }

    fn boot(&self, image: PathBuf) -> Result<()> {
        let expected = self.folder.join("expected.txt");
        let expected =
            fs::read_to_string(&expected).with_context(|| format!("{}", expected.display()))?;
        let board = self.kernel.board_file(self.toolchain)?;
        let mut machine = self.kernel.machine(&board, image);
        if self.kernel.counts_instructions(&board) {
            machine.clock = Clock::InstructionsJumping;
        }
        console::boot(machine, &expected)
    }
}
