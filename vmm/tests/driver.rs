// SPDX-License-Identifier: BSD-2-Clause
//! The driver of the crate `virtio-drivers` with the virtual machine's disk, register by register.

mod common;

use std::cell::RefCell;
use std::ptr::NonNull;
use std::rc::Rc;

use common::{BASE, Rig, SECTORS};
use molt_vmm::{Width, machine};
use virtio_drivers::device::blk::{BlkReq, BlkResp, RespStatus, VirtIOBlk};
use virtio_drivers::transport::{DeviceStatus, DeviceType, InterruptStatus, Transport};
use virtio_drivers::{BufferDirection, Hal, PhysAddr, Result};
use zerocopy::{FromBytes, Immutable, IntoBytes};

const PAGE: usize = 4096;

thread_local! {
    static RIG: RefCell<Option<Rc<RefCell<Rig>>>> = const { RefCell::new(None) };
    /// Next free byte of the guest's memory, and of the bounce buffers in its upper half.
    static FREE: RefCell<(usize, usize)> = const { RefCell::new((0, common::SIZE / 2)) };
}

fn with<T>(f: impl FnOnce(&mut Rig) -> T) -> T {
    RIG.with(|rig| f(&mut rig.borrow().as_ref().expect("set up").borrow_mut()))
}

fn set_up() -> Rc<RefCell<Rig>> {
    let rig = Rc::new(RefCell::new(Rig::new()));
    RIG.with(|place| *place.borrow_mut() = Some(rig.clone()));
    FREE.with(|free| *free.borrow_mut() = (0, common::SIZE / 2));
    rig
}

/// The guest's memory as the driver's DMA memory; buffers elsewhere are bounced.
struct Guest;

// SAFETY: `dma_alloc` hands out distinct pages of memory that is never freed; shared buffers are copied.
unsafe impl Hal for Guest {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let offset = FREE.with(|free| {
            let mut free = free.borrow_mut();
            free.0 += pages * PAGE;
            free.0 - pages * PAGE
        });
        let memory = with(|rig| rig.base());
        // SAFETY: inside the guest's memory.
        (BASE + offset as u64, unsafe { memory.add(offset) })
    }
    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        0
    }
    unsafe fn mmio_phys_to_virt(_: PhysAddr, _: usize) -> NonNull<u8> {
        unreachable!("the transport has no mapped registers")
    }
    unsafe fn share(buffer: NonNull<[u8]>, direction: BufferDirection) -> PhysAddr {
        // SAFETY: the driver passes a valid buffer.
        let buffer = unsafe { buffer.as_ref() };
        let offset = FREE.with(|free| {
            let mut free = free.borrow_mut();
            let offset = free.1;
            free.1 = (offset + buffer.len()).next_multiple_of(16);
            if free.1 + 0x1_0000 > common::SIZE {
                free.1 = common::SIZE / 2;
            }
            offset
        });
        if direction != BufferDirection::DeviceToDriver {
            with(|rig| rig.memory.write(offset, buffer)).expect("inside");
        }
        BASE + offset as u64
    }
    unsafe fn unshare(address: PhysAddr, mut buffer: NonNull<[u8]>, direction: BufferDirection) {
        if direction != BufferDirection::DriverToDevice {
            // SAFETY: the driver passes a valid buffer.
            let buffer = unsafe { buffer.as_mut() };
            with(|rig| rig.memory.read((address - BASE) as usize, buffer)).expect("inside");
        }
    }
}

/// The registers of the disk, through exits of the vCPU.
struct Registers;

impl Registers {
    fn get(offset: u64) -> u32 {
        with(|rig| rig.get(machine::VIRTIO + offset))
    }
    fn set(offset: u64, value: u32) {
        with(|rig| rig.set(machine::VIRTIO + offset, value));
    }
    fn set_pair(offset: u64, value: u64) {
        Self::set(offset, value as u32);
        Self::set(offset + 4, (value >> 32) as u32);
    }
}

impl Transport for Registers {
    fn device_type(&self) -> DeviceType {
        assert_eq!((Self::get(0), Self::get(4)), (0x7472_6976, 2));
        DeviceType::try_from(Self::get(8)).expect("a known device")
    }
    fn read_device_features(&mut self) -> u64 {
        Self::set(0x14, 0);
        let low = u64::from(Self::get(0x10));
        Self::set(0x14, 1);
        low | u64::from(Self::get(0x10)) << 32
    }
    fn write_driver_features(&mut self, features: u64) {
        for half in 0..2 {
            Self::set(0x24, half);
            Self::set(0x20, (features >> (32 * half)) as u32);
        }
    }
    fn max_queue_size(&mut self, queue: u16) -> u32 {
        Self::set(0x30, queue.into());
        Self::get(0x34)
    }
    fn notify(&mut self, queue: u16) {
        Self::set(0x50, queue.into());
        with(|rig| rig.drive());
    }
    fn get_status(&self) -> DeviceStatus {
        DeviceStatus::from_bits_truncate(Self::get(0x70))
    }
    fn set_status(&mut self, status: DeviceStatus) {
        Self::set(0x70, status.bits());
    }
    fn set_guest_page_size(&mut self, _: u32) {}
    fn requires_legacy_layout(&self) -> bool {
        false
    }
    fn queue_set(
        &mut self,
        queue: u16,
        size: u32,
        table: PhysAddr,
        available: PhysAddr,
        used: PhysAddr,
    ) {
        Self::set(0x30, queue.into());
        Self::set(0x38, size);
        Self::set_pair(0x80, table);
        Self::set_pair(0x90, available);
        Self::set_pair(0xa0, used);
        Self::set(0x44, 1);
    }
    fn queue_unset(&mut self, queue: u16) {
        Self::set(0x30, queue.into());
        Self::set(0x44, 0);
    }
    fn queue_used(&mut self, queue: u16) -> bool {
        Self::set(0x30, queue.into());
        Self::get(0x44) != 0
    }
    fn ack_interrupt(&mut self) -> InterruptStatus {
        let status = Self::get(0x60);
        Self::set(0x64, status);
        InterruptStatus::from_bits_retain(status)
    }
    fn read_config_generation(&self) -> u32 {
        Self::get(0xfc)
    }
    fn read_config_space<T: FromBytes + IntoBytes>(&self, offset: usize) -> Result<T> {
        let mut value = T::new_zeroed();
        for (i, byte) in value.as_mut_bytes().iter_mut().enumerate() {
            let address = machine::VIRTIO + 0x100 + (offset + i) as u64;
            *byte = with(|rig| rig.read(address, Width::Byte)) as u8;
        }
        Ok(value)
    }
    fn write_config_space<T: IntoBytes + Immutable>(&mut self, _: usize, _: T) -> Result<()> {
        unreachable!("the disk's configuration is not written")
    }
}

type Driver = VirtIOBlk<Guest, Registers>;

#[test]
fn reads_back_what_it_wrote() {
    let rig = set_up();
    let mut disk = Driver::new(Registers).expect("comes up");
    assert_eq!(disk.capacity(), SECTORS);
    assert!(!disk.readonly());
    // Three rounds of the ring, which has sixteen entries.
    for round in 0..50_u8 {
        let data: Vec<u8> = (0..4096_u32)
            .map(|i| (i as u8).wrapping_mul(7) ^ round)
            .collect();
        let sector = usize::from(round) % 8 * 8;
        disk.write_blocks(sector, &data).expect("writes");
        let mut back = vec![0; 4096];
        disk.read_blocks(sector, &mut back).expect("reads");
        assert!(back == data, "round {round}");
        assert_eq!(rig.borrow().disk[sector * 512..][..4096], data);
    }
    disk.flush().expect("flushes");
    let mut id = [0; 20];
    disk.device_id(&mut id).expect("has a name");
    assert_eq!(&id[..4], b"molt");
    assert_eq!(
        (
            rig.borrow().statistics().requests,
            rig.borrow().statistics().errors
        ),
        (102, 0)
    );
}

#[test]
fn errors_reach_the_driver() {
    set_up();
    let mut disk = Driver::new(Registers).expect("comes up");
    let beyond = disk.read_blocks(SECTORS as usize, &mut [0; 512]);
    assert_eq!(beyond, Err(virtio_drivers::Error::IoError));
    disk.read_blocks(SECTORS as usize - 1, &mut [0; 512])
        .expect("the last sector is there");
}

/// Two requests in flight in a driver that is taken away, two that come meanwhile, and how they end by what happens then.
fn held_requests(rig: &RefCell<Rig>, then: impl FnOnce(&mut Rig)) -> Vec<RespStatus> {
    let mut disk = Driver::new(Registers).expect("comes up");
    let data = [0x5a; 512];
    let requests: Vec<_> = (0..4)
        .map(|_| {
            (
                Box::leak(Box::<BlkReq>::default()),
                Box::leak(Box::<BlkResp>::default()),
            )
        })
        .collect();
    let mut tokens = Vec::new();
    let mut submit =
        |n: usize, (request, response): (&'static mut BlkReq, &'static mut BlkResp)| {
            // SAFETY: the buffers live for ever and are not touched before the completion.
            let token = unsafe { disk.write_blocks_nb(n, request, &data, response) }.expect("room");
            tokens.push((
                token,
                std::ptr::from_mut(request),
                std::ptr::from_mut(response),
            ));
        };
    let mut requests = requests.into_iter().enumerate();
    rig.borrow_mut().slow = true;
    requests
        .by_ref()
        .take(2)
        .for_each(|(n, buffers)| submit(n, buffers));
    assert_eq!(rig.borrow().taken.len(), 2);
    rig.borrow_mut().close();
    requests.for_each(|(n, buffers)| submit(n, buffers));
    assert_eq!(disk.peek_used(), None);
    rig.borrow_mut().slow = false;
    then(&mut rig.borrow_mut());
    let mut statuses = Vec::new();
    for (token, request, response) in tokens {
        assert_eq!(disk.peek_used(), Some(token), "in order, none twice");
        // SAFETY: as above; the pointers come from the leaked boxes.
        let (request, response) = unsafe { (&*request, &mut *response) };
        // SAFETY: the same buffers as at submission.
        let result = unsafe { disk.complete_write_blocks(token, request, &data, response) };
        assert_eq!(result.is_ok(), response.status() == RespStatus::OK);
        statuses.push(response.status());
    }
    assert_eq!(disk.peek_used(), None);
    assert_eq!(rig.borrow().statistics().requests, 4);
    statuses
}

#[test]
fn requests_wait_while_the_queue_is_away() {
    let rig = set_up();
    let statuses = held_requests(&rig, |rig| {
        rig.open();
    });
    assert_eq!(statuses, [RespStatus::OK; 4]);
    assert_eq!(rig.borrow().disk[..4 * 512], [0x5a; 4 * 512]);
}

#[test]
fn out_of_service_everything_fails() {
    let rig = set_up();
    let statuses = held_requests(&rig, |rig| {
        rig.out_of_service();
    });
    assert_eq!(statuses, [RespStatus::IO_ERR; 4]);
    let mut disk = Driver::new(Registers).expect("comes up all the same");
    for _ in 0..40 {
        let read = disk.read_blocks(0, &mut [0; 512]);
        assert_eq!(read, Err(virtio_drivers::Error::IoError));
    }
    assert_eq!(rig.borrow().statistics().errors, 44);
}
