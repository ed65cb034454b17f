// SPDX-License-Identifier: BSD-2-Clause
//! The machine, and the command line that makes it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Where the image is put and entered: the address of Microkit's own loader on this board.
const IMAGE_ADDRESS: u64 = 0x7000_0000;

/// The disk behind the virtio-mmio transport 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disk {
    /// No disk at all.
    None,
    /// A raw image file, written through.
    File(PathBuf),
    /// A raw image file behind a limit of so many requests a second.
    Throttled {
        /// The image.
        file: PathBuf,
        /// Requests a second, both directions together.
        iops: u32,
    },
    /// A disk of so many bytes that answers at once, forgets what is written and reads as zeroes.
    Null(u64),
}

/// What the machine's clock follows.
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

/// One machine and what it boots.
#[derive(Clone, Debug)]
pub struct Machine {
    /// What the loader boots.
    pub image: PathBuf,
    /// The disk.
    pub disk: Disk,
    /// The clock.
    pub clock: Clock,
    /// Main memory in MiB.
    pub memory_mib: u32,
    /// After so much of the host's time the machine is stopped and the run has failed.
    pub limit: Duration,
}

impl Machine {
    /// A machine without a disk, on the host's clock, as large as the board's kernel expects.
    pub fn new(image: PathBuf) -> Self {
        Self {
            image,
            disk: Disk::None,
            clock: Clock::Host,
            memory_mib: 2048,
            limit: Duration::from_secs(120),
        }
    }

    /// QEMU's arguments.
    pub fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |name: &str, value: OsString| {
            arguments.push(name.into());
            arguments.push(value);
        };
        add("-machine", "virt,virtualization=on,gic-version=2".into());
        add("-cpu", "cortex-a53".into());
        add("-m", self.memory_mib.to_string().into());
        add("-display", "none".into());
        add("-monitor", "none".into());
        add("-serial", "stdio".into());
        add("-nic", "none".into());
        let mut loader = OsString::from("loader,file=");
        loader.push(escape(&self.image));
        loader.push(format!(",addr={IMAGE_ADDRESS:#x},cpu-num=0"));
        add("-device", loader);
        match self.clock {
            Clock::Host => {}
            Clock::Instructions => add("-icount", "shift=0,sleep=on".into()),
            Clock::InstructionsJumping => add("-icount", "shift=0,sleep=off".into()),
        }
        if let Some(drive) = self.drive() {
            add("-global", "virtio-mmio.force-legacy=false".into());
            if matches!(self.disk, Disk::Null(_)) {
                // The request is served within the guest's own write to the doorbell register.
                add("-global", "virtio-mmio.ioeventfd=off".into());
            }
            add("-drive", drive);
            add(
                "-device",
                "virtio-blk-device,drive=disk,bus=virtio-mmio-bus.0".into(),
            );
        }
        arguments
    }

    fn drive(&self) -> Option<OsString> {
        let mut drive = OsString::from("if=none,id=disk,");
        match &self.disk {
            Disk::None => return None,
            Disk::File(file) => {
                drive.push("format=raw,discard=unmap,file=");
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

/// QEMU's option syntax: a comma in a value is written twice.
fn escape(path: &std::path::Path) -> String {
    path.display().to_string().replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(machine: &Machine) -> String {
        let words: Vec<String> = machine
            .arguments()
            .iter()
            .map(|a| a.to_string_lossy().into_owned())
            .collect();
        words.join(" ")
    }

    #[test]
    fn a_comma_in_a_path_stays_in_the_path() {
        let mut machine = Machine::new("a,b.img".into());
        machine.disk = Disk::File("c,d.img".into());
        let line = line(&machine);
        assert!(line.contains("file=a,,b.img,addr=0x70000000"), "{line}");
        assert!(line.contains("file=c,,d.img"), "{line}");
    }

    #[test]
    fn a_disk_that_answers_at_once_is_served_in_the_register_write() {
        let mut machine = Machine::new("i".into());
        machine.disk = Disk::Null(1 << 20);
        assert!(line(&machine).contains("virtio-mmio.ioeventfd=off"));
        machine.disk = Disk::File("d".into());
        assert!(!line(&machine).contains("ioeventfd"));
    }
}
