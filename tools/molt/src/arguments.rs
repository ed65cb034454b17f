// SPDX-License-Identifier: BSD-2-Clause
//! The command line.

use std::env;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A file of the checkout, for whoever calls from elsewhere, too.
fn of_checkout(path: &str) -> PathBuf {
    let root = env::var_os("MOLT_ROOT").map(PathBuf::from);
    match root {
        Some(root) if env::current_dir().ok().as_ref() != Some(&root) => root.join(path),
        _ => path.into(),
    }
}

/// Replaces a device's driver while the guests that use it keep running.
#[derive(Debug, Parser)]
#[command(name = "molt", version, propagate_version = true)]
pub struct Arguments {
    /// Install what is missing without asking (the entry script sees to that)
    #[arg(long, global = true)]
    pub yes: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What the tool does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build an image from a system description
    Build(Build),
    /// Build an image and boot it in QEMU, with the console as it comes
    Run(Run),
    /// Show an update of a disk driver under two guests that use the disk
    Demo(Demo),
    /// Run every test: on the host, on the kernel, from end to end
    Test(Test),
    /// Leave one check out at a time, and see that a test notices it (long)
    Mutants(Mutants),
    /// Measure the request path, the blackout and the boot, beside a Linux alone on the same machine
    Bench(Bench),
    /// List the boards, and what was run on them in QEMU
    Boards,
    /// Check a system description
    Check(Check),
    /// Draw a system description as SVG
    Graph(Graph),
}

/// Which description.
#[derive(Args, Debug)]
pub struct System {
    /// The system description
    #[arg(default_value_os_t = of_checkout("system.xml"))]
    pub system: PathBuf,
}

/// `molt check`
#[derive(Args, Debug)]
pub struct Check {
    #[command(flatten)]
    /// Which description
    pub system: System,
    #[command(flatten)]
    /// For which kernel
    pub kernel: Kernel,
}

/// Which kernel.
#[derive(Args, Clone, Debug, Default)]
pub struct Kernel {
    /// A Microkit SDK whose kernel is used in place of the embedded one
    #[arg(long, value_name = "DIR", env = "MICROKIT_SDK")]
    pub sdk: Option<PathBuf>,
    /// The SDK's board
    #[arg(long, default_value = "qemu_virt_aarch64")]
    pub board: String,
    /// The SDK's configuration
    #[arg(long, default_value = "release")]
    pub config: String,
    /// Refuse the embedded kernel: what is built is meant for use
    #[arg(long)]
    pub production: bool,
}

/// `molt build`
#[derive(Args, Debug)]
pub struct Build {
    #[command(flatten)]
    /// Which description
    pub system: System,
    #[command(flatten)]
    /// Which kernel
    pub kernel: Kernel,
    /// Folder of program images and other files that the description names (may be given several times)
    #[arg(long, value_name = "DIR")]
    pub search_path: Vec<PathBuf>,
    /// Where the image is written
    #[arg(long, short, default_value_os_t = of_checkout("target/molt/molt.img"))]
    pub out: PathBuf,
}

/// What the run's clock and record are.
#[derive(Args, Clone, Debug, Default)]
pub struct Measure {
    /// Count instructions: one is a nanosecond of the machine's clock
    #[arg(long)]
    pub icount: bool,
    /// Write what happened to this file
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Which Linux its guests are, where the description does not name files that stand there.
#[derive(Args, Clone, Debug, Default)]
pub struct Linux {
    /// Folder of Debian packages for the Linux guests (one kernel for arm64, its modules, busybox-static), in place of
    /// those that are fetched
    #[arg(long, value_name = "DIR")]
    pub linux: Option<PathBuf>,
}

/// `molt run`
#[derive(Args, Debug)]
pub struct Run {
    /// A scenario (.toml: description, disk, bundles and what is expected), or a description by itself
    #[arg(default_value_os_t = of_checkout("tests/scenarios/demo.toml"))]
    pub scenario: PathBuf,
    /// Folder of files that a description by itself names (may be given several times)
    #[arg(long, value_name = "DIR")]
    pub search_path: Vec<PathBuf>,
    /// The disk of a description by itself: a raw image, made with the guests' file systems if it is not there
    #[arg(long, value_name = "FILE")]
    pub disk: Option<PathBuf>,
    /// Seconds after which a description by itself has run long enough
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    pub limit: u64,
    #[command(flatten)]
    /// Which kernel
    pub kernel: Kernel,
    #[command(flatten)]
    /// Which Linux
    pub linux: Linux,
    #[command(flatten)]
    /// Clock and record
    pub measure: Measure,
}

/// Which guests the demo runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Guests {
    /// A Debian Linux beside a bare one
    Linux,
    /// Two bare ones
    Bare,
}

/// `molt demo`
#[derive(Args, Debug)]
pub struct Demo {
    /// Which guests run
    #[arg(long, value_enum, default_value = "linux")]
    pub guest: Guests,
    #[command(flatten)]
    /// Which kernel
    pub kernel: Kernel,
    #[command(flatten)]
    /// Which Linux
    pub linux: Linux,
    #[command(flatten)]
    /// Clock and record
    pub measure: Measure,
}

/// `molt test`
#[derive(Args, Debug)]
pub struct Test {
    #[command(flatten)]
    /// Which kernel
    pub kernel: Kernel,
    /// Only tests whose name contains this
    pub filter: Option<String>,
    /// Only this part
    #[arg(long, value_enum)]
    pub part: Option<Part>,
    /// Write the traces of the SDK's kernel, to which the embedded one is held
    #[arg(long, requires = "sdk")]
    pub record: bool,
    /// Run the target suite and the demo on the embedded kernel and the SDK's, and print both side by side
    #[arg(long, conflicts_with_all = ["record", "filter", "part"])]
    pub compare: bool,
}

/// `molt mutants`
#[derive(Args, Debug)]
pub struct Mutants {
    #[command(flatten)]
    /// Which kernel
    pub kernel: Kernel,
    /// Only mutants whose name contains this
    pub filter: Option<String>,
    /// List them, and the test that notices each
    #[arg(long)]
    pub list: bool,
}

/// `molt bench`
#[derive(Args, Debug)]
pub struct Bench {
    #[command(flatten)]
    /// Which kernel
    pub kernel: Kernel,
    /// Only figures whose name contains one of these, with commas between them
    #[arg(long, value_name = "FILTER", value_delimiter = ',')]
    pub rows: Vec<String>,
    /// How often each system is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: u64,
    /// Requests in each row of the request path
    #[arg(long, value_name = "N", default_value_t = 4000, value_parser = clap::value_parser!(u64).range(1..=65536))]
    pub requests: u64,
    /// Another system beside: a command that boots a machine whose console prints the load's result lines (may be given several times)
    #[arg(long, value_name = "NAME=COMMAND")]
    pub peer: Vec<String>,
    /// Not the Linux alone
    #[arg(long)]
    pub no_linux: bool,
    /// Write the rows to this file
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Where tests run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// On the host
    Host,
    /// The target suite, as the kernel's root task
    Suite,
    /// That the programs are the same bytes on either kernel (with an SDK)
    Programs,
    /// Plain Microkit systems with C programs (with an SDK)
    Microkit,
    /// From end to end
    Scenarios,
}

/// `molt graph`
#[derive(Args, Debug)]
pub struct Graph {
    #[command(flatten)]
    /// Which description
    pub system: System,
    /// Where the picture is written
    #[arg(long, short, default_value_os_t = of_checkout("target/molt/system.svg"))]
    pub out: PathBuf,
}
