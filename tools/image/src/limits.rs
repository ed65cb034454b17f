// SPDX-License-Identifier: BSD-2-Clause
//! Refuses descriptions that the kernel's configuration or the board does not allow. Otherwise `monitor` would fail at boot,
//! where it cannot name the place in the description. What also depends on the program images is checked in `boot`.

use crate::Error;
use crate::configuration::Configuration;
use molt_monitor::Memory;
use molt_sdf::model::{IrqSource, MemoryRegion, ProtectionDomain, Role};
use molt_sdf::{Error as SdfError, Rule, Span, System};
use molt_system::cspace;

/// The interrupts that an AArch64 kernel in hypervisor mode keeps: maintenance of its virtual interrupts, its timer, the guests'
/// timer. Their numbers are the same on all boards (Arm Base System Architecture, PPI assignments).
const KERNELS: [u64; 3] = [25, 26, 27];
/// Software-generated interrupts with which the kernel's cores call each other.
const BETWEEN_CORES: [u64; 2] = [0, 1];
/// Slots of the root task that hold the same in every system.
const FIXED_SLOTS: u64 = 16;

/// Checks a description.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(system: &System, configuration: &Configuration) -> Result<(), Error> {
    let limits = Limits {
        system,
        configuration,
    };
    limits.cores()?;
    limits.regions()?;
    limits.interrupts()?;
    limits.secure_calls()?;
    limits.children()?;
    limits.slots()?;
    limits.memory()
}

struct Limits<'a> {
    system: &'a System,
    configuration: &'a Configuration,
}

impl Limits<'_> {
    fn broken(&self, span: &Span, rule: Rule) -> Result<(), Error> {
        Err(SdfError::broken(&self.system.source, span, rule).into())
    }

    fn cores(&self) -> Result<(), Error> {
        let there = self.configuration.cores;
        match self.system.cores().find(|core| core.value >= there) {
            Some(core) => self.broken(&core.span, Rule::NoCore(core.value, there)),
            None => Ok(()),
        }
    }

    fn regions(&self) -> Result<(), Error> {
        let platform = &self.configuration.platform;
        for region in &self.system.regions {
            let Some(start) = region.phys_addr else {
                continue;
            };
            let range = start..start.saturating_add(region.size);
            let kept = self.configuration.kept();
            let free = kept.is_none_or(|kept| range.end <= kept.start || kept.end <= range.start);
            if !platform.has(&range) || !free {
                let rule = Rule::NoMemory(region.name.clone(), range.start, range.end);
                return self.broken(&region.span, rule);
            }
            // Filling needs a cache operation of the kernel, which it allows only for RAM.
            let is_ram = |ram: &std::ops::Range<u64>| ram.contains(&start);
            let known = !platform.memory.is_empty();
            let filled = region.prefill.is_some() || region.boot_info.is_some();
            if known && filled && !platform.memory.iter().any(is_ram) {
                let rule = Rule::PrefillDevice(region.name.clone());
                return self.broken(&region.span, rule);
            }
        }
        Ok(())
    }

    fn interrupts(&self) -> Result<(), Error> {
        let count = self.configuration.interrupts.unwrap_or(u64::MAX);
        let all = self.system.domains.iter().flat_map(|domain| &domain.irqs);
        // Vectors of x86_64 are all user programs'.
        for irq in all.filter(|irq| irq.source == IrqSource::Gic) {
            let number = irq.number.value;
            let several = self.configuration.cores > 1;
            if KERNELS.contains(&number) || several && BETWEEN_CORES.contains(&number) {
                return self.broken(&irq.number.span, Rule::KernelInterrupt(number));
            }
            if number >= count {
                return self.broken(&irq.number.span, Rule::NoInterrupt(number, count - 1));
            }
        }
        Ok(())
    }

    fn secure_calls(&self) -> Result<(), Error> {
        let calls = |domain: &&ProtectionDomain| domain.smc;
        match self.system.domains.iter().find(calls) {
            Some(domain) if !self.configuration.tables.is("ALLOW_SMC_CALLS") => {
                self.broken(&domain.span, Rule::NoSmc(domain.name.clone()))
            }
            _ => Ok(()),
        }
    }

    /// The badge of a fault that `update` takes is an identifier that none of its children has.
    fn children(&self) -> Result<(), Error> {
        let Some(update) = self.system.role(Role::Update) else {
            return Ok(());
        };
        let is_child = |domain: &&ProtectionDomain| domain.parent.is_some_and(|p| p.0 == update);
        let own = self.system.domains.iter().filter(is_child).count();
        let all = own + self.system.clients().len() + self.system.components().len();
        let most = cspace::MAX_ID as usize + 1;
        if all > most {
            let what = "children, clients and components of 'update'";
            let span = &self.system.domains[update].span;
            return self.broken(span, Rule::TooMany(what, most));
        }
        Ok(())
    }

    /// At the least each page takes a slot, and each mapping of it another one.
    fn slots(&self) -> Result<(), Error> {
        let regions = self.system.regions.iter().enumerate();
        let needed = regions
            .map(|(index, _)| region_slots(self.system, index))
            .sum();
        let there = self.configuration.root_slots()? - FIXED_SLOTS;
        match too_many_slots(self.system, needed, there) {
            Some((span, rule)) if needed > there => self.broken(span, rule),
            _ => Ok(()),
        }
    }

    /// Checks that the regions fit into the memory that the kernel can give.
    fn memory(&self) -> Result<(), Error> {
        if self.configuration.platform.memory.is_empty() {
            return Ok(());
        }
        let mut memory = Memory::default();
        for range in self.configuration.free_at_most() {
            for (paddr, bits) in crate::boot::untypeds(range) {
                memory.add(paddr, bits, false);
            }
        }
        let anywhere = |region: &&MemoryRegion| region.phys_addr.is_none();
        let mut regions: Vec<_> = self.system.regions.iter().filter(anywhere).collect();
        regions.sort_by_key(|region| std::cmp::Reverse((region.page_size, region.size)));
        for region in regions {
            let bits = region.page_size.trailing_zeros();
            if memory.anywhere(bits, region.size >> bits).is_err() {
                return self.broken(&region.span, no_room(region, &memory));
            }
        }
        Ok(())
    }
}

/// The slots of the root task that a region takes: one for each of its pages, and one for each mapping that `monitor` makes of
/// each.
fn region_slots(system: &System, index: usize) -> u64 {
    let region = &system.regions[index];
    let fixed = system
        .domains
        .iter()
        .filter(|domain| domain.replaceable.is_none());
    let maps = fixed.flat_map(|domain| {
        let machine = domain.machine.iter().flat_map(|machine| &machine.maps);
        let own = domain.maps.iter().filter(|_| !region.revocable);
        own.chain(machine)
    });
    let mapped = maps.filter(|map| map.region == index).count() as u64;
    (region.size / region.page_size).saturating_mul(1 + mapped)
}

/// The error for too few slots, at the region that takes the most.
pub fn too_many_slots(system: &System, needed: u64, there: u64) -> Option<(&Span, Rule)> {
    let indices = 0..system.regions.len();
    let most = indices.max_by_key(|index| region_slots(system, *index))?;
    let region = &system.regions[most];
    let rule = Rule::Slots {
        needed,
        there,
        region: region.name.clone(),
        slots: region_slots(system, most),
        pages: region.size / region.page_size,
        page: region.page_size,
    };
    Some((&region.span, rule))
}

/// The error for a region that has no place.
pub fn no_room(region: &MemoryRegion, memory: &Memory) -> Rule {
    Rule::NoRoom {
        region: region.name.clone(),
        size: region.size,
        free: memory.free(),
        largest: crate::boot::largest(memory),
    }
}
