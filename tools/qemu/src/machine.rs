// SPDX-License-Identifier: BSD-2-Clause
//! The machine, and the command line that makes it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

use molt_board::{Arch, Board, Qemu};

use crate::controller::Controller;
use crate::disk_image::Format;

/// Where an image with a loader is put and entered, on every board (`LINK_ADDRESS` of `molt-payload`).
const IMAGE_ADDRESS: u64 = 0x7000_0000;

/// What stands in the arguments of a device for the socket of its line to the controller.
pub const LINE: &str = "{controller}";

/// The board's disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disk {
    /// No disk at all.
    None,
    /// An image file, written through; raw, or qcow2 where its name ends so.
    File(PathBuf),
    /// A raw image file with a limit on requests per second.
    Throttled {
        /// The image.
        file: PathBuf,
        /// Requests a second, both directions together.
        iops: u32,
    },
    /// A disk of so many bytes that answers at once, forgets what is written and reads as zeroes.
    Null(u64),
}

/// The machine's time source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The host's time.
    Host,
    /// The count of instructions, one to the nanosecond; idle time is waited for.
    Instructions,
    /// The count of instructions; idle time is jumped over. Repeats to the nanosecond, but only
    /// where no device works in the host's time: with a file-backed disk an idle processor jumps
    /// to its next timer while the host still reads.
    InstructionsJumping,
}

/// What a machine boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boot {
    /// An image of ours, whose first bytes are entered.
    Image(PathBuf),
    /// A kernel and its root task, by the multiboot protocol.
    Multiboot {
        /// The kernel, an ELF of 32 bits.
        kernel: PathBuf,
        /// The root task, a module.
        module: PathBuf,
    },
    /// A Linux alone, by its boot protocol.
    Linux {
        /// The kernel.
        kernel: PathBuf,
        /// Its initramfs.
        initrd: PathBuf,
        /// Its command line.
        cmdline: String,
    },
}

/// One machine and what it boots.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The architecture.
    pub arch: Arch,
    /// How the board is made.
    pub board: Qemu,
    /// The cores that the kernel is for.
    pub cores: u64,
    /// What it boots.
    pub boot: Boot,
    /// The disk.
    pub disk: Disk,
    /// The files with the contents of flash banks, by the banks' names.
    pub flash: BTreeMap<String, PathBuf>,
    /// Arguments for what else is in it.
    pub devices: Vec<String>,
    /// The controller at the end of its serial line, if it has one ([`Machine::has_line`]).
    pub controller: Option<Controller>,
    /// The clock.
    pub clock: Clock,
    /// After so much of the host's time the machine is stopped and the run has failed.
    pub limit: Duration,
    /// A plugin of QEMU (docs/performance.md) with its arguments, each `name=value`.
    pub plugin: Option<(PathBuf, Vec<String>)>,
}

impl Machine {
    /// A machine without a disk, on the host's clock.
    pub fn new(board: &Board, cores: u64, boot: Boot) -> Self {
        Self {
            arch: board.arch,
            board: board.qemu.clone(),
            cores,
            boot,
            disk: Disk::None,
            flash: BTreeMap::new(),
            devices: Vec::new(),
            controller: None,
            clock: Clock::Host,
            limit: Duration::from_secs(120),
            plugin: None,
        }
    }

    /// The same board with a Linux alone, if its file describes it.
    pub fn linux(board: &Board, kernel: PathBuf, initrd: PathBuf, cmdline: &str) -> Option<Self> {
        let boot = Boot::Linux {
            kernel,
            initrd,
            cmdline: cmdline.to_owned(),
        };
        let mut machine = Self::new(board, 1, boot);
        machine.board.arguments = board.qemu.linux.clone()?;
        Some(machine)
    }

    /// Whether its devices have a serial line to a controller: one of their arguments contains [`LINE`].
    pub fn has_line(&self) -> bool {
        self.devices.iter().any(|argument| argument.contains(LINE))
    }

    /// The same machine with this socket at the end of its line.
    pub(crate) fn with_line(&self, socket: &std::path::Path) -> Self {
        let socket = socket.to_string_lossy().replace(',', ",,");
        let mut machine = self.clone();
        for argument in &mut machine.devices {
            *argument = argument.replace(LINE, &socket);
        }
        machine
    }

    /// QEMU's arguments.
    pub fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = texts(&self.board.arguments);
        let mut add = |name: &str, value: OsString| {
            arguments.push(name.into());
            arguments.push(value);
        };
        add("-display", "none".into());
        add("-monitor", "none".into());
        add("-serial", "stdio".into());
        add("-nic", "none".into());
        if self.cores > 1 {
            add("-smp", self.cores.to_string().into());
        }
        match &self.boot {
            Boot::Image(image) => {
                let mut loader = OsString::from("loader,file=");
                loader.push(escape(image));
                loader.push(format!(",addr={IMAGE_ADDRESS:#x},cpu-num=0"));
                add("-device", loader);
            }
            Boot::Multiboot { kernel, module } => {
                add("-kernel", kernel.into());
                // A comma separates modules.
                add("-initrd", escape(module));
            }
            Boot::Linux {
                kernel,
                initrd,
                cmdline,
            } => {
                add("-kernel", kernel.into());
                add("-initrd", initrd.into());
                add("-append", cmdline.into());
            }
        }
        if let Some((file, options)) = &self.plugin {
            let options = options.iter().map(|o| format!(",{}", o.replace(',', ",,")));
            let mut plugin = escape(file);
            plugin.push(options.collect::<String>());
            add("-plugin", plugin);
        }
        match self.clock {
            Clock::Host => {}
            Clock::Instructions => add("-icount", "shift=0,sleep=on".into()),
            Clock::InstructionsJumping => add("-icount", "shift=0,sleep=off".into()),
        }
        if let Some(drive) = self.drive() {
            add("-drive", drive);
            arguments.extend(texts(&self.board.disk.arguments));
            if matches!(self.disk, Disk::Null(_)) {
                arguments.extend(texts(&self.board.disk.null));
            }
        }
        for (name, file) in &self.flash {
            if let Some(bank) = self.board.flash.get(name) {
                let mut drive = OsString::from(format!("{},file=", bank.drive));
                drive.push(escape(file));
                arguments.extend(["-drive".into(), drive]);
            }
        }
        arguments.extend(texts(&self.devices));
        arguments
    }

    fn drive(&self) -> Option<OsString> {
        let mut drive = OsString::from(format!("{},", self.board.disk.drive));
        match &self.disk {
            Disk::None => return None,
            Disk::File(file) => {
                let format = Format::of(file).name();
                drive.push(format!("format={format},discard=unmap,file="));
                drive.push(escape(file));
            }
            Disk::Throttled { file, iops } => {
                drive.push(format!(
                    "format=raw,discard=unmap,throttling.iops-total={iops},file="
                ));
                drive.push(escape(file));
            }
            Disk::Null(bytes) => drive.push(format!(
                "driver=null-co,read-zeroes=on,latency-ns=0,size={bytes}"
            )),
        }
        Some(drive)
    }
}

fn texts(arguments: &[String]) -> Vec<OsString> {
    arguments.iter().map(OsString::from).collect()
}

/// QEMU's option syntax: a comma in a value is written twice. Other bytes are a path's own, whatever they are.
pub(crate) fn escape(path: &std::path::Path) -> OsString {
    let bytes = path.as_os_str().as_bytes().iter();
    let twice = bytes.flat_map(|byte| std::iter::repeat_n(*byte, 1 + usize::from(*byte == b',')));
    OsString::from_vec(twice.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> Board {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        Board::load(root.as_ref(), "qemu_virt_aarch64").unwrap()
    }

    fn machine(image: &str) -> Machine {
        Machine::new(&board(), 1, Boot::Image(image.into()))
    }

    fn line(machine: &Machine) -> String {
        let words: Vec<String> = machine
            .arguments()
            .iter()
            .map(|a| a.to_string_lossy().into_owned())
            .collect();
        words.join(" ")
    }

    #[test]
    fn a_machine_with_a_line_gets_its_socket() {
        let mut machine = machine("i");
        assert!(!machine.has_line());
        let device = "socket,id=controller,path={controller}";
        machine.devices = vec!["-chardev".to_owned(), device.to_owned()];
        assert!(machine.has_line());
        let machine = machine.with_line("/a,b/host".as_ref());
        assert!(line(&machine).ends_with("-chardev socket,id=controller,path=/a,,b/host"));
    }

    #[test]
    fn a_comma_in_a_path_stays_in_the_path() {
        let mut machine = machine("a,b.img");
        machine.disk = Disk::File("c,d.img".into());
        let line = line(&machine);
        assert!(line.contains("file=a,,b.img,addr=0x70000000"), "{line}");
        assert!(line.contains("file=c,,d.img"), "{line}");
    }

    #[test]
    fn an_image_has_the_format_that_its_name_says() {
        let mut machine = machine("i");
        machine.disk = Disk::File("debian.qcow2".into());
        assert!(line(&machine).contains("format=qcow2,"));
        machine.disk = Disk::File("debian.img".into());
        assert!(line(&machine).contains("format=raw,"));
    }

    #[test]
    fn a_flash_bank_has_its_content_from_a_file() {
        let mut machine = machine("i");
        assert!(!line(&machine).contains("pflash"));
        machine.flash.insert("flash".to_owned(), "f,1.bin".into());
        assert!(line(&machine).contains("-drive if=pflash,unit=1,format=raw,file=f,,1.bin"));
    }

    #[test]
    fn a_path_that_is_no_text_stays_what_it_is() {
        let path = OsString::from_vec(b"/a b/\xff'\",.img".to_vec());
        let mut machine = machine("i");
        machine.disk = Disk::File(path.into());
        let wanted = b"file=/a b/\xff'\",,.img";
        let has = |argument: &OsString| argument.as_bytes().ends_with(wanted);
        assert!(machine.arguments().iter().any(has));
    }

    #[test]
    fn a_kernel_for_several_cores_gets_them() {
        let mut machine = machine("i");
        assert!(!line(&machine).contains("-smp"));
        machine.cores = 4;
        assert!(line(&machine).contains("-smp 4"));
    }

    #[test]
    fn a_disk_that_answers_at_once_is_served_in_the_register_write() {
        let mut machine = machine("i");
        machine.disk = Disk::Null(1 << 20);
        assert!(line(&machine).contains("virtio-mmio.ioeventfd=off"));
        machine.disk = Disk::File("d".into());
        assert!(!line(&machine).contains("ioeventfd"));
    }

    #[test]
    fn a_linux_alone_is_booted_by_qemu_on_its_own_machine() {
        let machine = Machine::linux(&board(), "k".into(), "i".into(), "quiet -- rows=a").unwrap();
        let line = line(&machine);
        assert!(line.contains("-kernel k -initrd i -append quiet -- rows=a"));
        assert!(!line.contains("loader,file") && !line.contains("virtualization"));
    }
}
