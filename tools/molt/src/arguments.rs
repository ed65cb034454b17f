// SPDX-License-Identifier: BSD-2-Clause
//! The command line.

use std::env;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The path of a file of the checkout, also if the tool is called from another folder.
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
    /// Show updates of the drivers of a disk and of a network card under two Linux guests
    Demo(Demo),
    /// Run every test: on the host, on the kernel, from end to end
    Test(Test),
    /// Leave one check out at a time, and see that a test notices it (long)
    Mutants(Mutants),
    /// Measure the request path, the blackout and the boot, beside a Linux alone on the same machine
    Bench(Bench),
    /// Run whole systems in this process, with faults, and check what must hold after each step
    Simulate(Simulate),
    /// Look for bytes that break what reads bundles, flash, doorbells, lines (needs a C++ compiler; ends at the first finding)
    Fuzz(Fuzz),
    /// List the boards: run in QEMU (and what), built but not run, or not tried
    Boards(Boards),
    /// Check a system description
    Check(Check),
    /// Check a finished image against a board and its kernel
    CheckImage(CheckImage),
    /// Draw a system description as SVG
    Graph(Graph),
    /// Make, sign, show and verify bundles
    #[command(subcommand)]
    Bundle(Bundle),
    /// Print the log of a flash bank: every offer and its end
    Audit(Audit),
    /// Make and show keys
    #[command(subcommand)]
    Key(Key),
    /// Look at a running system and decide about its updates, over its console
    Operator(Operator),
}

/// `molt operator`
#[derive(Args, Debug)]
pub struct Operator {
    /// The console's port: a serial device whose line is set up already, or the socket of `molt run --operator SOCKET`
    pub port: PathBuf,
    /// One command and its arguments: list, log, approve, force, refuse, freeze, thaw, rollback, forgive, restore, readmit. Without one,
    /// commands are read line by line
    pub command: Vec<String>,
    /// One JSON object for each line of the answer
    #[arg(long)]
    pub json: bool,
    /// Seconds to wait for each line of the answer
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub patience: u64,
}

/// `molt audit`
#[derive(Args, Debug)]
pub struct Audit {
    /// The content of the bank, as `molt run --flash FILE` leaves it
    pub file: PathBuf,
    /// One JSON object for each record
    #[arg(long)]
    pub json: bool,
    /// Also write a SUIT report for each transaction that has ended into this folder
    #[arg(long, value_name = "FOLDER")]
    pub reports: Option<PathBuf>,
}

/// The argument that names a system description.
#[derive(Args, Debug)]
pub struct System {
    /// The system description
    #[arg(default_value_os_t = of_checkout("system.xml"))]
    pub system: PathBuf,
}

/// `molt boards`
#[derive(Args, Debug)]
pub struct Boards {
    /// A Microkit SDK: its boards without a file here are listed, too
    #[arg(long, value_name = "DIR", env = "MICROKIT_SDK")]
    pub sdk: Option<PathBuf>,
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

/// `molt check-image`
#[derive(Args, Debug)]
pub struct CheckImage {
    /// The image, as `molt build` wrote it
    #[arg(default_value_os_t = of_checkout("target/molt/molt.img"))]
    pub image: PathBuf,
    #[command(flatten)]
    /// For which kernel
    pub kernel: Kernel,
}

/// The arguments that select a kernel.
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
    /// For real use: refuse the embedded kernel, and make no keys
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

/// The clock and the record of a run.
#[derive(Args, Clone, Debug, Default)]
pub struct Measure {
    /// Count instructions: one is a nanosecond of the machine's clock
    #[arg(long)]
    pub icount: bool,
    /// Write what happened to this file
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// The Linux for guests whose kernel file is not found.
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
    /// A scenario (.toml: description, disk, bundles and expected results), or only a description
    #[arg(default_value_os_t = of_checkout("tests/scenarios/demo.toml"))]
    pub scenario: PathBuf,
    /// Folder with files that a description names, without a scenario (may be given several times)
    #[arg(long, value_name = "DIR")]
    pub search_path: Vec<PathBuf>,
    /// The disk for a description without a scenario: a raw or .qcow2 image; a raw one with the guests' file systems is
    /// made if it does not exist
    #[arg(long, value_name = "FILE")]
    pub disk: Option<PathBuf>,
    /// What a network card is connected to, for a description without a scenario: NAME=user or NAME=socket,… with QEMU's options
    /// behind a comma (NAME: the component; may be given several times)
    #[arg(long, value_name = "NAME=WHAT")]
    pub net: Vec<String>,
    /// The content of a flash bank for a description without a scenario: an erased one is made if it does not exist, and
    /// what the system keeps in it is there at the next run. With several banks NAME=FILE (NAME: the bank's in the board's file), once for each
    #[arg(long, value_name = "[NAME=]FILE")]
    pub flash: Vec<String>,
    /// Where `molt operator` finds the console of a description without a scenario: a socket that is made
    #[arg(long, value_name = "SOCKET")]
    pub operator: Option<PathBuf>,
    /// The guest's console at this terminal, for a description without a scenario: its name, or NAME/hvc0 for its virtio console.
    /// What is typed goes to it, and what it prints is shown as it comes; Ctrl-] ends the run
    #[arg(long, value_name = "GUEST")]
    pub attach: Option<String>,
    /// Seconds after which a run of a description without a scenario ends; by default 20, or none with --attach
    #[arg(long, value_name = "SECONDS")]
    pub limit: Option<u64>,
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
    /// Two Debian Linux guests: one has a disk, both are on a network
    Linux,
    /// Two bare-metal guests with one disk; needs no Linux
    Bare,
}

/// What the demo shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// Drivers: of a disk, and with Linux of a network card
    Drivers,
    /// The firmware of a small controller, a second emulated machine, under guests that read its sensors
    Firmware,
    /// The techniques by which guests are denied a device, and what each guest saw
    Techniques,
}

/// `molt demo`
#[derive(Args, Debug)]
pub struct Demo {
    /// What is replaced
    #[arg(value_enum, default_value = "drivers")]
    pub subject: Subject,
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
    /// Also what takes long: 200 cuts of the power in place of 5, and the scenarios that say so
    #[arg(long)]
    pub long: bool,
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
    /// Measure another system too: a command that boots a machine whose console prints the load's result lines (may be
    /// given several times)
    #[arg(long, value_name = "NAME=COMMAND")]
    pub peer: Vec<String>,
    /// In place of the figures, count where the instructions of this row's requests go, of a 'blackout' or of the 'boot', and draw a flame graph
    #[arg(long, value_name = "ROW", conflicts_with_all = ["rows", "peer", "json", "html"])]
    pub profile: Option<String>,
    /// In place of the figures, count the instructions of requests, and fail where they are more than 2 % above the committed
    /// baseline (tests/measure/baseline.json)
    #[arg(long, conflicts_with_all = ["rows", "peer", "json", "html", "profile"])]
    pub check: bool,
    /// Write what is counted to the baseline; the reason belongs into the commit's message
    #[arg(long, requires = "check")]
    pub record: bool,
    /// Do not measure the Linux alone
    #[arg(long)]
    pub no_linux: bool,
    /// Write the rows to this file
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a report with plots to this file, a page for a browser
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Where tests run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The layout of the sources, and Clippy with its warnings as errors
    Lint,
    /// On the host
    Host,
    /// The controller's firmware in its emulated machine
    Controller,
    /// The target suite, as the kernel's root task
    Suite,
    /// That the programs are the same bytes on either kernel (with an SDK)
    Programs,
    /// Plain Microkit systems with C programs (with an SDK)
    Microkit,
    /// Instructions of requests, against the baseline
    Bench,
    /// From end to end
    Scenarios,
    /// The power is cut at random
    Power,
}

/// `molt simulate`
#[derive(Args, Debug)]
pub struct Simulate {
    /// How many runs
    #[arg(long, default_value_t = 10_000)]
    pub runs: u64,
    /// The first run's seed; the next run has the next number
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Write runs, steps and violations to this file
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Leave out the operation or check of this name, to see that a rule notices it
    #[arg(long, value_name = "NAME")]
    pub mutant: Option<String>,
    /// Print the script and the trace of the first run
    #[arg(long)]
    pub trace: bool,
}

/// `molt fuzz`
#[derive(Args, Debug)]
pub struct Fuzz {
    /// Only this target; without it, one after the other
    pub target: Option<String>,
    /// How long for each target
    #[arg(long, default_value_t = 60)]
    pub seconds: u32,
    /// Add what reaches new code to tests/corpus
    #[arg(long)]
    pub keep: bool,
    /// Run the target once, with the bytes of this file
    #[arg(long, value_name = "FILE", requires = "target")]
    pub input: Option<PathBuf>,
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

/// `molt bundle`
#[derive(Debug, Subcommand)]
pub enum Bundle {
    /// Make an unsigned bundle from a driver
    New(NewBundle),
    /// Add a signature to a bundle
    Sign(SignBundle),
    /// Show what is in a bundle
    Inspect(InspectBundle),
    /// Check whether the target would run a bundle: exits with 0 if so, otherwise with 1 and the reason
    Verify(VerifyBundle),
}

/// `molt bundle new`
#[derive(Args, Debug)]
pub struct NewBundle {
    /// The replaceable protection domain that it is for; or NAME=FILE with the driver's ELF, once for each component of a bundle that
    /// updates several together
    #[arg(long, required = true, value_name = "NAME")]
    pub component: Vec<String>,
    /// Rises with each release; must be above the one that the target has committed
    #[arg(long)]
    pub sequence: u64,
    /// The driver's ELF, if there is one component
    #[arg(long, value_name = "FILE")]
    pub driver: Option<PathBuf>,
    /// The device's firmware, where it comes with the driver; or NAME=FILE, if there are several components
    #[arg(long, value_name = "FILE")]
    pub firmware: Vec<String>,
    /// What the guest has to store, described in this file: files, parameters of modules, commands (docs/bundles.md)
    #[arg(long, value_name = "FILE")]
    pub guest_part: Option<PathBuf>,
    /// In place of --guest-part: the guest's part as it is, for an agent other than molt-guest
    #[arg(long, value_name = "FILE", conflicts_with = "guest_part")]
    pub guest: Option<PathBuf>,
    /// The driver's version, for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub driver_version: String,
    /// What the update is, for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub about: String,
    /// The system description
    #[arg(long, value_name = "FILE", default_value = "system.xml")]
    pub system: PathBuf,
    /// Where the bundle is written
    #[arg(long, short)]
    pub out: PathBuf,
}

/// Algorithms, named as COSE does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SignatureAlgorithm {
    /// ECDSA with SHA-256 (-7)
    Es256,
    /// ECDSA over P-256 with SHA-256 (-9)
    Esp256,
    /// EdDSA (-8)
    Eddsa,
    /// Ed25519 (-19)
    Ed25519,
}

/// `molt bundle sign`
#[derive(Args, Debug)]
pub struct SignBundle {
    /// The private key: PEM or COSE key
    #[arg(long, value_name = "PRIVATE")]
    pub key: PathBuf,
    /// The algorithm; the fully specified one of the key unless given (esp256 or ed25519)
    #[arg(long, value_enum)]
    pub algorithm: Option<SignatureAlgorithm>,
    /// The bundle
    pub file: PathBuf,
    /// Where the signed bundle is written; unless given, in the bundle's place
    #[arg(long, short)]
    pub out: Option<PathBuf>,
}

/// `molt bundle inspect`
#[derive(Args, Debug)]
pub struct InspectBundle {
    /// Show CBOR diagnostic notation
    #[arg(long)]
    pub diag: bool,
    /// The bundle
    pub file: PathBuf,
}

/// `molt bundle verify`
#[derive(Args, Debug)]
pub struct VerifyBundle {
    /// A public key (PEM or COSE key) that is trusted to sign drivers; may be given several times
    #[arg(long, value_name = "PUBLIC", required = true)]
    pub key: Vec<PathBuf>,
    /// Only whether digest and signature are right, whatever the bundle asks for
    #[arg(long)]
    pub authentic_only: bool,
    /// The replaceable protection domain that would be replaced; may be left out if there is only one
    #[arg(long)]
    pub component: Option<String>,
    /// The sequence number that the target has committed: 0 with the factory image
    #[arg(long, default_value_t = 0)]
    pub committed: u64,
    /// The system description
    #[arg(long, value_name = "FILE", default_value = "system.xml")]
    pub system: PathBuf,
    #[command(flatten)]
    /// The kernel that the driver would run on
    pub kernel: Kernel,
    /// The bundle
    pub file: PathBuf,
}

/// `molt key`
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make a key
    New(NewKey),
    /// Show keys: of files, or those that a system description trusts
    List(ListKeys),
    /// Make a list of keys, which replaces the keys that may sign drivers for a component
    Rotate(RotateKeys),
}

/// `molt key rotate`
#[derive(Args, Debug)]
pub struct RotateKeys {
    /// The system description
    #[arg(long, value_name = "FILE", default_value_os_t = of_checkout("system.xml"))]
    pub system: PathBuf,
    /// The component (may be left out if there is only one)
    #[arg(long)]
    pub component: Option<String>,
    /// The list's sequence number, above that of the list in force; the first one is at least 1
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub sequence: u64,
    /// A public key that may sign drivers from then on (may be given several times)
    #[arg(long, value_name = "PUBLIC")]
    pub driver: Vec<PathBuf>,
    /// A public key that may not sign anything from then on (may be given several times)
    #[arg(long, value_name = "PUBLIC")]
    pub revoke: Vec<PathBuf>,
    /// Accept no driver until the next list
    #[arg(long)]
    pub freeze: bool,
    /// The private key that signs the list: one that the image trusts for lists of keys
    #[arg(long, value_name = "PRIVATE")]
    pub key: PathBuf,
    /// Where the list is written. It is offered like a bundle
    #[arg(long, short)]
    pub out: PathBuf,
}

/// Kinds of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeyKind {
    /// Ed25519
    Ed25519,
    /// ECDSA over P-256
    P256,
}

/// `molt key new`
#[derive(Args, Debug)]
pub struct NewKey {
    /// Its kind
    #[arg(long, value_enum, default_value = "ed25519")]
    pub kind: KeyKind,
    /// Write COSE keys instead of PEM
    #[arg(long)]
    pub cose: bool,
    /// Where the private key is written, for its owner alone
    #[arg(long, short)]
    pub out: PathBuf,
    /// Where the public key is written
    #[arg(long, value_name = "FILE")]
    pub public: Option<PathBuf>,
}

/// `molt key list`
#[derive(Args, Debug)]
pub struct ListKeys {
    /// Files of keys
    pub files: Vec<PathBuf>,
    /// A system description, whose keys are shown with what they may sign
    #[arg(long, value_name = "FILE")]
    pub system: Option<PathBuf>,
}
