// SPDX-License-Identifier: BSD-2-Clause
//! The system while it is laid out: the results that each step passes to the next ones.

use crate::Error;
use crate::builder::{Builder, CSpace, Frames};
use crate::configuration::Configuration;
use crate::elf::Elf;
use crate::error::ElfError;
use crate::files::Files;
use crate::sizes::Sizes;
use crate::space::Space;
use molt_board::Uart;
use molt_sdf::model::{At, DomainId, ProtectionDomain, Role, System};
use molt_sdf::{Error as SdfError, Rule, Span};
use molt_system::boot::Kind;
use molt_system::cspace;

/// log2 of a scheduling context's bytes, as Microkit has it: room for 8 refills.
const SC_BITS: u32 = 8;
/// Badge bit of a fault.
const FAULT: u64 = 1 << 62;

/// A PD that `monitor` makes.
pub struct Static {
    pub space: Space,
    pub cspace: CSpace,
    pub tcb: u32,
    pub endpoint: Option<u32>,
    pub elf: Elf,
}

/// What every PD has, replaceable or not.
pub struct Domain {
    pub notification: u32,
    pub sc: u32,
    /// The address space of its virtual machine, until that is laid out.
    pub guest: Option<Space>,
    /// `None` of a replaceable PD.
    pub fixed: Option<Static>,
}

/// Everything so far.
pub struct Layout<'a> {
    pub system: &'a System,
    pub files: &'a Files,
    /// The board's.
    pub uart: Uart,
    pub b: Builder,
    /// By region.
    pub regions: Vec<Frames>,
    /// By PD.
    pub domains: Vec<Domain>,
    /// By address space of a device.
    pub io_spaces: Vec<crate::io::Space>,
    pub monitor_endpoint: u32,
    pub monitor_reply: u32,
    /// What programs have to be built for.
    pub configuration: &'a Configuration,
}

impl<'a> Layout<'a> {
    /// Makes the objects of all PDs and the frames of all regions.
    pub fn new(
        system: &'a System,
        files: &'a Files,
        configuration: &'a Configuration,
        uart: Uart,
    ) -> Result<Self, Error> {
        crate::limits::check(system, configuration)?;
        let mut b = Builder::new(configuration.arch(), Sizes::new(&configuration.tables)?);
        let monitor_endpoint = b.make(Kind::Endpoint, 0, 1);
        let monitor_reply = b.make(Kind::Reply, 0, 1);
        let mut layout = Layout {
            system,
            files,
            uart,
            b,
            regions: Vec::new(),
            domains: Vec::new(),
            io_spaces: Vec::new(),
            monitor_endpoint,
            monitor_reply,
            configuration,
        };
        layout.regions()?;
        for index in 0..system.domains.len() {
            let domain = layout.domain(index)?;
            layout.domains.push(domain);
        }
        Ok(layout)
    }

    fn regions(&mut self) -> Result<(), Error> {
        for region in &self.system.regions {
            self.b.part(&region.name);
            let frames = self.b.frames(
                region.size,
                region.page_size.trailing_zeros(),
                region.phys_addr,
            );
            if let Some((path, _)) = &region.prefill {
                self.b.fill(frames, 0, &crate::files::read(path)?);
            }
            if let Some(id) = region.boot_info {
                self.b.fill_boot_info(frames, id);
            }
            self.regions.push(frames);
        }
        Ok(())
    }

    fn domain(&mut self, index: DomainId) -> Result<Domain, Error> {
        let described = &self.system.domains[index];
        self.b.part(&described.name);
        let notification = self.b.make(Kind::Notification, 0, 1);
        let sc = self.b.make(Kind::SchedContext, SC_BITS, 1);
        if described.replaceable.is_some() {
            return Ok(Domain {
                notification,
                sc,
                guest: None,
                fixed: None,
            });
        }
        let elf = self.image(described)?;
        let b = &mut self.b;
        let space = Space::make(b);
        let guest = described.machine.is_some().then(|| Space::make(b));
        let cspace = CSpace::make(b);
        let tcb = b.make(Kind::Tcb, 0, 1);
        // `update` takes its clients' and the generations' faults.
        let needs_endpoint =
            self.system.needs_endpoint(index) || described.role == Some(Role::Update);
        let endpoint = needs_endpoint.then(|| b.make(Kind::Endpoint, 0, 1));
        Ok(Domain {
            notification,
            sc,
            guest,
            fixed: Some(Static {
                space,
                cspace,
                tcb,
                endpoint,
                elf,
            }),
        })
    }

    /// The program image of a PD.
    pub fn image(&self, described: &ProtectionDomain) -> Result<Elf, Error> {
        let read = |name: &At<String>| {
            let (_, bytes) = self.files.named(self.system, name)?;
            let parse = || {
                self.configuration.check(&bytes)?;
                let elf = Elf::parse(self.configuration.arch(), &bytes)?;
                self.configuration.check_library(&elf)?;
                Ok(elf)
            };
            parse().map_err(|reason| self.image_error(name, &name.span, reason))
        };
        let mut elf = read(&described.image)?;
        if let Some(symbols) = &described.symbols {
            elf.use_symbols_of(read(symbols)?);
        }
        Ok(elf)
    }

    /// An error in a program image, at its place in the description.
    pub fn image_error(&self, image: &At<String>, span: &Span, reason: ElfError) -> Error {
        let name = image.value.clone();
        let rule = match reason {
            ElfError::NoSymbol(symbol) => Rule::NoSymbol(name, symbol),
            ElfError::SymbolSize(symbol, has, needs) => Rule::SymbolSize(name, symbol, has, needs),
            other => Rule::Image(name, other.to_string()),
        };
        self.broken(span, rule)
    }

    /// A broken rule.
    pub fn broken(&self, span: &Span, rule: Rule) -> Error {
        SdfError::broken(&self.system.source, span, rule).into()
    }

    /// The static part of a PD and the builder, which laying out needs side by side.
    pub fn fixed(&mut self, index: DomainId) -> Option<(&mut Static, &mut Builder)> {
        let fixed = self.domains.get_mut(index)?.fixed.as_mut()?;
        Some((fixed, &mut self.b))
    }

    /// Like [`Layout::fixed`], for a role's PD, which is always static.
    pub fn role(&mut self, role: Role) -> Option<(&mut Static, &mut Builder)> {
        let index = self.system.role(role)?;
        self.fixed(index)
    }

    /// Where a PD's faults go: endpoint and badge; `None`: to `monitor`.
    pub fn fault_endpoint(&self, index: DomainId) -> Option<(u32, u64)> {
        let (handler, id) = match self.system.domains[index].parent {
            Some((parent, id)) => (parent, id),
            None => {
                let client = self.system.clients().iter().position(|c| *c == index)?;
                (
                    self.system.role(Role::Update)?,
                    u64::from(self.client_child(client)),
                )
            }
        };
        Some((self.domains[handler].fixed.as_ref()?.endpoint?, FAULT | id))
    }

    /// Child identifiers of `update` that the description leaves free: clients first, then components.
    fn free_child(&self, nth: usize) -> u32 {
        let update = self.system.role(Role::Update);
        let used = |id: &u32| {
            self.system.domains.iter().any(|d| {
                d.parent
                    .is_some_and(|(p, i)| Some(p) == update && i == u64::from(*id))
            })
        };
        (0..=cspace::MAX_ID as u32)
            .filter(|id| !used(id))
            .nth(nth)
            .unwrap_or(molt_system::NONE)
    }

    /// `update`'s child identifier of a client.
    pub fn client_child(&self, client: usize) -> u32 {
        self.free_child(client)
    }

    /// `update`'s child identifier of a component's generations.
    pub fn component_child(&self, component: usize) -> u32 {
        self.free_child(self.system.clients().len() + component)
    }
}
