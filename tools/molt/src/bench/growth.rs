// SPDX-License-Identifier: BSD-2-Clause
//! How the blackout grows with the image's size, with the clients, and with the requests in flight.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use molt_bench::{Growth, Rows, System};

use super::crowd::Crowd;
use super::{profile, wanted};
use crate::kernel::Kernel;
use crate::progress::Step;
use crate::scenario::Scenario;
use crate::session::{self, Show};
use crate::toolchain::{Target, Toolchain};
use crate::workspace::Workspace;

const DRIVER: &str = "molt-virtio-blk-pd";
/// Swaps at each point; fewer of an image of 4 MiB, all of whose bundles are in the first guest's memory.
const SWAPS: u64 = 10;
const SWAPS_LARGE: u64 = 6;
/// The driver's features that make its image larger.
const PADDINGS: [Option<&str>; 3] = [None, Some("pad-64k"), Some("pad-4m")];
const LARGE: &str = "pad-4m";
const CLIENTS: [usize; 4] = [1, 2, 4, 8];
const DEPTHS: [usize; 4] = [1, 4, 8, 16];
/// What the other numbers are where one of them changes.
const USUAL_CLIENTS: usize = 2;
const USUAL_DEPTH: usize = 8;
/// Clients where the requests in flight change: a bare guest has up to 16.
const DEPTH_CLIENTS: usize = 4;
/// As many seconds of the host's time as a point may take.
const LIMIT: u64 = 900;

/// What a point is measured with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    clients: usize,
    depth: usize,
    padding: Option<&'static str>,
}

/// Names of the rows for the cpu part and for the whole, what grows, and the points by its size.
type Series<'a> = (&'static str, &'static str, &'static str, &'a [(u64, Point)]);

/// Blackouts of the swaps at one point, in microseconds.
#[derive(Clone, Default)]
struct Swaps {
    cpu: Vec<f64>,
    whole: Vec<f64>,
}

/// Measures each point once, and adds its rows.
pub fn run(
    toolchain: &Toolchain,
    kernel: &Kernel,
    system: &System,
    rows: &mut Rows,
) -> Result<Vec<Growth>> {
    let usual = |padding| Point {
        clients: USUAL_CLIENTS,
        depth: USUAL_DEPTH,
        padding,
    };
    let with_clients = |clients| Point {
        clients,
        ..usual(None)
    };
    let with_depth = |depth| Point {
        depth,
        ..with_clients(DEPTH_CLIENTS)
    };
    let images = PADDINGS.map(|padding| Ok((kib(toolchain, kernel, padding)?, usual(padding))));
    let images = images.into_iter().collect::<Result<Vec<_>>>()?;
    let clients = CLIENTS.map(|n| (n as u64, with_clients(n)));
    let depths = DEPTHS.map(|n| ((n * DEPTH_CLIENTS) as u64, with_depth(n)));
    let series: [Series<'_>; 3] = [
        ("image_kib", "image_kib_whole", "KiB of the image", &images),
        (
            "clients",
            "clients_whole",
            "clients, 8 requests in flight each",
            &clients,
        ),
        (
            "in_flight",
            "in_flight_whole",
            "requests in flight of 4 clients",
            &depths,
        ),
    ];
    let mut measured: BTreeMap<Point, Swaps> = BTreeMap::new();
    let mut all = Vec::new();
    for (cpu, whole, of, points) in series {
        let mut growths = [cpu, whole].map(|name| Growth {
            name,
            of,
            points: Vec::new(),
        });
        for (x, point) in points {
            let swaps = match measured.get(point) {
                Some(swaps) => swaps.clone(),
                None => point.measure(toolchain, kernel)?,
            };
            for (growth, us) in growths.iter_mut().zip([&swaps.cpu, &swaps.whole]) {
                let name = format!("{}{}_{x}_us", wanted::GROWTH, growth.name);
                for us in us {
                    rows.add(system, [(name.clone(), *us)]);
                }
                growth.points.push([*x as f64, median(us)]);
            }
            measured.insert(*point, swaps);
        }
        for growth in growths {
            let figure =
                |what: &str, value| (format!("{}{}_{what}", wanted::GROWTH, growth.name), value);
            // The whole blackout waits for the guests too: it is shown, and has no line.
            if let Some(fit) = growth.fit().filter(|_| growth.name == cpu) {
                let named = [
                    ("slope_us", fit.slope),
                    ("constant_us", fit.constant),
                    ("r2", fit.r2),
                ];
                rows.add(system, named.map(|(what, value)| figure(what, value)));
                rows.add(system, [figure("range_percent", growth.range())]);
            }
            all.push(growth);
        }
    }
    Ok(all)
}

fn median(us: &[f64]) -> f64 {
    let mut us = us.to_vec();
    us.sort_by(f64::total_cmp);
    molt_bench::median(&us)
}

/// The size of the driver's program with this padding.
fn kib(toolchain: &Toolchain, kernel: &Kernel, padding: Option<&str>) -> Result<u64> {
    let features: Vec<String> = padding.iter().map(|name| (*name).to_owned()).collect();
    let _building = crate::workspace::building(toolchain)?;
    let folder = toolchain.build(&[DRIVER], Target::Domain, &features, kernel.programs_for()?)?;
    let file = folder.join(DRIVER);
    let size = fs::metadata(&file).with_context(|| format!("{}", file.display()))?;
    Ok(size.len().div_ceil(1024))
}

impl Point {
    fn swaps(&self) -> u64 {
        match self.padding {
            Some(LARGE) => SWAPS_LARGE,
            _ => SWAPS,
        }
    }

    fn measure(&self, toolchain: &Toolchain, kernel: &Kernel) -> Result<Swaps> {
        let mut scenario = self.scenario(toolchain)?;
        let mut workspace = Workspace::prepare(toolchain, &mut scenario, "bench-growth", kernel)?;
        // The disk answers within the write that notifies it: a busy host shows in nothing.
        workspace.machine.plugin = Some(profile::answering(toolchain)?);
        let padding = self
            .padding
            .map_or(String::new(), |name| format!(", {name}"));
        let what = format!(
            "{} clients, {} in flight each{padding}",
            self.clients, self.depth
        );
        let step = Step::start(format!("growth on {}: {what}", kernel.label()));
        let outcome = session::run(&scenario, &workspace, kernel, true, Show::Nothing)?;
        step.done();
        if !outcome.failures.is_empty() {
            bail!("growth, {what}: {}", outcome.failures.join("; "));
        }
        let us = |ns: u64| Duration::from_nanos(ns).as_secs_f64() * 1e6;
        let updates = outcome.summary.updates.iter();
        Ok(Swaps {
            cpu: updates.clone().map(|u| us(u.blackout_cpu_ns)).collect(),
            whole: updates.map(|u| us(u.blackout_ns)).collect(),
        })
    }

    /// Two images in turn, each as large as the other.
    fn scenario(&self, toolchain: &Toolchain) -> Result<Scenario> {
        let swaps = self.swaps();
        let folder = toolchain.root().join("target/molt/growth");
        fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
        let file = folder.join(format!("{}-{}.xml", self.clients, self.depth));
        let crowd = Crowd {
            clients: self.clients,
            depth: self.depth,
            swaps,
        };
        fs::write(&file, crowd.description()).with_context(|| format!("{}", file.display()))?;
        let bundle = |features: &[&str], sequence| {
            format!(
                "[[bundle]]\nguest = \"guest0\"\ncomponent = \"disk\"\npackage = \"{DRIVER}\"\nfeatures = {features:?}\n\
                 sequence = {sequence}\nrepeat = {}\nstride = 2\n",
                swaps / 2
            )
        };
        let padding: Vec<&str> = self.padding.into_iter().collect();
        let text = format!(
            "about = \"growth\"\nsystem = \"\"\ndisk = {{ kind = \"null\" }}\nlimit = {LIMIT}\n{}{}\
             [expect]\ncounts = {{ committed = {swaps} }}\nverified = false\nunder_load = true\n",
            bundle(&[&["v2"], &*padding].concat(), 1),
            bundle(&padding, 2)
        );
        let scenario: Scenario = toml::from_str(&text).context("the scenario of the growth")?;
        Ok(Scenario {
            system: file,
            ..scenario
        })
    }
}
