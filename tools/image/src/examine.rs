// SPDX-License-Identifier: BSD-2-Clause
//! Examines a finished image: whether a board's boot loader and our loader can start it there, with this kernel.
//!
//! A flat image (AArch64) is loaded at [`LINK_ADDRESS`] and entered at its first byte. A module (`x86_64`) is an ELF, which the machine's
//! multiboot loader puts beside the kernel.

use crate::configuration::Configuration;
use crate::elf::Elf;
use crate::error::ElfError;
use crate::kernel::Kernel;
use crate::payload::describe;
use crate::{Error, KernelSource, has_loader};
use molt_board::Board;
use molt_payload::{CheckError, Copy, Header, LINK_ADDRESS, PAYLOAD_OFFSET, check};
use molt_sdk::Arch;
use molt_system::boot::{System, Thread};
use molt_system::layout::SMALL_PAGE;
use std::ops::Range;
use zerocopy::FromBytes;

/// What is wrong with an image. Addresses are physical, sizes are bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not even a loader and a header.
    #[error(
        "{0} bytes are less than a loader and its header: not an image for this board, or cut off"
    )]
    Short(usize),
    /// The loader would refuse it.
    #[error("the loader would refuse it: {0}")]
    Loader(#[from] CheckError),
    /// Cut off, or something was appended.
    #[error(
        "the file has {file} bytes, and its header says {header}: it was cut off, or something was appended"
    )]
    Size {
        /// Bytes of the file.
        file: usize,
        /// Bytes that the header says.
        header: u64,
    },
    /// There is no program where the image is entered.
    #[error("its first bytes are zero, where the boot loader enters it: the loader is missing")]
    Entry,
    /// A field of the header is another board's or another kernel's.
    #[error(
        "its {what} is {image:#x}, and this board and kernel have {expected:#x}: it was built for another --board, --config or SDK"
    )]
    Other {
        /// Which.
        what: &'static str,
        /// In the image.
        image: u64,
        /// Of the kernel and the board.
        expected: u64,
    },
    /// The kernel's bytes are not this kernel's.
    #[error("the kernel at {0:#x} is another one than this --config and SDK have, or was damaged")]
    Kernel(u64),
    /// It is not one piece of memory where header and entry say that it is.
    #[error("the root task is not one piece of memory where the image's headers say that it is")]
    RootTask,
    /// No ELF for the machine.
    #[error("not a module for the kernel: {0}")]
    Module(ElfError),
    /// The root task has no system.
    #[error("the root task has no system behind it, or a damaged one")]
    System,
}

/// What an image holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// Its parts, with the addresses that they have when the kernel starts: physical in a flat image, virtual in a module.
    pub parts: Vec<(&'static str, Range<u64>)>,
    /// Static threads of its system: those of protection domains and vCPUs.
    pub threads: usize,
}

/// Examines an image.
///
/// # Errors
/// [`Fault`], or when the kernel cannot be read.
pub fn examine(image: &[u8], kernel: &KernelSource, board: &Board) -> Result<Examined, Error> {
    let configuration = Configuration::of(kernel)?;
    match has_loader(configuration.arch()) {
        true => flat(image, &Kernel::read(configuration)?, board),
        false => module(image, configuration.arch()),
    }
}

fn flat(image: &[u8], kernel: &Kernel, board: &Board) -> Result<Examined, Error> {
    let payload = image.get(PAYLOAD_OFFSET as usize..).unwrap_or_default();
    let (header, _) = Header::read_from_prefix(payload).map_err(|_| Fault::Short(image.len()))?;
    let plan = check(&header).map_err(Fault::Loader)?;
    if header.image_size.get() != image.len() as u64 {
        return Err(Fault::Size {
            file: image.len(),
            header: header.image_size.get(),
        }
        .into());
    }
    if image.iter().take(4).all(|byte| *byte == 0) {
        return Err(Fault::Entry.into());
    }
    of_the_board(&header, kernel, board)?;
    let Some((root, pieces)) = plan.copies().split_last() else {
        return Err(Fault::RootTask.into());
    };
    let kernel_parts = of_the_kernel(image, pieces, kernel)?;
    let place = span(root);
    if place != (header.user_start.get()..header.user_end.get()) {
        return Err(Fault::RootTask.into());
    }
    let loaded = ("image", LINK_ADDRESS..LINK_ADDRESS + image.len() as u64);
    let parts = [vec![loaded], kernel_parts, vec![("root task", place)]].concat();
    Ok(Examined {
        parts,
        threads: threads(bytes(image, root))?,
    })
}

/// What in the header follows from kernel and board has to be theirs.
fn of_the_board(header: &Header, kernel: &Kernel, board: &Board) -> Result<(), Fault> {
    let mut expected = Header::new();
    describe(&mut expected, kernel, board);
    let fields = |header: &Header| {
        [
            ("first address of RAM", header.ram_start),
            ("end of RAM", header.ram_end),
            ("UART's address", header.uart_address),
            ("UART's kind", header.uart_kind),
            ("number of cores", header.cores),
            ("interrupt distributor", header.gic_distributor),
            ("CPU interface", header.gic_interface),
            ("way to start cores", header.core_reset),
            ("kernel's virtual address", header.kernel_vaddr),
            ("kernel's address", header.kernel_paddr),
            ("kernel's entry", header.kernel_entry),
        ]
    };
    for ((what, image), (_, expected)) in fields(header).into_iter().zip(fields(&expected)) {
        if image != expected {
            return Err(Fault::Other {
                what,
                image: image.get(),
                expected: expected.get(),
            });
        }
    }
    Ok(())
}

fn of_the_kernel(
    image: &[u8],
    pieces: &[Copy],
    kernel: &Kernel,
) -> Result<Vec<(&'static str, Range<u64>)>, Fault> {
    let segments = &kernel.elf.segments;
    if pieces.len() != segments.len() {
        return Err(Fault::Kernel(kernel.ram.start));
    }
    for (piece, segment) in pieces.iter().zip(segments) {
        let place = segment.paddr..segment.paddr + segment.data.len() as u64;
        let file = segment.data.get(..segment.file_size).unwrap_or_default();
        if span(piece) != place || bytes(image, piece) != file {
            return Err(Fault::Kernel(segment.paddr));
        }
    }
    Ok(pieces.iter().map(|piece| ("kernel", span(piece))).collect())
}

fn module(image: &[u8], arch: Arch) -> Result<Examined, Error> {
    let elf = Elf::parse(arch, image).map_err(Fault::Module)?;
    let [segment] = elf.segments.as_slice() else {
        return Err(Fault::RootTask.into());
    };
    let place = segment.vaddr..segment.vaddr + segment.data.len() as u64;
    if !place.contains(&elf.entry) {
        return Err(Fault::RootTask.into());
    }
    Ok(Examined {
        parts: vec![("root task", place)],
        threads: threads(&segment.data)?,
    })
}

fn span(copy: &Copy) -> Range<u64> {
    copy.destination..copy.destination + copy.mem_size
}

fn bytes<'i>(image: &'i [u8], copy: &Copy) -> &'i [u8] {
    let start = (copy.source - LINK_ADDRESS) as usize;
    image
        .get(start..start + copy.file_size as usize)
        .unwrap_or_default()
}

/// Static threads of the system that stands on a page of the root task.
fn threads(root: &[u8]) -> Result<usize, Fault> {
    let mut pages = (0..root.len()).step_by(SMALL_PAGE as usize);
    let system = pages.find_map(|page| System::new(root.get(page..)?).ok());
    let system = system.ok_or(Fault::System)?;
    let rows = system.rows::<Thread>(system.header().threads);
    Ok(rows.map_err(|_| Fault::System)?.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::RootTask;
    use crate::{module, payload};
    use molt_system::boot;
    use std::path::{Path, PathBuf};
    use zerocopy::IntoBytes;

    const KERNEL: u64 = 0x80_4000_0000;
    /// Where the header's field of this offset stands in the image.
    const HEADER: usize = PAYLOAD_OFFSET as usize;

    /// An AArch64 program of one segment.
    fn program(vaddr: u64, paddr: u64, bytes: Vec<u8>) -> Vec<u8> {
        let (entry, machine) = (vaddr, 183_u16);
        let mut elf = module::pack(&RootTask {
            vaddr,
            entry,
            bytes,
        });
        elf[18..20].copy_from_slice(&machine.to_le_bytes());
        elf[64 + 24..64 + 32].copy_from_slice(&paddr.to_le_bytes());
        elf
    }

    fn root_task() -> RootTask {
        let system = boot::Header {
            magic: boot::MAGIC,
            version: boot::VERSION,
            size: size_of::<boot::Header>() as u64,
            ..boot::Header::default()
        };
        let mut bytes = vec![0; 0x2000];
        bytes[0x1000..0x1000 + system.as_bytes().len()].copy_from_slice(system.as_bytes());
        RootTask {
            vaddr: 0x20_0000,
            entry: 0x20_0000,
            bytes,
        }
    }

    fn board() -> Board {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Board::load(&root, "qemu_virt_aarch64").expect("the board's file")
    }

    fn kernel() -> Kernel {
        let source = KernelSource::Embedded(PathBuf::new());
        let configuration = Configuration::of(&source).expect("the embedded kernel's tables");
        let memory = configuration.platform.memory.iter();
        let ram = memory.clone().find(|ram| ram.contains(&LINK_ADDRESS));
        let ram = ram.expect("RAM").clone();
        let bytes = program(KERNEL, ram.start, vec![0x5a; 0x1800]);
        Kernel {
            elf: Elf::parse(Arch::Aarch64, &bytes).expect("a program"),
            configuration,
            ram,
        }
    }

    fn image() -> Vec<u8> {
        let loader = program(LINK_ADDRESS, LINK_ADDRESS, vec![0x14; 64]);
        let packed = payload::pack(
            &loader,
            Path::new("loader"),
            &kernel(),
            &board(),
            &root_task(),
        );
        packed.expect("an image")
    }

    fn fault_on(image: &[u8], kernel: &Kernel, board: &Board) -> Fault {
        match flat(image, kernel, board) {
            Err(Error::Fault(fault)) => fault,
            other => panic!("{other:?}"),
        }
    }

    fn fault(image: &[u8]) -> Fault {
        fault_on(image, &kernel(), &board())
    }

    #[test]
    fn an_image_is_accepted_for_what_it_was_built_for() {
        let image = image();
        let examined = flat(&image, &kernel(), &board()).expect("accepted");
        let names: Vec<_> = examined.parts.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["image", "kernel", "root task"]);
        assert_eq!(examined.parts[0].1.end, LINK_ADDRESS + image.len() as u64);
        assert_eq!(examined.threads, 0);
    }

    #[test]
    fn another_board_or_kernel_is_told() {
        let image = image();
        let told = |kernel: &Kernel, board: &Board| fault_on(&image, kernel, board);
        let mut other = board();
        other.uart.address = 0x1000_0000;
        let what = "UART's address";
        assert!(matches!(told(&kernel(), &other), Fault::Other { what: w, .. } if w == what));
        let mut other = kernel();
        other.ram.end -= 0x1000_0000;
        let what = "end of RAM";
        assert!(matches!(told(&other, &board()), Fault::Other { what: w, .. } if w == what));
        let mut other = kernel();
        other.elf.segments[0].data[7] ^= 1;
        assert_eq!(told(&other, &board()), Fault::Kernel(other.ram.start));
    }

    #[test]
    fn a_damaged_image_is_told() {
        let whole = image();
        assert_eq!(fault(&whole[..100]), Fault::Short(100));
        let cut = &whole[..whole.len() - 1];
        assert!(matches!(fault(cut), Fault::Size { .. }));
        let edited = |place: usize, bytes: &[u8]| {
            let mut image = whole.clone();
            image[place..place + bytes.len()].copy_from_slice(bytes);
            fault(&image)
        };
        assert_eq!(edited(0, &[0; 4]), Fault::Entry);
        assert!(matches!(
            edited(HEADER, b"X"),
            Fault::Loader(CheckError::Magic(_))
        ));
        let (header, _) = Header::read_from_prefix(&whole[HEADER..]).expect("a header");
        let root = header.regions[1].offset.get() as usize;
        assert_eq!(edited(root + 0x1000, b"X"), Fault::System);
        let kernel = header.regions[0].offset.get() as usize;
        assert!(matches!(edited(kernel, b"X"), Fault::Kernel(_)));
    }

    #[test]
    fn a_module_is_the_root_task_with_its_system() {
        let image = module::pack(&root_task());
        let examined = module(&image, Arch::X86_64).expect("accepted");
        assert_eq!(examined.parts, [("root task", 0x20_0000..0x20_2000)]);
        let mut other = image.clone();
        other[0x2000] ^= 1;
        assert!(matches!(
            module(&other, Arch::X86_64),
            Err(Error::Fault(Fault::System))
        ));
        assert!(matches!(
            module(&image[..0x1800], Arch::X86_64),
            Err(Error::Fault(Fault::Module(_)))
        ));
    }
}
