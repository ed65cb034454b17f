// SPDX-License-Identifier: BSD-2-Clause
//! The board files of this repository are complete, and the systems for these boards agree with them.

use std::path::Path;

use molt_board::{Board, Error, Kind};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn every_board_can_be_read_and_its_demo_is_there() {
    let boards = Board::all(root()).unwrap();
    assert!(boards.len() >= 2);
    for board in boards {
        assert!(root().join(&board.demo).is_file(), "{}", board.name);
        // Where it is at I/O ports, it is no memory region.
        if board.uart.kind != Kind::Ns16550 {
            let uart = board.devices.get("uart").map(|device| device.address);
            assert_eq!(uart, Some(board.uart.address), "{}", board.name);
        }
    }
}

#[test]
fn a_board_without_a_file_is_told_with_what_there_is() {
    let error = Board::load(root(), "odroidc4").unwrap_err();
    assert!(matches!(&error, Error::Unknown { there, .. } if there.contains(&"zcu102".to_owned())));
}

/// A machine has the devices that its system names, and no others.
#[test]
fn a_device_is_put_in_for_a_system_that_has_it() {
    let board = Board::load(root(), "qemu_virt_aarch64").unwrap();
    let named = |name, address| {
        board
            .device_arguments([(name, address)].into_iter())
            .join(" ")
    };
    let arguments = |address| named("own", address);
    let address = board.devices["entropy_registers"].address;
    assert!(arguments(address).contains("virtio-rng-device"));
    assert_eq!(arguments(board.uart.address), "");
    assert_eq!(arguments(address + 0x200), "");
    // Another device that the board can have there.
    let passed = named("passed_disk_registers", address);
    assert!(passed.contains("virtio-blk-device") && !passed.contains("virtio-rng-device"));
    for name in board.qemu.devices.keys() {
        assert!(board.devices.contains_key(name), "'{name}' is nowhere");
    }
}

/// A system's devices are where its board has them.
#[test]
fn systems_and_boards_agree() {
    // Bundles are made when an image is built.
    let made = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for guest in ["first", "native"] {
        std::fs::write(made.join(format!("{guest}.bundles")), [0]).unwrap();
    }
    for (board, system) in [
        ("qemu_virt_aarch64", "system.xml"),
        ("qemu_virt_aarch64", "tests/systems/linux-bare.xml"),
        ("qemu_virt_aarch64", "tests/systems/two-bare.xml"),
        ("qemu_virt_aarch64", "tests/systems/entropy.xml"),
        ("qemu_virt_aarch64", "tests/systems/network.xml"),
        ("qemu_virt_aarch64", "tests/systems/sensor.xml"),
        ("qemu_virt_aarch64", "tests/systems/pass-through.xml"),
        ("qemu_virt_aarch64", "tests/systems/native-entropy.xml"),
        ("qemu_virt_aarch64", "tests/systems/native-network.xml"),
        ("qemu_virt_aarch64", "tests/systems/rom.xml"),
        ("zcu102", "tests/systems/zcu102.xml"),
        ("x86_64_generic", "tests/systems/x86_64/disk.xml"),
        ("x86_64_generic", "tests/systems/x86_64/entropy.xml"),
        ("x86_64_generic", "tests/systems/x86_64/network.xml"),
    ] {
        let board = Board::load(root(), board).unwrap();
        let system =
            molt_sdf::load_for(board.arch, &root().join(system), &[made.to_owned()]).unwrap();
        let interrupts: Vec<u64> = (system.domains.iter().flat_map(|domain| &domain.irqs))
            .map(|irq| irq.number.value)
            .collect();
        // The memory of a guest that drives a device itself has a physical address, too.
        let is_memory = |region: usize| {
            let mut clients = system.domains.iter().flat_map(|domain| &domain.clients);
            clients.any(|client| client.memory == Some(region))
        };
        for (n, region) in system.regions.iter().enumerate() {
            let Some(address) = region.phys_addr.filter(|_| !is_memory(n)) else {
                continue;
            };
            let device = board.devices.get(&region.name);
            let device =
                device.unwrap_or_else(|| panic!("{} has no '{}'", board.name, region.name));
            assert_eq!(address, device.address, "{}", region.name);
            if let Some(interrupt) = device.interrupt {
                assert!(interrupts.contains(&interrupt.into()), "{}", region.name);
            }
        }
    }
}
