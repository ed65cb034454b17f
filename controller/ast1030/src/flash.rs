// SPDX-License-Identifier: BSD-2-Clause
//! The SPI NOR flash at the firmware memory controller's first chip select, in the controller's user mode: what is written to the
//! flash's window goes to the flash as it is, and what is read from there comes from it.

use molt_controller_banks::layout::{FLASH, PAGE, SECTOR};
use molt_controller_banks::{Fault, Flash};

use crate::registers::Registers;

const CONFIGURATION: usize = 0x00;
/// The first chip may be written to.
const WRITABLE: u32 = 1 << 16;
const CHIP_CONTROL: usize = 0x10;
/// User mode, chip selected.
const SELECTED: u32 = 0b011;
/// User mode, chip not selected.
const RELEASED: u32 = 0b111;

/// JEDEC's commands.
const WRITE_ENABLE: u8 = 0x06;
const READ_STATUS: u8 = 0x05;
const READ: u8 = 0x03;
const PROGRAM: u8 = 0x02;
const ERASE_SECTOR: u8 = 0x20;
/// The status: a program or an erase is under way.
const BUSY: u8 = 1 << 0;
/// Looks at the status that an operation may take: an erase takes 0.4 s at most.
const PATIENCE: u32 = 1_000_000;

/// The flash.
#[derive(Debug)]
pub struct SpiFlash {
    controller: Registers,
    window: Registers,
}

impl SpiFlash {
    pub(crate) fn new(controller: Registers, window: Registers) -> Self {
        controller.write(CHIP_CONTROL, RELEASED);
        let configuration = controller.read(CONFIGURATION);
        controller.write(CONFIGURATION, configuration | WRITABLE);
        Self { controller, window }
    }

    /// One command with the chip selected.
    fn command(&mut self, bytes: &[u8], then: impl FnOnce(&Registers)) {
        self.controller.write(CHIP_CONTROL, SELECTED);
        bytes
            .iter()
            .for_each(|byte| self.window.write_byte(0, *byte));
        then(&self.window);
        self.controller.write(CHIP_CONTROL, RELEASED);
    }

    fn wait(&mut self) -> Result<(), Fault> {
        for _ in 0..PATIENCE {
            let mut status = 0;
            self.command(&[READ_STATUS], |window| status = window.read_byte(0));
            if status & BUSY == 0 {
                return Ok(());
            }
        }
        Err(Fault)
    }
}

/// A command with an address of three bytes.
fn at(command: u8, address: u32) -> [u8; 4] {
    (u32::from(command) << 24 | address).to_be_bytes()
}

fn inside(address: u32, length: usize) -> Result<(), Fault> {
    let end = u64::from(address) + length as u64;
    if end <= FLASH.into() {
        Ok(())
    } else {
        Err(Fault)
    }
}

impl Flash for SpiFlash {
    fn read(&mut self, address: u32, into: &mut [u8]) -> Result<(), Fault> {
        inside(address, into.len())?;
        self.command(&at(READ, address), |window| {
            for part in into.chunks_mut(4) {
                match part.len() {
                    4 => part.copy_from_slice(&window.read(0).to_le_bytes()),
                    _ => part.fill_with(|| window.read_byte(0)),
                }
            }
        });
        Ok(())
    }

    fn program(&mut self, address: u32, bytes: &[u8]) -> Result<(), Fault> {
        inside(address, bytes.len())?;
        if address % PAGE + bytes.len() as u32 > PAGE {
            return Err(Fault);
        }
        self.command(&[WRITE_ENABLE], |_| ());
        self.command(&at(PROGRAM, address), |window| {
            bytes.iter().for_each(|byte| window.write_byte(0, *byte));
        });
        self.wait()
    }

    fn erase(&mut self, address: u32) -> Result<(), Fault> {
        inside(address, SECTOR as usize)?;
        if !address.is_multiple_of(SECTOR) {
            return Err(Fault);
        }
        self.command(&[WRITE_ENABLE], |_| ());
        self.command(&at(ERASE_SECTOR, address), |_| ());
        self.wait()
    }
}
