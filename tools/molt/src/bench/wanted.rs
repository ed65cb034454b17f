// SPDX-License-Identifier: BSD-2-Clause
//! Which figures are asked for, and what has to run to have them.

use anyhow::{Result, bail};
use molt_sdk::Arch;

use super::path;

/// The load's rows and the figures that come of each (`molt_bench::figures`).
const PATH: [(&str, &[&str]); 10] = [
    ("read_4k_d1", &["read_4k_d1_us", "read_4k_d1_p99_us"]),
    ("write_4k_d1", &["write_4k_d1_us", "write_4k_d1_p99_us"]),
    ("read_4k_d8", &["read_4k_d8_per_s"]),
    ("write_4k_d8", &["write_4k_d8_per_s"]),
    ("read_4k_d32", &["read_4k_d32_per_s"]),
    ("write_4k_d32", &["write_4k_d32_per_s"]),
    ("read_128k_d1", &["read_128k_d1_us", "read_128k_d1_p99_us"]),
    (
        "write_128k_d1",
        &["write_128k_d1_us", "write_128k_d1_p99_us"],
    ),
    ("read_128k_d4", &["read_128k_seq_mb_s"]),
    ("write_128k_d4", &["write_128k_seq_mb_s"]),
];

/// The rows of a native client's load, whose times and counts come from one run.
pub const NATIVE: [&str; 6] = [
    "native_read_4k_d1",
    "native_write_4k_d1",
    "native_read_4k_d8",
    "native_write_4k_d8",
    "native_read_4k_d32",
    "native_write_4k_d32",
];

/// The figures that come of one of them.
fn native(row: &str) -> Vec<String> {
    let times: &[&str] = match row.ends_with("_d1") {
        true => &["_us", "_p99_us"],
        false => &["_per_s"],
    };
    let times = times.iter().map(|unit| format!("{row}{unit}"));
    let counts = [INSTRUCTIONS, ENTRIES].map(|start| format!("{start}{row}"));
    times.chain(counts).collect()
}

/// What a profile's figures begin with.
pub const INSTRUCTIONS: &str = "instructions_";
pub const ENTRIES: &str = "kernel_entries_";

const BOOT: &str = "boot_s";
const LOGIN: &str = "login_s";

/// The name of the boot image's size, and the beginning of the names for the memory of each part of the system.
pub const IMAGE: &str = "image_kib";
pub const MEMORY: &str = "memory_";

/// What the figures of the growth begin with.
pub const GROWTH: &str = "growth_";

/// What the figures of the cost of being replaceable begin with.
pub const REPLACEABLE: &str = "replaceable_";

/// The row that the figures of the profile are of.
pub const PROFILED: &str = "read_4k_d1";
/// The figures of the profile.
pub const PROFILE: [&str; 2] = ["kernel_entries_read_4k_d1", "instructions_read_4k_d1"];

/// The figures of the blackout.
pub const BLACKOUT: [&str; 4] = [
    "blackout_cpu_us",
    "blackout_cpu_p99_us",
    "blackout_cpu_max_us",
    "blackout_us",
];

/// What a guest notices of its neighbour: one that works as it does, one that computes without an exit, one that reads a trapped
/// register and one that makes an interrupt pending and ends it, again and again.
pub const NEIGHBOUR: [&str; 4] = [
    "neighbour_load_p99_us",
    "neighbour_computing_p99_us",
    "neighbour_exits_p99_us",
    "neighbour_interrupts_p99_us",
];

/// What a guest notices at its disk of an update of another device's firmware, by that device.
pub const TRANSFER: [(&str, [&str; 3]); 2] = [
    (
        "controller",
        [
            "transfer_controller_before_p99_us",
            "transfer_controller_p99_ratio",
            "transfer_controller_exchange_p99_ratio",
        ],
    ),
    (
        "rom",
        [
            "transfer_rom_before_p99_us",
            "transfer_rom_p99_ratio",
            "transfer_rom_exchange_p99_ratio",
        ],
    ),
];

/// The figure of the technique `stand-in`.
pub const STAND_IN: &str = "stand_in_longest_us";

/// The figures of the network.
pub const NETWORK: [&str; 4] = [
    "net_ping_us",
    "net_tcp_mb_s",
    "net_guests_ping_us",
    "net_guests_tcp_mb_s",
];

/// In place of a row: the profile of a cold swap's blackout.
pub const BLACKOUT_PROFILE: &str = "blackout";
/// The same: from power-on to the guest's first program.
pub const BOOT_PROFILE: &str = "boot";

/// The same: a stream over TCP, to the outside and to the other guest. They are beginnings of the figures' names.
pub const STREAM_PROFILES: [&str; 2] = ["net_tcp", "net_guests_tcp"];

/// The figures of a board without virtual machines whose name contains one of the texts in the filter; all if the filter is empty.
///
/// # Errors
/// A text that is in no figure's name.
pub fn without_guests(filter: &[String]) -> Result<Vec<String>> {
    let native = NATIVE.iter().flat_map(|row| native(row));
    let all: Vec<String> = native.chain(BLACKOUT.map(str::to_owned)).collect();
    let is_none = |text: &&String| !all.iter().any(|figure| figure.contains(&***text));
    if let Some(text) = filter.iter().find(is_none) {
        bail!(
            "--rows {text}: this board has no virtual machines, and no figure with such a name; there are: {}",
            all.join(", ")
        );
    }
    let has = |figure: &String| filter.is_empty() || filter.iter().any(|f| figure.contains(&**f));
    Ok(all.into_iter().filter(has).collect())
}

/// Refuses a name that is no row of a native client's load.
pub fn native_row(name: &str) -> Result<()> {
    if !NATIVE.contains(&name) {
        bail!(
            "--profile {name}: this board has no virtual machines, and a native client's load no such row; there are: {}",
            NATIVE.join(", ")
        );
    }
    Ok(())
}

/// Refuses a name that is no row of the load.
pub fn row(name: &str) -> Result<()> {
    let rows = PATH.map(|(row, _)| row);
    if !rows.contains(&name) {
        bail!(
            "--profile {name}: the load has no such row; there are: {}, {}, '{BLACKOUT_PROFILE}' and '{BOOT_PROFILE}'",
            rows.join(", "),
            STREAM_PROFILES.join(", ")
        );
    }
    Ok(())
}

/// The figures that were asked for.
pub struct Wanted {
    filter: Vec<String>,
    arch: Arch,
    /// Requests in each row of the request path.
    requests: u64,
}

impl Wanted {
    /// The figures of this architecture's boards whose name contains one of the texts in the filter; all if the filter is empty.
    ///
    /// # Errors
    /// A text that is in no figure's name.
    pub fn new(filter: &[String], requests: u64, arch: Arch) -> Result<Self> {
        let filter = match arch {
            Arch::Aarch64 => Self::with_guests(filter)?,
            Arch::X86_64 => without_guests(filter)?,
        };
        Ok(Self {
            filter,
            arch,
            requests,
        })
    }

    fn with_guests(filter: &[String]) -> Result<Vec<String>> {
        let paths = PATH.iter().flat_map(|(_, figures)| figures.iter());
        let all: Vec<&str> = (paths.copied())
            .chain([BOOT, LOGIN])
            .chain(PROFILE)
            .chain(BLACKOUT)
            .chain(NETWORK)
            .chain(NEIGHBOUR)
            .chain([STAND_IN])
            .chain(TRANSFER.iter().flat_map(|(_, figures)| *figures))
            .chain([IMAGE, MEMORY, GROWTH, REPLACEABLE])
            .collect();
        // The parts that have memory are known when the image is built, the points of the growth when they are measured.
        let is_part = |text: &str| {
            [MEMORY, GROWTH, REPLACEABLE]
                .iter()
                .any(|start| text.starts_with(start))
        };
        let is_none = |text: &&String| !is_part(text) && !all.iter().any(|f| f.contains(&***text));
        if let Some(text) = filter.iter().find(is_none) {
            bail!(
                "--rows {text}: no figure has such a name; there are: {}",
                all.join(", ")
            );
        }
        Ok(filter.to_vec())
    }

    /// Whether this figure is.
    pub fn has(&self, figure: &str) -> bool {
        self.filter.is_empty() || self.filter.iter().any(|text| figure.contains(&**text))
    }

    /// Whether a Linux has to run the load.
    pub fn load(&self) -> bool {
        self.has(BOOT) || self.rows().next().is_some()
    }

    /// What has to be a Linux's first program, one after the other, and what that measures, in words.
    pub fn programs(&self, run: u64) -> Vec<(String, String)> {
        let load = self.load().then(|| path::load(&self.arguments(run)));
        let login = self.has(LOGIN).then(|| path::LOGIN.to_owned());
        [(load, "request path"), (login, "login shell")]
            .into_iter()
            .filter_map(|(program, what)| Some((program?, format!("{what}, run {run}"))))
            .collect()
    }

    /// Whether instructions have to be counted by program.
    pub fn profile(&self) -> bool {
        PROFILE.iter().any(|figure| self.has(figure))
    }

    /// The rows that a native client has to measure, where there are no virtual machines.
    pub fn native(&self) -> Vec<&'static str> {
        if self.arch == Arch::Aarch64 {
            return Vec::new();
        }
        let wanted = |row: &&&str| native(row).iter().any(|figure| self.has(figure));
        NATIVE.iter().filter(wanted).copied().collect()
    }

    /// Whether an image has to be built for its sizes.
    pub fn memory(&self) -> bool {
        let is_size = |text: &String| text.starts_with(MEMORY) || MEMORY.contains(&**text);
        self.has(IMAGE) || self.filter.iter().any(is_size)
    }

    /// Whether it has to be measured how the blackout grows.
    pub fn growth(&self) -> bool {
        self.has_any(GROWTH)
    }

    /// Whether it has to be counted what it costs that the driver can be replaced.
    pub fn replaceable(&self) -> bool {
        self.has_any(REPLACEABLE)
    }

    /// Whether figures are asked for whose names begin so.
    fn has_any(&self, start: &str) -> bool {
        let is_one = |text: &String| text.starts_with(start) || start.contains(&**text);
        self.filter.is_empty() || self.filter.iter().any(is_one)
    }

    /// Whether drivers have to be replaced.
    pub fn blackout(&self) -> bool {
        BLACKOUT.iter().any(|figure| self.has(figure))
    }

    /// Whether guests have to be served by stand-ins.
    pub fn stand_in(&self) -> bool {
        self.has(STAND_IN)
    }

    /// Whether guests have to use the network.
    pub fn network(&self) -> bool {
        NETWORK.iter().any(|figure| self.has(figure))
    }

    fn rows(&self) -> impl Iterator<Item = &'static str> {
        let wanted = |figures: &&[&str]| figures.iter().any(|figure| self.has(figure));
        PATH.iter()
            .filter(move |(_, figures)| wanted(figures))
            .map(|(row, _)| *row)
    }

    /// The load's arguments on the kernel's command line.
    fn arguments(&self, run: u64) -> String {
        let rows: Vec<&str> = self.rows().collect();
        // A row that there is not: the boot alone.
        let rows = if rows.is_empty() {
            "none".into()
        } else {
            rows.join(",")
        };
        format!("requests={} seed={run} rows={rows}", self.requests)
    }
}
