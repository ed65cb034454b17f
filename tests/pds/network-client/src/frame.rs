// SPDX-License-Identifier: BSD-2-Clause
//! The frames of ARP (RFC 826) and of ICMP's echo (RFC 792) over IPv4.

use molt_net::{Mac, Sum};

/// Bytes of the longest frame.
pub const LONGEST: usize = 1514;

/// Everybody's address.
pub const BROADCAST: Mac = [0xff; 6];
const ETHERNET: usize = 14;
const IP: usize = 20;
const ICMP: usize = 4;
/// Bytes before an echo's body: identifier, sequence number and data.
const HEADERS: usize = ETHERNET + IP + ICMP;
/// Bytes of the longest body.
pub const BODY: usize = LONGEST - HEADERS;

const TYPE_IP: [u8; 2] = [0x08, 0x00];
const TYPE_ARP: [u8; 2] = [0x08, 0x06];
/// Ethernet, IPv4, their addresses' lengths.
const ARP: [u8; 6] = [0, 1, 8, 0, 6, 4];
/// Version 4, five words; protocol ICMP.
const VERSION: u8 = 0x45;
const PROTOCOL: u8 = 1;

/// An address of IPv4.
pub type Ip = [u8; 4];

/// Somebody on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Station {
    pub mac: Mac,
    pub ip: Ip,
}

/// What a frame says, or asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Who has this address?
    WhoHas(Ip),
    /// The sender has its address.
    Here,
    /// An echo request with this body.
    Request(&'a [u8]),
    /// The answer to one.
    Reply(&'a [u8]),
}

impl Message<'_> {
    /// Writes the frame to `to`; its length. Nothing (0) if the body is longer than [`BODY`].
    pub fn write(&self, from: Station, to: Station, frame: &mut [u8; LONGEST]) -> usize {
        let mut writer = Writer { frame, at: 0 };
        match *self {
            Self::WhoHas(ip) => {
                let parts: [&[u8]; 8] = [
                    &BROADCAST,
                    &from.mac,
                    &TYPE_ARP,
                    &ARP,
                    &[0, 1],
                    &from.mac,
                    &from.ip,
                    &[0; 6],
                ];
                parts.into_iter().for_each(|part| writer.put(part));
                writer.put(&ip);
            }
            Self::Here => {
                let parts: [&[u8]; 9] = [
                    &to.mac,
                    &from.mac,
                    &TYPE_ARP,
                    &ARP,
                    &[0, 2],
                    &from.mac,
                    &from.ip,
                    &to.mac,
                    &to.ip,
                ];
                parts.into_iter().for_each(|part| writer.put(part));
            }
            Self::Request(body) => writer.echo(8, from, to, body),
            Self::Reply(body) => writer.echo(0, from, to, body),
        }
        writer.at
    }

    /// Reads a frame: who has sent it, and what it says. `None`: nothing that this module knows.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(frame: &[u8]) -> Result<Option<(Station, Message<'_>)>, &'static str> {
        let mac = |at| frame.get(at..)?.first_chunk::<6>().copied();
        let ip = |at| frame.get(at..)?.first_chunk::<4>().copied();
        let station = |mac_at, ip_at| {
            let (mac, ip) = mac(mac_at).zip(ip(ip_at))?;
            Some(Station { mac, ip })
        };
        match frame.get(12..).and_then(|rest| rest.first_chunk()) {
            Some(&TYPE_ARP) => {
                let from = station(22, 28).ok_or("a frame of ARP is too short")?;
                let asked = ip(38).ok_or("a frame of ARP is too short")?;
                Ok(match frame.get(20..22) {
                    Some([0, 1]) => Some((from, Message::WhoHas(asked))),
                    Some([0, 2]) => Some((from, Message::Here)),
                    _ => None,
                })
            }
            Some(&TYPE_IP) => {
                let from = station(6, 26).ok_or("a frame of IPv4 is too short")?;
                let Some(echo) = echo(frame)? else {
                    return Ok(None);
                };
                Ok(match echo {
                    [8, _, _, _, body @ ..] => Some((from, Message::Request(body))),
                    [0, _, _, _, body @ ..] => Some((from, Message::Reply(body))),
                    _ => None,
                })
            }
            _ => Ok(None),
        }
    }
}

/// The packet of ICMP in a frame of IPv4, if it is one.
fn echo(frame: &[u8]) -> Result<Option<&[u8]>, &'static str> {
    let header = frame.get(ETHERNET..ETHERNET + IP).unwrap_or_default();
    if header.first() != Some(&VERSION) || header.get(9) != Some(&PROTOCOL) {
        return Ok(None);
    }
    // A checksum makes the sum of all, its own field included, 0xffff (RFC 1071).
    if Sum::of(header).value() != u16::MAX {
        return Err("the checksum of an IPv4 header is wrong");
    }
    // A short frame is filled up behind the packet.
    let len = header.get(2..).and_then(|rest| rest.first_chunk());
    let len = len.map_or(0, |bytes| usize::from(u16::from_be_bytes(*bytes)));
    let echo = frame.get(ETHERNET + IP..ETHERNET + len);
    let echo = echo.ok_or("a packet of IPv4 does not end with its frame")?;
    match Sum::of(echo).value() {
        u16::MAX => Ok(Some(echo)),
        _ => Err("the checksum of an echo is wrong"),
    }
}

struct Writer<'f> {
    frame: &'f mut [u8; LONGEST],
    at: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) {
        if let Some(place) = self.frame.get_mut(self.at..self.at + bytes.len()) {
            place.copy_from_slice(bytes);
            self.at += bytes.len();
        }
    }

    fn echo(&mut self, kind: u8, from: Station, to: Station, body: &[u8]) {
        if body.len() > BODY {
            return;
        }
        let [a, b] = ((IP + ICMP + body.len()) as u16).to_be_bytes();
        let mut header = [0; IP];
        let fields = [VERSION, 0, a, b, 0, 0, 0, 0, 64, PROTOCOL, 0, 0];
        for (to, from) in header
            .iter_mut()
            .zip(fields.into_iter().chain(from.ip).chain(to.ip))
        {
            *to = from;
        }
        let [a, b] = Sum::of(&header).checksum().to_be_bytes();
        header[10..12].copy_from_slice(&[a, b]);
        let icmp = [kind, 0, 0, 0];
        let [a, b] = Sum::of(&icmp).and(Sum::of(body)).checksum().to_be_bytes();
        let parts: [&[u8]; 6] = [
            &to.mac,
            &from.mac,
            &TYPE_IP,
            &header,
            &[kind, 0, a, b],
            body,
        ];
        parts.into_iter().for_each(|part| self.put(part));
    }
}
