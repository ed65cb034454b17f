// SPDX-License-Identifier: BSD-2-Clause
//! What a device does that completes checksums and cuts TCP segments, for devices that do not (virtio 1.2, 5.1.6.2).
//!
//! A frame becomes one frame or several. Each consists of headers, which are written anew in private memory, and of a part of
//! the frame's payload, which is not touched.

use core::ops::Range;

use crate::checksum::Sum;
use crate::offload::Offload;

/// Most bytes of headers: Ethernet's with a VLAN tag, IPv6's or IPv4's with options, and TCP's with options, rounded up.
pub const HEADERS: usize = 148;
/// The longest frame that goes over the wire at once: Ethernet's header, a VLAN tag, 1500 bytes (IEEE 802.3, 3.2.7).
pub const LONGEST: usize = 1518;

/// Where Ethernet's header has the kind of what follows, and where it ends.
const ETHER_TYPE: usize = 12;
const ETHERNET: usize = 14;
/// A VLAN tag (IEEE 802.1Q).
const TAGGED: u16 = 0x8100;
const TAG: usize = 4;
/// TCP's header (RFC 9293, 3.1).
const SEQUENCE: usize = 4;
const DATA_OFFSET: usize = 12;
const FLAGS: usize = 13;
const CHECKSUM: usize = 16;
const FIN_PSH: u8 = 0x09;
const CWR: u8 = 0x80;

/// How a frame is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// As it is, with its checksum.
    Whole,
    /// TCP in segments; where IP's header begins.
    Tcp4(usize),
    Tcp6(usize),
}

/// A frame that is to be sent in one or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segments {
    kind: Kind,
    /// Bytes of all headers.
    headers: usize,
    /// Where the checksum begins, and where it is stored.
    start: usize,
    field: usize,
    /// Payload bytes of each.
    size: usize,
    /// Bytes of the frame.
    len: usize,
}

impl Segments {
    /// For a frame of `len` bytes on which `offload` is to be done. `start`: its first bytes, [`HEADERS`] or all. `None`: its
    /// headers contradict each other or are too long, or a segment would be longer than a frame.
    #[must_use]
    pub fn of(start: &[u8], len: usize, offload: &Offload) -> Option<Self> {
        if offload.flags & Offload::NEEDS_CHECKSUM == 0 || !offload.fits(len) {
            return None;
        }
        let checksum = usize::from(offload.checksum_start);
        let field = checksum + usize::from(offload.checksum_offset);
        let whole = Self {
            kind: Kind::Whole,
            headers: field + 2,
            start: checksum,
            field,
            size: len - (field + 2),
            len,
        };
        let segments = match offload.is_long() {
            false => whole,
            true => whole.of_tcp(start, offload)?,
        };
        let longest = segments.headers + segments.size.min(len - segments.headers);
        (segments.headers <= HEADERS.min(start.len()) && longest <= LONGEST).then_some(segments)
    }

    fn of_tcp(self, start: &[u8], offload: &Offload) -> Option<Self> {
        let network = match halfword(start, ETHER_TYPE)? {
            TAGGED => ETHERNET + TAG,
            _ => ETHERNET,
        };
        let [version, ..] = *start.get(network..)? else {
            return None;
        };
        let internet = self.start.checked_sub(network)?;
        let kind = match (version >> 4, offload.gso_type & !Offload::ECN) {
            (4, Offload::TCP4) if internet == 4 * usize::from(version & 15) && internet >= 20 => {
                Kind::Tcp4(network)
            }
            (6, Offload::TCP6) if internet >= 40 => Kind::Tcp6(network),
            _ => return None,
        };
        let tcp = 4 * usize::from(start.get(self.start + DATA_OFFSET)? >> 4);
        let headers = self.start + tcp;
        // Lengths of IP have 16 bits.
        let fits = headers <= self.len && self.len - network <= usize::from(u16::MAX);
        (fits && tcp >= 20 && self.field == self.start + CHECKSUM).then_some(Self {
            kind,
            headers,
            size: offload.gso_size.into(),
            ..self
        })
    }

    /// How many frames it becomes; at least 1.
    #[must_use]
    pub fn count(&self) -> usize {
        (self.len - self.headers).div_ceil(self.size.max(1)).max(1)
    }

    /// Bytes of the headers of each.
    #[must_use]
    pub fn headers(&self) -> usize {
        self.headers
    }

    /// Which bytes of the frame are the payload of number `n`; none from [`Self::count`] on.
    #[must_use]
    pub fn payload(&self, n: usize) -> Range<usize> {
        let at = |n: usize| {
            self.len
                .min(self.headers.saturating_add(n.saturating_mul(self.size)))
        };
        at(n)..at(n.saturating_add(1))
    }

    /// Turns the frame's headers into those of number `n`. `payload`: the sum of its payload. Nothing is written to headers that
    /// are shorter than [`Self::headers`].
    pub fn write(&self, n: usize, headers: &mut [u8], payload: Sum) {
        let Some(headers) = headers.get_mut(..self.headers) else {
            return;
        };
        // Without segments the field holds the sum of the pseudo-header as it has to be.
        if self.kind != Kind::Whole {
            self.write_lengths(n, headers);
        }
        let transport = headers.get(self.start..).unwrap_or_default();
        let sum = Sum::of(transport).and(payload.at(transport.len()));
        set(headers, self.field, sum.checksum());
    }

    fn write_lengths(&self, n: usize, headers: &mut [u8]) {
        let payload = self.payload(n).len();
        let len = (self.headers - self.start + payload) as u16;
        match self.kind {
            Kind::Whole => {}
            Kind::Tcp4(network) => {
                set(headers, network + 2, (self.start - network) as u16 + len);
                let identification = halfword(headers, network + 4).unwrap_or(0);
                set(headers, network + 4, identification.wrapping_add(n as u16));
                set(headers, network + 10, 0);
                let internet = headers.get(network..self.start).unwrap_or_default();
                set(headers, network + 10, Sum::of(internet).checksum());
            }
            Kind::Tcp6(network) => {
                set(
                    headers,
                    network + 4,
                    (self.start - network - 40) as u16 + len,
                );
            }
        }
        // The pseudo-header's sum was made with the length of all: Linux does so, and its devices rely on it.
        let all = (self.len - self.start) as u16;
        let pseudo = Sum::of_halfword(halfword(headers, self.field).unwrap_or(0))
            .and(Sum::of_halfword(!all))
            .and(Sum::of_halfword(len));
        set(headers, self.field, pseudo.value());
        let sequence = self.start + SEQUENCE;
        if let Some(field) = headers
            .get_mut(sequence..)
            .and_then(|rest| rest.first_chunk_mut())
        {
            let first = u32::from_be_bytes(*field);
            *field = first.wrapping_add((n * self.size) as u32).to_be_bytes();
        }
        if let Some(flags) = headers.get_mut(self.start + FLAGS) {
            *flags &= if n > 0 { !CWR } else { u8::MAX };
            *flags &= if n + 1 < self.count() {
                !FIN_PSH
            } else {
                u8::MAX
            };
        }
    }
}

fn halfword(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|pair| u16::from_be_bytes(*pair))
}

fn set(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(field) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *field = value.to_be_bytes();
    }
}
