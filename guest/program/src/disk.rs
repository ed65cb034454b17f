// SPDX-License-Identifier: BSD-2-Clause
//! Disks are unplugged and plugged: their driver is taken off and put on again in sysfs, which is how stock Linux gives a virtio disk
//! over MMIO up. The guest's VMM sees it, and lets updates pass meanwhile.

use core::ffi::CStr;
use core::fmt;

use molt_guest_client::Exit;
use molt_guest_client::holders::{self, is_of_disk, mounted_at, swapped_to};
use molt_linux_system::{
    Errno, File, Names, O_EXCL, O_RDONLY, O_WRONLY, as_path, link_target, terminated,
};

const DRIVER: &str = "/sys/bus/virtio/drivers/virtio_blk";
const DEVICES: &CStr = c"/sys/bus/virtio/devices";
/// What `device` of a virtio disk in sysfs says (virtio 1.2, 5).
const DISK: &str = "0x0002";
const BUSY: Errno = Errno(16);
const NAME_TOO_LONG: Errno = Errno(36);

/// Why it was not done.
pub struct Obstacle {
    /// The exit code.
    pub exit: Exit,
    /// One word for JSON.
    pub word: &'static str,
    /// For people; what does not fit is cut off.
    pub text: heapless::String<80>,
}

fn obstacle(exit: Exit, word: &'static str, text: fmt::Arguments<'_>) -> Obstacle {
    let mut said = heapless::String::new();
    // What does not fit is cut off.
    let _ = fmt::write(&mut said, text);
    Obstacle {
        exit,
        word,
        text: said,
    }
}

/// The name of a virtio device: `virtio0`.
pub type Device = heapless::String<32>;

/// Takes the driver off the disk. Returns its device.
pub fn unplug(argument: &str) -> Result<Device, Obstacle> {
    let unknown = |text: fmt::Arguments<'_>| obstacle(Exit::Usage, "no-disk", text);
    let disk = holders::disk(argument)
        .ok_or_else(|| unknown(format_args!("'{argument}' is no disk's name")))?;
    let device = device_of(disk).ok_or_else(|| {
        unknown(format_args!(
            "there is no virtio disk {disk}: see /sys/block"
        ))
    })?;
    let busy = |by: fmt::Arguments<'_>| obstacle(Exit::Refused, "in-use", by);
    let mut text = [0; 16384];
    let mounts = contents(c"/proc/mounts", &mut text);
    if let Some(place) = mounted_at(mounts, disk) {
        return Err(busy(format_args!("{disk} is in use: mounted at {place}")));
    }
    let swaps = contents(c"/proc/swaps", &mut text);
    if let Some(swap) = swapped_to(swaps, disk) {
        return Err(busy(format_args!("{disk} is in use: swap on {swap}")));
    }
    if let Some(program) = opened_by(disk) {
        return Err(busy(format_args!(
            "{disk} is in use: process {program} has it open"
        )));
    }
    // From here on nobody can mount it.
    let path = terminated::<64>(format_args!("/dev/{disk}"));
    let path = path.ok_or_else(|| unknown(format_args!("{disk}: its name is too long")))?;
    let _claimed = match File::open(as_path(&path), O_RDONLY | O_EXCL) {
        Ok(file) => file,
        Err(BUSY) => {
            return Err(busy(format_args!(
                "{disk} is in use: see /sys/block/{disk}/holders"
            )));
        }
        Err(error) => {
            return Err(unknown(format_args!(
                "/dev/{disk} cannot be opened: error number {}",
                error.0
            )));
        }
    };
    write("unbind", "not-unplugged", &device)?;
    Ok(device)
}

/// Gives each virtio disk without a driver its own again. `plugged` is called with its device. Returns how many there were.
pub fn plug(mut plugged: impl FnMut(&str)) -> Result<usize, Obstacle> {
    let mut idle = heapless::Vec::<Device, 32>::new();
    let found = Names::any(DEVICES, |name| {
        if is_idle(name)
            && let Ok(name) = Device::try_from(name)
        {
            // More than so many are left for the next call.
            let _ = idle.push(name);
        }
        false
    });
    if found.is_err() {
        return Err(obstacle(
            Exit::Usage,
            "no-sysfs",
            format_args!("/sys/bus/virtio cannot be read: is /sys mounted?"),
        ));
    }
    for device in &idle {
        write("bind", "not-plugged", device)?;
        plugged(device);
    }
    Ok(idle.len())
}

/// Writes the device's name to a file of the driver's. `word` names a failure in JSON.
fn write(file: &str, word: &'static str, device: &Device) -> Result<(), Obstacle> {
    let path = terminated::<80>(format_args!("{DRIVER}/{file}"));
    let written = path.ok_or(NAME_TOO_LONG).and_then(|path| {
        let file = File::open(as_path(&path), O_WRONLY)?;
        file.write(device.as_bytes())
    });
    written.map(drop).map_err(|error| {
        obstacle(
            Exit::Refused,
            word,
            format_args!("{DRIVER}/{file}: error number {}", error.0),
        )
    })
}

/// The virtio device of a disk.
fn device_of(disk: &str) -> Option<Device> {
    let path = terminated::<64>(format_args!("/sys/block/{disk}/device"))?;
    let mut buffer = [0; 256];
    let target = link_target(as_path(&path), &mut buffer)?;
    let name = target.rsplit('/').next()?;
    name.starts_with("virtio")
        .then(|| Device::try_from(name).ok())?
}

/// Whether a virtio device is a disk without a driver.
fn is_idle(device: &str) -> bool {
    let path = |file| terminated::<96>(format_args!("/sys/bus/virtio/devices/{device}/{file}"));
    let (Some(kind), Some(driver)) = (path("device"), path("driver")) else {
        return false;
    };
    let (mut text, mut target) = ([0; 16], [0; 256]);
    let is_disk = contents(as_path(&kind), &mut text).trim_end() == DISK;
    is_disk && link_target(as_path(&driver), &mut target).is_none()
}

/// The number of a process that has the disk open.
fn opened_by(disk: &str) -> Option<u32> {
    let mut found = None;
    let _ = Names::any(c"/proc", |process| {
        let Ok(number) = process.parse::<u32>() else {
            return false;
        };
        let Some(files) = terminated::<32>(format_args!("/proc/{number}/fd")) else {
            return false;
        };
        let opens = Names::any(as_path(&files), |file| {
            let link = terminated::<48>(format_args!("/proc/{number}/fd/{file}"));
            let mut buffer = [0; 256];
            link.and_then(|link| {
                link_target(as_path(&link), &mut buffer).map(|t| is_of_disk(t, disk))
            })
            .unwrap_or(false)
        });
        found = opens.is_ok_and(|opens| opens).then_some(number);
        found.is_some()
    });
    found
}

/// The beginning of a file of the kernel's.
fn contents<'a>(path: &CStr, buffer: &'a mut [u8]) -> &'a str {
    let mut length = 0;
    if let Ok(file) = File::open(path, O_RDONLY) {
        while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
            match file.read(rest) {
                Ok(count @ 1..) => length += count,
                _ => break,
            }
        }
    }
    let read = buffer.get(..length).unwrap_or_default();
    // A character may be cut off at the end.
    let valid = match core::str::from_utf8(read) {
        Ok(_) => length,
        Err(error) => error.valid_up_to(),
    };
    core::str::from_utf8(read.get(..valid).unwrap_or_default()).unwrap_or_default()
}
