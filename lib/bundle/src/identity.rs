// SPDX-License-Identifier: BSD-2-Clause
//! What a bundle is for: component identifiers, and the identifiers that a manifest checks.

/// First part of a component identifier: the driver of a device of the class that follows.
pub const DRIVER: &[u8] = b"driver";
/// First part of a component identifier: the firmware of such a device.
pub const FIRMWARE: &[u8] = b"firmware";
/// First part of a component identifier: the guest's part of an update of that driver.
pub const GUEST: &[u8] = b"guest";
/// Key of the driver's payload.
pub const DRIVER_PAYLOAD: &str = "#driver";
/// Key of the firmware's payload.
pub const FIRMWARE_PAYLOAD: &str = "#firmware";
/// Key of the payload of the guest's part.
pub use molt_guest_part::PAYLOAD as GUEST_PAYLOAD;

/// What a manifest's vendor, class and device identifiers have to be (UUIDs, RFC 9562).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// UUID5 of the vendor's name in the namespace of domain names.
    pub vendor: [u8; 16],
    /// UUID5 in the vendor's namespace of class, device, ABI and capsule schema (see `Identity::new`).
    pub class: [u8; 16],
    /// UUID5 of the device in the vendor's namespace.
    pub device: [u8; 16],
}

#[cfg(feature = "names")]
impl Identity {
    /// The identifiers of a component, made as draft-ietf-suit-manifest-37 recommends (8.4.8.2).
    ///
    /// The class identifier's text is `CLASS DEVICE abi=N capsule=N`: "the OS class ID can be changed each time the OS has a
    /// change to its API", and a driver for another device of a class is no driver for this one.
    #[must_use]
    pub fn new(vendor: &str, class: &str, device: &str, abi: u32, capsule: u32) -> Self {
        extern crate alloc;
        use uuid::Uuid;

        let vendor = Uuid::new_v5(&Uuid::NAMESPACE_DNS, vendor.as_bytes());
        let text = alloc::format!("{class} {device} abi={abi} capsule={capsule}");
        Self {
            vendor: vendor.into_bytes(),
            class: Uuid::new_v5(&vendor, text.as_bytes()).into_bytes(),
            device: Uuid::new_v5(&vendor, device.as_bytes()).into_bytes(),
        }
    }
}
